// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { ICommittee } from "./ICommittee.sol";
import { IModelRegistry } from "./IModelRegistry.sol";
import { IScoreOracle } from "./IScoreOracle.sol";
import { IStaking } from "./IStaking.sol";

/// @title What no honest member signs
/// @notice Evidence is a report and signatures over it, wherever, if anywhere, it was published. One transaction proves an offence:
///         on every chain it voids the report, on the home chain it also slashes whoever signed, be it one member.
/// @dev Proves that a score does not follow from its features under the model that the report's configuration names. That the
///      features follow from the blocks is not proved on chain: anyone recomputes it, and the exposure of lenders is limited for
///      that case. Evidence is taken as it comes, so whoever copies it from the mempool gets the challenger's half; a private
///      relay keeps it. A report is voided only if f + 1 signed it, or faulty members could void a good
///      one; those signatures are enough, and the others can be brought later, so that evidence stays cheap.
interface IScoreDispute {
    // --- types --------------------------------------------------------------------------------

    /// @notice A report, and records of 65 bytes as in `publish`, one at least, by members of its configuration.
    /// @param rotations In order of member: those that name a signing key which this chain was not told of. Mostly none.
    struct Evidence {
        IScoreOracle.Report report;
        bytes attestations;
        ICommittee.SignedRotation[] rotations;
    }

    // --- errors -------------------------------------------------------------------------------

    /// @notice Thrown when the parts are of different oracles.
    error InvalidDispute(address oracle, address registryOracle, address stakingOracle);

    /// @notice Thrown when retired models do not run for as long as stake answers.
    error ShortEvidenceWindow(uint256 given, uint256 required);

    /// @notice Thrown when two reports have different configurations.
    error DifferentDigests(bytes32 first, bytes32 second);

    /// @notice Thrown when two reports are of different epochs.
    error DifferentEpochs(uint64 first, uint64 second);

    /// @notice Thrown when the two reports are one.
    error SameReport(bytes32 reportHash);

    /// @notice Thrown when nobody signed both reports.
    error NoCommonSigner(uint32 first, uint32 second);

    /// @notice Thrown when evidence carries rotations of members that did not sign, twice, or out of order.
    error UnusedRotation(uint256 used, uint256 given);

    /// @notice Thrown when a report is of an epoch before the rotation that names its signer's key.
    error EarlyKey(uint64 epoch, uint64 fromEpoch);

    /// @notice Thrown when a newer rotation had replaced the key for a day, for all that this chain was told.
    error ReplacedKey(uint256 observedAt, uint256 untilS);

    /// @notice Thrown when an entry is not in the report.
    error NotInReport(bytes32 scoresRoot, bytes32 leaf);

    /// @notice Thrown when an entry is neither a borrower's (320 bytes) nor a collateral's (352 bytes).
    error EntryLength(uint256 given);

    /// @notice Thrown when two entries are one.
    error SameLeaf(bytes32 leaf);

    /// @notice Thrown when two entries have different subjects.
    error DifferentSubjects(bytes32 first, bytes32 second);

    /// @notice Thrown when a vector is not the one of which the entry holds the hash.
    error WrongVector(bytes32 given, bytes32 featuresHash);

    /// @notice Thrown when the registry does not know the models of a configuration; `ModelRegistry.record` tells it.
    error UnrecordedConfiguration(bytes32 configDigest);

    /// @notice Thrown when the model says what the entry says.
    error RightScore(bytes32 leaf);

    // --- events -------------------------------------------------------------------------------

    /// @notice An offence was proved. `signers` has one bit for each member that answers for it.
    /// @param isVoided Whether more members signed than may be faulty, so that the report is void here.
    event OffenceProved(
        uint64 indexed epoch,
        bytes32 indexed reportHash,
        IStaking.Offence offence,
        uint32 signers,
        bool isVoided,
        address indexed challenger
    );

    // --- writes -------------------------------------------------------------------------------

    /// @notice Proves that members signed two reports of one configuration and epoch.
    /// @dev Who signed both loses everything. Both reports are voided if f + 1 signed each, for then none can be believed.
    /// @return taken What the members that signed both lose; 0 where there is no staking.
    function proveEquivocation(Evidence calldata first, Evidence calldata second) external returns (uint256 taken);

    /// @notice Proves that a report has two entries of one subject.
    /// @return taken What its signers lose.
    function proveTwoLeaves(
        Evidence calldata evidence,
        bytes calldata first,
        bytes32[] calldata firstProof,
        bytes calldata second,
        bytes32[] calldata secondProof
    ) external returns (uint256 taken);

    /// @notice Proves that an entry is not what the model makes of its vector. Reasons are not compared.
    /// @param entry ABI encoding of a `BorrowerScore` or `CollateralScore`.
    /// @param proof Siblings from its leaf to the report's root.
    /// @param vector Features, two bytes each, whose hash the entry holds. One that no model takes proves the offence by itself.
    /// @return taken What the report's signers lose.
    function proveWrongScore(
        Evidence calldata evidence,
        bytes calldata entry,
        bytes32[] calldata proof,
        bytes calldata vector
    ) external returns (uint256 taken);

    // --- views --------------------------------------------------------------------------------

    /// @notice Who signed a change of committee: one bit for each member of `next.prevDigest`. Reverts unless every record is one of
    ///         its cold key, of one at least. Two changes after one digest show who signed both; nobody is slashed for it here.
    function changeSignersOf(
        ICommittee.Configuration calldata next,
        ICommittee.HomeBlock calldata home,
        bytes calldata attestations
    ) external view returns (uint32 signers);

    /// @notice Whose reports are disputed.
    function oracle() external view returns (IScoreOracle);

    /// @notice Where models run.
    function registry() external view returns (IModelRegistry);

    /// @notice Who is slashed; zero on every chain but the home chain.
    function staking() external view returns (IStaking);
}
