"""Encodings of quantities as uint16 slots: 0 is missing, 1..65534 a value.

Every encoding is monotone in its argument, so that a monotone rule over slots is one over quantities.
Source: `tests/vectors/FORMATS.md`, section 7.
"""

from __future__ import annotations

from oracle.domain.fixed_point import SLOT_MAX, compute_z, ilog2
from oracle.domain.units import Bps, Ppm, Wad, clamp

MISSING = 0
SIGNED_ZERO = 32_768
_COUNT_MAX = SLOT_MAX - 1

__all__ = ["MISSING", "SIGNED_ZERO", "SLOT_MAX", "count", "ilog2", "ratio", "signed", "wide", "z"]


def wide(value: int) -> int:
    """Return the slot of a quantity that spans orders of magnitude: 1 for zero, else 2 + 1024 * log2."""
    return 1 if value == 0 else min(SLOT_MAX, 2 + ilog2(value))


def ratio(value_bps: Bps | int) -> int:
    """Return the slot of a non-negative ratio in basis points, or in another unit of about that size."""
    return 1 + min(_COUNT_MAX, value_bps)


def count(number: int) -> int:
    """Return the slot of a non-negative count; the same encoding as a ratio."""
    return 1 + min(_COUNT_MAX, number)


def signed(value: int) -> int:
    """Return the slot of a signed quantity, 32768 for zero."""
    return clamp(SIGNED_ZERO + value, 1, SLOT_MAX)


def z(health_factor_wad: Wad, volatility_ppm: Ppm) -> int:
    """Return the slot of a position's distance from liquidation."""
    return compute_z(health_factor_wad, volatility_ppm)
