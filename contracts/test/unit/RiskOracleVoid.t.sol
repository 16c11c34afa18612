// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ICommittee } from "../../src/interfaces/ICommittee.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { CommitteeFixture } from "../support/CommitteeFixture.sol";

/// @notice What a voided leaf takes with it, whose reports void an epoch, and which epochs can be voided.
contract RiskOracleVoidTest is CommitteeFixture {
    bytes32 private constant ROOT = keccak256("root");
    bytes32 private alice = asSubject(address(0xA11CE));
    bytes32 private weth = keccak256("weth/usd");

    function setUp() public {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
    }

    function pair() private view returns (bytes memory) {
        return abi.encode(collateralOf(weth));
    }

    /// @dev Publishes and posts a report of one entry, whose root is its leaf.
    function landEntry(bytes memory entry) private {
        entries = [entry];
        publishEntries(FIRST_EPOCH);
        oracle.post(FIRST_EPOCH, entries, new bytes32[](0), new bool[](0));
    }

    // --- voided leaves ------------------------------------------------------------------------

    /// Quotes O-09: a voided leaf proves nothing and is not posted; the others of its report do and are.
    function test_VoidLeaf_Proof_IsRefused() public {
        IScoreOracle.BorrowerScore memory score = borrowerOf(alice, 100, 4);
        IScoreOracle.BorrowerScore memory other = borrowerOf(asSubject(address(7)), 5, 2);
        entries = [abi.encode(score), abi.encode(other)];
        publishEntries(FIRST_EPOCH);
        bytes32[] memory proof = proofOf(entries[0]);
        bytes32 leaf = leafOf(entries[0]);
        oracle.verifyBorrower(FIRST_EPOCH, score, proof);

        vm.expectEmit(address(oracle));
        emit IScoreOracle.LeafVoided(FIRST_EPOCH, alice, leaf);
        oracle.voidLeaf(FIRST_EPOCH, entries[0]);

        bytes memory refusal = abi.encodeWithSelector(IScoreOracle.InvalidProof.selector, FIRST_EPOCH, leaf);
        vm.expectRevert(refusal);
        oracle.verifyBorrower(FIRST_EPOCH, score, proof);
        assertFalse(oracle.verify(FIRST_EPOCH, leaf, proof));
        bytes[] memory one = new bytes[](1);
        one[0] = entries[0];
        vm.expectRevert(refusal);
        oracle.post(FIRST_EPOCH, one, proof, new bool[](1));

        oracle.verifyBorrower(FIRST_EPOCH, other, proofOf(entries[1]));
        assertTrue(oracle.isUsable(FIRST_EPOCH));
        assertFalse(oracle.isOnHold());
    }

    /// Quotes O-09: a borrower's stored score goes; a pair keeps its threshold, but opens no loan and has no floor.
    function test_VoidLeaf_StoredScores_GiveNoLoan() public {
        entries = [abi.encode(borrowerOf(alice, 100, 4)), pair()];
        publishEntries(FIRST_EPOCH);
        postEntries(FIRST_EPOCH);

        oracle.voidLeaf(FIRST_EPOCH, entries[0]);
        assertEq(oracle.collateralScore(weth).binding, 1);
        oracle.voidLeaf(FIRST_EPOCH, entries[1]);

        assertEq(oracle.borrowerScore(alice).epoch, 0);
        assertEq(oracle.collateralScore(weth).binding, 3);
        assertEq(oracle.collateralScore(weth).ltvFloorBps, 0);
        assertEq(oracle.collateralScore(weth).liquidationThresholdBps, 8000);
    }

    /// A repeat changes nothing, not even what was stored since.
    function test_VoidLeaf_Twice_ChangesNothing() public {
        bytes memory rival = abi.encode(borrowerOf(weth, 100, 4));
        entries = [pair()];
        publishEntries(FIRST_EPOCH);
        oracle.voidLeaf(FIRST_EPOCH, rival);
        oracle.post(FIRST_EPOCH, entries, new bytes32[](0), new bool[](0));
        vm.recordLogs();

        oracle.voidLeaf(FIRST_EPOCH, rival);

        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(oracle.collateralScore(weth).binding, 1);
    }

    function test_VoidLeaf_OtherEpoch_LeavesTheStoredScore() public {
        landEntry(abi.encode(borrowerOf(alice, 100, 4)));

        oracle.voidLeaf(FIRST_EPOCH + 1, entries[0]);

        assertEq(oracle.borrowerScore(alice).epoch, FIRST_EPOCH);
        assertTrue(oracle.verify(FIRST_EPOCH, leafOf(entries[0]), new bytes32[](0)));
    }

    function test_VoidLeaf_RevertWhen_NotTheDispute() public {
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.NotDispute.selector, OWNER, address(this)));
        oracle.voidLeaf(FIRST_EPOCH, pair());
    }

    // --- whose report -------------------------------------------------------------------------

    function change(uint64 fromEpoch) private returns (bytes32) {
        ICommittee.Configuration memory next = nextOf(fromEpoch);
        oracle.changeCommittee(next, homeBlock(), certify(next, memberKeys, 3));
        return digestOf(next);
    }

    /// Quotes O-06: the committee before, which answers for nothing any more, cannot void its successor's report by its root.
    function test_VoidReport_OfADigestPastItsTerm_LeavesTheEpoch() public {
        bytes32 old = digest;
        bytes32 next = change(FIRST_EPOCH + 1);
        warpToEpoch(FIRST_EPOCH + 1);
        IScoreOracle.Report memory report = reportUnder(next, FIRST_EPOCH + 1, ROOT);
        oracle.publish(report, signAll(oracle.hashReport(report), nextKeys, 5));
        bytes32[3] memory strangers = [old, keccak256("unknown digest"), 0];

        for (uint256 i = 0; i < strangers.length; ++i) {
            IScoreOracle.Report memory rival = reportUnder(strangers[i], FIRST_EPOCH + 1, ROOT);
            bytes32 hash = oracle.hashReport(rival);
            vm.expectEmit(address(oracle));
            emit IScoreOracle.ReportVoided(FIRST_EPOCH + 1, hash, false);
            oracle.voidReport(rival);
            assertTrue(oracle.isVoided(hash));
        }

        assertTrue(oracle.isUsable(FIRST_EPOCH + 1));
        assertFalse(oracle.isOnHold());
        oracle.voidReport(report);
        assertTrue(oracle.isOnHold());
    }

    /// Nor can the successor void what its predecessor signed in its own time.
    function test_VoidReport_OfADigestBeforeItsTerm_LeavesTheEpoch() public {
        publishRoot(FIRST_EPOCH, ROOT);
        bytes32 next = change(FIRST_EPOCH + 1);

        oracle.voidReport(reportUnder(next, FIRST_EPOCH, ROOT));

        assertTrue(oracle.isUsable(FIRST_EPOCH));
    }

    /// A certificate that arrives late ends a term in the past; what had landed under the old digest till then is voided as ever.
    function test_VoidReport_LandedBeforeALateCertificate_VoidsTheEpoch() public {
        bytes32 old = digest;
        warpToEpoch(FIRST_EPOCH + 1);
        publishRoot(FIRST_EPOCH + 1, ROOT);
        vm.warp(block.timestamp + 100);
        change(FIRST_EPOCH + 1);

        oracle.voidReport(reportUnder(old, FIRST_EPOCH + 1, ROOT));

        assertFalse(oracle.isUsable(FIRST_EPOCH + 1));
        assertTrue(oracle.isEpochVoided(FIRST_EPOCH + 1));
        // It was voided for good, unlike `isExpired`, which time makes true of any.
        vm.warp(block.timestamp + 30 days);
        assertTrue(oracle.isEpochVoided(FIRST_EPOCH + 1));
        assertFalse(oracle.isEpochVoided(FIRST_EPOCH));
    }

    // --- which epochs -------------------------------------------------------------------------

    /// A mark on an epoch far ahead would make each report and each proof until then look whether it is void.
    function test_Void_RevertWhen_EpochIsFarAhead() public {
        uint64 latest = FIRST_EPOCH + VALIDITY_S / EPOCH_S;
        uint64[3] memory absurd = [latest + 1, uint64(1 << 40), type(uint64).max];
        for (uint256 i = 0; i < absurd.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(
                IScoreOracle.FutureReport.selector, uint256(absurd[i]) * EPOCH_S, block.timestamp + VALIDITY_S
            );
            vm.expectRevert(refusal);
            oracle.voidReport(reportOf(absurd[i], ROOT));
            vm.expectRevert(refusal);
            oracle.voidLeaf(absurd[i], pair());
        }

        oracle.voidReport(reportOf(latest, ROOT));
        assertTrue(oracle.isVoided(oracle.hashReport(reportOf(latest, ROOT))));
    }

    // --- floors -------------------------------------------------------------------------------

    /// Quotes O-03: an unrated score leaves the last rated threshold, but not the floor of a voided report.
    function test_Post_UnratedOnVoided_DropsTheFloor() public {
        landEntry(pair());
        oracle.voidReport(reportOf(FIRST_EPOCH, nodes()[0]));
        IScoreOracle.CollateralScore memory unrated = collateralOf(weth);
        unrated.binding = 3;
        entries = [abi.encode(unrated)];
        publishEntries(FIRST_EPOCH + 1);

        oracle.post(FIRST_EPOCH + 1, entries, new bytes32[](0), new bool[](0));

        assertEq(oracle.collateralScore(weth).ltvFloorBps, 0);
        assertEq(oracle.collateralScore(weth).liquidationThresholdBps, 8000);
    }
}
