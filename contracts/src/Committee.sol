// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ICommittee } from "./interfaces/ICommittee.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { AttestationLib } from "./libraries/AttestationLib.sol";
import { HeadLib } from "./libraries/HeadLib.sol";

/// @title Signer tables by digest
/// @notice One word of terms and one word per member for each digest that ever was, so that a report costs one read for its
///         digest and one for each signature, and evidence can be checked for as long as the chain stands.
abstract contract Committee is ICommittee {
    /// @dev One word.
    struct Terms {
        uint40 fromEpoch;
        uint40 untilEpoch;
        uint40 expiresAt;
        uint64 seq;
        uint8 members;
        uint8 f;
        uint8 q;
        uint40 endedAt;
    }

    /// @dev One word: the key with which a member signs from an epoch on.
    struct Signer {
        address key;
        uint40 fromEpoch;
    }

    /// @dev One word; empty until the member rotates for the first time: until then its signer is its cold key.
    struct Seat {
        address coldKey;
        uint64 nonce;
    }

    /// @dev One word: when a key that was replaced signed, and for whom. `untilEpoch` 0 means that it never did.
    struct ReplacedKey {
        uint8 memberId;
        uint40 fromEpoch;
        uint40 untilEpoch;
    }

    /// @dev One word: from when on a rotation counts here, and the nonce of the one before it that counted, 0 if none did.
    struct Landed {
        uint64 previous;
        uint40 fromEpoch;
    }

    struct Record {
        Terms terms;
        Signer[31] signers;
        mapping(uint256 memberId => Seat) seats;
        mapping(address key => ReplacedKey) replaced;
        mapping(uint256 memberId => mapping(uint256 nonce => Landed)) landed;
    }

    uint256 internal constant MAX_MEMBERS = 31;
    uint40 private constant _OPEN = type(uint40).max;
    uint64 private constant _MIN_RECOVERY_S = 1 days;
    /// @dev How far ahead a rotation may lie, and how long a replaced key binds its member after that.
    uint256 private constant _ROTATION_S = 1 days;

    /// @inheritdoc ICommittee
    address public immutable owner;
    /// @inheritdoc ICommittee
    uint64 public immutable digestSeconds;
    /// @inheritdoc ICommittee
    uint64 public immutable recoverySeconds;
    uint64 internal immutable _epochSeconds;
    bytes32 internal immutable _domain;

    mapping(bytes32 digest => Record) private _records;
    /// @dev In order of `fromEpoch`.
    bytes32[] private _digests;
    bytes32 private _announced;
    uint256 private _readyAt;

    /// @dev One function, for the modifier's code is copied to each place where it stands.
    modifier onlyOwner() {
        _requireOwner();
        _;
    }

    constructor(IScoreOracle.Genesis memory genesis) {
        if (genesis.epochSeconds == 0) revert InvalidPeriod("epochSeconds", 0, type(uint64).max);
        if (genesis.digestSeconds == 0) revert InvalidPeriod("digestSeconds", 0, type(uint64).max);
        // Without a delay the owner could replace an expired committee before anybody could renew it.
        if (genesis.owner != address(0) && genesis.recoverySeconds < _MIN_RECOVERY_S) {
            revert InvalidPeriod("recoverySeconds", genesis.recoverySeconds, _MIN_RECOVERY_S);
        }
        owner = genesis.owner;
        digestSeconds = genesis.digestSeconds;
        recoverySeconds = genesis.recoverySeconds;
        _epochSeconds = genesis.epochSeconds;
        _domain = AttestationLib.domainSeparator();
        _activate(
            Configuration({
                prevDigest: genesis.prevDigest,
                seq: 0,
                members: genesis.members,
                f: genesis.f,
                q: genesis.q,
                paramsHash: genesis.paramsHash,
                fromEpoch: genesis.fromEpoch
            }),
            genesis.epochSeconds,
            genesis.digestSeconds
        );
    }

    // --- writes -------------------------------------------------------------------------------

    /// @inheritdoc ICommittee
    /// @custom:invariant C-01 A committee changes only by a certificate of a Byzantine quorum of cold keys of the newest one.
    function changeCommittee(Configuration calldata next, HomeBlock calldata home, bytes calldata attestations)
        external
    {
        bytes32 digest = newestDigest();
        Record storage record = _records[digest];
        Terms memory terms = _termsOf(record);
        if (next.prevDigest != digest) revert IScoreOracle.WrongDigest(next.prevDigest, digest);
        if (next.seq != uint256(terms.seq) + 1) revert WrongSeq(next.seq, uint256(terms.seq) + 1);
        if (block.timestamp > terms.expiresAt) revert ExpiredDigest(terms.expiresAt, block.timestamp);
        _requireLater(next.fromEpoch, terms.fromEpoch, terms.expiresAt / _epochSeconds);
        uint32 signers =
            _coldSigners(record, _hashChange(next, home), attestations, (uint256(terms.members) + terms.f) / 2 + 1);
        _end(record, next.fromEpoch);
        bytes32 nextDigest = _activate(next, _epochSeconds, digestSeconds);
        emit CommitteeChanged(digest, nextDigest, home.chainId, home.blockNumber, home.blockHash, signers);
    }

    /// @inheritdoc ICommittee
    /// @custom:invariant C-04 A hot key is named by its member's cold key, and signs that itself, under one digest, by a rising nonce,
    ///                         from an epoch on that nobody can have published yet.
    function rotateHotKey(HotKeyRotation calldata rotation, Signature calldata byCold, Signature calldata byHot)
        external
    {
        bytes32 hash = AttestationLib.hashRotation(_domain, rotation);
        uint8 memberId = rotation.memberId;
        uint256 fromEpoch = _rotate(rotation);
        AttestationLib.requireSigned(hash, memberId, byCold, _coldKey(_records[rotation.configDigest], memberId));
        AttestationLib.requireSigned(hash, memberId, byHot, rotation.hotKey);
        emit HotKeyRotated(
            rotation.configDigest,
            memberId,
            rotation.hotKey,
            rotation.nonce,
            rotation.fromEpoch,
            byCold.r,
            byCold.yParityAndS,
            fromEpoch
        );
    }

    /// @inheritdoc ICommittee
    function announceRecovery(Configuration calldata next) external onlyOwner {
        _requireRecoverable(next);
        _announced = AttestationLib.hashConfiguration(next);
        _readyAt = block.timestamp + recoverySeconds;
        emit RecoveryAnnounced(_announced, _readyAt);
    }

    /// @inheritdoc ICommittee
    /// @custom:invariant C-06 Without a certificate a committee is replaced only by the owner, only after it expired, and only by
    ///                         what stood announced for `recoverySeconds` since.
    function recover(Configuration calldata next) external onlyOwner {
        _requireRecoverable(next);
        bytes32 digest = AttestationLib.hashConfiguration(next);
        if (digest != _announced || digest == 0) revert NotAnnounced(digest, _announced);
        if (block.timestamp < _readyAt) revert EarlyRecovery(block.timestamp, _readyAt);
        delete _announced;
        delete _readyAt;
        _end(_records[newestDigest()], next.fromEpoch);
        _activate(next, _epochSeconds, digestSeconds);
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc ICommittee
    function newestDigest() public view returns (bytes32) {
        return _digests[_digests.length - 1];
    }

    /// @inheritdoc ICommittee
    function configDigestAt(uint64 epoch) public view returns (bytes32) {
        for (uint256 i = _digests.length; i > 0; --i) {
            bytes32 digest = _digests[i - 1];
            if (epoch >= _records[digest].terms.fromEpoch) return digest;
        }
        return 0;
    }

    /// @inheritdoc ICommittee
    function termOf(bytes32 digest) public view returns (Term memory) {
        Terms memory terms = _termsOf(_records[digest]);
        return Term({
            seq: terms.seq,
            fromEpoch: terms.fromEpoch,
            untilEpoch: terms.untilEpoch,
            expiresAt: terms.expiresAt,
            members: terms.members,
            f: terms.f,
            q: terms.q
        });
    }

    /// @inheritdoc ICommittee
    function coldKeysOf(bytes32 digest) public view returns (address[] memory keys) {
        Record storage record = _records[digest];
        keys = new address[](record.terms.members);
        for (uint256 i = 0; i < keys.length; ++i) {
            keys[i] = _coldKey(record, i);
        }
    }

    /// @inheritdoc ICommittee
    function coldKeyOf(bytes32 digest, uint8 memberId) external view returns (address) {
        Record storage record = _requireMember(digest, memberId);
        return _coldKey(record, memberId);
    }

    /// @inheritdoc ICommittee
    function hotKeyOf(bytes32 digest, uint8 memberId)
        external
        view
        returns (address hotKey, uint64 fromEpoch, uint64 nonce)
    {
        Record storage record = _requireMember(digest, memberId);
        Signer memory signer = record.signers[memberId];
        return (signer.key, signer.fromEpoch, record.seats[memberId].nonce);
    }

    /// @inheritdoc ICommittee
    function boundUntil(bytes32 digest, uint8 memberId, uint64 nonce) external view returns (uint256 untilS) {
        Record storage record = _records[digest];
        untilS = type(uint256).max;
        // The newest first, and no further than the first that is no newer: nonces and epochs rise together.
        uint64 newer = record.seats[memberId].nonce;
        while (newer > nonce) {
            Landed memory rotation = record.landed[memberId][newer];
            untilS = uint256(rotation.fromEpoch) * _epochSeconds + _ROTATION_S;
            newer = rotation.previous;
        }
    }

    /// @inheritdoc ICommittee
    function signersOf(IScoreOracle.Report calldata report, bytes calldata attestations)
        external
        view
        returns (uint32 signers)
    {
        bytes32 hash = AttestationLib.hashReport(_domain, report);
        return _hotSigners(_requireKnown(report.configDigest), hash, attestations, report.epoch, 1, _ROTATION_S);
    }

    // --- internal -----------------------------------------------------------------------------

    /// @dev Digest of the epoch that the block time lies in, the first one before its time.
    function _presentDigest() internal view returns (bytes32 digest) {
        // Cast is safe for any block time of the next 2^40 seconds.
        digest = configDigestAt(uint64(block.timestamp / _epochSeconds));
        if (digest == 0) digest = _digests[0];
    }

    /// @dev Whether a report of `epoch` that landed no earlier than `landedAt` can have been taken under `digest`: in its time, or
    ///      before a late certificate said that its time was over. False of an unknown digest.
    function _isOfDigest(bytes32 digest, uint256 epoch, uint256 landedAt) internal view returns (bool) {
        Terms memory terms = _termsOf(_records[digest]);
        return epoch >= terms.fromEpoch && (epoch < terms.untilEpoch || landedAt <= terms.endedAt);
    }

    /// @dev Members whose attestation of a report of `epoch` is good now: `q` of the digest in whose time the epoch lies.
    /// @custom:invariant C-02 Once a change is known here, epochs from its first on are taken only under its digest, earlier ones
    ///                         only under the old.
    /// @custom:invariant C-03 No report and no change signed under a digest is taken after it expired.
    function _requireQuorum(bytes32 digest, uint64 epoch, bytes32 hash, bytes calldata attestations)
        internal
        view
        returns (uint32 signers)
    {
        Record storage record = _records[digest];
        Terms memory terms = _termsOf(record);
        if (terms.members == 0) revert IScoreOracle.WrongDigest(digest, configDigestAt(epoch));
        if (epoch < terms.fromEpoch) revert IScoreOracle.StaleReport(epoch, terms.fromEpoch);
        if (epoch >= terms.untilEpoch) revert SupersededDigest(epoch, terms.untilEpoch);
        if (block.timestamp > terms.expiresAt) revert ExpiredDigest(terms.expiresAt, block.timestamp);
        return _hotSigners(record, hash, attestations, epoch, terms.q, 0);
    }

    /// @dev Reverts unless there are `quorum` records and each is signed by the key that its member had at `epoch`, or had
    ///      until `overlapS` before its boundary.
    function _hotSigners(
        Record storage record,
        bytes32 hash,
        bytes calldata attestations,
        uint64 epoch,
        uint256 quorum,
        uint256 overlapS
    ) private view returns (uint32) {
        uint256 count = AttestationLib.requireCount(attestations, quorum);
        uint256 memberCount = record.terms.members;
        uint256 signers;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 memberId, address signer) = AttestationLib.signerAt(hash, attestations, i, memberCount, signers);
            Signer memory expected = record.signers[memberId];
            if (signer != expected.key || epoch < expected.fromEpoch) {
                _requireReplaced(record.replaced[signer], uint8(memberId), epoch, overlapS, signer, expected.key);
            }
            signers |= 1 << memberId;
        }
        // Cast is safe: ids are below 31.
        return uint32(signers);
    }

    /// @custom:invariant C-05 A report counts for a member only if signed by the key that was, for all that this chain was told, its
    ///                         hot key at the report's epoch.
    function _requireReplaced(
        ReplacedKey memory replaced,
        uint8 memberId,
        uint64 epoch,
        uint256 overlapS,
        address signer,
        address expected
    ) private view {
        bool wasHeld =
            replaced.untilEpoch != 0 && replaced.memberId == memberId && epoch >= replaced.fromEpoch;
        uint256 untilS = uint256(replaced.untilEpoch) * _epochSeconds + overlapS;
        if (!wasHeld || uint256(epoch) * _epochSeconds >= untilS) {
            revert IScoreOracle.WrongSigner(memberId, signer, expected);
        }
    }

    function _coldSigners(Record storage record, bytes32 hash, bytes calldata attestations, uint256 quorum)
        private
        view
        returns (uint32)
    {
        uint256 count = AttestationLib.requireCount(attestations, quorum);
        uint256 memberCount = record.terms.members;
        uint256 signers;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 memberId, address signer) = AttestationLib.signerAt(hash, attestations, i, memberCount, signers);
            address expected = _coldKey(record, memberId);
            if (signer != expected) revert IScoreOracle.WrongSigner(uint8(memberId), signer, expected);
            signers |= 1 << memberId;
        }
        // Cast is safe: ids are below 31.
        return uint32(signers);
    }

    /// @dev Puts a rotation in force; the caller checks its signatures.
    function _rotate(HotKeyRotation calldata rotation) private returns (uint256 fromEpoch) {
        Record storage record = _requireMember(rotation.configDigest, rotation.memberId);
        fromEpoch = _requireRotation(record, rotation);
        uint8 memberId = rotation.memberId;
        Signer memory signer = record.signers[memberId];
        Seat memory seat = record.seats[memberId];
        if (seat.coldKey == address(0)) seat.coldKey = signer.key;
        if (rotation.nonce <= seat.nonce) revert StaleNonce(rotation.nonce, seat.nonce);

        mapping(uint256 => Landed) storage landed = record.landed[memberId];
        // One that is replaced before it counted leaves the list, so that nobody can make it long.
        uint64 previous = signer.fromEpoch == fromEpoch ? landed[seat.nonce].previous : seat.nonce;
        seat.nonce = rotation.nonce;
        record.seats[memberId] = seat;
        // Casts are safe: `_requireRotation` bounds the epoch by the digest's `untilEpoch`.
        record.replaced[signer.key] = ReplacedKey(memberId, signer.fromEpoch, uint40(fromEpoch));
        record.signers[memberId] = Signer(rotation.hotKey, uint40(fromEpoch));
        landed[rotation.nonce] = Landed(previous, uint40(fromEpoch));
    }

    /// @dev Everything about a rotation but its nonce and its signature; returns the epoch from which it will count.
    function _requireRotation(Record storage record, HotKeyRotation calldata rotation)
        private
        view
        returns (uint256 fromEpoch)
    {
        Terms memory terms = _termsOf(record);
        uint256 earliest = (block.timestamp + HeadLib.CLOCK_TOLERANCE_S) / _epochSeconds + 1;
        if (earliest < terms.fromEpoch) earliest = terms.fromEpoch;
        uint256 latest = earliest + _ROTATION_S / _epochSeconds;
        if (rotation.fromEpoch > latest) revert FutureRotation(rotation.fromEpoch, latest);
        fromEpoch = rotation.fromEpoch < earliest ? earliest : rotation.fromEpoch;
        // One that is pending may be replaced: by one that counts no earlier, so that no epoch changes its key twice.
        uint256 current = record.signers[rotation.memberId].fromEpoch;
        if (fromEpoch < current) fromEpoch = current;
        if (fromEpoch >= terms.untilEpoch) revert SupersededDigest(fromEpoch, terms.untilEpoch);
        address hotKey = rotation.hotKey;
        if (hotKey == address(0) || record.replaced[hotKey].untilEpoch != 0) revert HotKeyTaken(hotKey);
        for (uint256 i = 0; i < terms.members; ++i) {
            if (record.signers[i].key == hotKey) revert HotKeyTaken(hotKey);
        }
    }

    function _requireOwner() private view {
        if (msg.sender != owner) revert NotOwner(msg.sender, owner);
    }

    function _requireRecoverable(Configuration calldata next) private view {
        Terms memory terms = _termsOf(_records[newestDigest()]);
        if (block.timestamp <= terms.expiresAt) revert UnexpiredDigest(terms.expiresAt, block.timestamp);
        if (next.seq <= terms.seq) revert WrongSeq(next.seq, uint256(terms.seq) + 1);
        _requireLater(next.fromEpoch, terms.fromEpoch, (block.timestamp + digestSeconds) / _epochSeconds);
        uint256 expiresAt = uint256(next.fromEpoch) * _epochSeconds + digestSeconds;
        if (block.timestamp > expiresAt) revert ExpiredDigest(expiresAt, block.timestamp);
    }

    function _requireLater(uint64 fromEpoch, uint64 current, uint256 latest) private pure {
        if (fromEpoch <= current) revert StaleCommittee(fromEpoch, current);
        if (fromEpoch > latest) revert FutureCommittee(fromEpoch, latest);
    }

    /// @dev The periods are passed in because the constructor cannot read its immutables.
    function _activate(Configuration memory config, uint256 epochSeconds_, uint256 digestSeconds_)
        private
        returns (bytes32 digest)
    {
        uint256 n = config.members.length;
        bool isQuorumSound = config.q > config.f && uint256(config.q) + config.f <= n;
        if (!isQuorumSound || n < 3 * uint256(config.f) + 1 || n > MAX_MEMBERS) {
            revert InvalidCommittee(n, config.f, config.q);
        }
        uint256 expiresAt = uint256(config.fromEpoch) * epochSeconds_ + digestSeconds_;
        if (expiresAt >= _OPEN) revert InvalidPeriod("expiresAt", expiresAt, _OPEN - 1);
        digest = AttestationLib.hashConfiguration(config);
        Record storage record = _records[digest];
        // Casts are safe: the epoch is at most its time, which is below the limit; n is at most 31.
        record.terms = Terms({
            fromEpoch: uint40(config.fromEpoch),
            untilEpoch: _OPEN,
            expiresAt: uint40(expiresAt),
            seq: config.seq,
            members: uint8(n),
            f: config.f,
            q: config.q,
            endedAt: 0
        });
        for (uint256 i = 0; i < n; ++i) {
            address member = config.members[i];
            if (member == address(0)) revert InvalidMember(i, member);
            for (uint256 j = 0; j < i; ++j) {
                if (config.members[j] == member) revert InvalidMember(i, member);
            }
            record.signers[i].key = member;
        }
        _digests.push(digest);
        emit ConfigActivated(
            digest, config.seq, config.members, config.f, config.q, config.paramsHash, config.fromEpoch
        );
    }

    function _end(Record storage record, uint64 untilEpoch) private {
        // Casts are safe: the epoch was bounded by a time that fits, and the block time does.
        record.terms.untilEpoch = uint40(untilEpoch);
        record.terms.endedAt = uint40(block.timestamp);
    }

    function _hashChange(Configuration calldata next, HomeBlock calldata home) private view returns (bytes32) {
        bytes32 nextDigest = AttestationLib.hashConfiguration(next);
        return AttestationLib.hashChange(_domain, next.prevDigest, next.seq, nextDigest, home);
    }

    function _requireKnown(bytes32 digest) private view returns (Record storage record) {
        record = _records[digest];
        if (record.terms.members == 0) revert IScoreOracle.WrongDigest(digest, newestDigest());
    }

    function _requireMember(bytes32 digest, uint8 memberId) private view returns (Record storage record) {
        record = _requireKnown(digest);
        if (memberId >= record.terms.members) revert IScoreOracle.UnknownMember(memberId, record.terms.members);
    }

    function _termsOf(Record storage record) private view returns (Terms memory) {
        return record.terms;
    }

    /// @dev A key that a rotation named counts from an epoch on; until the first one the signer is the cold key itself.
    function _coldKey(Record storage record, uint256 memberId) private view returns (address) {
        Signer memory signer = record.signers[memberId];
        return signer.fromEpoch == 0 ? signer.key : record.seats[memberId].coldKey;
    }
}
