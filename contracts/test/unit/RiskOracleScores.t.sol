// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "../support/OracleFixture.sol";
import { MerkleProof } from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @notice Scores of a report: presented with a proof, or posted.
contract RiskOracleScoresTest is OracleFixture {
    bytes32 private constant ROOT = keccak256("root");
    bytes32 private alice = asSubject(address(0xA11CE));
    bytes32 private weth = keccak256("weth/usd");

    function setUp() public {
        deployOracle(4, 1, 3);
    }

    // --- proofs -------------------------------------------------------------------------------

    function test_Verify_EntriesOfTheReport_Pass() public {
        IScoreOracle.BorrowerScore memory score = borrowerOf(alice, 100, 4);
        IScoreOracle.CollateralScore memory pair = collateralOf(weth);
        entries = [abi.encode(score), abi.encode(pair), abi.encode(borrowerOf(asSubject(address(7)), 5, 2))];
        publishEntries(FIRST_EPOCH);

        oracle.verifyBorrower(FIRST_EPOCH, score, proofOf(entries[0]));
        oracle.verifyCollateral(FIRST_EPOCH, pair, proofOf(entries[1]));
        assertTrue(oracle.verify(FIRST_EPOCH, leafOf(entries[2]), proofOf(entries[2])));
    }

    function test_VerifyBorrower_RevertWhen_OneFieldChanged() public {
        IScoreOracle.BorrowerScore memory score = borrowerOf(alice, 100, 4);
        entries = [abi.encode(score), abi.encode(collateralOf(weth))];
        publishEntries(FIRST_EPOCH);
        bytes32[] memory proof = proofOf(entries[0]);
        score.behaviourMargin = 99;

        vm.expectRevert(
            abi.encodeWithSelector(IScoreOracle.InvalidProof.selector, FIRST_EPOCH, leafOf(abi.encode(score)))
        );
        oracle.verifyBorrower(FIRST_EPOCH, score, proof);
        assertFalse(oracle.verify(FIRST_EPOCH, leafOf(abi.encode(score)), proof));
    }

    function test_VerifyBorrower_RevertWhen_ProofOfAnotherEpoch() public {
        IScoreOracle.BorrowerScore memory score = borrowerOf(alice, 100, 4);
        entries = [abi.encode(score), abi.encode(collateralOf(weth))];
        publishEntries(FIRST_EPOCH);
        bytes32[] memory proof = proofOf(entries[0]);
        entries[0] = abi.encode(borrowerOf(alice, 300, 5));
        publishEntries(FIRST_EPOCH + 1);

        vm.expectRevert(
            abi.encodeWithSelector(IScoreOracle.InvalidProof.selector, FIRST_EPOCH + 1, leafOf(abi.encode(score)))
        );
        oracle.verifyBorrower(FIRST_EPOCH + 1, score, proof);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnusableEpoch.selector, FIRST_EPOCH + 2, FIRST_EPOCH + 1));
        oracle.verifyBorrower(FIRST_EPOCH + 2, score, proof);
        assertFalse(oracle.verify(FIRST_EPOCH + 2, leafOf(abi.encode(score)), proof));
    }

    function test_VerifyBorrower_RevertWhen_OtherKind() public {
        IScoreOracle.BorrowerScore memory score = borrowerOf(alice, 100, 4);
        score.kind = 2;

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongKind.selector, 2, 1));
        oracle.verifyBorrower(FIRST_EPOCH, score, new bytes32[](0));
    }

    function test_VerifyCollateral_RevertWhen_OtherKind() public {
        IScoreOracle.CollateralScore memory score = collateralOf(weth);
        score.kind = 1;

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongKind.selector, 1, 2));
        oracle.verifyCollateral(FIRST_EPOCH, score, new bytes32[](0));
    }

    // --- post ---------------------------------------------------------------------------------

    function test_Post_BorrowerAndCollateral_AreStored() public {
        entries = [
            abi.encode(borrowerOf(alice, 100, 4)),
            abi.encode(collateralOf(weth)),
            abi.encode(borrowerOf(asSubject(address(7)), -5, 1))
        ];
        publishEntries(FIRST_EPOCH);

        postEntries(FIRST_EPOCH);

        IScoreOracle.PostedBorrower memory stored = oracle.borrowerScore(alice);
        assertEq(stored.epoch, FIRST_EPOCH);
        assertEq(stored.stateOffset, -5790);
        assertEq(stored.behaviourMargin, 100);
        assertEq(stored.pdPpm, 12_345);
        assertEq(stored.pdUpperPpm, 15_000);
        assertEq(stored.points, 600);
        assertEq(stored.grade, 4);
        assertEq(stored.reasons, bytes4(0x01020304));
        assertEq(oracle.borrowerScore(asSubject(address(7))).behaviourMargin, -5);
        IScoreOracle.PostedCollateral memory pair = oracle.collateralScore(weth);
        assertEq(pair.epoch, FIRST_EPOCH);
        assertEq(pair.margin, -9000);
        assertEq(pair.volatilityPpm, 620_000);
        assertEq(pair.drawdownBps, 1500);
        assertEq(pair.gapPpm, 20_000);
        assertEq(pair.ltvCeilingBps, 7500);
        assertEq(pair.ltvFloorBps, 6000);
        assertEq(pair.liquidationThresholdBps, 8000);
        assertEq(pair.binding, 1);
    }

    /// Quotes O-02: a stored borrower score is replaced only by a riskier one that is no older, or after it expired.
    function test_Post_SaferScore_DoesNotReplace() public {
        postBorrower(FIRST_EPOCH, 100, 4);
        postBorrower(FIRST_EPOCH + 1, 99, 3);

        assertEq(oracle.borrowerScore(alice).epoch, FIRST_EPOCH);
        assertEq(oracle.borrowerScore(alice).behaviourMargin, 100);
    }

    function test_Post_RiskierScore_Replaces() public {
        postBorrower(FIRST_EPOCH, 100, 4);
        postBorrower(FIRST_EPOCH + 1, 101, 4);

        assertEq(oracle.borrowerScore(alice).epoch, FIRST_EPOCH + 1);
        assertEq(oracle.borrowerScore(alice).behaviourMargin, 101);
    }

    function test_Post_RiskierButOlderScore_DoesNotReplace() public {
        bytes memory older = abi.encode(borrowerOf(alice, 500, 8));
        entries = [older];
        publishEntries(FIRST_EPOCH);
        postBorrower(FIRST_EPOCH + 1, 100, 4);

        entries = [older];
        postEntries(FIRST_EPOCH);

        assertEq(oracle.borrowerScore(alice).epoch, FIRST_EPOCH + 1);
        assertEq(oracle.borrowerScore(alice).behaviourMargin, 100);
    }

    function test_Post_UnratedScore_CountsAsRiskiest() public {
        postBorrower(FIRST_EPOCH, 100, 4);
        postBorrower(FIRST_EPOCH + 1, -3000, 0);
        assertEq(oracle.borrowerScore(alice).grade, 0);
        assertEq(oracle.borrowerScore(alice).epoch, FIRST_EPOCH + 1);

        postBorrower(FIRST_EPOCH + 2, 9000, 10);

        assertEq(oracle.borrowerScore(alice).epoch, FIRST_EPOCH + 1);
    }

    function test_Post_AfterExpiry_AnyScoreReplaces() public {
        postBorrower(FIRST_EPOCH, 100, 4);
        uint64 later = FIRST_EPOCH + VALIDITY_S / EPOCH_S + 1;

        postBorrower(later, -200, 2);

        assertEq(oracle.borrowerScore(alice).epoch, later);
        assertEq(oracle.borrowerScore(alice).behaviourMargin, -200);
    }

    /// Quotes O-03: a collateral score is replaced only by a newer epoch.
    function test_Post_CollateralOfThePreviousEpoch_DoesNotReplace() public {
        bytes memory older = abi.encode(collateralOf(weth));
        entries = [older];
        publishEntries(FIRST_EPOCH);
        IScoreOracle.CollateralScore memory tighter = collateralOf(weth);
        tighter.liquidationThresholdBps = 7000;
        entries = [abi.encode(tighter)];
        publishEntries(FIRST_EPOCH + 1);
        postEntries(FIRST_EPOCH + 1);

        entries = [older];
        postEntries(FIRST_EPOCH);

        assertEq(oracle.collateralScore(weth).liquidationThresholdBps, 7000);
        assertEq(oracle.collateralScore(weth).epoch, FIRST_EPOCH + 1);
    }

    /// Quotes O-03: an unrated one leaves the last rated threshold in place.
    function test_Post_UnratedCollateral_KeepsLastThreshold() public {
        entries = [abi.encode(collateralOf(weth))];
        publishEntries(FIRST_EPOCH);
        postEntries(FIRST_EPOCH);
        IScoreOracle.CollateralScore memory unrated = collateralOf(weth);
        (unrated.ltvCeilingBps, unrated.ltvFloorBps, unrated.liquidationThresholdBps) = (0, 0, 0);
        unrated.binding = 3;
        entries = [abi.encode(unrated)];
        publishEntries(FIRST_EPOCH + 1);

        postEntries(FIRST_EPOCH + 1);

        IScoreOracle.PostedCollateral memory pair = oracle.collateralScore(weth);
        assertEq(pair.binding, 3);
        assertEq(pair.epoch, FIRST_EPOCH + 1);
        assertEq(pair.liquidationThresholdBps, 8000);
        assertEq(pair.ltvFloorBps, 6000);
    }

    function test_Post_RevertWhen_Nothing() public {
        publishRoot(FIRST_EPOCH, ROOT);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = ROOT;

        vm.expectRevert(IScoreOracle.NothingToPost.selector);
        oracle.post(FIRST_EPOCH, new bytes[](0), proof, new bool[](0));
    }

    function test_Post_RevertWhen_EntryChanged() public {
        entries = [abi.encode(borrowerOf(alice, 100, 4))];
        publishEntries(FIRST_EPOCH);
        entries[0] = abi.encode(borrowerOf(alice, -100, 4));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.InvalidProof.selector, FIRST_EPOCH, leafOf(entries[0])));
        oracle.post(FIRST_EPOCH, entries, new bytes32[](0), new bool[](0));
    }

    function test_Post_RevertWhen_MultiproofDoesNotFit() public {
        entries = [abi.encode(borrowerOf(alice, 100, 4)), abi.encode(collateralOf(weth))];
        publishEntries(FIRST_EPOCH);

        vm.expectRevert(MerkleProof.MerkleProofInvalidMultiproof.selector);
        oracle.post(FIRST_EPOCH, entries, new bytes32[](0), new bool[](0));
    }

    function test_Post_RevertWhen_EpochUnusable() public {
        entries = [abi.encode(borrowerOf(alice, 100, 4))];
        publishEntries(FIRST_EPOCH);
        vm.warp(block.timestamp + VALIDITY_S);

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnusableEpoch.selector, FIRST_EPOCH, FIRST_EPOCH));
        oracle.post(FIRST_EPOCH, entries, new bytes32[](0), new bool[](0));
    }

    /// Even a committee that signed a root over nonsense cannot make the store hold it.
    function test_Post_RevertWhen_EntryIsNoScore() public {
        entries = [bytes(hex"0102")];
        publishEntries(FIRST_EPOCH);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.MalformedEntry.selector, 0, 2));
        oracle.post(FIRST_EPOCH, entries, new bytes32[](0), new bool[](0));

        IScoreOracle.BorrowerScore memory score = borrowerOf(alice, 100, 4);
        score.kind = 2;
        entries = [abi.encode(score)];
        publishEntries(FIRST_EPOCH + 1);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongKind.selector, 2, 1));
        oracle.post(FIRST_EPOCH + 1, entries, new bytes32[](0), new bool[](0));

        IScoreOracle.CollateralScore memory pair = collateralOf(weth);
        pair.kind = 1;
        entries = [abi.encode(pair)];
        publishEntries(FIRST_EPOCH + 2);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.WrongKind.selector, 1, 2));
        oracle.post(FIRST_EPOCH + 2, entries, new bytes32[](0), new bool[](0));
    }

    function postBorrower(uint64 epoch, int32 behaviourMargin, uint8 grade) private {
        entries = [abi.encode(borrowerOf(alice, behaviourMargin, grade)), abi.encode(borrowerOf(weth, 1, 1))];
        publishEntries(epoch);
        postEntries(epoch);
    }
}
