// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { MerkleProof } from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import { Committee } from "./Committee.sol";
import { ScoreStore } from "./ScoreStore.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { AttestationLib } from "./libraries/AttestationLib.sol";
import { HeadLib, HeadWord } from "./libraries/HeadLib.sol";
import { LeafLib } from "./libraries/LeafLib.sol";
import { ProofLib } from "./libraries/ProofLib.sol";

/// @title Committee and scores in one contract
/// @notice Keeps the signer tables, the head in one word and a ring of roots by epoch; times are derived from the epoch. That
///         layout, not a mapping of reports, is what makes a report cheaper than one value of a price oracle.
contract RiskOracle is Committee, ScoreStore {
    /// @inheritdoc IScoreOracle
    uint64 public immutable validitySeconds;
    /// @inheritdoc IScoreOracle
    uint64 public immutable graceSeconds;
    /// @inheritdoc IScoreOracle
    uint64 public immutable challengeSeconds;
    uint256 private immutable _latenessUnitS;

    HeadWord private _head;
    /// @dev Root of epoch e at e mod 16 (`HeadLib.RING`), if `HeadLib.latenessOf` says that it landed.
    bytes32[16] private _ring;
    /// @inheritdoc IScoreOracle
    address public dispute;
    /// @dev Reports by their hash, leaves by that of epoch and leaf.
    mapping(bytes32 hash => bool) private _voided;
    mapping(uint256 epoch => bool) private _voidedEpochs;

    /// @dev One function, for the modifier's code is copied to each place where it stands.
    modifier onlyDispute() {
        _requireDispute();
        _;
    }

    constructor(Genesis memory genesis) Committee(genesis) {
        if (genesis.validitySeconds == 0 || genesis.validitySeconds > type(uint40).max) {
            revert InvalidPeriod("validitySeconds", genesis.validitySeconds, type(uint40).max);
        }
        if (genesis.challengeSeconds >= genesis.validitySeconds) {
            revert InvalidPeriod("challengeSeconds", genesis.challengeSeconds, genesis.validitySeconds - 1);
        }
        validitySeconds = genesis.validitySeconds;
        graceSeconds = genesis.graceSeconds;
        challengeSeconds = genesis.challengeSeconds;
        _latenessUnitS = HeadLib.unitOf(genesis.validitySeconds);
    }

    // --- writes -------------------------------------------------------------------------------

    /// @inheritdoc IScoreOracle
    function publish(Report calldata report, bytes calldata attestations) external {
        HeadWord state = _head;
        uint64 epoch = report.epoch;
        bytes32 hash = AttestationLib.hashReport(_domain, report);
        uint256 lateS = _requireTimely(epoch, state);
        if (epoch <= state.newestVoided() && _voided[hash]) revert VoidedReport(epoch, hash);
        uint32 signers = _requireQuorum(report.configDigest, epoch, hash, attestations);

        _head = state.landed(epoch, block.timestamp, lateS / _latenessUnitS + 1);
        _ring[epoch % HeadLib.RING] = report.scoresRoot;
        emit ReportPublished(
            epoch,
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
        (bool usable,, uint64 newest) = _lookUp(epoch);
        bool isFinal = isFinalised(epoch);
        if (!usable && !isFinal) revert UnusableEpoch(epoch, newest);
        _requireEntries(epoch, entries, proof, proofFlags);
        for (uint256 i = 0; i < entries.length; ++i) {
            bytes calldata entry = entries[i];
            if (entry.length == LeafLib.BORROWER_BYTES) {
                _postBorrower(epoch, abi.decode(entry, (BorrowerScore)), usable, isFinal);
            } else if (entry.length == LeafLib.COLLATERAL_BYTES) {
                _postCollateral(epoch, abi.decode(entry, (CollateralScore)), usable, isFinal);
            } else {
                revert MalformedEntry(i, entry.length);
            }
        }
    }

    /// @inheritdoc IScoreOracle
    /// @custom:invariant O-06 A voided report gives no loan any more and never lands; nothing else changes by voiding.
    function voidReport(Report calldata report) external onlyDispute {
        bytes32 hash = AttestationLib.hashReport(_domain, report);
        if (_voided[hash]) return;
        uint256 epoch = report.epoch;
        HeadWord state = _markVoided(hash, epoch);
        // A report out of the ring may have landed: its epoch is void then too, for nobody can tell.
        bool wasHere = !_isPast(epoch);
        uint256 landedAt = type(uint256).max;
        if (epoch + HeadLib.RING > state.epoch()) {
            uint256 lateness = state.latenessOf(epoch);
            wasHere = lateness != 0 && _slotOf(epoch) == report.scoresRoot;
            // No later than it landed, and by less than a unit earlier.
            if (wasHere) landedAt = _latestLanding(epoch, lateness) - _latenessUnitS;
        }
        wasHere = wasHere && _isOfDigest(report.configDigest, epoch, landedAt);
        if (wasHere) _voidedEpochs[epoch] = true;
        emit ReportVoided(report.epoch, hash, wasHere);
    }

    /// @inheritdoc IScoreOracle
    /// @custom:invariant O-09 A voided leaf proves nothing and is not posted; what was stored of it gives no loan any more.
    function voidLeaf(uint64 epoch, bytes calldata entry) external onlyDispute {
        bytes32 leaf = LeafLib.hashEntry(entry);
        bytes32 subject = bytes32(entry[32:64]);
        bytes32 key = _leafKey(epoch, leaf);
        if (_voided[key]) return;
        _markVoided(key, epoch);
        _withdraw(epoch, subject);
        emit LeafVoided(epoch, subject, leaf);
    }

    /// @inheritdoc IScoreOracle
    function setDispute(address dispute_) external onlyOwner {
        if (dispute != address(0)) revert DisputeAlreadySet(dispute_, dispute);
        dispute = dispute_;
        emit DisputeSet(dispute_);
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
        return usable && ProofLib.verify(proof, root, leaf) && !_isVoidedLeaf(epoch, leaf);
    }

    /// @inheritdoc IScoreOracle
    function isUsable(uint64 epoch) external view returns (bool usable) {
        (usable,,) = _lookUp(epoch);
    }

    /// @inheritdoc IScoreOracle
    function head() external view returns (Head memory newest) {
        HeadWord state = _head;
        uint256 epoch = state.epoch();
        if (epoch == 0) return newest;
        // Casts are safe: times are below 2^41.
        newest.epoch = uint64(epoch);
        newest.observedAt = uint64(epoch * epochSeconds());
        newest.validUntil = uint64(_validUntil(epoch));
        newest.landedAt = uint64(state.landedAt());
        newest.previousEpoch = uint64(state.previousEpoch());
        newest.scoresRoot = _slotOf(epoch);
    }

    /// @inheritdoc IScoreOracle
    function latest() external view returns (Reading memory reading) {
        HeadWord state = _head;
        uint256 epoch = state.epoch();
        if (!_isPast(epoch) && !_isVoidedEpoch(state, epoch)) reading = _readingOf(epoch);
    }

    /// @inheritdoc IScoreOracle
    function finalised() external view returns (Reading memory reading) {
        HeadWord state = _head;
        uint256 newest = state.epoch();
        for (uint256 age = 0; age < HeadLib.RING && age < newest; ++age) {
            if (_isFinal(state, newest - age)) return _readingOf(newest - age);
        }
    }

    /// @inheritdoc IScoreOracle
    function isOnHold() external view returns (bool) {
        // Cast is safe: the head's epoch is 40 bits wide.
        return isEpochVoided(uint64(_head.epoch()));
    }

    /// @inheritdoc IScoreOracle
    function isVoided(bytes32 reportHash) external view returns (bool) {
        return _voided[reportHash];
    }

    /// @inheritdoc IScoreOracle
    function committee()
        external
        view
        returns (uint64 seq, uint64 fromEpoch, uint8 f, uint8 q, address[] memory members)
    {
        bytes32 digest = configDigest();
        Term memory term = termOf(digest);
        return (term.seq, term.fromEpoch, term.f, term.q, coldKeysOf(digest));
    }

    /// @inheritdoc IScoreOracle
    function hashReport(Report calldata report) external view returns (bytes32) {
        return AttestationLib.hashReport(_domain, report);
    }

    /// @inheritdoc IScoreOracle
    function epochSeconds() public view returns (uint64) {
        return _epochSeconds;
    }

    /// @inheritdoc IScoreOracle
    function configDigest() public view returns (bytes32) {
        return _presentDigest();
    }

    /// @inheritdoc IScoreOracle
    function rootOf(uint64 epoch) public view returns (bytes32) {
        (bool usable, bytes32 root, uint64 newest) = _lookUp(epoch);
        if (!usable) revert UnusableEpoch(epoch, newest);
        return root;
    }

    /// @inheritdoc IScoreOracle
    function isExpired(uint64 epoch) public view override returns (bool) {
        return _isPast(epoch) || isEpochVoided(epoch);
    }

    /// @inheritdoc IScoreOracle
    function isEpochVoided(uint64 epoch) public view override returns (bool) {
        return _isVoidedEpoch(_head, epoch);
    }

    /// @inheritdoc IScoreOracle
    function isFinalised(uint64 epoch) public view override returns (bool) {
        return _isFinal(_head, epoch);
    }

    // --- internal -----------------------------------------------------------------------------

    function _requireDispute() private view {
        if (msg.sender != dispute) revert NotDispute(msg.sender, dispute);
    }

    /// @dev How long after the earliest moment, 60 s before its boundary, a report of `epoch` lands.
    /// @custom:invariant O-01 The head's epoch only rises, and only to an epoch whose boundary has come and whose validity has not passed.
    function _requireTimely(uint64 epoch, HeadWord state) private view returns (uint256 lateS) {
        // Cast is safe: the head's epoch is 40 bits wide.
        if (epoch <= state.epoch()) revert StaleReport(epoch, uint64(state.epoch()));
        uint256 observedAt = uint256(epoch) * _epochSeconds;
        uint256 latestAllowed = block.timestamp + HeadLib.CLOCK_TOLERANCE_S;
        if (observedAt > latestAllowed) revert FutureReport(observedAt, latestAllowed);
        lateS = latestAllowed - observedAt;
        if (lateS > validitySeconds + HeadLib.CLOCK_TOLERANCE_S) {
            revert ExpiredReport(observedAt + validitySeconds, block.timestamp);
        }
    }

    /// @dev Marks a report or leaf as void; returns the head before. The bound keeps the mark off epochs that no report has for
    ///      long, below which each `publish` and `verify` would have to look whether it is void.
    function _markVoided(bytes32 key, uint256 epoch) private returns (HeadWord state) {
        uint256 observedAt = epoch * _epochSeconds;
        uint256 latestAllowed = block.timestamp + validitySeconds;
        if (observedAt > latestAllowed) revert FutureReport(observedAt, latestAllowed);
        state = _head;
        _voided[key] = true;
        _head = state.voided(epoch);
    }

    /// @dev The caller made sure that the report of `epoch` is in the ring.
    function _requireEntries(
        uint64 epoch,
        bytes[] calldata entries,
        bytes32[] calldata proof,
        bool[] calldata proofFlags
    ) private view {
        // An empty set would make the multiproof true of anything.
        if (entries.length == 0) revert NothingToPost();
        bytes32[] memory leaves = new bytes32[](entries.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = LeafLib.hashEntry(entries[i]);
            if (_isVoidedLeaf(epoch, leaves[i])) revert InvalidProof(epoch, leaves[i]);
        }
        bytes32 root = _slotOf(epoch);
        if (!MerkleProof.multiProofVerifyCalldata(proof, proofFlags, root, leaves)) {
            revert InvalidProof(epoch, leaves[0]);
        }
    }

    function _postBorrower(uint64 epoch, BorrowerScore memory score, bool usable, bool isFinal) private {
        if (score.kind != LeafLib.BORROWER) revert WrongKind(score.kind, LeafLib.BORROWER);
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
        _storeBorrower(posted, score.subject, usable, isFinal);
    }

    function _postCollateral(uint64 epoch, CollateralScore memory score, bool usable, bool isFinal) private {
        if (score.kind != LeafLib.COLLATERAL) revert WrongKind(score.kind, LeafLib.COLLATERAL);
        PostedCollateral memory posted = PostedCollateral({
            epoch: epoch,
            margin: score.margin,
            volatilityPpm: score.volatilityPpm,
            drawdownBps: score.drawdownBps,
            gapPpm: score.gapPpm,
            ltvCeilingBps: score.ltvCeilingBps,
            ltvFloorBps: score.ltvFloorBps,
            liquidationThresholdBps: score.liquidationThresholdBps,
            binding: score.binding
        });
        _storeCollateral(posted, score.subject, usable, isFinal);
    }

    function _requireProof(uint64 epoch, bytes32 leaf, bytes32[] calldata proof) private view {
        bool isProved = ProofLib.verify(proof, rootOf(epoch), leaf);
        if (!isProved || _isVoidedLeaf(epoch, leaf)) revert InvalidProof(epoch, leaf);
    }

    /// @dev Usable: the head, and its predecessor within the grace, each inside its validity, unless it or the head is voided.
    function _lookUp(uint256 epoch) private view returns (bool usable, bytes32 root, uint64 newest) {
        HeadWord state = _head;
        uint256 current = state.epoch();
        // Cast is safe: the head's epoch is 40 bits wide.
        newest = uint64(current);
        usable = !_isPast(epoch) && !_isVoidedEpoch(state, current);
        if (epoch != current) {
            usable = usable && epoch == state.previousEpoch() && block.timestamp <= state.landedAt() + graceSeconds
                && !_isVoidedEpoch(state, epoch);
        }
        if (usable) root = _ring[epoch % HeadLib.RING];
    }

    /// @dev Final: landed in the ring, stood for the challenge window, in its validity, not voided.
    function _isFinal(HeadWord state, uint256 epoch) private view returns (bool) {
        uint256 lateness = state.latenessOf(epoch);
        if (lateness == 0 || _isPast(epoch)) return false;
        bool hasStood = block.timestamp >= _latestLanding(epoch, lateness) + challengeSeconds;
        return hasStood && !_isVoidedEpoch(state, epoch);
    }

    /// @dev The landing time as the head keeps it, rounded up by less than a unit: never below it, so nothing wraps.
    function _latestLanding(uint256 epoch, uint256 lateness) private view returns (uint256) {
        return epoch * _epochSeconds + lateness * _latenessUnitS - HeadLib.CLOCK_TOLERANCE_S;
    }

    function _isVoidedEpoch(HeadWord state, uint256 epoch) private view returns (bool) {
        return epoch <= state.newestVoided() && _voidedEpochs[epoch];
    }

    function _isVoidedLeaf(uint256 epoch, bytes32 leaf) private view returns (bool) {
        return epoch <= _head.newestVoided() && _voided[_leafKey(epoch, leaf)];
    }

    function _leafKey(uint256 epoch, bytes32 leaf) private pure returns (bytes32) {
        return keccak256(abi.encode(epoch, leaf));
    }

    function _readingOf(uint256 epoch) private view returns (Reading memory) {
        // Casts are safe: times are below 2^41.
        return Reading({
            epoch: uint64(epoch),
            observedAt: uint64(epoch * _epochSeconds),
            validUntil: uint64(_validUntil(epoch)),
            scoresRoot: _slotOf(epoch)
        });
    }

    /// @dev Not where gas counts: `publish` and `verify` read the ring themselves.
    function _slotOf(uint256 epoch) private view returns (bytes32) {
        return _ring[epoch % HeadLib.RING];
    }

    function _isPast(uint256 epoch) private view returns (bool) {
        return epoch == 0 || block.timestamp > _validUntil(epoch);
    }

    function _validUntil(uint256 epoch) private view returns (uint256) {
        return epoch * _epochSeconds + validitySeconds;
    }
}
