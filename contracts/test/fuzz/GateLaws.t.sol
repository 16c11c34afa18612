// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

import { ITerms } from "../../src/interfaces/ITerms.sol";
import { GateLib } from "../../src/libraries/GateLib.sol";

/// @notice Laws of the arithmetic of a gate.
contract GateLawsTest is Test {
    uint256 private constant E4 = 1e4;

    function anyLevels(uint256 seed) private pure returns (GateLib.Levels memory) {
        uint256 ceiling = uint16(seed) % 10_001;
        return GateLib.Levels({
            ltvCeilingBps: uint16(ceiling),
            ltvFloorBps: uint16(uint16(seed >> 16) % (ceiling + 1)),
            volatilityPpm: uint32(seed >> 32),
            gapPpm: uint32(uint32(seed >> 64) % 1_000_001)
        });
    }

    /// Quotes G-02: over any stretch of time, with any targets in between, the threshold moves by its pace at most, and stays
    /// between the lowest and the highest that it was sent to.
    function testFuzz_G02_Threshold_KeepsItsPace(uint16[8] memory targets, uint24[8] memory waits, uint16 pace)
        public
        pure
    {
        uint256 bpsPerHour = bound(pace, 1, 10_000);
        GateLib.Ramp memory ramp = GateLib.Ramp(uint32(8000 * E4), uint32(8000 * E4), 1000);
        uint256 time = 1000;
        uint256[2] memory range = [8000 * E4, 8000 * E4];
        for (uint256 i = 0; i < 8; ++i) {
            uint256 target = (uint256(targets[i]) % 10_001) * E4;
            if (target < range[0]) range[0] = target;
            if (target > range[1]) range[1] = target;
            uint256 before = GateLib.thresholdE4(ramp, bpsPerHour, time);
            ramp = GateLib.retarget(ramp, bpsPerHour, time, target);
            assertEq(GateLib.thresholdE4(ramp, bpsPerHour, time), before, "G-02: a new target moved it at once");
            time += waits[i];
            uint256 reached = GateLib.thresholdE4(ramp, bpsPerHour, time);
            assertKeepsPace(before, reached, uint256(waits[i]) * bpsPerHour);
            assertGe(reached, range[0]);
            assertLe(reached, range[1]);
        }
    }

    /// @dev Up to one unit more, for a stretch may begin between two of them.
    function assertKeepsPace(uint256 before, uint256 reached, uint256 bpsSeconds) private pure {
        uint256 moved = reached > before ? reached - before : before - reached;
        assertLe(moved, bpsSeconds * E4 / 1 hours + 1, "G-02: faster than its pace");
    }

    /// Quotes G-02: the same target again leaves the ramp as it is, and given time it arrives.
    function testFuzz_G02_SameTarget_ChangesNothing(uint16 from, uint16 to, uint16 pace, uint32 first, uint32 then_)
        public
        pure
    {
        uint256 bpsPerHour = bound(pace, 1, 10_000);
        uint256 fromE4 = (uint256(from) % 10_001) * E4;
        uint256 toE4 = (uint256(to) % 10_001) * E4;
        GateLib.Ramp memory ramp = GateLib.Ramp(uint32(fromE4), uint32(toE4), 1000);
        GateLib.Ramp memory again = GateLib.retarget(ramp, bpsPerHour, 1000 + uint256(first), toE4);

        assertEq(abi.encode(again), abi.encode(ramp));
        uint256 apart = fromE4 > toE4 ? fromE4 - toE4 : toE4 - fromE4;
        uint256 neededS = (apart * 1 hours + bpsPerHour * E4 - 1) / (bpsPerHour * E4);
        assertEq(GateLib.thresholdE4(ramp, bpsPerHour, 1000 + neededS + then_), toE4);
    }

    /// Quotes G-01, G-03: what tightens is done whole, what loosens by the allowance at most, and never past its target.
    function testFuzz_G01_Step_TightensWhole_LoosensWithin(uint256 seedFrom, uint256 seedTo, uint16 allowed)
        public
        pure
    {
        GateLib.Levels memory from = anyLevels(seedFrom);
        GateLib.Levels memory to = anyLevels(seedTo);
        uint256 allowedBps = bound(allowed, 0, 10_000);

        (GateLib.Levels memory next, uint256 spentBps) = GateLib.step(from, to, allowedBps);

        assertLe(spentBps, allowedBps, "G-03: more than the allowance");
        assertRise(from.ltvCeilingBps, to.ltvCeilingBps, next.ltvCeilingBps, allowedBps);
        assertRise(from.ltvFloorBps, to.ltvFloorBps, next.ltvFloorBps, allowedBps);
        assertFall(from.volatilityPpm, to.volatilityPpm, next.volatilityPpm, allowedBps);
        assertFall(from.gapPpm, to.gapPpm, next.gapPpm, allowedBps);
    }

    function assertRise(uint256 from, uint256 to, uint256 next, uint256 allowedBps) private pure {
        if (to <= from) {
            assertEq(next, to, "G-01: an LTV did not fall at once");
        } else {
            assertGe(next, from);
            assertLe(next, to);
            assertLe(next - from, allowedBps);
            if (next < to) assertEq(next - from, allowedBps, "an LTV rose by less than it may");
        }
    }

    function assertFall(uint256 from, uint256 to, uint256 next, uint256 allowedBps) private pure {
        if (from == 0 || to >= from) {
            assertEq(next, to, "G-01: a risk did not rise at once");
        } else {
            assertGe(next, to);
            assertLe(next, from);
            assertLe((from - next) * 10_000, from * allowedBps);
        }
    }

    /// Quotes G-03: however waits and refreshes are cut, what is loosened in a time is its share of the days and one day's more.
    function testFuzz_G03_Allowance_IsADaysAtMost(uint24[10] memory waits, uint16 perDay) public pure {
        uint256 bpsPerDay = bound(perDay, 1, 10_000);
        GateLib.Allowance memory allowance = GateLib.Allowance(0, 1000);
        uint256 time = 1000;
        uint256 spent;
        for (uint256 i = 0; i < waits.length; ++i) {
            time += waits[i];
            uint256 credit = GateLib.creditOf(allowance, bpsPerDay, time);
            assertLe(credit, bpsPerDay * 1 days, "G-03: more than a day's allowance");
            assertGe(credit, allowance.credit < bpsPerDay * 1 days ? allowance.credit : bpsPerDay * 1 days);
            uint256 bps = credit / 1 days;
            if (i % 2 == 1) continue;
            spent += bps;
            allowance = GateLib.Allowance(uint40(credit - bps * 1 days), uint40(time));
            assertLe(spent * 1 days, bpsPerDay * (time - 1000), "G-03: more than time gave");
        }
    }

    /// Quotes G-03: cutting the time in pieces, as refreshes do, loses nothing.
    function testFuzz_G03_Credit_IsAdditive(uint16 first, uint16 second, uint16 perDay) public pure {
        uint256 bpsPerDay = bound(perDay, 1, 10_000);
        GateLib.Allowance memory start = GateLib.Allowance(0, 1000);
        uint256 middle = 1000 + uint256(first) / 2;
        uint256 end = middle + uint256(second) / 2;
        GateLib.Allowance memory cut =
            GateLib.Allowance(uint40(GateLib.creditOf(start, bpsPerDay, middle)), uint40(middle));

        assertEq(GateLib.creditOf(cut, bpsPerDay, end), GateLib.creditOf(start, bpsPerDay, end));
    }

    /// Quotes G-04: no LTV above the threshold in force or the one aimed at, and the floor never above the ceiling.
    function testFuzz_G04_Pair_StaysBelowBothThresholds(uint256 seed, uint16 inForce, uint16 target, uint16 ceiling)
        public
        pure
    {
        uint256 inForceBps = bound(inForce, 0, 10_000);
        uint256 targetBps = bound(target, 0, 10_000);
        uint256 targetCeilingBps = bound(ceiling, 0, targetBps);
        GateLib.Levels memory levels = anyLevels(seed);
        if (levels.ltvCeilingBps > targetCeilingBps) levels.ltvCeilingBps = uint16(targetCeilingBps);

        ITerms.Pair memory pair = GateLib.pairOf(levels, inForceBps, targetBps, targetCeilingBps);

        assertLe(pair.ltvFloorBps, pair.ltvCeilingBps);
        assertLe(pair.ltvCeilingBps, inForceBps, "G-04: above the threshold in force");
        assertLe(pair.ltvCeilingBps, pair.liquidationThresholdBps, "G-04: above the threshold that prices loans");
        assertLe(pair.ltvCeilingBps, levels.ltvCeilingBps);
        assertEq(pair.volatilityPpm, levels.volatilityPpm);
    }
}
