// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IScoreOracle } from "./IScoreOracle.sol";

/// @title Who may sign, from which epoch, with which key
/// @notice A configuration is known by its digest and signs the epochs from its `fromEpoch` to that of its successor. Members
///         are cold keys, bound by the digest; each signs reports with a hot key, which is the cold key until it is rotated.
///         A Byzantine quorum of cold keys changes the configuration, by one certificate for every chain.
/// @dev A digest expires `digestSeconds` after the boundary of its first epoch, which must be less than stake takes to
///      unbond, so that nobody signs who cannot be slashed. Renew it in time: a certificate with the same members will do.
interface ICommittee {
    // --- types --------------------------------------------------------------------------------

    /// @notice What a digest binds, in this order; `keccak256(abi.encode(...))` of the seven fields is the digest.
    /// @param prevDigest Digest before, or the random salt of the deployment in the first one.
    /// @param seq 0 in the first configuration, then one more each time.
    /// @param members Cold keys; a member's id is its index. At most 31, n >= 3f + 1.
    /// @param f Members that may be faulty.
    /// @param q Attestations a report needs, in f + 1 .. n - f.
    /// @param paramsHash Chains, markets, assets, model ids, semantics and layout versions.
    /// @param fromEpoch First epoch that this configuration signs.
    struct Configuration {
        bytes32 prevDigest;
        uint64 seq;
        address[] members;
        uint8 f;
        uint8 q;
        bytes32 paramsHash;
        uint64 fromEpoch;
    }

    /// @notice The finalised block of the home chain at which a change was read.
    /// @dev No other chain can check it. It makes the signers answer for it: they sign only a block that is final for them, and
    ///      two changes of one digest are two signatures of whoever signed both (`IScoreDispute.changeSignersOf`).
    struct HomeBlock {
        uint64 chainId;
        uint64 blockNumber;
        bytes32 blockHash;
    }

    /// @notice What a cold key signs to name its hot key, and the hot key to show that its member holds it.
    /// @param configDigest The only digest under which it counts.
    /// @param memberId Who signs it.
    /// @param hotKey Key that no member has or had under this digest.
    /// @param nonce Above all that the member used under this digest; gaps are fine.
    /// @param fromEpoch First epoch of the hot key. Where it lands late, the first that cannot have been published there; where it
    ///        replaces one that is still pending, no earlier than that one.
    struct HotKeyRotation {
        bytes32 configDigest;
        uint8 memberId;
        address hotKey;
        uint64 nonce;
        uint64 fromEpoch;
    }

    /// @notice A signature of 64 bytes, as EIP-2098 has it.
    struct Signature {
        bytes32 r;
        bytes32 yParityAndS;
    }

    /// @notice A rotation as evidence: what the cold key signed binds its member, wherever, if anywhere, it landed.
    struct SignedRotation {
        HotKeyRotation rotation;
        Signature byCold;
    }

    /// @notice What is known of a digest. `members` 0 means nothing.
    /// @param fromEpoch First epoch under it.
    /// @param untilEpoch First epoch under its successor, `type(uint40).max` while there is none.
    /// @param expiresAt Last second at which a report or a change signed under it is taken. A rotation may land later, to no effect
    ///        but on evidence.
    struct Term {
        uint64 seq;
        uint64 fromEpoch;
        uint64 untilEpoch;
        uint64 expiresAt;
        uint8 members;
        uint8 f;
        uint8 q;
    }

    // --- errors -------------------------------------------------------------------------------

    /// @notice Thrown when a committee breaks n >= 3f + 1, n <= 31 or f + 1 <= q <= n - f.
    error InvalidCommittee(uint256 members, uint8 f, uint8 q);

    /// @notice Thrown when a period of the genesis is zero, beyond its limit, or, of a recovery, below it.
    error InvalidPeriod(string name, uint256 given, uint256 limit);

    /// @notice Thrown when a member is zero or listed twice.
    error InvalidMember(uint256 memberId, address member);

    /// @notice Thrown when an epoch belongs to the successor of the digest.
    error SupersededDigest(uint256 epoch, uint256 untilEpoch);

    /// @notice Thrown when a digest is past its time.
    error ExpiredDigest(uint256 expiresAt, uint256 blockTimestamp);

    /// @notice Thrown when recovery is tried while the newest digest is still good.
    error UnexpiredDigest(uint256 expiresAt, uint256 blockTimestamp);

    /// @notice Thrown when a change does not follow the newest configuration.
    error WrongSeq(uint256 given, uint256 expected);

    /// @notice Thrown when a change begins no later than the configuration that it replaces.
    error StaleCommittee(uint64 fromEpoch, uint64 current);

    /// @notice Thrown when a change begins after the configuration that it replaces has expired.
    error FutureCommittee(uint64 fromEpoch, uint256 latest);

    /// @notice Thrown when a hot key is zero, or is or was a key of a member.
    error HotKeyTaken(address hotKey);

    /// @notice Thrown when a rotation is no newer than the last one of its member.
    error StaleNonce(uint64 given, uint64 current);

    /// @notice Thrown when a rotation lies further ahead than a day.
    error FutureRotation(uint64 fromEpoch, uint256 latest);

    /// @notice Thrown when somebody other than the owner calls.
    error NotOwner(address caller, address owner);

    /// @notice Thrown when a recovery is not the announced one.
    error NotAnnounced(bytes32 given, bytes32 announced);

    /// @notice Thrown when a recovery comes before its time.
    error EarlyRecovery(uint256 blockTimestamp, uint256 readyAt);

    // --- events -------------------------------------------------------------------------------

    /// @notice A configuration was accepted; it signs from `fromEpoch` on.
    event ConfigActivated(
        bytes32 indexed configDigest,
        uint64 seq,
        address[] members,
        uint8 f,
        uint8 q,
        bytes32 paramsHash,
        uint64 fromEpoch
    );

    /// @notice A change was certified by `signers`, one bit for each member of the configuration before.
    event CommitteeChanged(
        bytes32 indexed prevDigest,
        bytes32 indexed configDigest,
        uint64 homeChainId,
        uint64 homeBlockNumber,
        bytes32 homeBlockHash,
        uint32 signers
    );

    /// @notice A member signs with `rotation.hotKey` from `fromEpoch` on, on this chain.
    /// @dev `rotation` and `byCold` are all that evidence of reports signed with that key needs on another one (`SignedRotation`).
    event HotKeyRotated(
        bytes32 indexed configDigest,
        uint8 indexed memberId,
        address hotKey,
        uint64 nonce,
        uint64 signedFromEpoch,
        bytes32 r,
        bytes32 yParityAndS,
        uint256 fromEpoch
    );

    /// @notice The owner may put `configDigest` in force from `readyAt` on.
    event RecoveryAnnounced(bytes32 indexed configDigest, uint256 readyAt);

    // --- writes -------------------------------------------------------------------------------

    /// @notice Makes `next` the successor of the newest configuration. Anyone may bring it.
    /// @param next Names the newest digest as `prevDigest`; its epoch may have passed where it arrives late.
    /// @param home Finalised block of the home chain at which the change was read.
    /// @param attestations Records as in `publish`, of *cold* keys, a Byzantine quorum (n + f) / 2 + 1 of the newest committee.
    function changeCommittee(Configuration calldata next, HomeBlock calldata home, bytes calldata attestations) external;

    /// @notice Gives a member another hot key under one digest. Anyone may bring it.
    /// @param rotation What both keys signed.
    /// @param byCold By the member's cold key.
    /// @param byHot By the hot key that it names, so that nobody names a key of somebody else.
    function rotateHotKey(HotKeyRotation calldata rotation, Signature calldata byCold, Signature calldata byHot)
        external;

    /// @notice Announces what the owner wants to put in force here, once the newest digest has expired.
    /// @dev Announcing again replaces the announcement and starts the delay anew.
    function announceRecovery(Configuration calldata next) external;

    /// @notice Puts the announced configuration in force, `recoverySeconds` after it was announced.
    /// @param next May be the committee that other chains have reached meanwhile: any later seq, any predecessor.
    function recover(Configuration calldata next) external;

    // --- views --------------------------------------------------------------------------------

    /// @notice Who may recover an expired committee, and may name the dispute contract once. Nothing else.
    function owner() external view returns (address);

    /// @notice How long a digest lives from the boundary of its first epoch, in seconds.
    function digestSeconds() external view returns (uint64);

    /// @notice How long a recovery stands announced, in seconds.
    function recoverySeconds() external view returns (uint64);

    /// @notice Digest of the newest configuration, in force or still to come.
    function newestDigest() external view returns (bytes32);

    /// @notice Digest that a report of `epoch` must name; zero before the first configuration.
    function configDigestAt(uint64 epoch) external view returns (bytes32);

    /// @notice What is known of a digest.
    function termOf(bytes32 digest) external view returns (Term memory);

    /// @notice Cold keys of a digest in order of id; who stakes, is paid and is slashed.
    function coldKeysOf(bytes32 digest) external view returns (address[] memory);

    /// @notice Cold key of one member; reverts with `UnknownMember` if there is none.
    function coldKeyOf(bytes32 digest, uint8 memberId) external view returns (address);

    /// @notice Key with which a member signs, the first epoch from which it does, and the nonce of the rotation that named it.
    function hotKeyOf(bytes32 digest, uint8 memberId)
        external
        view
        returns (address hotKey, uint64 fromEpoch, uint64 nonce);

    /// @notice Last moment, in seconds and exclusive, up to which a key that a rotation of `nonce` names can bind its member as
    ///         evidence, for all that this chain was told: a day after the boundary from which a newer one counts here, or no end.
    /// @dev Of epochs whose boundary lies before it. The rotation itself need not have landed here.
    function boundUntil(bytes32 digest, uint8 memberId, uint64 nonce) external view returns (uint256 untilS);

    /// @notice Who signed a report: one bit for each member. Reverts unless every record is a good one, of one at least.
    /// @dev Evidence: neither quorum, nor head, nor the times of the digest count. A key that was replaced still binds its
    ///      member for a day of epochs, as long as other chains may need to hear of the rotation. A key that only another chain
    ///      was told of is no signer here: `IScoreDispute` takes it together with the rotation.
    function signersOf(IScoreOracle.Report calldata report, bytes calldata attestations)
        external
        view
        returns (uint32 signers);
}
