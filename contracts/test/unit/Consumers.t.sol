// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ScoreConsumer } from "../../src/consumer/ScoreConsumer.sol";
import { ScoredVault } from "../../src/examples/ScoredVault.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { StaticMarket } from "../../src/sandbox/StaticMarket.sol";
import { MarketFixture } from "../support/MarketFixture.sol";

/// @notice The worked example, and the market without scores that the sandbox compares with.
contract ConsumersTest is MarketFixture {
    ScoredVault private vault;
    StaticMarket private staticMarket;

    function setUp() public {
        setUpMarket();
        vault = new ScoredVault(oracle);
        staticMarket = new StaticMarket(
            marketConfig(), StaticMarket.StaticTerms({ ltvBps: 7500, liquidationThresholdBps: 8000, premiumBps: 50 })
        );
    }

    // --- ScoredVault --------------------------------------------------------------------------

    function test_Vault_WithoutScore_GetsTheBaseLine() public {
        vm.startPrank(unknown);
        vault.draw(100e18);
        vm.expectRevert(abi.encodeWithSelector(ScoredVault.OverLimit.selector, 100e18 + 1, 100e18));
        vault.draw(1);
    }

    function test_Vault_GradeOne_GetsTheLongestLine() public {
        IScoreOracle.BorrowerScore memory score = borrowerOf(asSubject(safe), SAFE_MARGIN, 1);
        bytes32[] memory proof = proofOf(abi.encode(score));

        vm.startPrank(safe);
        vault.draw(910e18, FIRST_EPOCH, score, proof);
        vm.expectRevert(abi.encodeWithSelector(ScoredVault.OverLimit.selector, 910e18 + 1, 910e18));
        vault.draw(1, FIRST_EPOCH, score, proof);
    }

    function test_Vault_StoredWorseGrade_Counts() public {
        IScoreOracle.BorrowerScore memory worse = borrowerOf(asSubject(safe), RISKY_MARGIN, 9);
        delete entries;
        entries.push(abi.encode(worse));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);
        publishScores(FIRST_EPOCH + 2);
        IScoreOracle.BorrowerScore memory score = borrowerOf(asSubject(safe), SAFE_MARGIN, 1);
        bytes32[] memory proof = proofOf(abi.encode(score));

        vm.startPrank(safe);
        vm.expectRevert(abi.encodeWithSelector(ScoredVault.OverLimit.selector, 191e18, 190e18));
        vault.draw(191e18, FIRST_EPOCH + 2, score, proof);
    }

    /// Unrated is the riskiest: an older, better score that is stored does not stand in for it.
    function test_Vault_UnratedScore_GetsTheBaseLineWhateverIsStored() public {
        postEntry(FIRST_EPOCH, abi.encode(borrowerOf(asSubject(safe), SAFE_MARGIN, 1)));
        IScoreOracle.BorrowerScore memory score = borrowerOf(asSubject(safe), 0, 0);
        delete entries;
        entries.push(abi.encode(score));
        entries.push(abi.encode(pairScore()));
        publishEntries(FIRST_EPOCH + 1);
        bytes32[] memory proof = proofOf(abi.encode(score));

        vm.startPrank(safe);
        vm.expectRevert(abi.encodeWithSelector(ScoredVault.OverLimit.selector, 100e18 + 1, 100e18));
        vault.draw(100e18 + 1, FIRST_EPOCH + 1, score, proof);
        vault.draw(100e18, FIRST_EPOCH + 1, score, proof);
    }

    function test_Vault_RevertWhen_ScoreIsAnothers() public {
        IScoreOracle.BorrowerScore memory score = borrowerOf(asSubject(safe), SAFE_MARGIN, 1);
        bytes32[] memory proof = proofOf(abi.encode(score));

        vm.expectRevert(abi.encodeWithSelector(ScoreConsumer.NotYourScore.selector, asSubject(safe), asSubject(risky)));
        vm.prank(risky);
        vault.draw(1, FIRST_EPOCH, score, proof);
    }

    function test_Vault_RevertWhen_ScoreExpired() public {
        IScoreOracle.BorrowerScore memory score = borrowerOf(asSubject(safe), SAFE_MARGIN, 1);
        bytes32[] memory proof = proofOf(abi.encode(score));
        vm.warp(block.timestamp + VALIDITY_S);

        vm.startPrank(safe);
        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnusableEpoch.selector, FIRST_EPOCH, FIRST_EPOCH));
        vault.draw(1, FIRST_EPOCH, score, proof);
        vault.draw(1);
    }

    // --- StaticMarket -------------------------------------------------------------------------

    function test_StaticMarket_Everybody_GetsTheSameTerms() public {
        fundStatic();
        ILendingMarket.Proof memory proof = riskyProof();

        vm.startPrank(risky);
        assertEq(staticMarket.quote(risky, 1500 * USDC).premiumBps, 50);
        staticMarket.borrow(1500 * USDC, risky, proof);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILendingMarket.TermsRefused.selector,
                ILendingMarket.Refusal.AboveCeiling,
                ILendingMarket.Basis.NoProof,
                7501,
                7500
            )
        );
        staticMarket.borrow(1, risky);

        assertEq(staticMarket.debtOf(risky), 1500 * USDC);
        assertEq(staticMarket.totalExposure(), 0);
    }

    function test_StaticMarket_Crash_LeavesBadDebt() public {
        fundStatic();
        vm.prank(risky);
        staticMarket.borrow(1500 * USDC, risky);
        setPrice(1400);
        usdc.mint(liquidator, 1500 * USDC);

        vm.startPrank(liquidator);
        usdc.approve(address(staticMarket), type(uint256).max);
        staticMarket.liquidate(risky, 1500 * USDC);

        // 1,400 with 5 % bonus repays 1,333.333334; the rest is lost.
        assertEq(staticMarket.totalAssets(), 10_000 * USDC - 166_666_666);
    }

    function test_StaticMarket_RevertWhen_LtvAboveThreshold() public {
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.InvalidConfig.selector, "ltvBps", 8001, 8000));
        new StaticMarket(marketConfig(), StaticMarket.StaticTerms(8001, 8000, 50));
        vm.expectRevert(
            abi.encodeWithSelector(ILendingMarket.InvalidConfig.selector, "liquidationThresholdBps", 10_001, 10_000)
        );
        new StaticMarket(marketConfig(), StaticMarket.StaticTerms(8000, 10_001, 50));
    }

    function fundStatic() private {
        usdc.mint(supplier, 10_000 * USDC);
        vm.startPrank(supplier);
        usdc.approve(address(staticMarket), type(uint256).max);
        staticMarket.deposit(10_000 * USDC, supplier);
        vm.stopPrank();
        weth.mint(risky, WETH);
        vm.startPrank(risky);
        weth.approve(address(staticMarket), WETH);
        staticMarket.supplyCollateral(WETH, risky);
        vm.stopPrank();
    }
}
