// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

import { LendingMarket } from "../../src/LendingMarket.sol";
import { RiskGate } from "../../src/RiskGate.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IRiskGate } from "../../src/interfaces/IRiskGate.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { MarketFixture } from "../support/MarketFixture.sol";
import { ScriptedMarketOracle } from "../support/ScriptedMarketOracle.sol";

/// @notice What borrowers, liquidators, prices, scores, outages, voidings and whoever owns the gate do to a market, in any order.
contract GatedMarketHandler is Test {
    uint256 private constant ACTORS = 3;
    address private constant OWNER = address(0x0123);
    address private constant GUARDIAN = address(0x0456);

    string private constant _BORROW =
        "borrow(uint256,address,(uint64,(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32),bytes32[]))";
    string private constant _WITHDRAW =
        "withdrawCollateral(uint256,address,(uint64,(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32),bytes32[]))";

    LendingMarket private immutable market;
    RiskGate private immutable gate;
    ScriptedMarketOracle private immutable scores;
    SandboxToken private immutable usdc;
    SandboxToken private immutable weth;
    ScriptedFeed private immutable usdcFeed;
    ScriptedFeed private immutable wethFeed;
    address[ACTORS] public actors;
    uint64 private _epoch;

    /// @dev The first rule that a call broke.
    string public broken;
    uint256 public loans;
    uint256 public loansAboveFloor;
    uint256 public refusals;
    uint256 public liquidations;

    constructor(
        LendingMarket market_,
        ScriptedMarketOracle scores_,
        SandboxToken usdc_,
        SandboxToken weth_,
        ScriptedFeed usdcFeed_,
        ScriptedFeed wethFeed_,
        address[ACTORS] memory actors_
    ) {
        (market, gate, scores) = (market_, RiskGate(address(market_.gate())), scores_);
        (usdc, weth, usdcFeed, wethFeed, actors) = (usdc_, weth_, usdcFeed_, wethFeed_, actors_);
        _epoch = uint64(block.timestamp / 3600);
        for (uint256 i = 0; i < ACTORS; ++i) {
            vm.startPrank(actors_[i]);
            usdc_.approve(address(market_), type(uint256).max);
            weth_.approve(address(market_), type(uint256).max);
            vm.stopPrank();
        }
    }

    // --- scores -------------------------------------------------------------------------------

    function postPair(uint16 threshold, uint16 ceiling, uint16 floor, uint32 volatility) public {
        IScoreOracle.PostedCollateral memory posted;
        posted.epoch = ++_epoch;
        posted.liquidationThresholdBps = uint16(bound(threshold, 6000, 9000));
        posted.ltvCeilingBps = uint16(bound(ceiling, 5000, posted.liquidationThresholdBps));
        posted.ltvFloorBps = uint16(bound(floor, 3000, posted.ltvCeilingBps));
        posted.volatilityPpm = uint32(bound(volatility, 100_000, 1_000_000));
        posted.gapPpm = 20_000;
        posted.binding = 1;
        scores.post(posted);
        scores.setUsable(_epoch);
        scores.setHold(false);
        scores.setExpired(false);
    }

    /// @dev Rarely, as below, so that most of a run has scores to lend on.
    function voidReport(uint8 dice) external {
        if (dice % 4 != 0) return;
        scores.voidEpoch(_epoch);
        scores.setHold(true);
    }

    function stopReports(uint8 dice) external {
        if (dice % 4 != 0) return;
        scores.setExpired(true);
    }

    function refresh() external {
        uint256 before = market.liquidationThresholdBps();
        gate.refresh();
        if (market.liquidationThresholdBps() != before) _break("G-02: a refresh moved the threshold");
    }

    function veto(uint8 dice) external {
        if (dice % 4 != 0) return;
        vm.prank(GUARDIAN);
        gate.vetoLoosening();
    }

    function changeMode(uint8 mode, uint8 dice) external {
        if (dice % 3 != 0) return;
        vm.prank(OWNER);
        try gate.propose(IRiskGate.Change(IRiskGate.Subject.Mode, IRiskGate.Mode(mode % 4), address(0))) {
            _pass(1 days);
            vm.prank(OWNER);
            try gate.applyChange() { } catch { }
        } catch { }
    }

    // --- prices and time ----------------------------------------------------------------------

    function movePrice(uint256 changeBps) external {
        uint256 price = uint256(wethFeed.latestAnswer()) * bound(changeBps, 7000, 13_500) / 10_000;
        vm.prank(wethFeed.owner());
        wethFeed.setAnswer(int192(uint192(bound(price, 200e8, 8000e8))));
    }

    function passTime(uint256 elapsedS) external {
        _pass(bound(elapsedS, 1, 12 hours));
    }

    // --- borrowers ----------------------------------------------------------------------------

    /// @dev A calm borrower asks for what is between floor and ceiling.
    function borrowAboveFloor(uint256 who, uint256 ltvBps, int32 margin) external {
        IRiskGate.Guarded memory now_ = gate.guarded();
        ltvBps = bound(ltvBps, now_.pair.ltvFloorBps, uint256(now_.pair.ltvCeilingBps) + 1);
        borrow(who, ltvBps, true, int32(bound(margin, -20_000, -12_000)), 2);
    }

    function borrow(uint256 who, uint256 ltvBps, bool withProof, int32 margin, uint8 grade) public {
        address actor = actors[who % ACTORS];
        if (!gate.guarded().isOpen && grade % 2 == 0) postPair(8000, 7500, 6000, 620_000);
        weth.mint(actor, 1e18);
        vm.prank(actor);
        market.supplyCollateral(1e18, actor);
        uint256 target = market.collateralValueOf(actor) * bound(ltvBps, 2000, 9000) / 10_000;
        uint256 debt = market.debtOf(actor);
        if (target <= debt) return;
        ILendingMarket.Proof memory proof = _proofOf(actor, margin, grade);
        ILendingMarket.Quote memory quote =
            withProof ? market.quote(actor, target - debt, proof) : market.quote(actor, target - debt);
        bool isOpen = gate.guarded().isOpen;
        vm.prank(actor);
        (bool done,) = address(market)
            .call(
                withProof
                    ? abi.encodeWithSignature(_BORROW, target - debt, actor, proof)
                    : abi.encodeWithSignature("borrow(uint256,address)", target - debt, actor)
            );
        if (done != quote.allowed) _break("M-09: the loan was not what was quoted");
        if (!done) ++refusals;
        else _checkLoan(actor, quote, isOpen);
    }

    function withdrawCollateral(uint256 who, uint256 shareBps, bool withProof) external {
        address actor = actors[who % ACTORS];
        uint256 own = market.position(actor).collateral;
        uint256 amount = own * bound(shareBps, 1, 10_000) / 10_000;
        if (amount == 0) return;
        bool hadDebt = market.debtOf(actor) != 0;
        ILendingMarket.Proof memory proof = _proofOf(actor, -14_000, 1);
        vm.prank(actor);
        (bool done,) = address(market)
            .call(
                withProof
                    ? abi.encodeWithSignature(_WITHDRAW, amount, actor, proof)
                    : abi.encodeWithSignature("withdrawCollateral(uint256,address)", amount, actor)
            );
        if (!hadDebt && !done && !withProof) _break("M-08: collateral without debt was held back");
        if (done && hadDebt && market.healthFactorWad(actor) < 1e18) _break("M-11: liquidatable after a withdrawal");
    }

    function repay(uint256 who, uint256 shareBps) external {
        address actor = actors[who % ACTORS];
        uint256 debt = market.debtOf(actor);
        uint256 amount = debt * bound(shareBps, 1, 12_000) / 10_000;
        if (amount == 0) return;
        usdc.mint(actor, amount);
        vm.prank(actor);
        try market.repay(amount, actor) { }
        catch {
            _break("M-03: a repayment was blocked");
        }
    }

    function liquidate(uint256 who, uint256 by, uint256 shareBps) external {
        address actor = actors[who % ACTORS];
        uint256 debt = market.debtOf(actor);
        uint256 amount = debt * bound(shareBps, 1, 10_000) / 10_000;
        if (amount == 0) return;
        bool isHealthy = market.healthFactorWad(actor) >= 1e18;
        usdc.mint(actors[by % ACTORS], amount);
        vm.prank(actors[by % ACTORS]);
        (bool done,) = address(market).call(abi.encodeCall(market.liquidate, (actor, amount)));
        if (done && isHealthy) _break("M-04: a healthy position was liquidated");
        if (!done && !isHealthy) _break("M-04: an unhealthy position could not be liquidated");
        if (done) ++liquidations;
    }

    // --- rules --------------------------------------------------------------------------------

    function _checkLoan(address actor, ILendingMarket.Quote memory quote, bool isOpen) private {
        ++loans;
        if (!isOpen) _break("M-08: a loan without a score to lend on");
        if (market.healthFactorWad(actor) < 1e18) _break("M-11: liquidatable when granted");
        if (market.position(actor).exposure == 0) return;
        ++loansAboveFloor;
        if (quote.basis != ILendingMarket.Basis.Rated) _break("T-03: above the floor without a score");
        if (market.totalExposure() > gate.exposureCap()) _break("M-10: above the limit of all borrowers");
        if (market.position(actor).exposure > market.borrowerLimit()) _break("M-10: above the borrower's limit");
        if (gate.mode() < IRiskGate.Mode.Capped) _break("above the floor in a mode without scores");
    }

    function _proofOf(address actor, int32 margin, uint8 grade)
        private
        view
        returns (ILendingMarket.Proof memory proof)
    {
        proof.epoch = scores.usableEpoch();
        proof.score.kind = 1;
        proof.score.subject = bytes32(uint256(uint160(actor)));
        proof.score.behaviourMargin = int32(bound(margin, -20_000, 8000));
        proof.score.grade = uint8(bound(grade, 0, 8));
    }

    function _pass(uint256 elapsedS) private {
        vm.warp(block.timestamp + elapsedS);
        _epoch = uint64(block.timestamp / 3600) > _epoch ? uint64(block.timestamp / 3600) : _epoch;
        address owner = usdcFeed.owner();
        vm.startPrank(owner);
        usdcFeed.setAnswer(1e8);
        wethFeed.setAnswer(int192(wethFeed.latestAnswer()));
        vm.stopPrank();
    }

    function _break(string memory rule) private {
        if (bytes(broken).length == 0) broken = rule;
    }
}

/// @notice No order of scores, outages, voidings, modes, prices and actors gets a market behind its gate out of its rules.
contract GatedMarketInvariantTest is MarketFixture {
    GatedMarketHandler private handler;
    ScriptedMarketOracle private scores;
    address[3] private actors;

    function setUp() public {
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + 60);
        scores = new ScriptedMarketOracle();
        usdc = new SandboxToken("USD Coin", "USDC", 6);
        weth = new SandboxToken("Wrapped Ether", "WETH", 18);
        usdcFeed = new ScriptedFeed(8, "USDC / USD", 1e8);
        wethFeed = new ScriptedFeed(8, "ETH / USD", 2000e8);
        market = deployMarket(marketConfig());
        fund(supplier, usdc, 10_000_000 * USDC);
        vm.prank(supplier);
        market.deposit(10_000_000 * USDC, supplier);
        actors = [safe, risky, unknown];
        handler = new GatedMarketHandler(market, scores, usdc, weth, usdcFeed, wethFeed, actors);
        handler.postPair(8000, 7500, 6000, 620_000);
        targetContract(address(handler));
    }

    function gateConfig(address collateralToken, address numeraire)
        internal
        view
        override
        returns (IRiskGate.GateConfig memory config)
    {
        config = super.gateConfig(collateralToken, numeraire);
        config.oracle = IScoreOracle(address(scores));
        config.exposureCap = uint128(2000 * USDC);
        config.cappedExposureCap = uint128(500 * USDC);
    }

    /// Quotes M-03, M-04, M-08, M-09, M-10, M-11, T-03, G-02: no call broke what can only be seen when it happens.
    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.depth = 128
    function invariant_M08_Calls_KeepTheirRules() public view {
        assertEq(handler.broken(), "");
    }

    /// Quotes M-01, M-02, M-10: the books stay sound.
    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.depth = 128
    function invariant_M02_Books_AddUp() public view {
        (uint256 debts, uint256 exposures, uint256 collateral) = (0, 0, 0);
        for (uint256 i = 0; i < actors.length; ++i) {
            debts += market.debtOf(actors[i]);
            exposures += market.position(actors[i]).exposure;
            collateral += market.position(actors[i]).collateral;
        }
        assertGe(debts, market.totalDebt());
        assertEq(exposures, market.totalExposure());
        assertGe(weth.balanceOf(address(market)), collateral);
        assertGe(usdc.balanceOf(address(market)), market.cash());
    }

    /// All can leave, whatever state scores and gate are in.
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
    }
}
