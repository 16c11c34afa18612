// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";

import { IRiskGate } from "../interfaces/IRiskGate.sol";

/// @title What a gate may be deployed with
/// @notice Runs in the constructor only.
library GateConfigLib {
    uint256 private constant _BPS = 10_000;
    uint256 private constant _PPM = 1_000_000;
    uint256 private constant _MIN_TIMELOCK_S = 1 days;
    uint256 private constant _MAX_TIMELOCK_S = 365 days;

    /// @notice Reverts with the first field that is out of range, and its limit.
    function requireSound(IRiskGate.GateConfig memory config) internal view {
        IRiskGate.Bounds memory bounds = config.bounds;
        _requireIn("timelockSeconds", config.timelockSeconds, _MIN_TIMELOCK_S, _MAX_TIMELOCK_S);
        _requireIn("vetoSeconds", config.vetoSeconds, 1, _MAX_TIMELOCK_S);
        _requireIn("rampBpsPerHour", config.rampBpsPerHour, 1, _BPS);
        _requireIn("looseningBpsPerDay", config.looseningBpsPerDay, 1, _BPS);
        _requireIn("maxLiquidationThresholdBps", bounds.maxLiquidationThresholdBps, 1, _BPS);
        _requireIn(
            "minLiquidationThresholdBps", bounds.minLiquidationThresholdBps, 1, bounds.maxLiquidationThresholdBps
        );
        _requireIn("maxLtvCeilingBps", bounds.maxLtvCeilingBps, 0, bounds.maxLiquidationThresholdBps);
        _requireIn("maxLtvFloorBps", bounds.maxLtvFloorBps, 0, bounds.maxLtvCeilingBps);
        _requireIn("minVolatilityPpm", bounds.minVolatilityPpm, 1, type(uint32).max);
        _requireIn("minGapPpm", bounds.minGapPpm, 1, _PPM);
        _requireIn(
            "fallbackThresholdBps",
            config.fallbackThresholdBps,
            bounds.minLiquidationThresholdBps,
            bounds.maxLiquidationThresholdBps
        );
        _requireIn(
            "fallbackLtvBps", config.fallbackLtvBps, 0, Math.min(bounds.maxLtvFloorBps, config.fallbackThresholdBps)
        );
        _requireIn("cappedExposureCap", config.cappedExposureCap, 0, config.exposureCap);
        IRiskGate.Backing memory backing = config.backing;
        if (address(backing.staking) == address(0)) return;
        _requireIn("shareBps", backing.shareBps, 0, _BPS);
        if (backing.staking.oracle() != config.oracle) {
            revert IRiskGate.InvalidGate(
                "staking", uint160(address(backing.staking.oracle())), uint160(address(config.oracle))
            );
        }
    }

    function _requireIn(string memory field, uint256 given, uint256 least, uint256 most) private pure {
        if (given < least) revert IRiskGate.InvalidGate(field, given, least);
        if (given > most) revert IRiskGate.InvalidGate(field, given, most);
    }
}
