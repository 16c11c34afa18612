// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { LendingMarket } from "../../src/LendingMarket.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IRiskGate } from "../../src/interfaces/IRiskGate.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { CallingToken, GivingToken, PriceProbe, SilentToken, StrictToken } from "../support/HostileTokens.sol";
import { MarketFixture } from "../support/MarketFixture.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @notice Tokens that call back, in every place where one moves, and tokens that do not do what they say.
contract LendingMarketTokensTest is MarketFixture {
    CallingToken private loan;
    CallingToken private collateral;

    /// @dev Both tokens call back; one WETH-like unit is worth 2,000. The borrower has a loan of 1,000, the supplier 10,000.
    function setUp() public {
        setUpMarket();
        (loan, collateral) = (new CallingToken(), new CallingToken());
        ILendingMarket.MarketConfig memory config = marketConfig();
        (config.loanToken, config.collateralToken) = (address(loan), address(collateral));
        market = deployMarket(config);
        pairSubject = market.collateralSubject();
        delete entries;
        entries.push(abi.encode(collateralOf(pairSubject)));
        entries.push(abi.encode(borrowerOf(asSubject(safe), SAFE_MARGIN, 1)));
        publishEntries(FIRST_EPOCH + 1);
        postEntry(FIRST_EPOCH + 1, entries[0]);
        fund(supplier, loan, 20_000 ether);
        fund(safe, collateral, 10 ether);
        fund(safe, loan, 5000 ether);
        fund(liquidator, loan, 5000 ether);
        vm.prank(supplier);
        market.deposit(10_000 ether, supplier);
        vm.startPrank(safe);
        market.supplyCollateral(1 ether, safe);
        market.borrow(1000 ether, safe);
        vm.stopPrank();
    }

    function arm(address target, bytes memory payload) private {
        loan.arm(target, payload);
        collateral.arm(target, payload);
    }

    /// @dev Every call that moves a token, by whoever may make it.
    function moves() private view returns (address[] memory callers, bytes[] memory calls) {
        (callers, calls) = (new address[](8), new bytes[](8));
        (callers[0], calls[0]) = (safe, abi.encodeCall(market.supplyCollateral, (1 ether, safe)));
        (callers[1], calls[1]) = (safe, abi.encodeWithSignature("withdrawCollateral(uint256,address)", 1, safe));
        (callers[2], calls[2]) = (safe, abi.encodeWithSignature("borrow(uint256,address)", 1, safe));
        (callers[3], calls[3]) = (safe, abi.encodeCall(market.repay, (1 ether, safe)));
        (callers[4], calls[4]) = (supplier, abi.encodeCall(market.deposit, (1 ether, supplier)));
        (callers[5], calls[5]) = (supplier, abi.encodeCall(market.mint, (1e24, supplier)));
        (callers[6], calls[6]) = (supplier, abi.encodeCall(market.withdraw, (1 ether, supplier, supplier)));
        (callers[7], calls[7]) = (supplier, abi.encodeCall(market.redeem, (1e24, supplier, supplier)));
    }

    /// Whatever moves a token lets nothing in, not even a repayment or what only accrues.
    function test_EveryMove_RevertWhen_TokenReenters() public {
        (address[] memory callers, bytes[] memory calls) = moves();
        for (uint256 i = 0; i < calls.length; ++i) {
            // The calls of borrowers; those of suppliers look at the caller's limits before the guard.
            for (uint256 j = 0; j < 4; ++j) {
                arm(address(market), calls[j]);
                assertReenters(callers[i], calls[i]);
            }
            arm(address(market), abi.encodeCall(market.accrue, ()));
            assertReenters(callers[i], calls[i]);
            arm(address(market), abi.encodeCall(market.liquidate, (safe, 1)));
            assertReenters(callers[i], calls[i]);
        }
    }

    function test_Liquidate_RevertWhen_TokenReenters() public {
        wethFeed.setAnswer(1200e8);
        arm(address(market), abi.encodeCall(market.liquidate, (safe, 1 ether)));
        assertReenters(liquidator, abi.encodeCall(market.liquidate, (safe, 1 ether)));
    }

    function assertReenters(address caller, bytes memory data) private {
        vm.prank(caller);
        (bool done, bytes memory reason) = address(market).call(data);
        assertFalse(done);
        assertEq(bytes4(reason), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
    }

    /// Whoever looks in the middle of a move sees a share price that is true before or after it, by rounding up to a unit more.
    function test_EveryMove_TokenLooks_SharePriceIsTrue() public {
        PriceProbe probe = new PriceProbe(market);
        (address[] memory callers, bytes[] memory calls) = moves();
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 before = market.convertToAssets(1e24);
            arm(address(probe), abi.encodeCall(probe.look, ()));
            vm.prank(callers[i]);
            (bool done,) = address(market).call(calls[i]);
            assertTrue(done);
            arm(address(0), "");
            assertGe(probe.seen(), before);
            assertLe(probe.seen(), market.convertToAssets(1e24) + 1);
        }
    }

    /// A refresh of the gate in the middle of a loan gains nothing: the loan was judged before.
    function test_Borrow_TokenRefreshesTheGate_GainsNothing() public {
        arm(address(market.gate()), abi.encodeCall(IRiskGate.refresh, ()));
        vm.startPrank(safe);
        market.borrow(200 ether, safe);
        arm(address(0), "");
        vm.expectRevert(refused(ILendingMarket.Refusal.AboveFloor, ILendingMarket.Basis.NoProof, 6001, 6000));
        market.borrow(1, safe);
    }

    // --- odd tokens ---------------------------------------------------------------------------

    function marketOn(address loanToken, address collateralToken) private returns (LendingMarket) {
        ILendingMarket.MarketConfig memory config = marketConfig();
        (config.loanToken, config.collateralToken) = (loanToken, collateralToken);
        return deployMarket(config);
    }

    /// A token that gives more than was sent would leave the books behind; it is refused like one that takes a fee.
    function test_Moves_RevertWhen_TokenGivesMore() public {
        GivingToken giving = new GivingToken();
        LendingMarket odd = marketOn(address(giving), address(weth));
        giving.mint(supplier, 1000);
        vm.startPrank(supplier);
        giving.approve(address(odd), 1000);
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.UnsupportedToken.selector, address(giving), 1000, 1010));
        odd.deposit(1000, supplier);
    }

    function test_Moves_RevertWhen_TokenOnlySaysFalse() public {
        SilentToken silent = new SilentToken();
        LendingMarket odd = marketOn(address(usdc), address(silent));
        silent.mint(safe, 1000);
        vm.prank(safe);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(silent)));
        odd.supplyCollateral(1000, safe);
    }

    /// Quotes M-05: a grain of collateral that is worth nothing is seized for nothing, also where the token moves nothing.
    function test_M05_GrainOfCollateral_TokenRefusesZero_IsWrittenOff() public {
        StrictToken strict = new StrictToken();
        market = marketOn(address(strict), address(collateral));
        fund(supplier, strict, 10_000e6);
        fund(liquidator, strict, 5000e6);
        vm.prank(supplier);
        market.deposit(10_000e6, supplier);
        fund(safe, collateral, 1 ether);
        vm.startPrank(safe);
        market.supplyCollateral(1 ether, safe);
        market.borrow(1200e6, safe);
        vm.stopPrank();
        setPrice(1000);
        // All but a unit of what the collateral can repay: 1,000 / 1.05, rounded up.
        vm.prank(liquidator);
        market.liquidate(safe, 952_380_952);
        setPrice(100);
        assertGt(market.position(safe).collateral, 0);
        assertEq(market.collateralValueOf(safe), 0);

        vm.prank(liquidator);
        (uint256 repaid, uint256 seized) = market.liquidate(safe, 1);

        assertEq(repaid, 0);
        assertGt(seized, 0);
        assertEq(market.debtOf(safe), 0);
        assertEq(market.totalDebt(), 0);
    }

    function test_Constructor_RevertWhen_TokenOrFeedIsNoContract() public {
        ILendingMarket.MarketConfig memory config = marketConfig();
        ILendingMarket.ScoreConfig memory scores = scoreConfig();
        config.collateralToken = address(0xDEAD);
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.NotAContract.selector, 0xDEAD));
        new LendingMarket(config, scores);
        config = marketConfig();
        config.loanFeed = address(0xFEED);
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.NotAContract.selector, 0xFEED));
        new LendingMarket(config, scores);
    }

    function test_Constructor_RevertWhen_TooManyDecimals() public {
        SandboxToken wide = new SandboxToken("Wide", "WIDE", 29);
        ILendingMarket.MarketConfig memory config = marketConfig();
        ILendingMarket.ScoreConfig memory scores = scoreConfig();
        config.collateralToken = address(wide);
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.InvalidConfig.selector, "decimals", 37, 36));
        new LendingMarket(config, scores);
    }

    // --- edges of amounts ---------------------------------------------------------------------

    /// Amounts beyond what the books can hold are refused, never wrapped.
    function test_Amounts_AtTheMaximum_AreRefusedOrWhole() public {
        vm.startPrank(safe);
        vm.expectPartialRevert(bytes4(keccak256("SafeCastOverflowedUintDowncast(uint8,uint256)")));
        market.supplyCollateral(uint256(type(uint128).max) + 1, safe);
        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        market.borrow(type(uint256).max, safe);
        vm.expectPartialRevert(ILendingMarket.NotEnoughCollateral.selector);
        market.withdrawCollateral(type(uint256).max, safe);
        assertEq(market.repay(type(uint256).max, safe), 1000 ether);
        market.withdrawCollateral(1 ether, safe);
        assertEq(market.totalDebt(), 0);
    }
}
