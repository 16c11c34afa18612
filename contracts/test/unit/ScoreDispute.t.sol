// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ModelRegistry } from "../../src/ModelRegistry.sol";
import { RiskOracle } from "../../src/RiskOracle.sol";
import { ScoreDispute } from "../../src/ScoreDispute.sol";
import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { IScoreDispute } from "../../src/interfaces/IScoreDispute.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { DisputeFixture } from "../support/DisputeFixture.sol";

/// @notice Evidence of each kind, and what is none. Four members, f = 1, q = 3.
contract ScoreDisputeTest is DisputeFixture {
    uint8 private constant WRONG_SCORE = uint8(IStaking.Offence.WrongScore);
    uint8 private constant EQUIVOCATION = uint8(IStaking.Offence.Equivocation);
    uint256 private constant CAP = STAKE / 10;
    bytes32 private constant SUBJECT = bytes32(uint256(0xB0B));
    uint32 private constant ALL = 0xf;
    uint32 private constant QUORUM = 0x7;
    /// @dev Members 0 and 1: as many as f + 1.
    uint32 private constant TWO = 0x3;
    uint64 private constant EPOCH = FIRST_EPOCH;

    address private challenger = makeAddr("challenger");
    IModelRegistry.SelfTestCase[] private borrowerCases;
    IModelRegistry.SelfTestCase[] private collateralCases;

    function setUp() public {
        deployDispute(4, 1, 3, "borrower-sandbox-1");
        IModelRegistry.SelfTestCase[] memory cases = runSelfTestCases("borrower-sandbox-1");
        IModelRegistry.SelfTestCase[] memory pairs = runSelfTestCases("collateral-1");
        for (uint256 i = 0; i < 24; ++i) {
            borrowerCases.push(cases[i]);
            collateralCases.push(pairs[i]);
        }
        vm.startPrank(challenger);
    }

    // --- deployment ---------------------------------------------------------------------------

    function test_Deploy_RevertWhen_PartsAreOfDifferentOracles() public {
        vm.stopPrank();
        RiskOracle home = oracle;
        RiskOracle other = new RiskOracle(genesisOf(4, 1, 3));
        ModelRegistry otherRegistry = new ModelRegistry(address(other), curator, UNBONDING_S);
        IStaking none = IStaking(address(0));

        expectInvalid(home, other, home);
        new ScoreDispute(home, otherRegistry, staking, DEMAND_S, GAS_PRICE_WEI);
        expectInvalid(home, other, home);
        new ScoreDispute(home, otherRegistry, none, DEMAND_S, GAS_PRICE_WEI);
        expectInvalid(other, other, home);
        new ScoreDispute(other, otherRegistry, staking, DEMAND_S, GAS_PRICE_WEI);
    }

    /// A model that is retired must run for as long as stake answers for what was scored with it.
    function test_Deploy_RevertWhen_RetiredModelsEndTooSoon() public {
        ModelRegistry shorter = new ModelRegistry(address(oracle), curator, UNBONDING_S - 1);

        vm.expectRevert(
            abi.encodeWithSelector(IScoreDispute.ShortEvidenceWindow.selector, UNBONDING_S - 1, UNBONDING_S)
        );
        new ScoreDispute(oracle, shorter, staking, DEMAND_S, GAS_PRICE_WEI);
    }

    function expectInvalid(RiskOracle given, RiskOracle ofRegistry, RiskOracle ofStaking) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IScoreDispute.InvalidDispute.selector, address(given), address(ofRegistry), address(ofStaking)
            )
        );
    }

    // --- equivocation -------------------------------------------------------------------------

    /// Quotes D-01: members 1 and 2 signed both, 0 and 3 one each.
    function test_Equivocation_TwoSignedBoth_LoseEverything() public {
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(EPOCH, keccak256("first")), 0x7);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(EPOCH, keccak256("second")), 0xe);

        assertEq(dispute.proveEquivocation(first, second), 2 * STAKE);

        assertEq(offenceOf(0, EPOCH), 0);
        assertEq(offenceOf(1, EPOCH), EQUIVOCATION);
        assertEq(offenceOf(2, EPOCH), EQUIVOCATION);
        assertEq(offenceOf(3, EPOCH), 0);
        assertEq(staking.caseOf(1).challenger, challenger);
        // More signed each than may be faulty: neither can be believed.
        assertTrue(oracle.isVoided(oracle.hashReport(first.report)));
        assertTrue(oracle.isVoided(oracle.hashReport(second.report)));
    }

    /// Quotes D-02: a single member that signs another report does not void the one that landed.
    function test_Equivocation_ByOneMember_VoidsNothing() public {
        publishRoot(EPOCH, keccak256("good"));
        IScoreDispute.Evidence memory good = evidenceOf(reportOf(EPOCH, keccak256("good")), ALL);
        IScoreDispute.Evidence memory bad = evidenceOf(reportOf(EPOCH, keccak256("bad")), 0x8);

        assertEq(dispute.proveEquivocation(bad, good), STAKE);

        assertFalse(oracle.isVoided(oracle.hashReport(good.report)));
        assertFalse(oracle.isVoided(oracle.hashReport(bad.report)));
        assertTrue(oracle.isUsable(EPOCH));
    }

    /// An epoch too far ahead to be voided shields nobody from the slash, and is voided by the same evidence when it comes.
    function test_Equivocation_FarAhead_SlashesNowAndVoidsLater() public {
        uint64 far = EPOCH + 1000;
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(far, keccak256("first")), 0x7);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(far, keccak256("second")), 0x7);

        assertEq(dispute.proveEquivocation(first, second), 3 * STAKE);
        assertFalse(oracle.isVoided(oracle.hashReport(first.report)));

        vm.warp(uint256(far) * oracle.epochSeconds());
        assertEq(dispute.proveEquivocation(first, second), 0);
        assertTrue(oracle.isVoided(oracle.hashReport(first.report)));
    }

    /// Also where the two differ in a count only.
    function test_Equivocation_SameRoot_IsProved() public {
        IScoreOracle.Report memory other = reportOf(EPOCH, keccak256("root"));
        other.borrowers += 1;

        assertEq(
            dispute.proveEquivocation(evidenceOf(reportOf(EPOCH, keccak256("root")), 0x1), evidenceOf(other, 0x1)),
            STAKE
        );
    }

    function test_Equivocation_Repeated_ChangesNothing() public {
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(EPOCH, keccak256("first")), 0x7);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(EPOCH, keccak256("second")), 0x7);
        dispute.proveEquivocation(first, second);
        vm.stopPrank();

        assertEq(dispute.proveEquivocation(second, first), 0);
        assertEq(staking.caseOf(1).challenger, challenger);
        assertEq(staking.caseOf(2).challenger, address(0));
        assertEq(staking.totalPending(), 3 * STAKE);
    }

    function test_Equivocation_RevertWhen_OneReport() public {
        IScoreDispute.Evidence memory one = evidenceOf(reportOf(EPOCH, keccak256("root")), 0x1);
        IScoreDispute.Evidence memory again = evidenceOf(reportOf(EPOCH, keccak256("root")), 0x3);

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.SameReport.selector, oracle.hashReport(one.report)));
        dispute.proveEquivocation(one, again);
    }

    function test_Equivocation_RevertWhen_TwoEpochs() public {
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(EPOCH, keccak256("root")), 0x1);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(EPOCH + 1, keccak256("root")), 0x1);

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.DifferentEpochs.selector, EPOCH, EPOCH + 1));
        dispute.proveEquivocation(first, second);
    }

    function test_Equivocation_RevertWhen_TwoDigests() public {
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(EPOCH, keccak256("root")), 0x1);
        bytes32 other = keccak256("other deployment");
        IScoreDispute.Evidence memory second = evidenceOf(reportUnder(other, EPOCH, keccak256("root")), 0x1);

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.DifferentDigests.selector, digest, other));
        dispute.proveEquivocation(first, second);
    }

    /// Both of a digest that this oracle never had: another salt's signatures prove nothing here.
    function test_Equivocation_RevertWhen_UnknownDigest() public {
        bytes32 other = keccak256("other deployment");
        IScoreDispute.Evidence memory first = evidenceOf(reportUnder(other, EPOCH, keccak256("first")), 0x1);
        IScoreDispute.Evidence memory second = evidenceOf(reportUnder(other, EPOCH, keccak256("second")), 0x1);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongDigest.selector, other, digest));
        dispute.proveEquivocation(first, second);
    }

    /// Quotes D-01: nobody who signed one of them only.
    function test_Equivocation_RevertWhen_NobodySignedBoth() public {
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(EPOCH, keccak256("first")), 0x3);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(EPOCH, keccak256("second")), 0xc);

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.NoCommonSigner.selector, uint32(0x3), uint32(0xc)));
        dispute.proveEquivocation(first, second);
    }

    function test_Equivocation_RevertWhen_Malformed() public {
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(EPOCH, keccak256("first")), 0x3);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(EPOCH, keccak256("second")), 0x3);

        bytes memory good = second.attestations;
        second.attestations = bytes.concat(good, hex"00");
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.MalformedAttestations.selector, 131));
        dispute.proveEquivocation(first, second);

        second.attestations = "";
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.TooFewAttestations.selector, 0, 1));
        dispute.proveEquivocation(first, second);

        // The signature of one report under the other.
        second.attestations = first.attestations;
        vm.expectPartialRevert(IScoreOracle.WrongSigner.selector);
        dispute.proveEquivocation(first, second);
    }

    function test_Equivocation_RevertWhen_EvidenceIsLate() public {
        IScoreDispute.Evidence memory first = evidenceOf(reportOf(EPOCH, keccak256("first")), 0x3);
        IScoreDispute.Evidence memory second = evidenceOf(reportOf(EPOCH, keccak256("second")), 0x3);
        uint256 answersUntil = uint256(EPOCH) * EPOCH_S + UNBONDING_S;
        vm.warp(answersUntil + 1);

        vm.expectRevert(abi.encodeWithSelector(IStaking.LateEvidence.selector, answersUntil + 1, answersUntil));
        dispute.proveEquivocation(first, second);
    }

    // --- two leaves ---------------------------------------------------------------------------

    function makeTwoLeaves() private returns (IScoreDispute.Evidence memory evidence) {
        entries.push(entryOf(borrowerCases[0], SUBJECT));
        entries.push(entryOf(borrowerCases[1], SUBJECT));
        entries.push(entryOf(borrowerCases[2], bytes32(uint256(3))));
        evidence = evidenceOf(reportOfEntries(EPOCH), QUORUM);
    }

    /// Quotes O-06: a certificate that arrives late ends a digest's time before an epoch that had landed under it, which stays, and is
    /// void as any other once it is proved wrong.
    function test_TwoLeaves_LandedBeforeALateCertificate_IsVoided() public {
        makeTwoLeaves();
        warpToEpoch(EPOCH + 2);
        publishEntries(EPOCH + 2);
        vm.warp(block.timestamp + 100);
        ICommittee.Configuration memory next = nextOf(EPOCH + 1);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        assertTrue(oracle.isUsable(EPOCH + 2));

        assertEq(proveTwoLeaves(evidenceOf(reportOfEntries(EPOCH + 2), TWO), 0, 1), 2 * CAP);
        assertFalse(oracle.isUsable(EPOCH + 2));
        assertTrue(oracle.isEpochVoided(EPOCH + 2));
    }

    /// Quotes D-02: those that were replaced void no epoch of their successors, whatever they sign, its root among it.
    function test_TwoLeaves_OfTheSuccessorsEpoch_VoidsNoneOfTheirs() public {
        makeTwoLeaves();
        ICommittee.Configuration memory next = nextOf(EPOCH + 1);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        warpToEpoch(EPOCH + 1);
        IScoreOracle.Report memory report = reportUnder(oracle.newestDigest(), EPOCH + 1, nodes()[0]);
        oracle.publish(report, signAll(oracle.hashReport(report), nextKeys, next.q));

        assertEq(proveTwoLeaves(evidenceOf(reportOfEntries(EPOCH + 1), ALL), 0, 1), 4 * CAP);
        assertTrue(oracle.isUsable(EPOCH + 1));
        assertFalse(oracle.isVoided(oracle.hashReport(report)));
    }

    function test_TwoLeaves_OfOneSubject_IsProved() public {
        IScoreDispute.Evidence memory evidence = makeTwoLeaves();
        bytes32 hash = oracle.hashReport(evidence.report);

        vm.expectEmit(address(dispute));
        emit IScoreDispute.OffenceProved(EPOCH, hash, IStaking.Offence.WrongScore, QUORUM, true, challenger);
        assertEq(proveTwoLeaves(evidence, 0, 1), 3 * CAP);

        assertEq(offenceOf(0, EPOCH), WRONG_SCORE);
        assertEq(offenceOf(3, EPOCH), 0);
        assertTrue(oracle.isVoided(hash));
    }

    function test_TwoLeaves_RevertWhen_SubjectsDiffer() public {
        IScoreDispute.Evidence memory evidence = makeTwoLeaves();

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.DifferentSubjects.selector, SUBJECT, bytes32(uint256(3))));
        proveTwoLeaves(evidence, 0, 2);
    }

    function test_TwoLeaves_RevertWhen_OneLeaf() public {
        IScoreDispute.Evidence memory evidence = makeTwoLeaves();

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.SameLeaf.selector, leafOf(entries[0])));
        proveTwoLeaves(evidence, 0, 0);
    }

    function test_TwoLeaves_RevertWhen_NotInTheReport() public {
        IScoreDispute.Evidence memory evidence = makeTwoLeaves();
        bytes memory stranger = entryOf(borrowerCases[5], SUBJECT);
        bytes32[] memory proof = proofOf(entries[0]);
        bytes memory first = entries[0];

        vm.expectRevert(
            abi.encodeWithSelector(IScoreDispute.NotInReport.selector, evidence.report.scoresRoot, leafOf(stranger))
        );
        dispute.proveTwoLeaves(evidence, first, proof, stranger, proof);
    }

    function proveTwoLeaves(IScoreDispute.Evidence memory evidence, uint256 i, uint256 j) private returns (uint256) {
        return dispute.proveTwoLeaves(evidence, entries[i], proofOf(entries[i]), entries[j], proofOf(entries[j]));
    }

    // --- wrong score --------------------------------------------------------------------------

    /// Quotes D-01, D-03: what Python scored is right in the EVM, whoever asks, for whatever case.
    function test_WrongScore_RevertWhen_Right() public {
        for (uint256 i = 0; i < borrowerCases.length; ++i) {
            expectRight(borrowerCases[i], bytes32(i + 1));
            expectRight(collateralCases[i], keccak256(abi.encode(i)));
        }
        assertEq(staking.totalPending(), 0);
    }

    function expectRight(IModelRegistry.SelfTestCase memory item, bytes32 subject) private {
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entryOf(item, subject), QUORUM);

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.RightScore.selector, leafOf(entries[0])));
        proveScore(evidence, item.vector);
    }

    /// Reasons are not computed on chain, so whatever they say is no offence.
    function test_WrongScore_RevertWhen_OnlyReasonsDiffer() public {
        bytes memory entry = withWord(entryOf(borrowerCases[3], SUBJECT), 8, bytes32(bytes4(0x09080706)));
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, QUORUM);

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.RightScore.selector, leafOf(entry)));
        proveScore(evidence, borrowerCases[3].vector);
    }

    /// Each derived field of either kind, one unit off.
    function testFuzz_D03_EachField_OneUnitOff_IsProved(uint256 which, uint256 field, bool isUp) public {
        which = bound(which, 0, borrowerCases.length - 1);
        bytes memory entry = withUnit(entryOf(borrowerCases[which], SUBJECT), 2 + field % 6, isUp);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, QUORUM);
        assertEq(proveScore(evidence, borrowerCases[which].vector), 3 * CAP);

        entry = withUnit(entryOf(collateralCases[which], SUBJECT), 2 + field % 8, isUp);
        evidence = evidenceOfOne(entry, 0x8);
        assertEq(proveScore(evidence, collateralCases[which].vector), CAP);
        assertEq(staking.totalPending(), 4 * CAP);
    }

    function withUnit(bytes memory entry, uint256 word, bool isUp) private pure returns (bytes memory) {
        uint256 value = uint256(wordOf(entry, word));
        unchecked {
            return withWord(entry, word, bytes32(isUp ? value + 1 : value - 1));
        }
    }

    /// The report had landed: no loan is given on it, and the market waits for the next one.
    function test_WrongScore_Landed_IsVoided() public {
        bytes memory entry = withUnit(entryOf(borrowerCases[0], SUBJECT), 4, false);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, QUORUM);
        oracle.publish(evidence.report, evidence.attestations);
        assertTrue(oracle.isUsable(EPOCH));

        proveScore(evidence, borrowerCases[0].vector);

        assertFalse(oracle.isUsable(EPOCH));
        assertTrue(oracle.isOnHold());
    }

    /// Before it lands anywhere: it never will here.
    function test_WrongScore_BeforeItLands_IsRefusedThen() public {
        bytes memory entry = withUnit(entryOf(borrowerCases[0], SUBJECT), 4, false);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, QUORUM);
        proveScore(evidence, borrowerCases[0].vector);
        bytes32 hash = oracle.hashReport(evidence.report);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.VoidedReport.selector, EPOCH, hash));
        oracle.publish(evidence.report, evidence.attestations);
    }

    /// Quotes D-02: f + 1 of the signatures void what landed; who signed it too is slashed when his is brought.
    function test_WrongScore_FewerSignatures_VoidAndSlashLater() public {
        bytes memory entry = withUnit(entryOf(borrowerCases[0], SUBJECT), 4, false);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, QUORUM);
        oracle.publish(evidence.report, evidence.attestations);

        assertEq(proveScore(evidenceOfOne(entry, TWO), borrowerCases[0].vector), 2 * CAP);
        assertTrue(oracle.isOnHold());
        assertEq(proveScore(evidence, borrowerCases[0].vector), CAP);
        assertEq(staking.totalPending(), 3 * CAP);
    }

    /// Quotes D-02: f members that sign nonsense are slashed, and nothing is voided.
    function test_WrongScore_ByFaultyMembersAlone_VoidsNothing() public {
        bytes memory entry = withUnit(entryOf(borrowerCases[0], SUBJECT), 4, false);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, 0x8);

        assertEq(proveScore(evidence, borrowerCases[0].vector), CAP);
        assertFalse(oracle.isVoided(oracle.hashReport(evidence.report)));
    }

    /// Quotes D-02: an epoch out of the digest's time cannot land under it; its signers answer all the same.
    function test_WrongScore_OutOfTheDigestsTime_VoidsNothing() public {
        bytes memory entry = withUnit(entryOf(borrowerCases[0], SUBJECT), 4, false);
        delete entries;
        entries.push(entry);
        IScoreDispute.Evidence memory evidence = evidenceOf(reportOfEntries(EPOCH - 1), ALL);

        assertEq(proveScore(evidence, borrowerCases[0].vector), 4 * CAP);
        assertFalse(oracle.isVoided(oracle.hashReport(evidence.report)));
    }

    /// Quotes D-03: no model takes a vector that is too short, or has a value of 65535.
    function test_WrongScore_UnfitVector_IsProved() public {
        bytes memory short = slice(borrowerCases[0].vector, 0, borrowerCases[0].vector.length - 1);
        bytes memory entry = withWord(entryOf(borrowerCases[0], SUBJECT), 9, keccak256(short));
        assertEq(proveScore(evidenceOfOne(entry, 0x1), short), CAP);

        bytes memory outside = bytes.concat(collateralCases[0].vector);
        (outside[0], outside[1]) = (0xff, 0xff);
        entry = withWord(entryOf(collateralCases[0], SUBJECT), 10, keccak256(outside));
        assertEq(proveScore(evidenceOfOne(entry, 0x2), outside), CAP);
    }

    /// Quotes D-03: a call with too little gas for the model proves nothing.
    function testFuzz_D03_TooLittleGas_ProvesNothing(uint256 gasLimit) public {
        bytes memory entry = entryOf(borrowerCases[0], SUBJECT);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, QUORUM);
        bytes memory call_ =
            abi.encodeCall(dispute.proveWrongScore, (evidence, entry, new bytes32[](0), borrowerCases[0].vector));

        (bool done,) = address(dispute).call{ gas: bound(gasLimit, 20_000, 400_000) }(call_);

        assertFalse(done);
        assertEq(staking.totalPending(), 0);
    }

    function test_WrongScore_RevertWhen_AnotherVector() public {
        bytes memory entry = withUnit(entryOf(borrowerCases[0], SUBJECT), 4, false);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, QUORUM);
        bytes memory other = borrowerCases[1].vector;

        vm.expectRevert(
            abi.encodeWithSelector(
                IScoreDispute.WrongVector.selector, keccak256(other), keccak256(borrowerCases[0].vector)
            )
        );
        proveScore(evidence, other);
    }

    function test_WrongScore_RevertWhen_EntryIsNoEntry() public {
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entryOf(borrowerCases[0], SUBJECT), QUORUM);
        uint16[4] memory sizes = [0, 64, 319, 384];
        for (uint256 i = 0; i < sizes.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IScoreDispute.EntryLength.selector, sizes[i]));
            dispute.proveWrongScore(evidence, new bytes(sizes[i]), new bytes32[](0), "");
        }
    }

    function test_WrongScore_RevertWhen_ConfigurationIsUnrecorded() public {
        vm.stopPrank();
        ModelRegistry empty = new ModelRegistry(address(oracle), curator, UNBONDING_S);
        dispute = new ScoreDispute(oracle, empty, staking, DEMAND_S, GAS_PRICE_WEI);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entryOf(borrowerCases[0], SUBJECT), QUORUM);

        vm.expectRevert(abi.encodeWithSelector(IScoreDispute.UnrecordedConfiguration.selector, digest));
        proveScore(evidence, borrowerCases[0].vector);
    }

    /// Quotes R-04: a model that was retired since runs for as long as stake answers for the last epoch of its digest.
    function test_WrongScore_RetiredModel_IsProvedInItsWindow() public {
        vm.stopPrank();
        bytes memory entry = withUnit(entryOf(borrowerCases[0], SUBJECT), 4, false);
        IScoreDispute.Evidence memory evidence = evidenceOfOne(entry, QUORUM);
        uint64 lastEpoch = FIRST_EPOCH + digestSeconds() / EPOCH_S;
        IScoreDispute.Evidence memory last = evidenceOf(reportOf(lastEpoch, evidence.report.scoresRoot), QUORUM);
        uint256 executableUntil = uint256(lastEpoch) * EPOCH_S + UNBONDING_S;
        retireModels();
        vm.warp(uint256(EPOCH) * EPOCH_S + UNBONDING_S);

        assertEq(proveScore(evidence, borrowerCases[0].vector), 3 * CAP);

        vm.warp(executableUntil);
        assertEq(proveScore(last, borrowerCases[0].vector), 3 * (CAP - CAP / 10));
        vm.warp(executableUntil + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.NotExecutable.selector, borrowerModelId, IModelRegistry.State.Retired, executableUntil
            )
        );
        proveScore(evidence, borrowerCases[0].vector);
    }

    /// @dev A successor of the committee names `borrower-1`.
    function retireModels() private {
        (, uint64 fromEpoch, uint8 f, uint8 q, address[] memory members) = oracle.committee();
        registry.pin(
            IModelRegistry.Config(keccak256("salt"), 0, members, f, q, fromEpoch),
            paramsOf(borrowerModelId, collateralModelId)
        );
        bytes memory params = paramsOf(makeTestedRun("borrower-1"), collateralModelId);
        ICommittee.Configuration memory next = nextOf(EPOCH + 1);
        next.paramsHash = keccak256(params);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        warpToEpoch(EPOCH + 1);
        registry.pin(
            IModelRegistry.Config(next.prevDigest, next.seq, next.members, next.f, next.q, next.fromEpoch), params
        );
    }

    /// Quotes D-03: a model that nobody registered proves nothing.
    function test_WrongScore_RevertWhen_ModelIsUnknown() public {
        vm.stopPrank();
        (, uint64 fromEpoch, uint8 f, uint8 q, address[] memory members) = oracle.committee();
        ModelRegistry empty = new ModelRegistry(address(oracle), curator, UNBONDING_S);
        empty.record(
            IModelRegistry.Config(keccak256("salt"), 0, members, f, q, fromEpoch),
            paramsOf(borrowerModelId, collateralModelId)
        );
        dispute = new ScoreDispute(oracle, empty, staking, DEMAND_S, GAS_PRICE_WEI);

        expectUnknown(evidenceOfOne(entryOf(borrowerCases[0], SUBJECT), QUORUM), borrowerCases[0], borrowerModelId);
        expectUnknown(evidenceOfOne(entryOf(collateralCases[0], SUBJECT), 0x1), collateralCases[0], collateralModelId);
    }

    function expectUnknown(
        IScoreDispute.Evidence memory evidence,
        IModelRegistry.SelfTestCase memory item,
        bytes32 modelId
    ) private {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, modelId));
        proveScore(evidence, item.vector);
    }

    // --- other chains -------------------------------------------------------------------------

    /// A chain without stake voids, and slashes nobody.
    function test_OtherChain_WithoutStaking_VoidsAlone() public {
        vm.stopPrank();
        IScoreOracle.Genesis memory genesis = genesisOf(4, 1, 3);
        genesis.paramsHash = keccak256(paramsOf(borrowerModelId, collateralModelId));
        oracle = new RiskOracle(genesis);
        assertEq(oracle.configDigest(), digest);
        registry = new ModelRegistry(address(oracle), curator, UNBONDING_S);
        dispute = new ScoreDispute(oracle, registry, IStaking(address(0)), DEMAND_S, GAS_PRICE_WEI);
        vm.prank(OWNER);
        oracle.setDispute(address(dispute));
        IScoreDispute.Evidence memory evidence = makeTwoLeaves();

        assertEq(proveTwoLeaves(evidence, 0, 1), 0);

        assertTrue(oracle.isVoided(oracle.hashReport(evidence.report)));
        assertEq(staking.totalPending(), 0);
    }

    // --- support ------------------------------------------------------------------------------

    function evidenceOfOne(bytes memory entry, uint32 signers) private returns (IScoreDispute.Evidence memory) {
        delete entries;
        entries.push(entry);
        return evidenceOf(reportOfEntries(EPOCH), signers);
    }

    function proveScore(IScoreDispute.Evidence memory evidence, bytes memory vector) private returns (uint256) {
        return dispute.proveWrongScore(evidence, entries[0], new bytes32[](0), vector);
    }
}
