// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RiskGate } from "../../src/RiskGate.sol";
import { Staking } from "../../src/Staking.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IRiskGate } from "../../src/interfaces/IRiskGate.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { ITerms } from "../../src/interfaces/ITerms.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { MarketFixture } from "../support/MarketFixture.sol";
import { ScriptedStake } from "../support/ScriptedScores.sol";

/// @notice A market behind its gate.
contract LendingMarketGateTest is MarketFixture {
    IRiskGate.GateConfig private config;
    ScriptedStake private stake;
    ScriptedFeed private bondFeed;

    function setUp() public {
        setUpMarket();
    }

    /// @dev Another market, whose gate starts in `mode`.
    function setUpMode(IRiskGate.Mode mode) private {
        config = super.gateConfig(address(weth), USD);
        config.mode = mode;
        setUpOwnGate();
    }

    function setUpOwnGate() private {
        market = deployMarket(marketConfig());
        gate = RiskGate(address(market.gate()));
        vm.prank(supplier);
        usdc.approve(address(market), type(uint256).max);
        fund(supplier, usdc, 1_000_000 * USDC);
        vm.prank(supplier);
        market.deposit(1_000_000 * USDC, supplier);
    }

    function gateConfig(address collateralToken, address numeraire)
        internal
        view
        override
        returns (IRiskGate.GateConfig memory)
    {
        return address(config.oracle) == address(0) ? super.gateConfig(collateralToken, numeraire) : config;
    }

    /// @dev The pair's score of the next epoch, posted.
    function postPair(uint64 epoch, uint16 threshold, uint16 ceiling, uint16 floor) private {
        delete entries;
        IScoreOracle.CollateralScore memory score = pairScore();
        (score.liquidationThresholdBps, score.ltvCeilingBps, score.ltvFloorBps) = (threshold, ceiling, floor);
        entries.push(abi.encode(score));
        entries.push(abi.encode(borrowerOf(asSubject(safe), SAFE_MARGIN, 1)));
        publishEntries(epoch);
        postEntry(epoch, entries[0]);
        skipWithPrices(0);
    }

    // --- audit trail --------------------------------------------------------------------------

    /// Quotes M-12: each loan names the scores and the policy that it stands on.
    function test_M12_Borrow_NamesWhatItStandsOn() public {
        supplyCollateral(safe, WETH);
        supplyCollateral(unknown, WETH);
        ILendingMarket.Proof memory proof = safeProof();
        ILendingMarket.Quote memory quote = market.quote(safe, 1400 * USDC, proof);

        vm.expectEmit(address(market));
        emit ILendingMarket.TermsSet(
            safe, FIRST_EPOCH, leafOf(entries[1]), FIRST_EPOCH, 1, quote.ltvBps, quote.premiumBps, 200 * USDC
        );
        vm.prank(safe);
        market.borrow(1400 * USDC, safe, proof);
        vm.expectEmit(address(market));
        emit ILendingMarket.TermsSet(unknown, 0, 0, FIRST_EPOCH, 1, 6000, FLOOR_PREMIUM_BPS, 0);
        vm.prank(unknown);
        market.borrow(1000 * USDC, unknown);
    }

    /// Quotes M-12: so does a withdrawal on scored terms.
    function test_M12_Withdraw_NamesWhatItStandsOn() public {
        supplyCollateral(safe, 2 * WETH);
        ILendingMarket.Proof memory proof = safeProof();
        vm.prank(safe);
        market.borrow(1400 * USDC, safe, proof);

        vm.expectEmit(true, true, true, false, address(market));
        emit ILendingMarket.TermsSet(safe, FIRST_EPOCH, leafOf(entries[1]), FIRST_EPOCH, 1, 0, 0, 0);
        vm.prank(safe);
        market.withdrawCollateral(WETH, safe, proof);
    }

    // --- pace ---------------------------------------------------------------------------------

    /// Quotes G-01, G-02: a lower score stops new loans at once; an open one gets its hours at 50 bps each.
    function test_LowerScore_StopsLoansAtOnce_LiquidatesInItsTime() public {
        openSafeLoan(1450 * USDC);
        supplyCollateral(unknown, WETH);
        postPair(FIRST_EPOCH + 1, 7000, 6500, 5000);
        assertEq(
            uint8(market.quote(unknown, 1100 * USDC).refusal), uint8(ILendingMarket.Refusal.AboveFloor), "lent at once"
        );
        market.accrue();
        fund(liquidator, usdc, 2000 * USDC);

        // 1,450 of 2,000 is 72.5 %: reached fifteen hours after the score.
        skipWithPrices(14 hours);
        vm.prank(liquidator);
        vm.expectPartialRevert(ILendingMarket.HealthyPosition.selector);
        market.liquidate(safe, 1 * USDC);
        skipWithPrices(1 hours);
        vm.prank(liquidator);
        (uint256 repaid,) = market.liquidate(safe, 1 * USDC);
        assertEq(repaid, 1 * USDC);
        assertEq(market.liquidationThresholdBps(), 7250);
    }

    /// Nothing done inside one transaction improves terms: posting, refreshing or accruing again and again gains one allowance.
    function test_Loosening_InOneTransaction_IsOneAllowance() public {
        supplyCollateral(safe, WETH);
        vm.prank(safe);
        market.borrow(1 * USDC, safe);
        skip(3 days);
        postPair(FIRST_EPOCH + 72, 8000, 7500, 7000);
        for (uint256 i = 0; i < 5; ++i) {
            gate.refresh();
            market.accrue();
        }
        vm.startPrank(safe);
        market.borrow(1 * USDC, safe);

        assertEq(gate.guarded().pair.ltvFloorBps, 6100);
        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        market.borrow(1219 * USDC, safe);
    }

    /// Collateral that is there for one transaction only backs nothing: what is taken back is judged on what stays.
    function test_FlashLoanedCollateral_BacksNothing() public {
        supplyCollateral(safe, WETH);
        fund(safe, weth, 100 * WETH);
        vm.startPrank(safe);
        market.supplyCollateral(100 * WETH, safe);
        market.borrow(50_000 * USDC, safe);

        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        market.withdrawCollateral(100 * WETH, safe);
    }

    // --- modes --------------------------------------------------------------------------------

    /// Off: the fallback for everyone, whatever the oracle says or does not say.
    function test_Off_LendsOnTheFallback() public {
        setUpMode(IRiskGate.Mode.Off);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
        ILendingMarket.Proof memory proof = safeProof();
        oracle.voidReport(reportOf(FIRST_EPOCH, oracle.head().scoresRoot));
        supplyCollateral(safe, WETH);
        ILendingMarket.Quote memory above = market.quote(safe, 1001 * USDC, proof);
        assertFalse(above.allowed);
        assertEq(uint8(above.basis), uint8(ILendingMarket.Basis.NoProof));

        vm.expectEmit(address(market));
        emit ILendingMarket.TermsSet(safe, 0, 0, 0, 1, 5000, FLOOR_PREMIUM_BPS, 0);
        vm.prank(safe);
        market.borrow(1000 * USDC, safe, proof);
        assertEq(market.liquidationThresholdBps(), 7500);
        assertEq(market.exposureCap(), 0);
    }

    /// Shadow: the fallback for everyone, and a score that is shown is named, and can be watched.
    function test_Shadow_LendsOnTheFallback_NamesTheScore() public {
        setUpMode(IRiskGate.Mode.Shadow);
        supplyCollateral(safe, WETH);
        ILendingMarket.Proof memory proof = safeProof();
        (ITerms.Terms memory watched, ILendingMarket.Basis basis) = market.shadowTerms(safe, 7000, proof);
        assertTrue(watched.allowed);
        assertEq(watched.ltvBps, 7000);
        assertEq(uint8(basis), uint8(ILendingMarket.Basis.Rated));
        assertFalse(market.quote(safe, 1400 * USDC, proof).allowed);

        vm.expectEmit(address(market));
        emit ILendingMarket.TermsSet(safe, FIRST_EPOCH, leafOf(entries[1]), 0, 1, 5000, FLOOR_PREMIUM_BPS, 0);
        vm.prank(safe);
        market.borrow(1000 * USDC, safe, proof);
        skip(VALIDITY_S + 1);
        (watched, basis) = market.shadowTerms(safe, 7000, proof);
        assertFalse(watched.allowed);
        assertEq(uint8(basis), uint8(ILendingMarket.Basis.Expired));
    }

    /// Capped: scores count, and all debt above the floor stays inside the smaller limit.
    function test_Capped_LimitsExposure() public {
        vm.prank(OWNER);
        gate.propose(IRiskGate.Change(IRiskGate.Subject.Mode, IRiskGate.Mode.Capped, address(0)));
        supplyCollateral(safe, 150 * WETH);
        ILendingMarket.Proof memory proof = safeProof();

        vm.prank(safe);
        vm.expectRevert(
            refused(
                ILendingMarket.Refusal.OverExposureCap, ILendingMarket.Basis.Rated, 20_000 * USDC + 1, 20_000 * USDC
            )
        );
        market.borrow(200_000 * USDC + 1, safe, proof);
        vm.prank(safe);
        market.borrow(200_000 * USDC, safe, proof);
        assertEq(market.totalExposure(), 20_000 * USDC);
    }

    // --- stake --------------------------------------------------------------------------------

    function setUpStake() private {
        SandboxToken bond = new SandboxToken("Bond", "BOND", 18);
        stake = new ScriptedStake(address(oracle), address(bond));
        setUpBacking(IStaking(address(stake)));
    }

    /// @dev A tenth of the stake, at 2 USD a bond.
    function setUpBacking(IStaking staking) private {
        bondFeed = new ScriptedFeed(8, "BOND / USD", 2e8);
        config = super.gateConfig(address(weth), USD);
        config.backing = IRiskGate.Backing({
            staking: staking,
            stakeFeed: address(bondFeed),
            loanFeed: address(usdcFeed),
            loanToken: address(usdc),
            maxAgeSeconds: 86_400,
            shareBps: 1000
        });
        setUpOwnGate();
        supplyCollateral(safe, WETH);
    }

    /// Quotes G-05: a tenth of 500 bonds at 2 USD backs 100 USDC above the floor, and not a unit more.
    function test_G05_Exposure_IsBackedByStake() public {
        setUpStake();
        stake.set(500e18);
        ILendingMarket.Proof memory proof = safeProof();
        assertEq(market.exposureCap(), 100 * USDC);

        vm.startPrank(safe);
        vm.expectRevert(
            refused(ILendingMarket.Refusal.OverExposureCap, ILendingMarket.Basis.Rated, 100 * USDC + 1, 100 * USDC)
        );
        market.borrow(1300 * USDC + 1, safe, proof);
        market.borrow(1300 * USDC, safe, proof);
    }

    /// Quotes G-05: what backs debt is what members of the committee in force have bonded; neither a stranger's stake, which nobody can
    /// slash, nor what has begun to leave, which may be gone when it is wanted.
    function test_G05_StakeOfAStrangerOrLeaving_BacksNothing() public {
        SandboxToken bond = new SandboxToken("Bond", "BOND", 18);
        Staking staking = new Staking(
            IStaking.StakingConfig({
                oracle: oracle,
                token: bond,
                unbondingSeconds: 36_600 days,
                slowestPublicationSeconds: 1 days,
                incidentSeconds: 1 days,
                wrongScoreBps: 500
            })
        );
        setUpBacking(staking);
        address member = vm.addr(memberKeys[0]);
        bond.mint(address(this), 1000e18);
        bond.approve(address(staking), 1000e18);
        staking.bond(address(this), 500e18);
        assertEq(market.exposureCap(), 0);
        staking.bond(member, 500e18);
        assertEq(market.exposureCap(), 100 * USDC);

        // It asked before a configuration took it in.
        bytes memory members = abi.encodeCall(oracle.coldKeysOf, (digest));
        vm.mockCall(address(oracle), members, abi.encode(new address[](0)));
        vm.prank(member);
        staking.requestUnbonding(200e18);
        vm.clearMockedCalls();
        assertEq(market.exposureCap(), 60 * USDC);
    }

    /// Quotes G-05: stake that is slashed or leaves stops new debt above the floor, and nothing else.
    function test_G05_StakeGone_StopsOnlyNewExposure() public {
        setUpStake();
        stake.set(500e18);
        ILendingMarket.Proof memory proof = safeProof();
        vm.startPrank(safe);
        market.borrow(1250 * USDC, safe, proof);
        stake.set(0);
        vm.expectPartialRevert(ILendingMarket.TermsRefused.selector);
        market.borrow(1 * USDC, safe, proof);
        usdc.approve(address(market), type(uint256).max);
        market.repay(100 * USDC, safe);
        market.borrow(50 * USDC, safe);
        assertEq(market.debtOf(safe), 1200 * USDC);
    }

    /// Quotes G-05: a stale price of stake refuses what needs it, and leaves loans at the floor alone.
    function test_G05_StalePriceOfStake_LeavesTheFloorAlone() public {
        setUpStake();
        stake.set(500e18);
        uint256 updatedAt = block.timestamp;
        skipWithPrices(90_000);
        publishScores(FIRST_EPOCH + 25);
        ILendingMarket.Proof memory proof = safeProof();

        vm.startPrank(safe);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILendingMarket.StalePrice.selector, address(bondFeed), updatedAt, block.timestamp - 86_400
            )
        );
        market.borrow(1300 * USDC, safe, proof);
        market.borrow(1200 * USDC, safe, proof);
        assertEq(market.debtOf(safe), 1200 * USDC);
    }

    // --- rounding -----------------------------------------------------------------------------

    /// Quotes M-11: where floor, ceiling and threshold are one, a unit by which the books round a loan up would liquidate it.
    function test_M11_NoBuffer_LoanRoundedUp_IsRefused() public {
        postPair(FIRST_EPOCH + 1, 8000, 8000, 8000);
        setUpOwnGate();
        openFloorLoan(unknown, 1000 * USDC);
        skipWithPrices(101 days);
        postPair(FIRST_EPOCH + 101 * 24, 8000, 8000, 8000);
        supplyCollateral(risky, WETH);

        vm.startPrank(risky);
        vm.expectRevert(refused(ILendingMarket.Refusal.AboveCeiling, ILendingMarket.Basis.NoProof, 8001, 8000));
        market.borrow(1600 * USDC, risky);
        market.borrow(1600 * USDC - 1, risky);
        assertEq(market.debtOf(risky), 1600 * USDC);
        assertGe(market.healthFactorWad(risky), 1e18);
    }

    /// Quotes M-11: so too on a fallback whose LTV is its threshold.
    function test_M11_FallbackAtItsThreshold_LoanRoundedUp_IsRefused() public {
        config = super.gateConfig(address(weth), USD);
        config.mode = IRiskGate.Mode.Off;
        config.fallbackLtvBps = config.fallbackThresholdBps;
        setUpOwnGate();
        openFloorLoan(unknown, 1000 * USDC);
        skipWithPrices(101 days);
        supplyCollateral(risky, WETH);

        vm.startPrank(risky);
        vm.expectRevert(refused(ILendingMarket.Refusal.AboveCeiling, ILendingMarket.Basis.NoProof, 7501, 7500));
        market.borrow(1500 * USDC, risky);
        market.borrow(1500 * USDC - 1, risky);
        assertGe(market.healthFactorWad(risky), 1e18);
    }

    // --- guardian -----------------------------------------------------------------------------

    /// Quotes G-06: neither a veto nor a change of mode stands in the way of whoever repays, takes out or liquidates.
    function test_G06_VetoAndModes_BlockNoExit() public {
        openSafeLoan(1400 * USDC);
        openFloorLoan(unknown, 1000 * USDC);
        vm.prank(GUARDIAN);
        gate.vetoLoosening();
        vm.startPrank(OWNER);
        gate.propose(IRiskGate.Change(IRiskGate.Subject.Mode, IRiskGate.Mode.Off, address(0)));
        skip(1 days);
        gate.applyChange();
        vm.stopPrank();
        skipWithPrices(0);
        market.accrue();
        // Free is what the fallback leaves now: 1,000 on 50 % needs one WETH.
        fund(unknown, usdc, 500 * USDC);
        vm.startPrank(unknown);
        market.repay(500 * USDC, unknown);
        market.withdrawCollateral(0.49e18, unknown);
        vm.stopPrank();
        setPrice(1700);
        fund(liquidator, usdc, 100 * USDC);
        vm.prank(liquidator);
        (uint256 repaid,) = market.liquidate(safe, 100 * USDC);

        assertEq(repaid, 100 * USDC);
        assertEq(market.liquidationThresholdBps(), 8000);
    }
}
