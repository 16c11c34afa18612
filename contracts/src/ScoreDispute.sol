// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { VectorDemand } from "./VectorDemand.sol";
import { ICommittee } from "./interfaces/ICommittee.sol";
import { IModelRegistry } from "./interfaces/IModelRegistry.sol";
import { IScoreDispute } from "./interfaces/IScoreDispute.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { IStaking } from "./interfaces/IStaking.sol";
import { EvidenceLib } from "./libraries/EvidenceLib.sol";
import { LeafLib } from "./libraries/LeafLib.sol";
import { ProofLib } from "./libraries/ProofLib.sol";

/// @title Proofs of what was signed wrongly
/// @notice Keeps nothing but demands: a report is void in the oracle, a slash is known to the stake, a repeat changes neither.
contract ScoreDispute is IScoreDispute, VectorDemand {
    /// @dev Where entries keep their subject, and a borrower's its reasons, which no chain computes.
    uint256 private constant _SUBJECT_AT = 32;
    uint256 private constant _REASONS_AT = 256;

    /// @inheritdoc IScoreDispute
    IScoreOracle public immutable oracle;
    /// @inheritdoc IScoreDispute
    IModelRegistry public immutable registry;
    /// @inheritdoc IScoreDispute
    IStaking public immutable staking;

    /// @param staking_ Stake of the members, on the home chain; elsewhere zero.
    /// @param demandSeconds_ How long there is to show a vector, below the oracle's validity; 0 takes no demands.
    /// @param gasPriceWei Price at which the bond of a demand is twice what the answer costs.
    constructor(
        IScoreOracle oracle_,
        IModelRegistry registry_,
        IStaking staking_,
        uint256 demandSeconds_,
        uint256 gasPriceWei
    ) VectorDemand(oracle_, demandSeconds_, gasPriceWei) {
        address registryOracle = registry_.committee();
        address stakingOracle = address(oracle_);
        if (address(staking_) != address(0)) {
            stakingOracle = address(staking_.oracle());
            uint256 required = staking_.unbondingSeconds();
            uint256 window = registry_.evidenceWindowSeconds();
            if (window < required) revert ShortEvidenceWindow(window, required);
        }
        if (registryOracle != address(oracle_) || stakingOracle != address(oracle_)) {
            revert InvalidDispute(address(oracle_), registryOracle, stakingOracle);
        }
        oracle = oracle_;
        registry = registry_;
        staking = staking_;
    }

    // --- proofs -------------------------------------------------------------------------------

    /// @inheritdoc IScoreDispute
    function proveEquivocation(Evidence calldata first, Evidence calldata second) external returns (uint256 taken) {
        bytes32 digest = first.report.configDigest;
        if (digest != second.report.configDigest) revert DifferentDigests(digest, second.report.configDigest);
        uint64 epoch = first.report.epoch;
        if (epoch != second.report.epoch) revert DifferentEpochs(epoch, second.report.epoch);
        bytes32 hash = oracle.hashReport(first.report);
        bytes32 otherHash = oracle.hashReport(second.report);
        if (hash == otherHash) revert SameReport(hash);
        uint32 signers = _signersOf(first);
        uint32 others = _signersOf(second);
        if (signers & others == 0) revert NoCommonSigner(signers, others);

        bool isVoided = _isVoidable(first.report, signers) && _isVoidable(second.report, others);
        emit OffenceProved(epoch, hash, IStaking.Offence.Equivocation, signers & others, isVoided, msg.sender);
        emit OffenceProved(epoch, otherHash, IStaking.Offence.Equivocation, signers & others, isVoided, msg.sender);
        if (isVoided) {
            oracle.voidReport(first.report);
            oracle.voidReport(second.report);
        }
        return _slash(digest, epoch, signers & others, IStaking.Offence.Equivocation);
    }

    /// @inheritdoc IScoreDispute
    function proveTwoLeaves(
        Evidence calldata evidence,
        bytes calldata first,
        bytes32[] calldata firstProof,
        bytes calldata second,
        bytes32[] calldata secondProof
    ) external returns (uint256 taken) {
        bytes32 leaf = _requireEntry(evidence.report, first, firstProof);
        if (leaf == _requireEntry(evidence.report, second, secondProof)) revert SameLeaf(leaf);
        bytes32 subject = _wordAt(first, _SUBJECT_AT);
        bytes32 other = _wordAt(second, _SUBJECT_AT);
        if (subject != other) revert DifferentSubjects(subject, other);
        return _convict(evidence);
    }

    /// @inheritdoc IScoreDispute
    function proveWrongScore(
        Evidence calldata evidence,
        bytes calldata entry,
        bytes32[] calldata proof,
        bytes calldata vector
    ) external returns (uint256 taken) {
        bytes32 leaf = _requireEntry(evidence.report, entry, proof);
        bytes32 featuresHash = _wordAt(entry, entry.length - _WORD);
        if (keccak256(vector) != featuresHash) revert WrongVector(keccak256(vector), featuresHash);
        if (_isRight(evidence.report.configDigest, entry, vector)) revert RightScore(leaf);
        return _convict(evidence);
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc IScoreDispute
    function changeSignersOf(
        ICommittee.Configuration calldata next,
        ICommittee.HomeBlock calldata home,
        bytes calldata attestations
    ) external view returns (uint32 signers) {
        return EvidenceLib.changeSignersOf(ICommittee(address(oracle)), next, home, attestations);
    }

    // --- internal -----------------------------------------------------------------------------

    /// @custom:invariant D-01 Nobody answers for what he did not sign, and no honest member signs what is proved here.
    function _signersOf(Evidence calldata evidence) private view returns (uint32) {
        return EvidenceLib.signersOf(ICommittee(address(oracle)), evidence);
    }

    /// @dev Whether more members signed than may be faulty. A report that landed has as many. One of an epoch after the time of its
    ///      configuration may have landed before a late certificate said so: the oracle knows, and otherwise marks its hash only.
    /// @custom:invariant D-02 Evidence voids only what more members signed than may be faulty: those alone void no good report.
    function _isVoidable(IScoreOracle.Report calldata report, uint32 signers) private view returns (bool) {
        ICommittee.Term memory term = ICommittee(address(oracle)).termOf(report.configDigest);
        if (report.epoch < term.fromEpoch) return false;
        // The oracle voids no epoch that is still far; the same evidence voids it when it comes.
        if (uint256(report.epoch) * oracle.epochSeconds() > block.timestamp + oracle.validitySeconds()) return false;
        return _count(signers) > term.f;
    }

    function _count(uint256 signers) private pure returns (uint256 count) {
        for (; signers != 0; signers &= signers - 1) {
            ++count;
        }
    }

    /// @dev Leaf of an entry that is in the report.
    function _requireEntry(IScoreOracle.Report calldata report, bytes calldata entry, bytes32[] calldata proof)
        private
        pure
        returns (bytes32 leaf)
    {
        leaf = _leafOf(entry);
        if (!ProofLib.verify(proof, report.scoresRoot, leaf)) revert NotInReport(report.scoresRoot, leaf);
    }

    /// @dev Whoever signed the report answers for it, and it is void if it is voidable.
    function _convict(Evidence calldata evidence) private returns (uint256) {
        IScoreOracle.Report calldata report = evidence.report;
        uint32 signers = _signersOf(evidence);
        bool isVoided = _isVoidable(report, signers);
        bytes32 hash = oracle.hashReport(report);
        emit OffenceProved(report.epoch, hash, IStaking.Offence.WrongScore, signers, isVoided, msg.sender);
        if (isVoided) oracle.voidReport(report);
        return _slash(report.configDigest, report.epoch, signers, IStaking.Offence.WrongScore);
    }

    function _slash(bytes32 digest, uint64 epoch, uint32 signers, IStaking.Offence offence) private returns (uint256) {
        if (address(staking) == address(0)) return 0;
        address[] memory members = new address[](_count(signers));
        uint256 found;
        // Each key is asked for by itself: the whole list would read two words of every member that did not sign.
        for (uint8 i = 0; found < members.length; ++i) {
            if (signers >> i & 1 == 1) members[found++] = ICommittee(address(oracle)).coldKeyOf(digest, i);
        }
        return staking.slash(members, epoch, offence, msg.sender);
    }

    /// @dev Whether the model that `digest` names makes `entry` of `vector`. A vector that it does not take makes no entry.
    function _isRight(bytes32 digest, bytes calldata entry, bytes calldata vector) private view returns (bool) {
        (bytes32 borrowerModelId, bytes32 collateralModelId) = registry.modelsOf(digest);
        if (borrowerModelId == 0) revert UnrecordedConfiguration(digest);
        bytes32 expected;
        if (entry.length == LeafLib.BORROWER_BYTES) {
            try registry.scoreBorrower(borrowerModelId, vector) returns (IModelRegistry.BorrowerFields memory fields) {
                expected = _borrowerHash(entry, fields);
            } catch (bytes memory reason) {
                _requireUnfit(reason);
            }
        } else {
            try registry.scoreCollateral(collateralModelId, vector) returns (
                IModelRegistry.CollateralFields memory fields
            ) {
                expected = keccak256(abi.encode(LeafLib.COLLATERAL, _wordAt(entry, _SUBJECT_AT), fields));
            } catch (bytes memory reason) {
                _requireUnfit(reason);
            }
        }
        return keccak256(entry) == expected;
    }

    function _borrowerHash(bytes calldata entry, IModelRegistry.BorrowerFields memory fields)
        private
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                LeafLib.BORROWER,
                _wordAt(entry, _SUBJECT_AT),
                fields.stateOffset,
                fields.behaviourMargin,
                fields.pdPpm,
                fields.pdUpperPpm,
                fields.points,
                fields.grade,
                _wordAt(entry, _REASONS_AT),
                fields.featuresHash
            )
        );
    }

    /// @dev Hands a failure of the registry on, unless it is the vector's: out of gas, or a model that does not run, proves nothing.
    /// @custom:invariant D-03 A score is wrong only if the model ran to its end, or cannot take the vector that was signed.
    function _requireUnfit(bytes memory reason) private pure {
        bytes4 selector = reason.length < 4 ? bytes4(0) : bytes4(reason);
        if (selector == IModelRegistry.VectorLength.selector || selector == IModelRegistry.SlotOutOfRange.selector) {
            return;
        }
        // Safe: hands the bytes in memory on as they are.
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    /// @dev The caller made sure that the entry is that long.
    function _wordAt(bytes calldata entry, uint256 at) private pure returns (bytes32) {
        return bytes32(entry[at:at + _WORD]);
    }
}
