"""Integer units and the divisions that state their rounding.

Every quantity from a block to a signature is an integer in one of these units. Nothing here knows a float.
"""

from __future__ import annotations

from typing import NewType

UsdE8 = NewType("UsdE8", int)
"""US dollars times 10^8, as Chainlink USD feeds answer."""
Wad = NewType("Wad", int)
"""Fixed point, 10^18 is one."""
Ray = NewType("Ray", int)
"""Fixed point, 10^27 is one."""
Bps = NewType("Bps", int)
"""Basis points, 10^4 is one."""
Ppm = NewType("Ppm", int)
"""Parts per million, 10^6 is one."""
Margin = NewType("Margin", int)
"""Log-odds in units of 2^-12; higher is riskier."""
TimestampS = NewType("TimestampS", int)
"""Seconds since 1970-01-01 00:00 UTC."""
ChainId = NewType("ChainId", int)
BlockNumber = NewType("BlockNumber", int)
Epoch = NewType("Epoch", int)
"""`boundary_time // epoch_seconds`."""
View = NewType("View", int)
NodeId = NewType("NodeId", int)
"""Index of a member in the committee's list, 0..30."""

WAD = 10**18
RAY = 10**27
BPS = 10**4
PPM = 10**6
HOUR_S = 3_600
DAY_S = 86_400
YEAR_S = 31_536_000
"""365 days, the year of Aave's rates and of our annualised volatility."""


def mul_div_down(a: int, b: int, denominator: int) -> int:
    """Return a * b / denominator for non-negative operands, rounded down."""
    return a * b // denominator


def mul_div_up(a: int, b: int, denominator: int) -> int:
    """Return a * b / denominator for non-negative operands, rounded up."""
    return -(-a * b // denominator)


def clamp(value: int, low: int, high: int) -> int:
    """Return `value` moved into low..high."""
    return low if value < low else min(value, high)
