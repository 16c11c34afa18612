// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { LendingMarket } from "../../src/LendingMarket.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { MarketFixture } from "../support/MarketFixture.sol";
import { ERC4626 } from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

/// @notice Supply, interest, liquidation and prices. Amounts are worked by hand.
contract LendingMarketBooksTest is MarketFixture {
    function setUp() public {
        setUpMarket();
    }

    // --- interest -----------------------------------------------------------------------------

    /// Half of the supply is lent: 1 % + 4 % * 50/80 = 3.5 %, and the floor premium of 0.75 %, for a year.
    function test_Interest_OneYear_IsExact() public {
        supplyCollateral(unknown, 420 * WETH);
        vm.prank(unknown);
        market.borrow(500_000 * USDC, unknown);
        assertEq(market.baseRateWad(), 0.035e18);

        skipWithPrices(365 days);

        assertEq(market.debtOf(unknown), 521_250 * USDC);
        assertEq(market.totalDebt(), 521_250 * USDC);
        assertEq(market.totalAssets(), 1_021_250 * USDC);
        assertEq(market.maxWithdraw(supplier), 500_000 * USDC);
    }

    /// The premium is simple interest: accruing in between compounds the base rate, never the premium on itself.
    function test_Interest_AccruedInBetween_PremiumStaysSimple() public {
        supplyCollateral(unknown, 420 * WETH);
        vm.prank(unknown);
        market.borrow(500_000 * USDC, unknown);
        skipWithPrices(365 days);
        market.accrue();
        uint256 rateWad = market.baseRateWad();

        skipWithPrices(365 days);

        // Second year: premium 0.75 % of 517,500; base debt grows from 517,500 at the rate of the year's start.
        uint256 premium = 3750 * USDC + 3_881_250_000;
        uint256 base = 517_500 * USDC + uint256(517_500 * USDC) * rateWad / 1e18;
        assertApproxEqAbs(market.debtOf(unknown), base + premium, 2);
    }

    function test_BaseRate_AboveTheKink_IsSteep() public {
        supplyCollateral(unknown, 800 * WETH);
        vm.prank(unknown);
        market.borrow(900_000 * USDC, unknown);

        // 1 % + 4 % + 60 % * (90 - 80) / 20.
        assertEq(market.baseRateWad(), 0.35e18);
    }

    function test_Repay_InFull_LeavesNoDust() public {
        openFloorLoan(unknown, 1200 * USDC);
        skipWithPrices(123 days);
        fund(unknown, usdc, 1000 * USDC);

        vm.prank(unknown);
        uint256 repaid = market.repay(type(uint256).max, unknown);

        assertGt(repaid, 1200 * USDC);
        assertEq(market.debtOf(unknown), 0);
        assertEq(market.position(unknown).debtScaled, 0);
        assertEq(market.totalDebt(), 0);
        assertEq(usdc.balanceOf(address(market)), market.cash());
        vm.prank(unknown);
        market.withdrawCollateral(WETH, unknown);
    }

    function test_Repay_ByAnybody_Works() public {
        openFloorLoan(unknown, 1200 * USDC);
        fund(liquidator, usdc, 200 * USDC);

        vm.prank(liquidator);
        market.repay(200 * USDC, unknown);

        assertEq(market.debtOf(unknown), 1000 * USDC);
    }

    function test_Repay_RevertWhen_NoDebt() public {
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.NoDebt.selector, unknown));
        market.repay(1, unknown);
    }

    function test_ZeroAmounts_Revert() public {
        vm.startPrank(unknown);
        vm.expectRevert(ILendingMarket.ZeroAmount.selector);
        market.borrow(0, unknown);
        vm.expectRevert(ILendingMarket.ZeroAmount.selector);
        market.repay(0, unknown);
        vm.expectRevert(ILendingMarket.ZeroAmount.selector);
        market.supplyCollateral(0, unknown);
        vm.expectRevert(ILendingMarket.ZeroAmount.selector);
        market.withdrawCollateral(0, unknown);
        vm.expectRevert(ILendingMarket.ZeroAmount.selector);
        market.liquidate(unknown, 0);
    }

    /// Quotes M-03: interest without bounds stops at what the books can hold, and repayment goes on.
    function test_Repay_AfterRunawayInterest_Works() public {
        ILendingMarket.MarketConfig memory config = marketConfig();
        config.slopeHighBps = type(uint32).max;
        market = deployMarket(config);
        fund(supplier, usdc, 1200 * USDC);
        vm.prank(supplier);
        market.deposit(1200 * USDC, supplier);
        openFloorLoan(unknown, 1200 * USDC);
        for (uint256 i = 0; i < 5; ++i) {
            vm.warp(block.timestamp + 365 days);
            market.accrue();
        }
        uint256 debt = market.debtOf(unknown);
        fund(unknown, usdc, debt);

        vm.prank(unknown);
        market.repay(debt, unknown);

        assertGt(debt, 1e11 * 1200 * USDC);
        assertEq(market.debtOf(unknown), 0);
        assertEq(market.totalDebt(), 0);
        vm.prank(unknown);
        market.withdrawCollateral(WETH, unknown);
    }

    // --- supply -------------------------------------------------------------------------------

    function test_Withdraw_RevertWhen_CashIsLent() public {
        supplyCollateral(unknown, 800 * WETH);
        vm.prank(unknown);
        market.borrow(900_000 * USDC, unknown);

        assertEq(market.maxWithdraw(supplier), 100_000 * USDC);
        vm.expectRevert(
            abi.encodeWithSelector(
                ERC4626.ERC4626ExceededMaxWithdraw.selector, supplier, 100_000 * USDC + 1, 100_000 * USDC
            )
        );
        vm.prank(supplier);
        market.withdraw(100_000 * USDC + 1, supplier, supplier);
        vm.prank(supplier);
        market.withdraw(100_000 * USDC, supplier, supplier);

        assertEq(market.cash(), 0);
        assertEq(market.maxRedeem(supplier), 0);
    }

    /// ERC-4626: `maxDeposit` never says more than `deposit` takes; what is lent must fit the books again when it comes back.
    function test_MaxDeposit_IsWhatTheBooksCanHold() public {
        openFloorLoan(unknown, 1200 * USDC);
        uint256 most = market.maxDeposit(supplier);
        assertEq(most, type(uint128).max - 1_000_000 * USDC);
        fund(supplier, usdc, most);
        assertEq(market.previewMint(market.maxMint(supplier)), most);

        vm.startPrank(supplier);
        market.deposit(most, supplier);
        assertEq(market.maxMint(supplier), 0);
        vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxDeposit.selector, supplier, 1, 0));
        market.deposit(1, supplier);
        vm.stopPrank();
        fund(unknown, usdc, 0);
        vm.prank(unknown);
        market.repay(1200 * USDC, unknown);

        assertEq(market.cash(), type(uint128).max);
    }

    function test_Quote_HugeAmount_IsRefusedForCash() public {
        openFloorLoan(unknown, 1200 * USDC);

        ILendingMarket.Quote memory quote = market.quote(unknown, type(uint256).max);

        assertEq(uint8(quote.refusal), uint8(ILendingMarket.Refusal.NotEnoughCash));
        assertEq(quote.given, type(uint256).max);
        assertEq(quote.limit, 998_800 * USDC);
        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        vm.prank(unknown);
        market.borrow(type(uint256).max, unknown);
    }

    function test_Borrow_RevertWhen_NotEnoughCash() public {
        supplyCollateral(unknown, 1000 * WETH);

        vm.expectRevert(
            abi.encodeWithSelector(
                ILendingMarket.TermsRefused.selector,
                ILendingMarket.Refusal.NotEnoughCash,
                ILendingMarket.Basis.NoProof,
                1_000_000 * USDC + 1,
                1_000_000 * USDC
            )
        );
        vm.prank(unknown);
        market.borrow(1_000_000 * USDC + 1, unknown);
    }

    /// The classic attack: deposit one unit, donate a lot, let the next depositor's shares round to nothing.
    function test_Deposit_AfterDonation_LosesNothing() public {
        LendingMarket fresh = deployMarket(marketConfig());
        address attacker = makeAddr("attacker");
        usdc.mint(attacker, 20_000 * USDC);
        usdc.mint(unknown, 10_000 * USDC);
        vm.startPrank(attacker);
        usdc.approve(address(fresh), 1);
        fresh.deposit(1, attacker);
        usdc.transfer(address(fresh), 10_000 * USDC);
        vm.stopPrank();

        vm.startPrank(unknown);
        usdc.approve(address(fresh), 10_000 * USDC);
        fresh.deposit(10_000 * USDC, unknown);
        vm.stopPrank();

        assertEq(fresh.maxWithdraw(unknown), 10_000 * USDC);
        assertEq(fresh.totalAssets(), 10_000 * USDC + 1);
    }

    // --- liquidation --------------------------------------------------------------------------

    /// Quotes M-04: only a position whose debt exceeds its threshold-weighted collateral is liquidated.
    function test_Liquidate_RevertWhen_Healthy() public {
        openFloorLoan(unknown, 1200 * USDC);
        setPrice(1500);
        assertEq(market.healthFactorWad(unknown), 1e18);

        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.HealthyPosition.selector, 1200 * USDC, 1200 * USDC));
        vm.prank(liquidator);
        market.liquidate(unknown, 1);
    }

    function test_Liquidate_Unhealthy_RepaysTheCloseFactor() public {
        openFloorLoan(unknown, 1200 * USDC);
        setPrice(1490);
        fund(liquidator, usdc, 1200 * USDC);

        vm.expectEmit(address(market));
        // 600 with 5 % bonus is 630 USDC of WETH at 1,490.
        emit ILendingMarket.Liquidated(unknown, liquidator, 600 * USDC, 422_818_791_946_308_724);
        vm.prank(liquidator);
        market.liquidate(unknown, 1200 * USDC);

        assertEq(market.debtOf(unknown), 600 * USDC);
        assertEq(weth.balanceOf(liquidator), 422_818_791_946_308_724);
        assertGt(market.healthFactorWad(unknown), 1e18);
    }

    /// Quotes M-05: debt without collateral is written off at once and borne by all suppliers alike.
    function test_Liquidate_UnderCovered_WritesOffBadDebt() public {
        openFloorLoan(unknown, 1200 * USDC);
        setPrice(1250);
        fund(liquidator, usdc, 1200 * USDC);

        vm.expectEmit(address(market));
        emit ILendingMarket.BadDebtSocialized(unknown, 9_523_809);
        vm.prank(liquidator);
        (uint256 repaid, uint256 seized) = market.liquidate(unknown, 1200 * USDC);

        assertEq(repaid, 1_190_476_191);
        assertEq(seized, WETH);
        assertEq(market.debtOf(unknown), 0);
        assertEq(market.totalAssets(), 1_000_000 * USDC - 9_523_809);
        assertEq(market.totalDebt(), 0);
    }

    function test_Liquidate_WorthlessCollateral_WritesOffAll() public {
        openFloorLoan(unknown, 1200 * USDC);
        wethFeed.setAnswer(1);

        fund(liquidator, usdc, 1);
        vm.prank(liquidator);
        market.liquidate(unknown, 1);

        assertEq(market.debtOf(unknown), 0);
        assertEq(market.position(unknown).collateral, 0);
        assertApproxEqAbs(market.totalAssets(), 1_000_000 * USDC - 1200 * USDC, 1);
    }

    function test_Liquidate_RevertWhen_NoDebt() public {
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.NoDebt.selector, unknown));
        market.liquidate(unknown, 1);
    }

    // --- prices -------------------------------------------------------------------------------

    /// Quotes M-06: no loan, withdrawal under debt or liquidation uses a stale, zero, negative or future price.
    function test_BadPrices_StopLoansAndLiquidations() public {
        openFloorLoan(unknown, 600 * USDC);
        int192[3] memory bad = [int192(0), -1, type(int192).max];
        for (uint256 i = 0; i < bad.length; ++i) {
            wethFeed.setAnswer(bad[i]);
            expectNothingPriced(abi.encodeWithSelector(ILendingMarket.InvalidPrice.selector, address(wethFeed), bad[i]));
        }
        wethFeed.setAnswerAt(2000e8, uint64(block.timestamp + 1));
        expectNothingPriced(abi.encodeWithSelector(ILendingMarket.InvalidPrice.selector, address(wethFeed), 2000e8));
        wethFeed.setAnswerAt(2000e8, uint64(block.timestamp - 7201));
        expectNothingPriced(
            abi.encodeWithSelector(
                ILendingMarket.StalePrice.selector, address(wethFeed), block.timestamp - 7201, block.timestamp - 7200
            )
        );
        wethFeed.setAnswerAt(2000e8, uint64(block.timestamp - 7200));
        usdcFeed.setAnswer(0);
        expectNothingPriced(abi.encodeWithSelector(ILendingMarket.InvalidPrice.selector, address(usdcFeed), 0));
    }

    /// Quotes M-03: repayment needs no price and no score, expired or not.
    function test_Repay_WithoutPriceOrScore_Works() public {
        openFloorLoan(unknown, 1200 * USDC);
        vm.warp(block.timestamp + 30 days);
        wethFeed.setAnswer(0);
        fund(unknown, usdc, 2000 * USDC);

        vm.startPrank(unknown);
        market.repay(600 * USDC, unknown);
        market.repay(type(uint128).max, unknown);
        market.withdrawCollateral(WETH, unknown);

        assertEq(weth.balanceOf(unknown), WETH);
    }

    /// 0.5 of a token with 8 decimals at 60,000 by a feed with 18, against a loan token with 18 at 1.25 by a feed with 6.
    function test_CollateralValue_OtherDecimals_IsExact() public {
        SandboxToken dai = new SandboxToken("Dai", "DAI", 18);
        SandboxToken wbtc = new SandboxToken("Wrapped Bitcoin", "WBTC", 8);
        ILendingMarket.MarketConfig memory config = marketConfig();
        (config.loanToken, config.collateralToken) = (address(dai), address(wbtc));
        config.loanFeed = address(new ScriptedFeed(6, "DAI / USD", 1.25e6));
        config.collateralFeed = address(new ScriptedFeed(18, "BTC / USD", 60_000e18));
        market = deployMarket(config);

        supplyOf(wbtc, unknown, 0.5e8);

        assertEq(market.collateralValueOf(unknown), 24_000e18);
    }

    // --- collateral ---------------------------------------------------------------------------

    function test_WithdrawCollateral_RevertWhen_MoreThanThere() public {
        supplyCollateral(unknown, WETH);

        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.NotEnoughCollateral.selector, WETH + 1, WETH));
        vm.prank(unknown);
        market.withdrawCollateral(WETH + 1, unknown);
    }

    function test_WithdrawCollateral_RevertWhen_LastUnderDebt() public {
        openFloorLoan(unknown, 1);

        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        vm.prank(unknown);
        market.withdrawCollateral(WETH, unknown);
    }

    function test_Borrow_RevertWhen_NoCollateral() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                ILendingMarket.TermsRefused.selector,
                ILendingMarket.Refusal.NoCollateral,
                ILendingMarket.Basis.NoProof,
                1,
                0
            )
        );
        vm.prank(unknown);
        market.borrow(1, unknown);
    }

    function supplyOf(SandboxToken token, address borrower, uint256 amount) private {
        fund(borrower, token, amount);
        vm.prank(borrower);
        market.supplyCollateral(amount, borrower);
    }

    function expectNothingPriced(bytes memory reason) private {
        vm.startPrank(unknown);
        vm.expectRevert(reason);
        market.borrow(1, unknown);
        vm.expectRevert(reason);
        market.withdrawCollateral(1, unknown);
        vm.expectRevert(reason);
        market.liquidate(unknown, 1);
        vm.stopPrank();
        assertEq(market.debtOf(unknown), 600 * USDC);
    }
}
