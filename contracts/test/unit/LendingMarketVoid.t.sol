// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { MarketFixture } from "../support/MarketFixture.sol";

/// @notice What a market does with a voided report: it lends nothing on it, and touches no loan.
contract LendingMarketVoidTest is MarketFixture {
    function setUp() public {
        setUpMarket();
        vm.prank(OWNER);
        oracle.setDispute(address(this));
    }

    function voidHead() private {
        oracle.voidReport(reportOf(oracle.head().epoch, oracle.head().scoresRoot));
    }

    function expectHold(uint64 postedEpoch) private {
        vm.expectRevert(
            refused(
                ILendingMarket.Refusal.CollateralUnscored,
                ILendingMarket.Basis.NoProof,
                postedEpoch,
                block.timestamp / EPOCH_S
            )
        );
    }

    /// Quotes M-08: while the head is voided there is no new borrowing; repayment and free withdrawal go on.
    function test_Void_Head_NoNewBorrowing() public {
        openFloorLoan(unknown, 1000 * USDC);
        postFinalAndNext(6000);
        voidHead();

        vm.prank(unknown);
        expectHold(FIRST_EPOCH + 2);
        market.borrow(1 * USDC, unknown);
        assertEq(uint8(market.quote(safe, 1, safeProof()).basis), uint8(ILendingMarket.Basis.Expired));
        vm.prank(unknown);
        market.withdrawCollateral(0.1e18, unknown);
        fund(unknown, usdc, 500 * USDC);
        vm.prank(unknown);
        assertEq(market.repay(500 * USDC, unknown), 500 * USDC);
    }

    /// @dev The pair's score of the first report becomes final; another with `floorBps` is posted two epochs later.
    function postFinalAndNext(uint16 floorBps) private {
        skipWithPrices(2 * EPOCH_S);
        delete entries;
        IScoreOracle.CollateralScore memory score = pairScore();
        (score.ltvFloorBps, score.ltvCeilingBps) = (floorBps, floorBps < 7500 ? 7500 : floorBps);
        entries.push(abi.encode(score));
        entries.push(abi.encode(borrowerOf(asSubject(safe), SAFE_MARGIN, 1)));
        publishEntries(FIRST_EPOCH + 2);
        postEntry(FIRST_EPOCH + 2, entries[0]);
    }

    function expectRefusal() private {
        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        vm.prank(unknown);
        market.withdrawCollateral(0.4e18, unknown);
    }

    /// Quotes M-08: a forged floor of a report that was voided takes no collateral out; the last final one counts.
    function test_Void_ForgedFloor_TakesNothingOut() public {
        openFloorLoan(unknown, 1000 * USDC);
        postFinalAndNext(9900);
        voidHead();

        // 1,000 on 0.6 WETH would be 83.4 %, on 0.9 WETH it is 55.6 %.
        expectRefusal();
        vm.prank(unknown);
        market.withdrawCollateral(0.1e18, unknown);
        assertEq(market.position(unknown).collateral, 0.9e18);
        // Nor once the voided report has expired, with nothing posted since.
        skipWithPrices(VALIDITY_S + 1);
        expectRefusal();
    }

    /// Where the voided floor is the lower one, it counts.
    function test_Void_LowerFloor_Counts() public {
        openFloorLoan(unknown, 1000 * USDC);
        postFinalAndNext(5000);
        voidHead();

        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        vm.prank(unknown);
        market.withdrawCollateral(0.05e18, unknown);
    }

    /// With nothing final there is no floor to go by: no collateral under debt is free, but all of it without.
    function test_Void_NothingFinal_OnlyDebtHoldsCollateral() public {
        openFloorLoan(unknown, 100 * USDC);
        voidHead();
        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        vm.prank(unknown);
        market.withdrawCollateral(0.1e18, unknown);

        fund(unknown, usdc, 200 * USDC);
        vm.startPrank(unknown);
        market.repay(200 * USDC, unknown);
        market.withdrawCollateral(WETH, unknown);
        assertEq(weth.balanceOf(unknown), WETH);
    }

    /// Quotes O-09: what a voided leaf leaves behind frees no collateral under a debt either.
    function test_VoidLeaf_OfThePair_TakesNothingOut() public {
        openFloorLoan(unknown, 1000 * USDC);
        oracle.voidLeaf(FIRST_EPOCH, entries[0]);

        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        vm.prank(unknown);
        market.withdrawCollateral(0.1e18, unknown);
        assertEq(market.liquidationThresholdBps(), 8000);
    }

    /// A report that did not touch the pair's stored score still puts the market on hold.
    function test_Void_HeadWithoutAPost_NoNewBorrowing() public {
        supplyCollateral(unknown, WETH);
        vm.warp(uint256(FIRST_EPOCH + 1) * EPOCH_S + 60);
        publishRoot(FIRST_EPOCH + 1, keccak256("another root"));
        voidHead();

        vm.prank(unknown);
        expectHold(FIRST_EPOCH);
        market.borrow(1 * USDC, unknown);
    }

    function test_Void_NextReport_LiftsTheHold() public {
        supplyCollateral(safe, WETH);
        voidHead();
        // Without a new score of the pair, the voided one still counts as expired.
        vm.warp(uint256(FIRST_EPOCH + 1) * EPOCH_S + 60);
        publishRoot(FIRST_EPOCH + 1, keccak256("another root"));
        vm.prank(safe);
        expectHold(FIRST_EPOCH);
        market.borrow(1 * USDC, safe);

        skipWithPrices(EPOCH_S);
        publishScores(FIRST_EPOCH + 2);
        ILendingMarket.Proof memory proof = safeProof();
        vm.prank(safe);
        market.borrow(1400 * USDC, safe, proof);
        assertEq(market.debtOf(safe), 1400 * USDC);
    }

    /// Quotes O-06: voiding changes neither an open loan nor the posted liquidation threshold.
    function test_Void_OpenLoan_IsLeftAlone() public {
        openSafeLoan(1400 * USDC);
        uint256 threshold = market.liquidationThresholdBps();
        uint256 health = market.healthFactorWad(safe);
        uint256 debt = market.debtOf(safe);

        voidHead();

        assertEq(market.liquidationThresholdBps(), threshold);
        assertEq(market.healthFactorWad(safe), health);
        assertEq(market.debtOf(safe), debt);
        assertGt(health, 1e18);
        vm.prank(liquidator);
        vm.expectPartialRevert(ILendingMarket.HealthyPosition.selector);
        market.liquidate(safe, 1 * USDC);
    }

    /// Liquidation goes on by the posted threshold.
    function test_Void_CrashedLoan_IsLiquidated() public {
        openSafeLoan(1400 * USDC);
        voidHead();
        setPrice(1700);
        fund(liquidator, usdc, 1400 * USDC);

        vm.prank(liquidator);
        (uint256 repaid,) = market.liquidate(safe, 100 * USDC);
        assertEq(repaid, 100 * USDC);
    }

    /// A stored riskier score keeps tightening until it expires, voided or not.
    function test_Void_StoredRiskierScore_StillTightens() public {
        uint64 next = FIRST_EPOCH + 1;
        vm.warp(uint256(next) * EPOCH_S + 60);
        delete entries;
        entries.push(abi.encode(pairScore()));
        entries.push(abi.encode(borrowerOf(asSubject(safe), RISKY_MARGIN, 8)));
        publishEntries(next);
        postEntry(next, entries[1]);
        voidHead();
        skipWithPrices(EPOCH_S);
        publishScores(next + 1);
        supplyCollateral(safe, WETH);

        assertEq(uint8(market.quote(safe, 1400 * USDC, safeProof()).refusal), uint8(ILendingMarket.Refusal.OverBudget));

        // But it gives way to the next score that is posted.
        postEntry(next + 1, entries[1]);
        assertTrue(market.quote(safe, 1400 * USDC, safeProof()).allowed);
    }
}
