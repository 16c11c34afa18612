// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Scores signed by a committee
/// @notice Reports arrive with `q` attestations; a score is then presented with a Merkle proof, or read once it was posted.
/// @dev A report is usable while `block.timestamp <= epoch * epochSeconds + validitySeconds`. The head is; so is its
///      predecessor while `block.timestamp <= landing time of the head + graceSeconds`. No older one ever is, no voided one,
///      and none at all while the head is voided. Two readings: `latest` is the head as soon as it lands; `finalised` is the
///      newest report that has stood for the challenge window and was not voided.
interface IScoreOracle {
    // --- types --------------------------------------------------------------------------------

    /// @notice The committee at deployment, and the times that never change.
    /// @param prevDigest Random salt of the deployment, so that two deployments never share a digest.
    /// @param members Cold-key addresses; a member's id is its index. At most 31, n >= 3f + 1.
    /// @param f Members that may be faulty.
    /// @param q Attestations a report needs, in f + 1 .. n - f.
    /// @param paramsHash Chains, markets, assets, model ids, semantics and layout versions.
    /// @param fromEpoch First epoch this committee signs.
    /// @param epochSeconds Length of an epoch.
    /// @param validitySeconds Age at which a report expires, counted from its epoch's boundary.
    /// @param graceSeconds How long a report stays usable after its successor landed.
    /// @param challengeSeconds How long a report must have stood on this chain to be final; less than `validitySeconds`.
    /// @param digestSeconds How long a configuration signs, from its first epoch's boundary; less than stake takes to unbond.
    /// @param recoverySeconds How long the replacement of an expired committee stands announced; a day at least, if there is an owner.
    /// @param owner Announces that replacement, and names the dispute contract once. Zero: nobody ever does.
    struct Genesis {
        bytes32 prevDigest;
        address[] members;
        uint8 f;
        uint8 q;
        bytes32 paramsHash;
        uint64 fromEpoch;
        uint64 epochSeconds;
        uint64 validitySeconds;
        uint64 graceSeconds;
        uint64 challengeSeconds;
        uint64 digestSeconds;
        uint64 recoverySeconds;
        address owner;
    }

    /// @notice What the committee signs. Times are derived from `epoch`.
    struct Report {
        bytes32 configDigest;
        uint64 epoch;
        bytes32 cutHash;
        bytes32 scoresRoot;
        uint32 observers;
        uint32 borrowers;
        uint32 collaterals;
        uint32 stalledChains;
    }

    /// @notice A leaf of kind 1. `grade` 0 is unrated.
    struct BorrowerScore {
        uint8 kind;
        bytes32 subject;
        int32 stateOffset;
        int32 behaviourMargin;
        uint32 pdPpm;
        uint32 pdUpperPpm;
        uint16 points;
        uint8 grade;
        bytes4 reasons;
        bytes32 featuresHash;
    }

    /// @notice A leaf of kind 2. `binding` names what set the LTV: 1 drawdown, 2 cap, 3 unrated.
    struct CollateralScore {
        uint8 kind;
        bytes32 subject;
        int32 margin;
        uint32 volatilityPpm;
        uint32 drawdownBps;
        uint32 gapPpm;
        uint16 ltvCeilingBps;
        uint16 ltvFloorBps;
        uint16 liquidationThresholdBps;
        uint8 binding;
        bytes32 featuresHash;
    }

    /// @notice A borrower's score as stored by `post`. `epoch` 0 means none.
    struct PostedBorrower {
        uint64 epoch;
        int32 stateOffset;
        int32 behaviourMargin;
        uint32 pdPpm;
        uint32 pdUpperPpm;
        uint16 points;
        uint8 grade;
        bytes4 reasons;
    }

    /// @notice A collateral's score as stored by `post`. `epoch` 0 means none.
    /// @dev When an unrated score lands (`binding` 3), `epoch` and `binding` advance and the other fields keep their last
    ///      rated values, so that liquidation and withdrawal always have a threshold to go by.
    struct PostedCollateral {
        uint64 epoch;
        int32 margin;
        uint32 volatilityPpm;
        uint32 drawdownBps;
        uint32 gapPpm;
        uint16 ltvCeilingBps;
        uint16 ltvFloorBps;
        uint16 liquidationThresholdBps;
        uint8 binding;
    }

    /// @notice The newest report; zeros before the first.
    struct Head {
        uint64 epoch;
        uint64 observedAt;
        uint64 validUntil;
        uint64 landedAt;
        uint64 previousEpoch;
        bytes32 scoresRoot;
    }

    /// @notice The report that a reader goes by; zeros if there is none to go by now.
    struct Reading {
        uint64 epoch;
        uint64 observedAt;
        uint64 validUntil;
        bytes32 scoresRoot;
    }

    // --- errors -------------------------------------------------------------------------------

    /// @notice Thrown when a report names another committee configuration than the one of its epoch.
    error WrongDigest(bytes32 given, bytes32 current);

    /// @notice Thrown when a report is not newer than the head (or than `fromEpoch` allows).
    error StaleReport(uint64 given, uint64 current);

    /// @notice Thrown when a report's epoch lies in the future by more than the clock tolerance.
    error FutureReport(uint256 observedAt, uint256 latestAllowed);

    /// @notice Thrown when a report is past its validity before it lands.
    error ExpiredReport(uint256 validUntil, uint256 blockTimestamp);

    /// @notice Thrown when attestations are not whole 65-byte records.
    error MalformedAttestations(uint256 length);

    /// @notice Thrown when fewer than `q` attestations come with a report.
    error TooFewAttestations(uint256 given, uint256 required);

    /// @notice Thrown when a member id is repeated or out of order.
    error UnsortedAttestations(uint8 given, uint8 previous);

    /// @notice Thrown when a member id is not in the committee.
    error UnknownMember(uint8 given, uint256 members);

    /// @notice Thrown when a signature is not the named member's.
    error WrongSigner(uint8 memberId, address recovered, address member);

    /// @notice Thrown when a signature has a high `s`; its low twin is the only one accepted.
    error MalleableSignature(uint8 memberId, bytes32 s);

    /// @notice Thrown when a report was voided before it landed.
    error VoidedReport(uint64 epoch, bytes32 reportHash);

    /// @notice Thrown when somebody other than the dispute contract voids.
    error NotDispute(address caller, address dispute);

    /// @notice Thrown when the dispute contract is named again.
    error DisputeAlreadySet(address given, address current);

    /// @notice Thrown when no usable report has this epoch.
    error UnusableEpoch(uint64 given, uint64 head);

    /// @notice Thrown when a score is not in the report of its epoch.
    error InvalidProof(uint64 epoch, bytes32 leaf);

    /// @notice Thrown when an entry's kind is not the one expected there.
    error WrongKind(uint256 given, uint256 expected);

    /// @notice Thrown when an entry is not the ABI encoding of a borrower (320 bytes) or collateral score (352 bytes).
    error MalformedEntry(uint256 index, uint256 length);

    /// @notice Thrown when `post` is called with nothing to post.
    error NothingToPost();

    // --- events -------------------------------------------------------------------------------

    /// @notice A report became the head. `signers` has one bit for each member whose attestation was checked.
    event ReportPublished(
        uint64 indexed epoch,
        bytes32 indexed configDigest,
        bytes32 scoresRoot,
        bytes32 cutHash,
        uint32 observers,
        uint32 borrowers,
        uint32 collaterals,
        uint32 stalledChains,
        uint32 signers
    );

    /// @notice A report was found wrong: it, or the report that landed with its root, gives no loan any more.
    /// @param wasHere Whether its epoch is void here: a report of that epoch and root landed in the time of its digest, or may have,
    ///        because it is out of the ring and inside its validity. Under another cut the same root counts too.
    event ReportVoided(uint64 indexed epoch, bytes32 indexed reportHash, bool wasHere);

    /// @notice A leaf was voided, and what had been stored of its subject in that epoch.
    event LeafVoided(uint64 indexed epoch, bytes32 indexed subject, bytes32 leaf);

    /// @notice The dispute contract was named, for good.
    event DisputeSet(address dispute);

    /// @notice A borrower's stored score was replaced.
    event BorrowerPosted(bytes32 indexed subject, uint64 indexed epoch, PostedBorrower score);

    /// @notice A collateral's stored score was replaced.
    event CollateralPosted(bytes32 indexed subject, uint64 indexed epoch, PostedCollateral score);

    // --- writes -------------------------------------------------------------------------------

    /// @notice Makes `report` the head.
    /// @param report The report, for this committee and newer than the head.
    /// @param attestations `q` or more records of 65 bytes, `uint8 memberId ‖ r ‖ yParityAndS` (EIP-2098), ids ascending.
    function publish(Report calldata report, bytes calldata attestations) external;

    /// @notice Stores scores of a usable or final report so that they can be read without a proof. Anyone may call.
    /// @param epoch Epoch of a report that is usable, which serves the latest scores, or final, which serves the final ones.
    /// @param entries ABI encodings of `BorrowerScore` (320 bytes) or `CollateralScore` (352 bytes), ascending by leaf hash.
    /// @param proof Sibling hashes of the multiproof, as OpenZeppelin's StandardMerkleTree makes it.
    /// @param proofFlags Flags of the multiproof.
    /// @dev A collateral's score is replaced by any newer epoch. A borrower's is replaced only by a riskier score of the
    ///      same or a newer epoch, or after it expired; unrated counts as riskier than any margin. Entries that replace
    ///      nothing are skipped, so two senders never make each other fail.
    function post(uint64 epoch, bytes[] calldata entries, bytes32[] calldata proof, bool[] calldata proofFlags) external;

    /// @notice Voids a report that was proved wrong, here or before it ever lands here. A repeat changes nothing.
    /// @dev Only the dispute contract, which must have made sure that the quorum of `configDigest` signed it: nothing here asks.
    ///      Open loans, posted thresholds and other reports stay as they are. Where a report with the same epoch and root had
    ///      landed, and the epoch lies in the term of the digest (or landed under it before a late certificate ended that term),
    ///      its epoch is void: `isUsable` is false, `isExpired` true, and, if it is the head, `isOnHold` until the next report
    ///      lands. Reverts with `FutureReport` for an epoch that begins later than a validity from now.
    function voidReport(Report calldata report) external;

    /// @notice Voids one leaf of the reports of `epoch`, of which nobody could show the vector. A repeat changes nothing.
    /// @param entry ABI encoding of the leaf's score. What is stored of its subject in that epoch is dropped: a borrower then has
    ///        none, a pair is unrated, without a floor, and keeps its threshold.
    /// @dev Only the dispute contract, which must have made sure that the leaf is in the report that landed (`verify`): nothing here
    ///      asks, and a rival report's leaf would shed a stored score. Reverts with `FutureReport` as `voidReport` does.
    function voidLeaf(uint64 epoch, bytes calldata entry) external;

    /// @notice Names the dispute contract. Only the owner, once.
    function setDispute(address dispute) external;

    // --- views --------------------------------------------------------------------------------

    /// @notice The newest report, usable or not. `previousEpoch` is 0 if it lies more than fifteen epochs back.
    function head() external view returns (Head memory);

    /// @notice The head, if it is usable.
    function latest() external view returns (Reading memory);

    /// @notice The newest report that landed `challengeSeconds` ago, has not expired and was not voided.
    /// @dev Landing times are kept in steps of 1/254 of the validity, rounded up, so it may come that much late.
    function finalised() external view returns (Reading memory);

    /// @notice Whether `finalised` may be, or has been, the report of `epoch`, and it has not expired.
    function isFinalised(uint64 epoch) external view returns (bool);

    /// @notice Whether the head was voided and no other report has landed since: no new borrowing.
    function isOnHold() external view returns (bool);

    /// @notice Whether a report was voided, by its EIP-712 digest.
    function isVoided(bytes32 reportHash) external view returns (bool);

    /// @notice Who may void reports; zero until it is named.
    function dispute() external view returns (address);

    /// @notice How long a report must have stood to be final, in seconds.
    function challengeSeconds() external view returns (uint64);

    /// @notice Digest that a report of the present epoch must name.
    function configDigest() external view returns (bytes32);

    /// @notice The committee in force; members are cold keys.
    function committee()
        external
        view
        returns (uint64 seq, uint64 fromEpoch, uint8 f, uint8 q, address[] memory members);

    /// @notice Length of an epoch in seconds.
    function epochSeconds() external view returns (uint64);

    /// @notice Age in seconds at which a report expires.
    function validitySeconds() external view returns (uint64);

    /// @notice How long the previous report stays usable after its successor landed, in seconds.
    function graceSeconds() external view returns (uint64);

    /// @notice Whether a score of `epoch` may be presented now.
    function isUsable(uint64 epoch) external view returns (bool);

    /// @notice Whether a score stored with `epoch` is past its validity, or its report was voided. True for epoch 0.
    function isExpired(uint64 epoch) external view returns (bool);

    /// @notice Whether the report of `epoch` that landed here was voided; true also past its validity, unlike what `isExpired` tells.
    function isEpochVoided(uint64 epoch) external view returns (bool);

    /// @notice Scores root of a usable report; reverts with `UnusableEpoch` otherwise.
    function rootOf(uint64 epoch) external view returns (bytes32);

    /// @notice EIP-712 digest that an attestation signs.
    function hashReport(Report calldata report) external view returns (bytes32);

    /// @notice Whether `leaf` is in the usable report of `epoch`. False, not an error, if there is none.
    /// @dev Hash the leaf from a score's fields yourself: an inner node of the tree passes too, and is no score.
    function verify(uint64 epoch, bytes32 leaf, bytes32[] calldata proof) external view returns (bool);

    /// @notice Reverts unless `score` is in the usable report of `epoch`.
    function verifyBorrower(uint64 epoch, BorrowerScore calldata score, bytes32[] calldata proof) external view;

    /// @notice Reverts unless `score` is in the usable report of `epoch`.
    function verifyCollateral(uint64 epoch, CollateralScore calldata score, bytes32[] calldata proof) external view;

    /// @notice The stored score of a borrower subject, expired or not; check `isExpired(epoch)`.
    function borrowerScore(bytes32 subject) external view returns (PostedBorrower memory);

    /// @notice The stored score of a collateral subject, expired or not; check `isExpired(epoch)` and `binding`.
    function collateralScore(bytes32 subject) external view returns (PostedCollateral memory);

    /// @notice As `borrowerScore`, of final reports alone; for those who rather wait than be wrong.
    function finalisedBorrowerScore(bytes32 subject) external view returns (PostedBorrower memory);

    /// @notice As `collateralScore`, of final reports alone.
    function finalisedCollateralScore(bytes32 subject) external view returns (PostedCollateral memory);
}
