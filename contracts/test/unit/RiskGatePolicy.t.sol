// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";

import { RiskGate } from "../../src/RiskGate.sol";
import { ILendingMarket } from "../../src/interfaces/ILendingMarket.sol";
import { IRiskGate } from "../../src/interfaces/IRiskGate.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { GateFixture } from "../support/GateFixture.sol";
import { ScriptedStake } from "../support/ScriptedScores.sol";

/// @notice Modes, timelock, guardian and limits of a gate.
contract RiskGatePolicyTest is GateFixture {
    function setUp() public {
        setUpGate(IRiskGate.Mode.Live);
        post(10, 8000, 7500, 6000);
        gate.refresh();
    }

    // --- modes --------------------------------------------------------------------------------

    /// Off and Shadow lend on the fallback, whatever the scores say.
    function test_Off_LendsOnTheFallback() public {
        for (uint8 mode = 0; mode < 2; ++mode) {
            setUpGate(IRiskGate.Mode(mode));
            post(10, 8000, 7500, 6000);
            scores.setHold(true);
            IRiskGate.Guarded memory now_ = gate.guarded();

            assertTrue(now_.isOpen);
            assertEq(now_.epoch, 0);
            assertEq(now_.pair.liquidationThresholdBps, 7000);
            assertEq(now_.pair.ltvCeilingBps, 5000);
            assertEq(now_.pair.ltvFloorBps, 5000);
            assertEq(gate.liquidationThresholdBps(), 7000);
            assertEq(gate.freeLtvBps(), 5000);
            assertEq(gate.exposureCap(), 0);
        }
    }

    /// What the score would give, to be watched before it counts.
    function test_Scored_InShadow_IsTheScoreInsideItsBounds() public {
        setUpGate(IRiskGate.Mode.Shadow);
        post(10, 9500, 8400, 6000);
        IRiskGate.Guarded memory watched = gate.scored();

        assertTrue(watched.isOpen);
        assertEq(watched.epoch, 10);
        assertEq(watched.pair.liquidationThresholdBps, 9000);
        assertEq(watched.pair.ltvCeilingBps, 7900);
        assertEq(watched.pair.ltvFloorBps, 6000);
        scores.setExpired(true);
        assertFalse(gate.scored().isOpen);
    }

    /// Quotes G-02, G-03: a change of mode moves nothing at once but what it tightens.
    function test_Mode_ToLive_RampsFromTheFallback() public {
        setUpGate(IRiskGate.Mode.Off);
        gate.refresh();
        post(10, 8000, 7500, 6000);
        change(modeChange(IRiskGate.Mode.Live));
        gate.refresh();

        (uint16 threshold, uint16 ceiling, uint16 floor) = levels();
        assertEq(threshold, 7000);
        assertEq(ceiling, 5120);
        assertEq(floor, 5120);
        assertEq(gate.guarded().pair.volatilityPpm, 620_000);
        skip(4 hours);
        assertEq(gate.liquidationThresholdBps(), 7200);
    }

    function test_Mode_ToOff_TightensAtOnce() public {
        change(modeChange(IRiskGate.Mode.Off));
        gate.refresh();

        (uint16 threshold, uint16 ceiling, uint16 floor) = levels();
        assertEq(threshold, 7000);
        assertEq(ceiling, 5000);
        assertEq(floor, 5000);
        assertEq(gate.liquidationThresholdBps(), 8000);
        skip(20 hours);
        assertEq(gate.liquidationThresholdBps(), 7000);
    }

    /// Quotes G-06: the step from Live to Capped only tightens, and is made at once.
    function test_Mode_LiveToCapped_IsAtOnce() public {
        assertEq(gate.exposureCap(), 1000e6);
        vm.startPrank(owner);
        gate.propose(modeChange(IRiskGate.Mode.Off));
        vm.expectEmit(address(gate));
        emit IRiskGate.ChangeDropped(IRiskGate.Subject.Mode, IRiskGate.Mode.Off, address(0), owner);
        vm.expectEmit(address(gate));
        emit IRiskGate.PolicyChanged(2, IRiskGate.Subject.Mode, IRiskGate.Mode.Capped, guardian);
        gate.propose(modeChange(IRiskGate.Mode.Capped));

        assertEq(uint8(gate.mode()), uint8(IRiskGate.Mode.Capped));
        assertEq(gate.exposureCap(), 100e6);
        (uint16 threshold, uint16 ceiling, uint16 floor) = levels();
        assertEq(threshold + uint256(ceiling) + floor, 8000 + 7500 + 6000);
        vm.expectRevert(IRiskGate.NothingPending.selector);
        gate.applyChange();
    }

    // --- timelock -----------------------------------------------------------------------------

    /// Quotes G-06: what trusts scores more waits for the timelock.
    function test_ApplyChange_RevertWhen_EarlyOrLate() public {
        vm.startPrank(owner);
        gate.propose(modeChange(IRiskGate.Mode.Shadow));
        uint256 readyAt = block.timestamp + TIMELOCK;
        (IRiskGate.Change memory announced, uint256 announcedAt) = gate.pending();
        assertEq(uint8(announced.mode), uint8(IRiskGate.Mode.Shadow));
        assertEq(announcedAt, readyAt);
        vm.warp(readyAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IRiskGate.EarlyChange.selector, readyAt - 1, readyAt));
        gate.applyChange();
        vm.warp(readyAt + 14 days + 1);
        vm.expectRevert(abi.encodeWithSelector(IRiskGate.LateChange.selector, block.timestamp, readyAt + 14 days));
        gate.applyChange();
        vm.warp(readyAt + 14 days);
        gate.applyChange();

        assertEq(uint8(gate.mode()), uint8(IRiskGate.Mode.Shadow));
        assertEq(gate.policyVersion(), 2);
        vm.expectRevert(IRiskGate.NothingPending.selector);
        gate.cancelChange();
    }

    function test_Propose_Again_StartsTheTimelockAnew() public {
        vm.startPrank(owner);
        gate.propose(modeChange(IRiskGate.Mode.Off));
        skip(TIMELOCK);
        gate.propose(modeChange(IRiskGate.Mode.Shadow));
        vm.expectPartialRevert(IRiskGate.EarlyChange.selector);
        gate.applyChange();
    }

    function test_CancelChange_DropsIt() public {
        vm.startPrank(owner);
        gate.propose(modeChange(IRiskGate.Mode.Off));
        gate.cancelChange();
        skip(TIMELOCK);
        vm.expectRevert(IRiskGate.NothingPending.selector);
        gate.applyChange();
    }

    function test_Propose_RevertWhen_NothingChanges() public {
        vm.startPrank(owner);
        IRiskGate.Change[3] memory changes = [
            IRiskGate.Change(IRiskGate.Subject.None, IRiskGate.Mode.Off, address(1)),
            modeChange(IRiskGate.Mode.Live),
            IRiskGate.Change(IRiskGate.Subject.Guardian, IRiskGate.Mode.Off, guardian)
        ];
        for (uint256 i = 0; i < changes.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRiskGate.NothingToChange.selector, changes[i].subject));
            gate.propose(changes[i]);
        }
    }

    function test_OwnerCalls_RevertWhen_SomebodyElse() public {
        bytes memory refusal = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian);
        vm.startPrank(guardian);
        vm.expectRevert(refusal);
        gate.propose(modeChange(IRiskGate.Mode.Off));
        vm.expectRevert(refusal);
        gate.applyChange();
        vm.expectRevert(refusal);
        gate.cancelChange();
    }

    /// A score that was wrongly low would take weeks to be made up for; behind the timelock the next one is taken whole.
    function test_Levels_AreTakenAnew() public {
        post(11, 8000, 1000, 0);
        gate.refresh();
        post(12, 8000, 7500, 6000);
        (, uint16 ceiling,) = levels();
        assertEq(ceiling, 1000);
        change(IRiskGate.Change(IRiskGate.Subject.Levels, IRiskGate.Mode.Off, address(0)));

        (, ceiling,) = levels();
        assertEq(ceiling, 7500);
        gate.refresh();
        skip(1 days);
        post(13, 8000, 7500, 6500);
        (,, uint16 floor) = levels();
        assertEq(floor, 6120);
    }

    // --- guardian -----------------------------------------------------------------------------

    function test_GuardianCalls_RevertWhen_SomebodyElse() public {
        bytes memory refusal = abi.encodeWithSelector(IRiskGate.NotGuardian.selector, owner, guardian);
        vm.startPrank(owner);
        vm.expectRevert(refusal);
        gate.vetoLoosening();
        vm.expectRevert(refusal);
        gate.vetoChange();
    }

    function test_Guardian_IsReplacedBehindTheTimelock() public {
        vm.prank(owner);
        gate.propose(IRiskGate.Change(IRiskGate.Subject.Guardian, IRiskGate.Mode.Off, address(0x9)));
        vm.prank(guardian);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRiskGate.NotLoosening.selector, IRiskGate.Subject.Guardian, IRiskGate.Mode.Off, IRiskGate.Mode.Live
            )
        );
        gate.vetoChange();
        skip(TIMELOCK);
        vm.prank(owner);
        gate.applyChange();

        assertEq(gate.guardian(), address(0x9));
    }

    /// Quotes G-06: the guardian drops what loosens, and nothing else.
    function test_VetoChange_DropsWhatLoosens() public {
        vm.prank(guardian);
        vm.expectRevert(IRiskGate.NothingPending.selector);
        gate.vetoChange();
        IRiskGate.Change memory anew = IRiskGate.Change(IRiskGate.Subject.Levels, IRiskGate.Mode.Off, address(0));
        vm.prank(owner);
        gate.propose(anew);
        vm.prank(guardian);
        gate.vetoChange();
        (IRiskGate.Change memory left,) = gate.pending();
        assertEq(uint8(left.subject), 0);

        vm.prank(owner);
        gate.propose(modeChange(IRiskGate.Mode.Off));
        vm.startPrank(guardian);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRiskGate.NotLoosening.selector, IRiskGate.Subject.Mode, IRiskGate.Mode.Off, IRiskGate.Mode.Live
            )
        );
        gate.vetoChange();
        vm.stopPrank();
        skip(TIMELOCK);
        vm.startPrank(owner);
        gate.applyChange();
        gate.propose(modeChange(IRiskGate.Mode.Capped));
        vm.stopPrank();
        vm.prank(guardian);
        gate.vetoChange();
        assertEq(uint8(gate.mode()), uint8(IRiskGate.Mode.Off));
    }

    /// Quotes G-06: a veto stops LTVs, risks and threshold where they are; what tightens goes on.
    function test_VetoLoosening_StopsOnlyLoosening() public {
        skip(1 days);
        post(11, 8500, 7500, 6000);
        gate.refresh();
        skip(2 hours);
        vm.prank(guardian);
        vm.expectEmit(address(gate));
        emit IRiskGate.LooseningVetoed(guardian, block.timestamp + VETO);
        gate.vetoLoosening();
        assertEq(gate.vetoedUntil(), block.timestamp + VETO);
        skip(1 days);
        assertEq(gate.liquidationThresholdBps(), 8100);
        IScoreOracle.PostedCollateral memory calm = score(12, 8500, 7500, 6500);
        calm.volatilityPpm = 500_000;
        scores.post(calm);
        gate.refresh();
        (,, uint16 floor) = levels();
        assertEq(floor, 6000);
        assertEq(gate.guarded().pair.volatilityPpm, 620_000);
        assertEq(gate.looseningAllowanceBps(), 0);

        post(13, 8000, 7000, 5000);
        gate.refresh();
        (, uint16 ceiling, uint16 lower) = levels();
        assertEq(ceiling, 7000);
        assertEq(lower, 5000);
        skip(2 hours);
        assertEq(gate.liquidationThresholdBps(), 8000);
        vm.warp(gate.vetoedUntil());
        post(14, 8500, 7500, 6500);
        (,, floor) = levels();
        assertEq(floor, 5120);
    }

    /// Quotes G-06: nor is the first score of a vetoed gate taken, nor one after the levels were to be taken anew.
    function test_VetoLoosening_BeforeTheFirstScore_LendsNothing() public {
        setUpGate(IRiskGate.Mode.Live);
        vm.prank(guardian);
        gate.vetoLoosening();
        post(10, 8000, 7500, 6000);
        gate.refresh();
        (, uint16 ceiling, uint16 floor) = levels();
        assertEq(uint256(ceiling) + floor, 0);
        vm.warp(gate.vetoedUntil());
        (, ceiling, floor) = levels();
        assertEq(ceiling, 7500);
        assertEq(floor, 6000);
    }

    // --- exposure -----------------------------------------------------------------------------

    function backed(uint16 shareBps) private returns (RiskGate result, ScriptedStake stake, ScriptedFeed price) {
        SandboxToken usdc = new SandboxToken("USD Coin", "USDC", 6);
        SandboxToken bond = new SandboxToken("Bond", "BOND", 18);
        stake = new ScriptedStake(address(scores), address(bond));
        price = new ScriptedFeed(8, "BOND / USD", 2e8);
        IRiskGate.GateConfig memory config = gateConfig(IRiskGate.Mode.Live);
        config.backing = IRiskGate.Backing({
            staking: IStaking(address(stake)),
            stakeFeed: address(price),
            loanFeed: address(new ScriptedFeed(8, "USDC / USD", 1e8)),
            loanToken: address(usdc),
            maxAgeSeconds: 3600,
            shareBps: shareBps
        });
        result = new RiskGate(config);
    }

    /// Quotes G-05: a quarter of 1,000 bonds at 2 USD backs 500 USDC; the constant limit still holds.
    function test_ExposureCap_IsAShareOfStake() public {
        (RiskGate result, ScriptedStake stake,) = backed(2500);
        assertEq(result.exposureCap(), 0);
        stake.set(1000e18);
        assertEq(result.exposureCap(), 500e6);
        stake.set(10_000e18);
        assertEq(result.exposureCap(), 1000e6);
    }

    /// Quotes G-05: stake has no value at a price that is stale or zero.
    function test_ExposureCap_RevertWhen_PriceIsNoPrice() public {
        (RiskGate result, ScriptedStake stake, ScriptedFeed price) = backed(2500);
        stake.set(1000e18);
        uint256 updatedAt = block.timestamp;
        skip(3601);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILendingMarket.StalePrice.selector, address(price), updatedAt, block.timestamp - 3600
            )
        );
        result.exposureCap();
        price.setAnswer(0);
        vm.expectRevert(abi.encodeWithSelector(ILendingMarket.InvalidPrice.selector, address(price), 0));
        result.exposureCap();
    }

    // --- construction -------------------------------------------------------------------------

    function test_Constructor_RevertWhen_ConfigUnsound() public {
        IRiskGate.GateConfig memory config = gateConfig(IRiskGate.Mode.Live);
        config.timelockSeconds = 1 days - 1;
        expectInvalid(config, "timelockSeconds", 1 days - 1, 1 days);
        config = gateConfig(IRiskGate.Mode.Live);
        config.timelockSeconds = 365 days + 1;
        expectInvalid(config, "timelockSeconds", 365 days + 1, 365 days);
        config = gateConfig(IRiskGate.Mode.Live);
        config.vetoSeconds = 0;
        expectInvalid(config, "vetoSeconds", 0, 1);
        config = gateConfig(IRiskGate.Mode.Live);
        config.rampBpsPerHour = 0;
        expectInvalid(config, "rampBpsPerHour", 0, 1);
        config = gateConfig(IRiskGate.Mode.Live);
        config.looseningBpsPerDay = 10_001;
        expectInvalid(config, "looseningBpsPerDay", 10_001, 10_000);
        config = gateConfig(IRiskGate.Mode.Live);
        config.bounds.maxLiquidationThresholdBps = 10_001;
        expectInvalid(config, "maxLiquidationThresholdBps", 10_001, 10_000);
        config = gateConfig(IRiskGate.Mode.Live);
        config.bounds.minLiquidationThresholdBps = 9001;
        expectInvalid(config, "minLiquidationThresholdBps", 9001, 9000);
        config = gateConfig(IRiskGate.Mode.Live);
        config.bounds.maxLtvCeilingBps = 9001;
        expectInvalid(config, "maxLtvCeilingBps", 9001, 9000);
    }

    function test_Constructor_RevertWhen_LevelsUnsound() public {
        IRiskGate.GateConfig memory config = gateConfig(IRiskGate.Mode.Live);
        config.bounds.maxLtvFloorBps = 8501;
        expectInvalid(config, "maxLtvFloorBps", 8501, 8500);
        config = gateConfig(IRiskGate.Mode.Live);
        config.bounds.minVolatilityPpm = 0;
        expectInvalid(config, "minVolatilityPpm", 0, 1);
        config = gateConfig(IRiskGate.Mode.Live);
        config.bounds.minGapPpm = 1_000_001;
        expectInvalid(config, "minGapPpm", 1_000_001, 1_000_000);
        config = gateConfig(IRiskGate.Mode.Live);
        config.fallbackThresholdBps = 5999;
        expectInvalid(config, "fallbackThresholdBps", 5999, 6000);
        config = gateConfig(IRiskGate.Mode.Live);
        config.fallbackLtvBps = 7001;
        expectInvalid(config, "fallbackLtvBps", 7001, 7000);
        config = gateConfig(IRiskGate.Mode.Live);
        config.cappedExposureCap = config.exposureCap + 1;
        expectInvalid(config, "cappedExposureCap", 1000e6 + 1, 1000e6);
    }

    function test_Constructor_RevertWhen_BackingUnsound() public {
        IRiskGate.GateConfig memory config = gateConfig(IRiskGate.Mode.Live);
        ScriptedStake other = new ScriptedStake(address(0x5), address(0x6));
        config.backing.staking = IStaking(address(other));
        config.backing.shareBps = 10_001;
        expectInvalid(config, "shareBps", 10_001, 10_000);
        config.backing.shareBps = 10_000;
        expectInvalid(config, "staking", 5, uint160(address(scores)));
        SandboxToken wide = new SandboxToken("Wide", "WIDE", 29);
        config.backing.staking = IStaking(address(new ScriptedStake(address(scores), address(wide))));
        (config.backing.loanToken, config.backing.loanFeed) =
        (address(wide), address(new ScriptedFeed(8, "WIDE / USD", 1e8)));
        expectInvalid(config, "decimals", 37, 36);
    }

    function expectInvalid(IRiskGate.GateConfig memory config, string memory field, uint256 given, uint256 limit)
        private
    {
        vm.expectRevert(abi.encodeWithSelector(IRiskGate.InvalidGate.selector, field, given, limit));
        new RiskGate(config);
    }
}
