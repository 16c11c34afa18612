// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { MerkleProof } from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { AttestationLib } from "./libraries/AttestationLib.sol";
import { LeafLib } from "./libraries/LeafLib.sol";
import { ScoreMath } from "./libraries/ScoreMath.sol";

/// @title Committee and scores in one contract
/// @notice Keeps the signer table, the head and a ring of two roots; times are derived from the epoch. That layout, not a
///         mapping of reports, is what makes a report cheaper than one value of a price oracle.
contract RiskOracle is IScoreOracle {
    /// @dev One word, so that `publish` reads and writes it once. Epochs and times fit 48 bits because an epoch is at most
    ///      the block time plus the tolerance.
    struct HeadState {
        uint48 epoch;
        uint48 previousEpoch;
        uint48 landedAt;
        uint48 fromEpoch;
        uint8 ringIndex;
        uint8 members;
        uint8 f;
        uint8 q;
    }

    uint256 private constant _MAX_MEMBERS = 31;
    uint256 private constant _CLOCK_TOLERANCE_S = 60;

    /// @inheritdoc IScoreOracle
    uint64 public immutable epochSeconds;
    /// @inheritdoc IScoreOracle
    uint64 public immutable validitySeconds;
    /// @inheritdoc IScoreOracle
    uint64 public immutable graceSeconds;
    bytes32 private immutable _domain;

    HeadState private _head;
    bytes32[2] private _ring;
    /// @inheritdoc IScoreOracle
    bytes32 public configDigest;
    address[31] private _members;
    uint64 private _seq;
    mapping(bytes32 subject => PostedBorrower) private _borrowers;
    mapping(bytes32 subject => PostedCollateral) private _collaterals;

    constructor(Genesis memory genesis) {
        uint256 n = genesis.members.length;
        bool isQuorumSound = genesis.q > genesis.f && uint256(genesis.q) + genesis.f <= n;
        bool isSizeSound = n >= 3 * uint256(genesis.f) + 1 && n <= _MAX_MEMBERS;
        bool isTimeSound =
            genesis.epochSeconds != 0 && genesis.validitySeconds != 0 && genesis.fromEpoch <= type(uint48).max;
        if (!isQuorumSound || !isSizeSound || !isTimeSound) revert InvalidGenesis(n, genesis.f, genesis.q);
        for (uint256 i = 0; i < n; ++i) {
            address member = genesis.members[i];
            if (member == address(0)) revert InvalidMember(i, member);
            for (uint256 j = 0; j < i; ++j) {
                if (genesis.members[j] == member) revert InvalidMember(i, member);
            }
            _members[i] = member;
        }
        epochSeconds = genesis.epochSeconds;
        validitySeconds = genesis.validitySeconds;
        graceSeconds = genesis.graceSeconds;
        _domain = AttestationLib.domainSeparator();
        // Casts are safe: n <= 31, and fromEpoch was checked.
        _head.members = uint8(n);
        _head.f = genesis.f;
        _head.q = genesis.q;
        _head.fromEpoch = uint48(genesis.fromEpoch);
        bytes32 digest = keccak256(
            abi.encode(
                genesis.prevDigest,
                uint64(0),
                genesis.members,
                genesis.f,
                genesis.q,
                genesis.paramsHash,
                genesis.fromEpoch
            )
        );
        configDigest = digest;
        emit ConfigActivated(digest, 0, genesis.members, genesis.f, genesis.q, genesis.paramsHash, genesis.fromEpoch);
    }

    // --- writes -------------------------------------------------------------------------------

    /// @inheritdoc IScoreOracle
    function publish(Report calldata report, bytes calldata attestations) external {
        HeadState memory state = _head;
        _requireTimely(report, state);
        uint32 signers = AttestationLib.requireQuorum(
            AttestationLib.hashReport(_domain, report), attestations, _members, state.members, state.q
        );

        // Casts are safe: the epoch's boundary is at most the block time plus the tolerance.
        state.previousEpoch = state.epoch;
        state.epoch = uint48(report.epoch);
        state.landedAt = uint48(block.timestamp);
        state.ringIndex ^= 1;
        _head = state;
        _ring[state.ringIndex] = report.scoresRoot;
        emit ReportPublished(
            report.epoch,
            report.configDigest,
            report.scoresRoot,
            report.cutHash,
            report.observers,
            report.borrowers,
            report.collaterals,
            report.stalledChains,
            signers
        );
    }

    /// @inheritdoc IScoreOracle
    function post(uint64 epoch, bytes[] calldata entries, bytes32[] calldata proof, bool[] calldata proofFlags)
        external
    {
        uint256 count = entries.length;
        // An empty set would make the multiproof true of anything.
        if (count == 0) revert NothingToPost();
        bytes32 root = rootOf(epoch);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = LeafLib.hashEntry(entries[i]);
        }
        if (!MerkleProof.multiProofVerifyCalldata(proof, proofFlags, root, leaves)) {
            revert InvalidProof(epoch, leaves[0]);
        }
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata entry = entries[i];
            if (entry.length == LeafLib.BORROWER_BYTES) {
                _postBorrower(epoch, abi.decode(entry, (BorrowerScore)));
            } else if (entry.length == LeafLib.COLLATERAL_BYTES) {
                _postCollateral(epoch, abi.decode(entry, (CollateralScore)));
            } else {
                revert MalformedEntry(i, entry.length);
            }
        }
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc IScoreOracle
    function verifyBorrower(uint64 epoch, BorrowerScore calldata score, bytes32[] calldata proof) external view {
        _requireProof(epoch, LeafLib.hashBorrower(score), proof);
    }

    /// @inheritdoc IScoreOracle
    function verifyCollateral(uint64 epoch, CollateralScore calldata score, bytes32[] calldata proof) external view {
        _requireProof(epoch, LeafLib.hashCollateral(score), proof);
    }

    /// @inheritdoc IScoreOracle
    function verify(uint64 epoch, bytes32 leaf, bytes32[] calldata proof) external view returns (bool) {
        (bool usable, bytes32 root,) = _lookUp(epoch);
        return usable && MerkleProof.verifyCalldata(proof, root, leaf);
    }

    /// @inheritdoc IScoreOracle
    function isUsable(uint64 epoch) external view returns (bool usable) {
        (usable,,) = _lookUp(epoch);
    }

    /// @inheritdoc IScoreOracle
    function head() external view returns (Head memory newest) {
        HeadState memory state = _head;
        if (state.epoch == 0) return newest;
        newest.epoch = state.epoch;
        newest.observedAt = state.epoch * epochSeconds;
        newest.validUntil = newest.observedAt + validitySeconds;
        newest.landedAt = state.landedAt;
        newest.previousEpoch = state.previousEpoch;
        newest.scoresRoot = _ring[state.ringIndex];
    }

    /// @inheritdoc IScoreOracle
    function committee()
        external
        view
        returns (uint64 seq, uint64 fromEpoch, uint8 f, uint8 q, address[] memory members)
    {
        HeadState memory state = _head;
        members = new address[](state.members);
        for (uint256 i = 0; i < members.length; ++i) {
            members[i] = _members[i];
        }
        return (_seq, state.fromEpoch, state.f, state.q, members);
    }

    /// @inheritdoc IScoreOracle
    function hashReport(Report calldata report) external view returns (bytes32) {
        return AttestationLib.hashReport(_domain, report);
    }

    /// @inheritdoc IScoreOracle
    function borrowerScore(bytes32 subject) external view returns (PostedBorrower memory) {
        return _borrowers[subject];
    }

    /// @inheritdoc IScoreOracle
    function collateralScore(bytes32 subject) external view returns (PostedCollateral memory) {
        return _collaterals[subject];
    }

    /// @inheritdoc IScoreOracle
    function rootOf(uint64 epoch) public view returns (bytes32) {
        (bool usable, bytes32 root, uint64 newest) = _lookUp(epoch);
        if (!usable) revert UnusableEpoch(epoch, newest);
        return root;
    }

    /// @inheritdoc IScoreOracle
    function isExpired(uint64 epoch) public view returns (bool) {
        return epoch == 0 || block.timestamp > _validUntil(epoch);
    }

    // --- internal -----------------------------------------------------------------------------

    /// @custom:invariant O-01 The head's epoch only rises, and only to an epoch whose boundary has come and whose validity has not passed.
    function _requireTimely(Report calldata report, HeadState memory state) private view {
        if (report.configDigest != configDigest) revert WrongDigest(report.configDigest, configDigest);
        if (report.epoch <= state.epoch) revert StaleReport(report.epoch, state.epoch);
        if (report.epoch < state.fromEpoch) revert StaleReport(report.epoch, state.fromEpoch);
        uint256 observedAt = uint256(report.epoch) * epochSeconds;
        if (observedAt > block.timestamp + _CLOCK_TOLERANCE_S) {
            revert FutureReport(observedAt, block.timestamp + _CLOCK_TOLERANCE_S);
        }
        if (isExpired(report.epoch)) revert ExpiredReport(_validUntil(report.epoch), block.timestamp);
    }

    /// @custom:invariant O-02 A stored borrower score is replaced only by a riskier one that is no older, or after it expired.
    function _postBorrower(uint64 epoch, BorrowerScore memory score) private {
        if (score.kind != LeafLib.BORROWER) revert WrongKind(score.kind, LeafLib.BORROWER);
        PostedBorrower storage stored = _borrowers[score.subject];
        uint64 storedEpoch = stored.epoch;
        if (!isExpired(storedEpoch)) {
            if (epoch < storedEpoch || stored.grade == 0) return;
            if (score.grade != 0 && score.behaviourMargin <= stored.behaviourMargin) return;
        }
        PostedBorrower memory posted = PostedBorrower({
            epoch: epoch,
            stateOffset: score.stateOffset,
            behaviourMargin: score.behaviourMargin,
            pdPpm: score.pdPpm,
            pdUpperPpm: score.pdUpperPpm,
            points: score.points,
            grade: score.grade,
            reasons: score.reasons
        });
        _borrowers[score.subject] = posted;
        emit BorrowerPosted(score.subject, epoch, posted);
    }

    /// @custom:invariant O-03 A stored collateral score is replaced only by a newer epoch; an unrated one leaves the last rated
    ///                         threshold in place.
    function _postCollateral(uint64 epoch, CollateralScore memory score) private {
        if (score.kind != LeafLib.COLLATERAL) revert WrongKind(score.kind, LeafLib.COLLATERAL);
        PostedCollateral memory posted = _collaterals[score.subject];
        if (epoch <= posted.epoch) return;
        posted.epoch = epoch;
        posted.binding = score.binding;
        if (score.binding != ScoreMath.BINDING_UNRATED) {
            posted.margin = score.margin;
            posted.volatilityPpm = score.volatilityPpm;
            posted.drawdownBps = score.drawdownBps;
            posted.gapPpm = score.gapPpm;
            posted.ltvCeilingBps = score.ltvCeilingBps;
            posted.ltvFloorBps = score.ltvFloorBps;
            posted.liquidationThresholdBps = score.liquidationThresholdBps;
        }
        _collaterals[score.subject] = posted;
        emit CollateralPosted(score.subject, epoch, posted);
    }

    function _requireProof(uint64 epoch, bytes32 leaf, bytes32[] calldata proof) private view {
        if (!MerkleProof.verifyCalldata(proof, rootOf(epoch), leaf)) revert InvalidProof(epoch, leaf);
    }

    /// @dev Usable: the head, and its predecessor within the grace, each inside its validity.
    function _lookUp(uint64 epoch) private view returns (bool usable, bytes32 root, uint64 newest) {
        HeadState memory state = _head;
        newest = state.epoch;
        if (isExpired(epoch)) return (false, 0, newest);
        if (epoch == newest) return (true, _ring[state.ringIndex], newest);
        usable = epoch == state.previousEpoch && block.timestamp <= uint256(state.landedAt) + graceSeconds;
        if (usable) root = _ring[state.ringIndex ^ 1];
    }

    function _validUntil(uint64 epoch) private view returns (uint256) {
        return uint256(epoch) * epochSeconds + validitySeconds;
    }
}
