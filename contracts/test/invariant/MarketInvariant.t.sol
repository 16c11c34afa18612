// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { LendingMarket } from "../../src/LendingMarket.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { MarketFixture } from "../support/MarketFixture.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";
import { Test } from "forge-std/Test.sol";

/// @notice What suppliers, borrowers, liquidators, prices and time do to a market, in any order.
contract MarketHandler is Test {
    uint256 private constant ACTORS = 4;
    uint256 private constant SHARE_UNIT = 1e12;

    LendingMarket private immutable market;
    SandboxToken private immutable usdc;
    SandboxToken private immutable weth;
    ScriptedFeed private immutable usdcFeed;
    ScriptedFeed private immutable wethFeed;

    address[ACTORS] public actors;
    ILendingMarket.Proof[ACTORS] private _proofs;

    /// @dev Set by the first call that breaks a rule that only shows at the moment of the call.
    bool public hasLentUnhealthily;
    bool public hasLiquidatedHealthy;
    bool public hasBlockedRepayment;
    bool public hasLostValue;
    uint256 public loans;
    uint256 public liquidations;
    uint256 public writeOffs;
    uint256 public calls;

    constructor(
        LendingMarket market_,
        SandboxToken usdc_,
        SandboxToken weth_,
        ScriptedFeed usdcFeed_,
        ScriptedFeed wethFeed_,
        address[ACTORS] memory actors_,
        ILendingMarket.Proof[ACTORS] memory proofs
    ) {
        (market, usdc, weth, usdcFeed, wethFeed, actors) = (market_, usdc_, weth_, usdcFeed_, wethFeed_, actors_);
        for (uint256 i = 0; i < ACTORS; ++i) {
            _proofs[i] = proofs[i];
            vm.startPrank(actors_[i]);
            usdc_.approve(address(market_), type(uint256).max);
            weth_.approve(address(market_), type(uint256).max);
            vm.stopPrank();
        }
    }

    /// @dev Whatever happens but a write-off, a share is worth no less afterwards.
    modifier keepsShareValue() {
        uint256 before = market.convertToAssets(SHARE_UNIT);
        uint256 writeOffsBefore = writeOffs;
        ++calls;
        _;
        if (writeOffs == writeOffsBefore && market.convertToAssets(SHARE_UNIT) < before) hasLostValue = true;
    }

    function deposit(uint256 who, uint256 amount) external keepsShareValue {
        address actor = actors[who % ACTORS];
        amount = bound(amount, 1, 1_000_000e6);
        usdc.mint(actor, amount);
        vm.prank(actor);
        market.deposit(amount, actor);
    }

    function withdraw(uint256 who, uint256 amount) external keepsShareValue {
        address actor = actors[who % ACTORS];
        uint256 most = market.maxWithdraw(actor);
        if (most == 0) return;
        vm.prank(actor);
        market.withdraw(bound(amount, 1, most), actor, actor);
    }

    function supplyCollateral(uint256 who, uint256 amount) external keepsShareValue {
        address actor = actors[who % ACTORS];
        amount = bound(amount, 1, 100e18);
        weth.mint(actor, amount);
        vm.prank(actor);
        market.supplyCollateral(amount, actor);
    }

    function withdrawCollateral(uint256 who, uint256 amount, bool withProof) external keepsShareValue {
        address actor = actors[who % ACTORS];
        uint256 most = market.position(actor).collateral;
        if (most == 0) return;
        amount = bound(amount, 1, most);
        vm.prank(actor);
        if (withProof) {
            try market.withdrawCollateral(amount, actor, _proofs[who % ACTORS]) { } catch { }
        } else {
            try market.withdrawCollateral(amount, actor) { } catch { }
        }
    }

    function borrow(uint256 who, uint256 ltvBps, bool withProof) external keepsShareValue {
        who = who % ACTORS;
        uint256 target = market.collateralValueOf(actors[who]) * bound(ltvBps, 4000, 8000) / 10_000;
        uint256 debt = market.debtOf(actors[who]);
        if (target <= debt) return;
        if (!_lend(who, target - debt, withProof)) return;
        ++loans;
        if (market.healthFactorWad(actors[who]) < 1e18) hasLentUnhealthily = true;
    }

    function repay(uint256 who, uint256 amount) external keepsShareValue {
        address actor = actors[who % ACTORS];
        uint256 debt = market.debtOf(actor);
        if (debt == 0) return;
        amount = bound(amount, 1, 2 * debt);
        usdc.mint(actor, amount);
        vm.prank(actor);
        try market.repay(amount, actor) { }
        catch {
            hasBlockedRepayment = true;
        }
    }

    function liquidate(uint256 who, uint256 by, uint256 amount) external keepsShareValue {
        address actor = actors[who % ACTORS];
        address liquidator = actors[by % ACTORS];
        uint256 debt = market.debtOf(actor);
        if (debt == 0) return;
        amount = bound(amount, 1, debt);
        bool isHealthy = market.healthFactorWad(actor) >= 1e18;
        usdc.mint(liquidator, amount);
        vm.prank(liquidator);
        try market.liquidate(actor, amount) returns (uint256 repaid, uint256) {
            ++liquidations;
            if (isHealthy) hasLiquidatedHealthy = true;
            if (repaid < debt && market.debtOf(actor) == 0) ++writeOffs;
        } catch { }
    }

    function movePrice(uint256 changeBps) external {
        uint256 price = uint256(wethFeed.latestAnswer());
        price = bound(price * bound(changeBps, 6000, 14_000) / 10_000, 100e8, 10_000e8);
        wethFeed.setAnswer(int192(uint192(price)));
    }

    function passTime(uint256 elapsedS) external keepsShareValue {
        vm.warp(block.timestamp + bound(elapsedS, 1, 30 days));
        usdcFeed.setAnswer(1e8);
        wethFeed.setAnswer(int192(wethFeed.latestAnswer()));
        market.accrue();
    }

    function donate(uint256 amount) external keepsShareValue {
        usdc.mint(address(market), bound(amount, 0, 1000e6));
        weth.mint(address(market), bound(amount, 0, 1e18));
    }

    function _lend(uint256 who, uint256 amount, bool withProof) private returns (bool) {
        address actor = actors[who];
        if (withProof) {
            ILendingMarket.Proof memory proof = _proofs[who];
            if (!market.quote(actor, amount, proof).allowed) return false;
            vm.prank(actor);
            market.borrow(amount, actor, proof);
            return true;
        }
        if (!market.quote(actor, amount).allowed) return false;
        vm.prank(actor);
        market.borrow(amount, actor);
        return true;
    }
}

/// @notice The market's books stay sound, and all can leave in the end.
contract MarketInvariantTest is MarketFixture {
    MarketHandler private handler;
    address[4] private actors;

    function setUp() public {
        setUpMarket();
        actors = [safe, risky, unknown, supplier];
        delete entries;
        entries.push(abi.encode(pairScore()));
        int32[4] memory margins = [SAFE_MARGIN, RISKY_MARGIN, int32(0), int32(-9000)];
        uint8[4] memory grades = [1, 8, 0, 3];
        for (uint256 i = 0; i < 4; ++i) {
            entries.push(abi.encode(borrowerOf(asSubject(actors[i]), margins[i], grades[i])));
        }
        publishEntries(FIRST_EPOCH + 1);
        ILendingMarket.Proof[4] memory proofs;
        for (uint256 i = 0; i < 4; ++i) {
            proofs[i] = proofAt(FIRST_EPOCH + 1, borrowerOf(asSubject(actors[i]), margins[i], grades[i]));
        }
        handler = new MarketHandler(market, usdc, weth, usdcFeed, wethFeed, actors, proofs);
        // Loans from the start, so that a short run meets crashes, liquidations and bad debt too.
        for (uint256 i = 0; i < 4; ++i) {
            supplyCollateral(actors[i], 10 * WETH);
            vm.prank(actors[i]);
            market.borrow(11_000 * USDC, actors[i]);
        }
        usdcFeed.transferOwnership(address(handler));
        wethFeed.transferOwnership(address(handler));
        targetContract(address(handler));
    }

    /// @dev Nothing expires, so that a run is not over for borrowers once time has passed.
    function validitySeconds() internal pure override returns (uint64) {
        return 36_500 days;
    }

    /// Quotes M-01: the market holds at least the cash and the collateral that its books say.
    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.depth = 64
    function invariant_M01_Holdings_CoverTheBooks() public view {
        uint256 collateral;
        for (uint256 i = 0; i < actors.length; ++i) {
            collateral += market.position(actors[i]).collateral;
        }
        assertGe(usdc.balanceOf(address(market)), market.cash());
        assertGe(weth.balanceOf(address(market)), collateral);
    }

    /// Quotes M-02: debts of positions add up to the market's debt, never below it, and above it by rounding only.
    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.depth = 64
    function invariant_M02_Debts_AddUp() public view {
        uint256 debts;
        for (uint256 i = 0; i < actors.length; ++i) {
            debts += market.debtOf(actors[i]);
        }
        assertGe(debts, market.totalDebt());
        assertLe(debts, market.totalDebt() + 2 * handler.calls() + 2 * actors.length);
        assertEq(market.totalAssets(), market.cash() + market.totalDebt());
    }

    /// Quotes M-10: exposure adds up, and stays inside the limits of borrower and market.
    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.depth = 64
    function invariant_M10_Exposure_IsInsideItsLimits() public view {
        uint256 total;
        for (uint256 i = 0; i < actors.length; ++i) {
            uint256 own = market.position(actors[i]).exposure;
            assertLe(own, market.borrowerLimit());
            assertLe(own, market.debtOf(actors[i]));
            total += own;
        }
        assertEq(total, market.totalExposure());
        assertLe(total, market.exposureCap());
    }

    /// Quotes M-03, M-04, M-05, M-11: no call broke what can only be seen when it happens.
    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.depth = 64
    function invariant_M11_Calls_KeepTheirRules() public view {
        assertFalse(handler.hasBlockedRepayment(), "M-03: a repayment was blocked");
        assertFalse(handler.hasLiquidatedHealthy(), "M-04: a healthy position was liquidated");
        assertFalse(handler.hasLostValue(), "M-05: a share lost value without a write-off");
        assertFalse(handler.hasLentUnhealthily(), "M-11: a loan was liquidatable when granted");
    }

    /// All can leave: what is repaid in full is withdrawn in full, and suppliers get what the books say.
    function afterInvariant() public {
        for (uint256 i = 0; i < actors.length; ++i) {
            uint256 debt = market.debtOf(actors[i]);
            if (debt != 0) {
                fund(actors[i], usdc, debt);
                vm.prank(actors[i]);
                market.repay(debt, actors[i]);
            }
            uint256 collateral = market.position(actors[i]).collateral;
            if (collateral == 0) continue;
            vm.prank(actors[i]);
            market.withdrawCollateral(collateral, actors[i]);
        }
        assertEq(market.totalDebt(), 0);
        assertEq(market.totalExposure(), 0);
        for (uint256 i = 0; i < actors.length; ++i) {
            uint256 most = market.maxWithdraw(actors[i]);
            assertEq(most, Math.min(market.previewRedeem(market.balanceOf(actors[i])), market.cash()));
            if (most == 0) continue;
            vm.prank(actors[i]);
            market.withdraw(most, actors[i], actors[i]);
        }
    }
}
