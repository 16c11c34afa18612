// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ITerms } from "../../src/interfaces/ITerms.sol";
import { GateLib } from "../../src/libraries/GateLib.sol";

/// @notice The gate's arithmetic for every input at once, at the pace and allowance of the mainnet profile.
contract GateChecks {
    uint256 private constant BPS_PER_HOUR = 25;
    uint256 private constant BPS_PER_DAY = 300;
    uint256 private constant MAX_E4 = 1e8;

    function isSound(GateLib.Ramp calldata ramp, uint40 timestamp) private pure returns (bool) {
        return ramp.fromE4 <= MAX_E4 && ramp.toE4 <= MAX_E4 && ramp.startedAt != 0 && ramp.startedAt <= timestamp;
    }

    /// G-02: a ramp stays between its ends. Its pace, a division, is left to fuzzing.
    function check_G02_Ramp_StaysBetweenItsEnds(GateLib.Ramp calldata ramp, uint40 timestamp) external pure {
        if (!isSound(ramp, timestamp)) return;
        uint256 atE4 = GateLib.thresholdE4(ramp, BPS_PER_HOUR, timestamp);
        (uint256 low, uint256 high) = ramp.fromE4 < ramp.toE4 ? (ramp.fromE4, ramp.toE4) : (ramp.toE4, ramp.fromE4);
        assert(low <= atE4 && atE4 <= high);
    }

    /// G-02: a new target starts where the old ramp stands, so that nothing jumps.
    function check_G02_Retarget_StartsWhereItStands(GateLib.Ramp calldata ramp, uint40 timestamp, uint32 toE4)
        external
        pure
    {
        if (!isSound(ramp, timestamp) || toE4 > MAX_E4) return;
        uint256 beforeE4 = GateLib.thresholdE4(ramp, BPS_PER_HOUR, timestamp);
        GateLib.Ramp memory next = GateLib.retarget(ramp, BPS_PER_HOUR, timestamp, toE4);
        assert(next.toE4 == toE4);
        assert(GateLib.thresholdE4(next, BPS_PER_HOUR, timestamp) == beforeE4);
    }

    /// G-03: a day's allowance at most, however long nothing moved.
    function check_G03_Credit_IsADaysAtMost(GateLib.Allowance calldata allowance, uint40 timestamp) external pure {
        if (timestamp < allowance.creditedAt) return;
        uint256 credit = GateLib.creditOf(allowance, BPS_PER_DAY, timestamp);
        assert(credit <= BPS_PER_DAY * 1 days);
        assert(credit >= allowance.credit || credit == BPS_PER_DAY * 1 days);
    }

    /// G-01: what tightens is there at once; what loosens goes no further than asked, nor than allowed.
    function check_G01_Ltv_FallsAtOnce(uint16 from, uint16 to, uint16 allowedBps) external pure {
        uint256 next = GateLib.loosenedUp(from, to, allowedBps);
        if (to <= from) assert(next == to);
        else assert(from <= next && next <= to && next - from <= allowedBps);
    }

    /// G-01: likewise a risk, which tightens by rising.
    function check_G01_Risk_RisesAtOnce(uint32 from, uint32 to, uint16 allowedBps) external pure {
        if (allowedBps > GateLib.BPS) return;
        uint256 next = GateLib.loosenedDown(from, to, allowedBps);
        if (from == 0 || to >= from) assert(next == to);
        else assert(to <= next && next <= from);
    }

    /// G-04: no LTV above the threshold in force or the one aimed at.
    function check_G04_Pair_StaysBelowBothThresholds(
        GateLib.Levels calldata levels,
        uint16 inForceBps,
        uint16 targetBps,
        uint16 targetCeilingBps
    ) external pure {
        // Levels are stepped towards the target first, and LTVs fall at once.
        if (targetCeilingBps > targetBps || levels.ltvCeilingBps > targetCeilingBps) return;
        ITerms.Pair memory pair = GateLib.pairOf(levels, inForceBps, targetBps, targetCeilingBps);
        assert(pair.ltvFloorBps <= pair.ltvCeilingBps);
        assert(pair.ltvCeilingBps <= pair.liquidationThresholdBps);
        assert(pair.liquidationThresholdBps <= inForceBps && pair.liquidationThresholdBps <= targetBps);
    }
}
