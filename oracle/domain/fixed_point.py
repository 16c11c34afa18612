"""Fixed-point logarithm and the distance of a position from liquidation, as the EVM computes them.

`ilog2` is defined by its algorithm, ten squarings with 127 fractional bits, not by the formula it approximates.
Source: `tests/vectors/FORMATS.md`, section 7.
"""

from __future__ import annotations

from oracle.domain.units import WAD, Ppm, Wad, clamp
from oracle.errors import RangeError

SLOT_MAX = 65_534
"""Largest value of a feature slot; 0 is missing and 65535 is kept for thresholds."""
Z_NO_DEBT = SLOT_MAX
Z_AT_LIQUIDATION = 32_768
"""z of a health factor of one."""
HORIZON_SCALE = 2_417_749
"""10^6 * ln 2 / sqrt(30/365), rounded: turns 1024ths of an octave over ppm of volatility into 1024ths of a standard deviation."""

_UINT256_MAX = 2**256 - 1
_TWO = 1 << 128


def ilog2(x: int) -> int:
    """Return 1024 * log2(x), rounded down by truncated squarings, for x in 1..2^256-1.

    Raises:
        RangeError: if x is outside that range.
    """
    if not 1 <= x <= _UINT256_MAX:
        raise RangeError("argument of ilog2", x, 1, _UINT256_MAX)
    exponent = x.bit_length() - 1
    mantissa = x << (127 - exponent) if exponent <= 127 else x >> (exponent - 127)
    result = exponent << 10
    for i in range(9, -1, -1):
        mantissa = (mantissa * mantissa) >> 127
        if mantissa >= _TWO:
            mantissa >>= 1
            result += 1 << i
    return result


_ILOG2_WAD = ilog2(WAD)


def health_log(health_factor_wad: Wad) -> int:
    """Return 1024 * log2 of the health factor, negative below one; a health factor of 0 counts as 1 wei."""
    return ilog2(clamp(health_factor_wad, 1, _UINT256_MAX)) - _ILOG2_WAD


def compute_z(health_factor_wad: Wad, volatility_ppm: Ppm) -> int:
    """Return z: ln(HF) over volatility and 30 days, in 1024ths around 32768, rounded to minus infinity, within 1..65534.

    A volatility of 0 counts as 1, as on chain.
    """
    distance = health_log(health_factor_wad) * HORIZON_SCALE // max(1, volatility_ppm)
    return clamp(Z_AT_LIQUIDATION + distance, 1, SLOT_MAX)
