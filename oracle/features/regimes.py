"""Price regimes of a token by day: was it in stress, had it rallied. Computed once per series, shared by all borrowers.

Daily prices are those at 00:00 UTC. Stress: at least 20 % below the highest daily price of the 30 days before. Rally: the positive part of the
30-day return.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oracle.domain.ids import Address
from oracle.domain.market import HourlySeries
from oracle.domain.units import BPS, DAY_S, HOUR_S, ChainId, mul_div_down

_WINDOW_DAYS = 30
_KEPT_DAYS = 366 + _WINDOW_DAYS
_STRESS_BPS = 2_000
_MEMO_SIZE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """Midnights at which a token was in stress, and its 30-day rally in bps at each midnight that had one."""

    stress_times: frozenset[int]
    rally_bps_at: Mapping[int, int]


_memo: dict[tuple[ChainId, Address], tuple[HourlySeries, Regime]] = {}


def regime_of(key: tuple[ChainId, Address], series: HourlySeries) -> Regime:
    """Return the regime of a series; remembered while the same series object is asked for under the same key."""
    known = _memo.get(key)
    if known is not None and known[0] is series:
        return known[1]
    regime = compute_regime(series)
    if len(_memo) >= _MEMO_SIZE:
        _memo.clear()
    _memo[key] = (series, regime)
    return regime


def compute_regime(series: HourlySeries) -> Regime:
    """Return stress and rallies of the last 366 days of a series."""
    first_midnight_s = -(-series.first_hour_s // DAY_S) * DAY_S
    prices = series.prices_e8[(first_midnight_s - series.first_hour_s) // HOUR_S :: 24]
    stress: set[int] = set()
    rallies: dict[int, int] = {}
    for day in range(max(0, len(prices) - _KEPT_DAYS), len(prices)):
        time_s = first_midnight_s + day * DAY_S
        price, first = prices[day], max(0, day - _WINDOW_DAYS)
        if price * BPS <= max(prices[first : day + 1]) * (BPS - _STRESS_BPS):
            stress.add(time_s)
        if day >= _WINDOW_DAYS and price > prices[first]:
            rallies[time_s] = mul_div_down(price - prices[first], BPS, prices[first])
    return Regime(stress_times=frozenset(stress), rally_bps_at=rallies)
