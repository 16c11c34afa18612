// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

import { RiskGate } from "../../src/RiskGate.sol";
import { IRiskGate } from "../../src/interfaces/IRiskGate.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../../src/interfaces/IStaking.sol";
import { ScriptedScores } from "./ScriptedScores.sol";

/// @notice A gate over scripted scores: threshold 50 bps an hour, 120 bps of loosening a day, threshold inside 60..90 %.
abstract contract GateFixture is Test {
    uint256 internal constant RAMP = 50;
    uint256 internal constant LOOSENING = 120;
    uint256 internal constant TIMELOCK = 2 days;
    uint256 internal constant VETO = 7 days;
    uint256 internal constant START = 1_790_000_000;

    address internal owner = makeAddr("owner");
    address internal guardian = makeAddr("guardian");
    ScriptedScores internal scores;
    RiskGate internal gate;

    function setUpGate(IRiskGate.Mode mode) internal {
        vm.warp(START);
        scores = new ScriptedScores();
        gate = new RiskGate(gateConfig(mode));
    }

    function gateConfig(IRiskGate.Mode mode) internal view returns (IRiskGate.GateConfig memory config) {
        config.oracle = IScoreOracle(address(scores));
        config.owner = owner;
        config.guardian = guardian;
        config.collateralToken = address(0xC0);
        config.numeraire = address(0x348);
        config.mode = mode;
        config.timelockSeconds = uint32(TIMELOCK);
        config.vetoSeconds = uint32(VETO);
        config.rampBpsPerHour = uint16(RAMP);
        config.looseningBpsPerDay = uint16(LOOSENING);
        config.fallbackThresholdBps = 7000;
        config.fallbackLtvBps = 5000;
        config.bounds = IRiskGate.Bounds({
            minLiquidationThresholdBps: 6000,
            maxLiquidationThresholdBps: 9000,
            maxLtvCeilingBps: 8500,
            maxLtvFloorBps: 7000,
            minVolatilityPpm: 100_000,
            minGapPpm: 5000
        });
        config.exposureCap = 1000e6;
        config.cappedExposureCap = 100e6;
    }

    /// @dev Threshold, ceiling and floor of a rated score; 62 % volatility, 2 % gap.
    function score(uint64 epoch, uint16 threshold, uint16 ceiling, uint16 floor)
        internal
        pure
        returns (IScoreOracle.PostedCollateral memory posted)
    {
        posted.epoch = epoch;
        posted.volatilityPpm = 620_000;
        posted.gapPpm = 20_000;
        posted.liquidationThresholdBps = threshold;
        posted.ltvCeilingBps = ceiling;
        posted.ltvFloorBps = floor;
        posted.binding = 1;
    }

    function post(uint64 epoch, uint16 threshold, uint16 ceiling, uint16 floor) internal {
        scores.post(score(epoch, threshold, ceiling, floor));
    }

    function levels() internal view returns (uint16 threshold, uint16 ceiling, uint16 floor) {
        IRiskGate.Guarded memory now_ = gate.guarded();
        return (now_.pair.liquidationThresholdBps, now_.pair.ltvCeilingBps, now_.pair.ltvFloorBps);
    }

    function modeChange(IRiskGate.Mode mode) internal pure returns (IRiskGate.Change memory) {
        return IRiskGate.Change(IRiskGate.Subject.Mode, mode, address(0));
    }

    function change(IRiskGate.Change memory wanted) internal {
        vm.startPrank(owner);
        gate.propose(wanted);
        skip(TIMELOCK);
        gate.applyChange();
        vm.stopPrank();
    }
}
