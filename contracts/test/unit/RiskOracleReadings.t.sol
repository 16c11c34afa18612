// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

/// @notice The two readings, latest and finalised, and what voiding does to them.
contract RiskOracleReadingsTest is OracleFixture {
    /// @dev Lateness is kept in steps of (10,800 + 60) / 254 + 1 seconds.
    uint256 private constant STEP_S = 43;
    address private constant DISPUTE = address(0xD15);
    bytes32 private alice = asSubject(address(0xA11CE));
    bytes32 private weth = keccak256("weth/usd");

    function setUp() public {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(DISPUTE);
    }

    function rootAt(uint64 epoch) private pure returns (bytes32) {
        return keccak256(abi.encode("root", epoch));
    }

    /// @dev Lands a minute after the boundary; lateness 120 s is three steps.
    function land(uint64 epoch) private {
        vm.warp(uint256(epoch) * EPOCH_S + 60);
        publishRoot(epoch, rootAt(epoch));
    }

    function voidRoot(uint64 epoch, bytes32 root) private {
        vm.prank(DISPUTE);
        oracle.voidReport(reportOf(epoch, root));
    }

    function finalAt(uint64 epoch) private pure returns (uint256) {
        return uint256(epoch) * EPOCH_S - 60 + 3 * STEP_S + CHALLENGE_S;
    }

    function assertReading(IScoreOracle.Reading memory reading, uint64 epoch) private pure {
        assertEq(reading.epoch, epoch);
        assertEq(reading.observedAt, uint256(epoch) * EPOCH_S);
        assertEq(reading.validUntil, epoch == 0 ? 0 : uint256(epoch) * EPOCH_S + VALIDITY_S);
        assertEq(reading.scoresRoot, epoch == 0 ? bytes32(0) : rootAt(epoch));
    }

    // --- latest and finalised -----------------------------------------------------------------

    function test_Readings_NoReport_AreZero() public view {
        assertReading(oracle.latest(), 0);
        assertReading(oracle.finalised(), 0);
        assertFalse(oracle.isOnHold());
        assertFalse(oracle.isFinalised(0));
        assertTrue(oracle.isExpired(0));
    }

    /// Quotes O-07: final once it stood for the challenge window, never earlier and at most one step later.
    function test_Finalised_AfterTheWindow_IsTheReport() public {
        land(FIRST_EPOCH);
        uint256 landedAt = block.timestamp;
        assertReading(oracle.latest(), FIRST_EPOCH);

        assertGe(finalAt(FIRST_EPOCH), landedAt + CHALLENGE_S);
        assertLt(finalAt(FIRST_EPOCH), landedAt + CHALLENGE_S + STEP_S);
        vm.warp(finalAt(FIRST_EPOCH) - 1);
        assertReading(oracle.finalised(), 0);
        assertFalse(oracle.isFinalised(FIRST_EPOCH));

        vm.warp(finalAt(FIRST_EPOCH));
        assertReading(oracle.finalised(), FIRST_EPOCH);
        assertTrue(oracle.isFinalised(FIRST_EPOCH));
    }

    function test_Finalised_NewestThatStood_IsChosen() public {
        for (uint64 i = 0; i < 4; ++i) {
            land(FIRST_EPOCH + i);
        }

        // The third landed an hour before the fourth, and is final 9 s after that.
        assertReading(oracle.finalised(), FIRST_EPOCH + 1);
        assertReading(oracle.latest(), FIRST_EPOCH + 3);
        vm.warp(finalAt(FIRST_EPOCH + 2));
        assertReading(oracle.finalised(), FIRST_EPOCH + 2);
    }

    function test_Readings_Expired_AreZero() public {
        land(FIRST_EPOCH);

        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S);
        assertReading(oracle.latest(), FIRST_EPOCH);
        assertReading(oracle.finalised(), FIRST_EPOCH);

        vm.warp(block.timestamp + 1);
        assertReading(oracle.latest(), 0);
        assertReading(oracle.finalised(), 0);
    }

    /// A report that lands at the end of its validity must stand the whole window, and is past its validity by then.
    function test_Finalised_LandedLate_NeverIs() public {
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S);
        publishRoot(FIRST_EPOCH, rootAt(FIRST_EPOCH));

        assertFalse(oracle.isFinalised(FIRST_EPOCH));
        vm.warp(block.timestamp + CHALLENGE_S + STEP_S);
        assertFalse(oracle.isFinalised(FIRST_EPOCH));
    }

    function test_Head_GapOfFifteen_KeepsThePredecessor() public {
        land(FIRST_EPOCH);
        land(FIRST_EPOCH + 15);
        assertEq(oracle.head().previousEpoch, FIRST_EPOCH);

        land(FIRST_EPOCH + 31);
        assertEq(oracle.head().previousEpoch, 0);
        assertReading(oracle.latest(), FIRST_EPOCH + 31);
    }

    // --- voiding ------------------------------------------------------------------------------

    /// Quotes O-06: a voided report gives no loan any more.
    function test_Void_Head_NothingIsUsable() public {
        land(FIRST_EPOCH);
        land(FIRST_EPOCH + 1);
        assertTrue(oracle.isUsable(FIRST_EPOCH));
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH + 1, rootAt(FIRST_EPOCH + 1));

        vm.expectEmit(address(oracle));
        emit IScoreOracle.ReportVoided(FIRST_EPOCH + 1, oracle.hashReport(report), true);
        vm.prank(DISPUTE);
        oracle.voidReport(report);

        assertTrue(oracle.isVoided(oracle.hashReport(report)));
        assertTrue(oracle.isOnHold());
        assertFalse(oracle.isUsable(FIRST_EPOCH + 1));
        assertFalse(oracle.isUsable(FIRST_EPOCH));
        assertTrue(oracle.isExpired(FIRST_EPOCH + 1));
        assertFalse(oracle.isExpired(FIRST_EPOCH));
        assertReading(oracle.latest(), 0);
        assertFalse(oracle.verify(FIRST_EPOCH + 1, rootAt(FIRST_EPOCH + 1), new bytes32[](0)));
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnusableEpoch.selector, FIRST_EPOCH + 1, FIRST_EPOCH + 1));
        oracle.rootOf(FIRST_EPOCH + 1);
        // The head itself is what it was.
        assertEq(oracle.head().epoch, FIRST_EPOCH + 1);
        assertEq(oracle.head().scoresRoot, rootAt(FIRST_EPOCH + 1));
    }

    function test_Void_Head_HoldEndsWithTheNextReport() public {
        land(FIRST_EPOCH);
        voidRoot(FIRST_EPOCH, rootAt(FIRST_EPOCH));
        assertTrue(oracle.isOnHold());

        land(FIRST_EPOCH + 1);

        assertFalse(oracle.isOnHold());
        assertReading(oracle.latest(), FIRST_EPOCH + 1);
        // Its predecessor stays void, grace or not.
        assertFalse(oracle.isUsable(FIRST_EPOCH));
        assertTrue(oracle.isUsable(FIRST_EPOCH + 1));
    }

    function test_Void_Predecessor_LeavesTheHead() public {
        land(FIRST_EPOCH);
        land(FIRST_EPOCH + 1);
        voidRoot(FIRST_EPOCH, rootAt(FIRST_EPOCH));

        assertFalse(oracle.isOnHold());
        assertFalse(oracle.isUsable(FIRST_EPOCH));
        assertTrue(oracle.isUsable(FIRST_EPOCH + 1));
        assertReading(oracle.latest(), FIRST_EPOCH + 1);
    }

    function test_Void_FinalReport_OlderOneTakesItsPlace() public {
        for (uint64 i = 0; i < 3; ++i) {
            land(FIRST_EPOCH + i);
        }
        vm.warp(finalAt(FIRST_EPOCH + 1));
        assertReading(oracle.finalised(), FIRST_EPOCH + 1);

        voidRoot(FIRST_EPOCH + 1, rootAt(FIRST_EPOCH + 1));

        assertReading(oracle.finalised(), FIRST_EPOCH);
        assertFalse(oracle.isFinalised(FIRST_EPOCH + 1));
    }

    /// Quotes O-06: a voided report never lands.
    function test_Publish_RevertWhen_Voided() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, rootAt(FIRST_EPOCH));
        vm.expectEmit(address(oracle));
        emit IScoreOracle.ReportVoided(FIRST_EPOCH, oracle.hashReport(report), false);
        vm.prank(DISPUTE);
        oracle.voidReport(report);
        bytes memory attestations = attestAll(report, 2);
        bytes32 hash = oracle.hashReport(report);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.VoidedReport.selector, FIRST_EPOCH, hash));
        oracle.publish(report, attestations);

        // Another report of that epoch is none of its business.
        publishRoot(FIRST_EPOCH, keccak256("another root"));
        assertTrue(oracle.isUsable(FIRST_EPOCH));
        assertFalse(oracle.isOnHold());
    }

    function test_Void_OtherRootOfALandedEpoch_LeavesTheEpoch() public {
        land(FIRST_EPOCH);
        voidRoot(FIRST_EPOCH, keccak256("another root"));

        assertTrue(oracle.isUsable(FIRST_EPOCH));
        assertFalse(oracle.isExpired(FIRST_EPOCH));
    }

    /// The same scores under another cut are the same scores: what is wrong with them is wrong here.
    function test_Void_SameRootOfALandedEpoch_VoidsTheEpoch() public {
        land(FIRST_EPOCH);
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, rootAt(FIRST_EPOCH));
        report.cutHash = keccak256("another cut");
        vm.prank(DISPUTE);
        oracle.voidReport(report);

        assertFalse(oracle.isUsable(FIRST_EPOCH));
    }

    /// Quotes C-07: a repeat changes nothing.
    function test_Void_Twice_ChangesNothing() public {
        land(FIRST_EPOCH);
        voidRoot(FIRST_EPOCH, rootAt(FIRST_EPOCH));
        land(FIRST_EPOCH + 1);
        vm.recordLogs();

        voidRoot(FIRST_EPOCH, rootAt(FIRST_EPOCH));

        assertEq(vm.getRecordedLogs().length, 0);
        assertTrue(oracle.isUsable(FIRST_EPOCH + 1));
    }

    function test_Void_EdgeEpochs_StopNobody() public {
        voidRoot(0, 0);
        voidRoot(FIRST_EPOCH + VALIDITY_S / EPOCH_S, rootAt(1));

        land(FIRST_EPOCH);
        assertTrue(oracle.isUsable(FIRST_EPOCH));
        assertFalse(oracle.isOnHold());
    }

    function test_Void_RevertWhen_NotTheDispute() public {
        IScoreOracle.Report memory report = reportOf(FIRST_EPOCH, rootAt(FIRST_EPOCH));
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.NotDispute.selector, address(this), DISPUTE));
        oracle.voidReport(report);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.NotDispute.selector, OWNER, DISPUTE));
        oracle.voidReport(report);
    }

    function test_SetDispute_RevertWhen_NotOwnerOrAgain() public {
        vm.expectRevert(abi.encodeWithSelector(ICommittee.NotOwner.selector, address(this), OWNER));
        oracle.setDispute(address(1));
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.DisputeAlreadySet.selector, address(1), DISPUTE));
        oracle.setDispute(address(1));
        assertEq(oracle.dispute(), DISPUTE);
    }

    // --- stored scores ------------------------------------------------------------------------

    function landEntry(uint64 epoch, bytes memory entry) private {
        entries = [entry];
        publishEntries(epoch);
        oracle.post(epoch, entries, new bytes32[](0), new bool[](0));
    }

    function pairAt(uint16 threshold, uint8 binding) private view returns (bytes memory) {
        IScoreOracle.CollateralScore memory score = collateralOf(weth);
        (score.liquidationThresholdBps, score.binding) = (threshold, binding);
        return abi.encode(score);
    }

    /// Quotes O-08: the final score of a pair follows its latest one by the challenge window.
    function test_FinalisedCollateral_FollowsTheLatest() public {
        landEntry(FIRST_EPOCH, pairAt(8000, 1));
        assertEq(oracle.finalisedCollateralScore(weth).epoch, 0);

        vm.warp(finalAt(FIRST_EPOCH));
        assertEq(oracle.finalisedCollateralScore(weth).liquidationThresholdBps, 8000);

        landEntry(FIRST_EPOCH + 2, pairAt(7000, 1));
        assertEq(oracle.collateralScore(weth).liquidationThresholdBps, 7000);
        assertEq(oracle.finalisedCollateralScore(weth).epoch, FIRST_EPOCH);
        assertEq(oracle.finalisedCollateralScore(weth).liquidationThresholdBps, 8000);
    }

    /// Posted every epoch, no latest score stands for the window; a final report is posted for itself then.
    function test_FinalisedCollateral_PostedFromAFinalReport_IsKept() public {
        bytes[] memory old = new bytes[](1);
        old[0] = pairAt(8000, 1);
        landEntry(FIRST_EPOCH, old[0]);
        landEntry(FIRST_EPOCH + 1, pairAt(7900, 1));
        assertEq(oracle.finalisedCollateralScore(weth).epoch, 0);

        vm.warp(finalAt(FIRST_EPOCH) + GRACE_S);
        assertFalse(oracle.isUsable(FIRST_EPOCH));
        oracle.post(FIRST_EPOCH, old, new bytes32[](0), new bool[](0));

        assertEq(oracle.finalisedCollateralScore(weth).liquidationThresholdBps, 8000);
        assertEq(oracle.collateralScore(weth).liquidationThresholdBps, 7900);
    }

    /// A voided threshold stays in the latest record, but never reaches the final one, not even behind an unrated score.
    function test_FinalisedCollateral_VoidedThreshold_NeverReachesIt() public {
        landEntry(FIRST_EPOCH, pairAt(8000, 1));
        vm.warp(finalAt(FIRST_EPOCH));
        landEntry(FIRST_EPOCH + 2, pairAt(9900, 1));
        voidRoot(FIRST_EPOCH + 2, nodes()[0]);
        landEntry(FIRST_EPOCH + 3, pairAt(0, 3));
        assertEq(oracle.collateralScore(weth).liquidationThresholdBps, 9900);

        vm.warp(finalAt(FIRST_EPOCH + 3) + STEP_S);
        IScoreOracle.PostedCollateral memory stored = oracle.finalisedCollateralScore(weth);
        assertEq(stored.liquidationThresholdBps, 8000);
        assertEq(stored.epoch, FIRST_EPOCH + 3);
        assertEq(stored.binding, 3);
    }

    /// Quotes O-08.
    function test_FinalisedBorrower_FollowsTheLatest() public {
        landEntry(FIRST_EPOCH, abi.encode(borrowerOf(alice, 100, 4)));
        assertEq(oracle.finalisedBorrowerScore(alice).epoch, 0);

        vm.warp(finalAt(FIRST_EPOCH));
        assertEq(oracle.finalisedBorrowerScore(alice).behaviourMargin, 100);

        landEntry(FIRST_EPOCH + 2, abi.encode(borrowerOf(alice, 300, 6)));
        assertEq(oracle.borrowerScore(alice).behaviourMargin, 300);
        assertEq(oracle.finalisedBorrowerScore(alice).behaviourMargin, 100);

        vm.warp(finalAt(FIRST_EPOCH + 2));
        assertEq(oracle.finalisedBorrowerScore(alice).behaviourMargin, 300);
    }

    function test_FinalisedBorrower_PostedFromAFinalReport_IsKept() public {
        landEntry(FIRST_EPOCH, abi.encode(borrowerOf(alice, 100, 4)));
        bytes[] memory old = new bytes[](1);
        old[0] = entries[0];
        landEntry(FIRST_EPOCH + 1, abi.encode(borrowerOf(alice, 300, 6)));

        vm.warp(finalAt(FIRST_EPOCH) + GRACE_S);
        oracle.post(FIRST_EPOCH, old, new bytes32[](0), new bool[](0));

        assertEq(oracle.finalisedBorrowerScore(alice).behaviourMargin, 100);
        assertEq(oracle.borrowerScore(alice).behaviourMargin, 300);
    }

    /// Quotes O-02: a voided score, however risky, gives way to the next one.
    function test_Post_AfterVoid_ReplacesTheBorrower() public {
        landEntry(FIRST_EPOCH, abi.encode(borrowerOf(alice, 900, 9)));
        voidRoot(FIRST_EPOCH, nodes()[0]);
        assertTrue(oracle.isExpired(oracle.borrowerScore(alice).epoch));
        assertEq(oracle.borrowerScore(alice).behaviourMargin, 900);

        landEntry(FIRST_EPOCH + 1, abi.encode(borrowerOf(alice, 100, 4)));
        assertEq(oracle.borrowerScore(alice).behaviourMargin, 100);
    }

    function test_Post_RevertWhen_Voided() public {
        entries = [pairAt(8000, 1)];
        publishEntries(FIRST_EPOCH);
        voidRoot(FIRST_EPOCH, nodes()[0]);

        vm.warp(finalAt(FIRST_EPOCH));
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnusableEpoch.selector, FIRST_EPOCH, FIRST_EPOCH));
        oracle.post(FIRST_EPOCH, entries, new bytes32[](0), new bool[](0));
    }
}

/// @notice A validity that outlasts the ring of sixteen epochs.
contract RiskOracleLongValidityTest is OracleFixture {
    function setUp() public {
        deployOracle(1, 0, 1);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
    }

    function validitySeconds() internal pure override returns (uint64) {
        return 30 days;
    }

    function digestSeconds() internal pure override returns (uint64) {
        return 365 days;
    }

    /// Out of the ring nobody can tell which report had landed, so the epoch is void whichever was.
    function test_Void_OutOfTheRing_VoidsTheEpoch() public {
        vm.warp(uint256(FIRST_EPOCH + 16) * EPOCH_S);
        publishRoot(FIRST_EPOCH, keccak256("old root"));
        publishRoot(FIRST_EPOCH + 16, keccak256("new root"));
        assertFalse(oracle.isExpired(FIRST_EPOCH));

        oracle.voidReport(reportOf(FIRST_EPOCH, keccak256("some root")));

        assertTrue(oracle.isExpired(FIRST_EPOCH));
        assertTrue(oracle.isUsable(FIRST_EPOCH + 16));
    }

    function test_Void_PastItsValidity_MarksNothing() public {
        publishRoot(FIRST_EPOCH, keccak256("old root"));
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + validitySeconds() + EPOCH_S);
        publishRoot(FIRST_EPOCH + 700, keccak256("new root"));

        vm.expectEmit(address(oracle));
        emit IScoreOracle.ReportVoided(
            FIRST_EPOCH, oracle.hashReport(reportOf(FIRST_EPOCH, keccak256("old root"))), false
        );
        oracle.voidReport(reportOf(FIRST_EPOCH, keccak256("old root")));
    }
}
