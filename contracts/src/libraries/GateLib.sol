// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { ITerms } from "../interfaces/ITerms.sol";

/// @title How far a market's parameters may move
/// @notice The liquidation threshold moves in a straight line at a bounded pace, whichever way. LTVs fall and risks rise at once; the
///         other way they use up an allowance that grows for a day at most. Pure: time comes in as an argument.
library GateLib {
    /// @notice A threshold on its way.
    /// @param fromE4 Where it started, in 1e-4 bps, so that a change of target loses no part of the way.
    /// @param toE4 Where it goes, in 1e-4 bps.
    /// @param startedAt When it started; 0 is no threshold yet.
    struct Ramp {
        uint32 fromE4;
        uint32 toE4;
        uint40 startedAt;
    }

    /// @notice What may be loosened: `credit` is in bps times seconds, and a bps costs a day of them.
    struct Allowance {
        uint40 credit;
        uint40 creditedAt;
    }

    /// @notice What LTVs and risks a market lends on. Of the risks, 0 is none known.
    struct Levels {
        uint16 ltvCeilingBps;
        uint16 ltvFloorBps;
        uint32 volatilityPpm;
        uint32 gapPpm;
    }

    uint256 internal constant BPS = 10_000;
    uint256 internal constant E4 = 1e4;
    uint256 internal constant PPM = 1_000_000;

    // --- liquidation threshold ----------------------------------------------------------------

    /// @notice Where a ramp stands, in 1e-4 bps: the way is rounded down, so that it is never faster than its pace.
    /// @custom:invariant G-02 The liquidation threshold moves from where it is, by at most its pace; nothing restarts or hastens it.
    function thresholdE4(Ramp memory ramp, uint256 bpsPerHour, uint256 timestamp) internal pure returns (uint256) {
        uint256 movedE4 = (timestamp - ramp.startedAt) * bpsPerHour * E4 / 1 hours;
        if (ramp.toE4 < ramp.fromE4) return movedE4 < ramp.fromE4 - ramp.toE4 ? ramp.fromE4 - movedE4 : ramp.toE4;
        return movedE4 < ramp.toE4 - ramp.fromE4 ? ramp.fromE4 + movedE4 : ramp.toE4;
    }

    /// @notice The ramp from where `ramp` stands to `toE4`. The same target leaves it as it is, and the first is there at once.
    function retarget(Ramp memory ramp, uint256 bpsPerHour, uint256 timestamp, uint256 toE4)
        internal
        pure
        returns (Ramp memory)
    {
        if (ramp.toE4 == toE4 && ramp.startedAt != 0) return ramp;
        uint256 fromE4 = ramp.startedAt == 0 ? toE4 : thresholdE4(ramp, bpsPerHour, timestamp);
        // Casts are safe: a threshold is at most 10,000 bps, in 1e-4 bps below 2^27; block times are below 2^40.
        return Ramp(uint32(fromE4), uint32(toE4), uint40(timestamp));
    }

    // --- allowance ----------------------------------------------------------------------------

    /// @notice Credit at `timestamp`: it grows by `bpsPerDay` each second, and to a day's worth at most.
    /// @custom:invariant G-03 What may be loosened at once is a day's allowance at most, however long nothing moved.
    function creditOf(Allowance memory allowance, uint256 bpsPerDay, uint256 timestamp)
        internal
        pure
        returns (uint256)
    {
        uint256 credit = allowance.credit + (timestamp - allowance.creditedAt) * bpsPerDay;
        uint256 most = bpsPerDay * 1 days;
        return credit < most ? credit : most;
    }

    /// @notice `from` brought to `to`: down at once, up by at most `allowedBps`.
    function loosenedUp(uint256 from, uint256 to, uint256 allowedBps) internal pure returns (uint256) {
        return to <= from || to - from <= allowedBps ? to : from + allowedBps;
    }

    /// @notice `from` brought to `to`: up at once, down by at most `allowedBps` of itself, rounded up. From none known at once.
    function loosenedDown(uint256 from, uint256 to, uint256 allowedBps) internal pure returns (uint256) {
        if (from == 0 || to >= from) return to;
        uint256 least = from - from * allowedBps / BPS;
        return to > least ? to : least;
    }

    /// @notice The levels next to `from` on the way to `to`, and the bps of the allowance that this uses up: as much as its
    ///         furthest step.
    /// @custom:invariant G-01 LTVs fall and risks rise at once.
    function step(Levels memory from, Levels memory to, uint256 allowedBps)
        internal
        pure
        returns (Levels memory next, uint256 spentBps)
    {
        // Casts are safe: each result lies between two values of its type.
        next.ltvCeilingBps = uint16(loosenedUp(from.ltvCeilingBps, to.ltvCeilingBps, allowedBps));
        next.ltvFloorBps = uint16(loosenedUp(from.ltvFloorBps, to.ltvFloorBps, allowedBps));
        next.volatilityPpm = uint32(loosenedDown(from.volatilityPpm, to.volatilityPpm, allowedBps));
        next.gapPpm = uint32(loosenedDown(from.gapPpm, to.gapPpm, allowedBps));
        spentBps = _max(
            _max(_rise(from.ltvCeilingBps, next.ltvCeilingBps), _rise(from.ltvFloorBps, next.ltvFloorBps)),
            _max(_fall(from.volatilityPpm, next.volatilityPpm), _fall(from.gapPpm, next.gapPpm))
        );
    }

    // --- pair ---------------------------------------------------------------------------------

    /// @notice What is lent on: the levels, held below the threshold in force by as much as the ceiling aimed at is below the
    ///         threshold aimed at. Of the two thresholds the lower prices loans.
    /// @custom:invariant G-04 No LTV that is lent at is above the liquidation threshold in force or the one aimed at.
    function pairOf(Levels memory levels, uint256 inForceBps, uint256 targetBps, uint256 targetCeilingBps)
        internal
        pure
        returns (ITerms.Pair memory pair)
    {
        uint256 buffer = targetBps - targetCeilingBps;
        uint256 most = inForceBps > buffer ? inForceBps - buffer : 0;
        // Casts are safe: minima of values that fit.
        pair.liquidationThresholdBps = uint16(_min(inForceBps, targetBps));
        pair.ltvCeilingBps = uint16(_min(levels.ltvCeilingBps, most));
        pair.ltvFloorBps = uint16(_min(levels.ltvFloorBps, pair.ltvCeilingBps));
        pair.volatilityPpm = levels.volatilityPpm;
        pair.gapPpm = levels.gapPpm;
    }

    function _rise(uint256 from, uint256 to) private pure returns (uint256) {
        return to > from ? to - from : 0;
    }

    /// @dev Share that `from` fell by, rounded up.
    function _fall(uint256 from, uint256 to) private pure returns (uint256) {
        return to >= from ? 0 : ((from - to) * BPS - 1) / from + 1;
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
