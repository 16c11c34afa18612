// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { LendingMarket } from "../../src/LendingMarket.sol";
import { RiskGate } from "../../src/RiskGate.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { MarketFixture } from "../support/MarketFixture.sol";

/// @notice What a market does as the score of its pair expires, goes unrated, or says nothing.
contract LendingMarketPairTest is MarketFixture {
    function setUp() public {
        setUpMarket();
    }

    /// Quotes M-08: without an unexpired rated score of the collateral there is no new borrowing.
    function test_Borrow_RevertWhen_CollateralScoreExpired() public {
        supplyCollateral(safe, 2 * WETH);
        vm.prank(safe);
        market.borrow(1200 * USDC, safe);
        skipWithPrices(VALIDITY_S + 1);

        vm.expectRevert(
            refused(
                ILendingMarket.Refusal.CollateralUnscored,
                ILendingMarket.Basis.NoProof,
                FIRST_EPOCH,
                block.timestamp / EPOCH_S
            )
        );
        vm.prank(safe);
        market.borrow(1 * USDC, safe);
    }

    /// A pair that was never posted has no threshold either; nothing is lent on it.
    function test_Borrow_RevertWhen_CollateralNeverPosted() public {
        ILendingMarket.ScoreConfig memory scores = scoreConfig();
        scores.numeraire = address(0xE7E);
        scores.gate = address(new RiskGate(gateConfig(address(weth), scores.numeraire)));
        LendingMarket fresh = new LendingMarket(marketConfig(), scores);
        usdc.mint(supplier, 1000 * USDC);
        weth.mint(supplier, WETH);
        vm.startPrank(supplier);
        usdc.approve(address(fresh), 1000 * USDC);
        weth.approve(address(fresh), WETH);
        fresh.deposit(1000 * USDC, supplier);
        fresh.supplyCollateral(WETH, supplier);

        vm.expectRevert(
            refused(
                ILendingMarket.Refusal.CollateralUnscored, ILendingMarket.Basis.NoProof, 0, block.timestamp / EPOCH_S
            )
        );
        fresh.borrow(1, supplier);
        assertEq(fresh.liquidationThresholdBps(), 0);
        fresh.withdrawCollateral(WETH, supplier);
    }

    /// Quotes M-08: a price that never moved, or was not measured, says nothing about risk; it must not pass for calm.
    function test_Borrow_RevertWhen_VolatilityIsZero() public {
        supplyCollateral(safe, WETH);
        vm.prank(safe);
        market.borrow(1000 * USDC, safe);
        IScoreOracle.CollateralScore memory still = pairScore();
        still.volatilityPpm = 0;
        delete entries;
        entries.push(abi.encode(still));
        entries.push(abi.encode(borrowerOf(asSubject(safe), SAFE_MARGIN, 1)));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);

        assertEq(
            uint8(market.quote(safe, 400 * USDC, safeProof()).refusal), uint8(ILendingMarket.Refusal.CollateralUnscored)
        );
        vm.expectRevert(
            refused(
                ILendingMarket.Refusal.CollateralUnscored,
                ILendingMarket.Basis.NoProof,
                FIRST_EPOCH + 1,
                block.timestamp / EPOCH_S
            )
        );
        vm.prank(safe);
        market.borrow(1, safe);
        assertEq(market.liquidationThresholdBps(), 8000);
        vm.prank(safe);
        market.withdrawCollateral(0.1 ether, safe);
    }

    function test_ExpiredCollateralScore_RepayWithdrawLiquidate_StillWork() public {
        supplyCollateral(safe, 2 * WETH);
        vm.prank(safe);
        market.borrow(1200 * USDC, safe);
        openFloorLoan(unknown, 1200 * USDC);
        skipWithPrices(VALIDITY_S + 1);
        assertEq(market.liquidationThresholdBps(), 8000);

        // Free collateral: 1,200 of debt needs one WETH at the last floor of 60 %, and a little for the interest.
        vm.prank(safe);
        market.withdrawCollateral(0.99 ether, safe);
        fund(safe, usdc, 300 * USDC);
        vm.prank(safe);
        market.repay(300 * USDC, safe);
        setPrice(1490);
        fund(liquidator, usdc, 600 * USDC);
        vm.prank(liquidator);
        (uint256 repaid,) = market.liquidate(unknown, 600 * USDC);

        assertEq(weth.balanceOf(safe), 0.99 ether);
        assertLt(market.debtOf(safe), 901 * USDC);
        assertEq(repaid, 600 * USDC);
    }

    function test_UnratedCollateral_StopsBorrowing_KeepsTheThreshold() public {
        supplyCollateral(safe, WETH);
        IScoreOracle.CollateralScore memory unrated = pairScore();
        (unrated.ltvCeilingBps, unrated.ltvFloorBps, unrated.liquidationThresholdBps) = (0, 0, 0);
        unrated.binding = 3;
        vm.prank(safe);
        market.borrow(1000 * USDC, safe);
        delete entries;
        entries.push(abi.encode(unrated));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);

        assertEq(uint8(market.quote(safe, 1).refusal), uint8(ILendingMarket.Refusal.CollateralUnscored));
        assertEq(market.liquidationThresholdBps(), 8000);
        assertGt(market.healthFactorWad(safe), 1e18);
    }

    /// Quotes M-07: a borrower's score never moves the liquidation threshold.
    function test_HealthFactor_RiskierScorePosted_DoesNotMove() public {
        openSafeLoan(1400 * USDC);
        uint256 healthFactorBefore = market.healthFactorWad(safe);
        uint32 premiumBefore = market.position(safe).premiumBps;
        uint256 opened = block.timestamp;
        delete entries;
        entries.push(abi.encode(borrowerOf(asSubject(safe), 2_000_000, 0)));
        entries.push(abi.encode(pairScore()));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);

        // Back to the time of the loan, so that interest does not count.
        vm.warp(opened);
        assertEq(market.healthFactorWad(safe), healthFactorBefore);
        assertEq(market.position(safe).premiumBps, premiumBefore);
        assertEq(market.liquidationThresholdBps(), 8000);
    }
}
