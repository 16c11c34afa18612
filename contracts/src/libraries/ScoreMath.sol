// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IScoreTables } from "../interfaces/IScoreTables.sol";
import { LeafLib } from "./LeafLib.sol";

/// @title Every derived field of a score, bit for bit as off chain
/// @notice Integer formulas over the tables of a model, read from a data contract (`IScoreTables`) without copying them whole.
/// @dev Layouts, in bytes after the leading zero byte of the data contract:
///      borrower: i32[257] stateOffset | i32 lo | u8 shift | u32[256] pdPpm | u32[256] pdUpperPpm | u32[700] points
///      thresholds | u16 reference LGD | u32[9] grade thresholds. Collateral: i32 lo | u8 shift | u32[256] gapPpm |
///      u32[256] drawdownBps | u16 bonus | u16 cap | u16 buffer | u16 floor share | u8 volatility slot.
library ScoreMath {
    /// @notice The fields of a collateral score that follow from its margin, volatility and the model's constants.
    struct CollateralFields {
        uint32 drawdownBps;
        uint32 gapPpm;
        uint16 ltvCeilingBps;
        uint16 ltvFloorBps;
        uint16 liquidationThresholdBps;
        uint8 binding;
    }

    /// @notice Thrown when the logarithm of zero is asked for.
    error LogarithmOfZero();

    uint256 internal constant BORROWER_TABLES_BYTES = 5919;
    uint256 internal constant COLLATERAL_TABLES_BYTES = 2062;
    uint256 internal constant Z_NO_DEBT = 65_534;

    uint8 internal constant BINDING_DRAWDOWN = 1;
    uint8 internal constant BINDING_CAP = 2;
    uint8 internal constant BINDING_UNRATED = LeafLib.BINDING_UNRATED;

    uint256 private constant _BPS = 10_000;
    /// @dev ilog2(10^18) by the algorithm below; a test recomputes it.
    int256 private constant _ILOG2_WAD = 61_229;
    /// @dev 10^6 * ln 2 / sqrt(30 / 365), rounded.
    int256 private constant _Z_SCALE = 2_417_749;

    // Offsets count the leading zero byte.
    uint256 private constant _B_LO = 1029;
    uint256 private constant _B_PD = 1034;
    uint256 private constant _B_PD_UPPER = 2058;
    uint256 private constant _B_POINTS = 3082;
    uint256 private constant _B_LGD = 5882;
    uint256 private constant _B_GRADES = 5884;
    uint256 private constant _C_GAP = 6;
    uint256 private constant _C_DRAWDOWN = 1030;
    uint256 private constant _C_CONSTANTS = 2054;

    uint256 private constant _POINTS_THRESHOLDS = 700;
    uint256 private constant _POINTS_BASE = 300;

    // --- logarithm and distance ---------------------------------------------------------------

    /// @notice 1024 * log2(x), rounded down as ten squarings with 127 fractional bits round it. The algorithm is the definition.
    function ilog2(uint256 x) internal pure returns (uint256 r) {
        if (x == 0) revert LogarithmOfZero();
        uint256 n = _highestBit(x);
        // Safe: n <= 255, m < 2^128 before each squaring, so m * m < 2^256; r < 256 * 1024.
        unchecked {
            uint256 m = n >= 127 ? x >> (n - 127) : x << (127 - n);
            r = n << 10;
            for (uint256 bit = 1 << 9; bit != 0; bit >>= 1) {
                m = (m * m) >> 127;
                if (m >> 128 != 0) {
                    m >>= 1;
                    r |= bit;
                }
            }
        }
    }

    /// @notice Distance to liquidation in units of 1/1024 standard deviation over 30 days, offset by 32768, in 1..65534.
    /// @dev A health factor or volatility of zero counts as one. A bundle must therefore require its volatility slot, so that
    ///      a collateral whose volatility is missing is unrated instead of calm, and a market lends nothing at volatility zero.
    function distance(uint256 healthFactorWad, uint256 volatilityPpm) internal pure returns (uint256) {
        // Safe: ilog2 < 2^18, the scale < 2^22 and a volatility is a uint32.
        unchecked {
            int256 h = int256(ilog2(healthFactorWad == 0 ? 1 : healthFactorWad)) - _ILOG2_WAD;
            int256 z = 32_768 + floorDiv(h * _Z_SCALE, volatilityPpm == 0 ? int256(1) : int256(volatilityPpm));
            if (z < 1) return 1;
            if (z > int256(Z_NO_DEBT)) return Z_NO_DEBT;
            return uint256(z);
        }
    }

    /// @notice a / b rounded to minus infinity, for b > 0; SDIV rounds to zero.
    function floorDiv(int256 a, int256 b) internal pure returns (int256 q) {
        q = a / b;
        // Safe: q > type(int256).min whenever a remainder exists.
        unchecked {
            if (a < 0 && q * b != a) q -= 1;
        }
    }

    // --- borrower -----------------------------------------------------------------------------

    /// @notice State offset at distance `z` (1..65534), interpolated between the knots and rounded to minus infinity.
    function stateOffset(address tables, uint256 z) internal view returns (int256) {
        // Safe: z <= 65534, so the knots z >> 8 and the next one exist; knots are int32.
        unchecked {
            uint256 knots = _read(tables, 1 + 4 * (z >> 8), 8);
            int256 low = int32(uint32(knots >> 32));
            int256 high = int32(uint32(knots));
            return low + (((high - low) * int256(z & 255)) >> 8);
        }
    }

    /// @notice PD and its upper bound at a margin, in ppm.
    function probabilities(address tables, int256 margin) internal view returns (uint256 pdPpm, uint256 pdUpperPpm) {
        // Safe: the index is at most 255.
        unchecked {
            uint256 index = tableIndex(margin, _read(tables, _B_LO, 5));
            pdPpm = _read(tables, _B_PD + 4 * index, 4);
            pdUpperPpm = _read(tables, _B_PD_UPPER + 4 * index, 4);
        }
    }

    /// @notice Upper bound of the PD at a margin, in ppm.
    function pdUpper(address tables, int256 margin) internal view returns (uint256) {
        // Safe: the index is at most 255.
        unchecked {
            return _read(tables, _B_PD_UPPER + 4 * tableIndex(margin, _read(tables, _B_LO, 5)), 4);
        }
    }

    /// @notice Points of a PD: 300 plus the number of thresholds that it does not exceed.
    function points(address tables, uint256 pdPpm) internal view returns (uint256) {
        uint256 low = 0;
        uint256 high = _POINTS_THRESHOLDS;
        // Safe: low + high <= 1400. Thresholds descend, so those at or above the PD come first.
        unchecked {
            while (low < high) {
                uint256 middle = (low + high) >> 1;
                if (_read(tables, _B_POINTS + 4 * middle, 4) >= pdPpm) low = middle + 1;
                else high = middle;
            }
            return _POINTS_BASE + low;
        }
    }

    /// @notice Grade 1 (best) to 10 of a PD on the model's annual loss scale; 0 if unrated.
    function grade(address tables, uint256 pdPpm, bool rated) internal view returns (uint256 result) {
        if (!rated) return 0;
        uint256 lgdBps;
        uint256 thresholds;
        // Safe: reads 38 bytes into the scratch space, the reference LGD and nine thresholds; the last one by itself.
        assembly ("memory-safe") {
            extcodecopy(tables, 0, _B_LGD, 38)
            lgdBps := shr(240, mload(0))
            thresholds := mload(2)
        }
        // Safe: pdPpm < 2^32 and lgdBps < 2^16.
        unchecked {
            uint256 annualEl = (pdPpm * lgdBps / _BPS) * 365 / 30;
            result = _read(tables, _B_GRADES + 32, 4) < annualEl ? 2 : 1;
            for (uint256 shift = 0; shift < 256; shift += 32) {
                if ((thresholds >> shift) & 0xffffffff < annualEl) ++result;
            }
        }
    }

    // --- collateral ---------------------------------------------------------------------------

    /// @notice Slot of a vector that holds the volatility.
    function volatilitySlot(address tables) internal view returns (uint256) {
        return _read(tables, _C_CONSTANTS + 8, 1);
    }

    /// @notice Volatility that the value of that slot stands for, in ppm; 0 if missing.
    function volatility(uint256 slotValue) internal pure returns (uint256) {
        // Safe: a slot's value is below 2^16.
        unchecked {
            return slotValue == 0 ? 0 : (slotValue - 1) * 100;
        }
    }

    /// @notice The fields that follow from the margin. An unrated collateral keeps its tail figures and gets no LTV.
    function collateralFields(address tables, int256 margin, bool rated)
        internal
        view
        returns (CollateralFields memory fields)
    {
        uint256 index = tableIndex(margin, _read(tables, 1, 5));
        fields.gapPpm = uint32(_read(tables, _C_GAP + 4 * index, 4));
        fields.drawdownBps = uint32(_read(tables, _C_DRAWDOWN + 4 * index, 4));
        if (!rated) {
            fields.binding = BINDING_UNRATED;
            return fields;
        }
        uint256 constants = _read(tables, _C_CONSTANTS, 8);
        uint256 bonusBps = (constants >> 48) & 0xffff;
        uint256 capBps = (constants >> 32) & 0xffff;
        uint256 bufferBps = (constants >> 16) & 0xffff;
        uint256 floorShareBps = constants & 0xffff;
        uint256 drawdown = fields.drawdownBps > _BPS ? _BPS : fields.drawdownBps;
        uint256 threshold = _floor50((_BPS - drawdown) * _BPS / (_BPS + bonusBps));
        fields.binding = BINDING_DRAWDOWN;
        if (threshold > capBps) {
            threshold = capBps;
            fields.binding = BINDING_CAP;
        }
        uint256 ceiling = _floor50(threshold * (_BPS - bufferBps) / _BPS);
        // Casts are safe: the threshold is at most 10,000, the others are shares of it.
        fields.liquidationThresholdBps = uint16(threshold);
        fields.ltvCeilingBps = uint16(ceiling);
        fields.ltvFloorBps = uint16(_floor50(ceiling * floorShareBps / _BPS));
    }

    // --- tables -------------------------------------------------------------------------------

    /// @notice Index into a table of 256, from a margin and the packed `i32 lo | u8 shift`.
    function tableIndex(int256 margin, uint256 packed) internal pure returns (uint256) {
        // Safe: margins are sums of two int32 and lo is one.
        unchecked {
            int256 index = (margin - int256(int32(uint32(packed >> 8)))) >> (packed & 0xff);
            if (index < 0) return 0;
            return index > 255 ? 255 : uint256(index);
        }
    }

    // --- data contracts -----------------------------------------------------------------------

    /// @notice Reverts unless the data contract at `tables` is the one pinned by `codeHash`.
    function requireTables(address tables, bytes32 codeHash) internal view {
        if (tables.codehash != codeHash) revert IScoreTables.TablesMismatch(tables.codehash, codeHash);
    }

    /// @dev `size` bytes (1..32) of the code of `tables` from `offset`, as a big-endian integer.
    function _read(address tables, uint256 offset, uint256 size) private view returns (uint256 value) {
        // Safe: writes one scratch word and reads it back; bytes past the end of the code are zero.
        assembly ("memory-safe") {
            extcodecopy(tables, 0, offset, 32)
            value := shr(sub(256, shl(3, size)), mload(0))
        }
    }

    function _floor50(uint256 x) private pure returns (uint256) {
        return x - x % 50;
    }

    function _highestBit(uint256 x) private pure returns (uint256 n) {
        // Safe: shifts by constants; n <= 255.
        unchecked {
            if (x >> 128 != 0) (x, n) = (x >> 128, 128);
            if (x >> 64 != 0) (x, n) = (x >> 64, n + 64);
            if (x >> 32 != 0) (x, n) = (x >> 32, n + 32);
            if (x >> 16 != 0) (x, n) = (x >> 16, n + 16);
            if (x >> 8 != 0) (x, n) = (x >> 8, n + 8);
            if (x >> 4 != 0) (x, n) = (x >> 4, n + 4);
            if (x >> 2 != 0) (x, n) = (x >> 2, n + 2);
            if (x >> 1 != 0) n += 1;
        }
    }
}
