"""The vector of a collateral pair: volatility, falls, tail, distance from its base, and the committee's facts about its issuer and bridge.

Returns are hourly, in ppm, rounded to minus infinity; volatility is the root of their mean square times 8760. A fall is measured from the highest price
of the 24 hours before. A window that the series does not fill by half is missing (a year: by 30 days). Numpy holds integers only.

The range volatility is Parkinson's: the root of the mean squared log of high over low of the last whole days. A day of 24 hourly answers misses what lies between them, so its
range is too small by a known factor, and the expected square of a range of 24 steps stands in the place of 4 ln 2 times 24. The log is 2 (high - low) / (high + low), which a day
of a factor of two understates by 4 %.
Sources: `tests/vectors/FORMATS.md`, section 7; Parkinson, Journal of Business 53 (1980); Garman and Klass, Journal of Business 53 (1980), table 1, and Rogers and Satchell,
Annals of Applied Probability 1 (1991), on the bias of discrete sampling.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from oracle.domain.history import CollateralHistory
from oracle.domain.units import BPS, HOUR_S, PPM, Ppm
from oracle.features.quantize import MISSING, count, ratio
from oracle.features.registry import COLLATERAL_VOLATILITY_SLOT

type Prices = np.ndarray[Any, np.dtype[np.int64]]

_DAY, _WEEK, _MONTH, _QUARTER, _YEAR = 24, 168, 720, 2_160, 8_760
_HOURS_PER_YEAR = 8_760
_PRICE_BITS = 43
"""A price times 10^6 must fit a signed 64-bit integer."""
_TAIL_SHARE = 100
_RANGE_DAYS = 3
_RANGE_SQUARE_MILLI = 50_900
"""Expected square of the range of a random walk of 24 normal steps from its start, in thousandths of a step's variance; unseen moments between would make it 66542."""
_MAX_STALE_S = 2 * HOUR_S


def compute_collateral_vector(history: CollateralHistory) -> tuple[int, ...]:
    """Return one slot per feature of `registry.COLLATERAL_SCHEMA`; 0 is missing. A series that ends too early gives no price features."""
    series = history.series
    facts = (history.facts.issuer_risk, history.facts.bridge_risk)
    if history.as_of_s - series.last_hour_s > _MAX_STALE_S:
        return compute_price_vector(np.zeros(0, dtype=np.int64), *facts)
    kept = series.prices_e8[-(_YEAR + 1) :]
    return compute_price_vector(fit_prices(kept), *facts)


def volatility_ppm(vector: tuple[int, ...]) -> Ppm:
    """Return the annualised volatility that a collateral's vector states, 0 if missing."""
    return Ppm(max(0, (vector[COLLATERAL_VOLATILITY_SLOT] - 1) * 100))


def known_volatility_ppm(vector: tuple[int, ...]) -> Ppm | None:
    """Return the same, None if missing: a price that never moved is another thing than one of which little is known."""
    return volatility_ppm(vector) if vector[COLLATERAL_VOLATILITY_SLOT] else None


def compute_price_vector(prices: Prices, issuer_risk: int, bridge_risk: int) -> tuple[int, ...]:
    """Return the vector of positive prices below 2^43 at consecutive hours, newest last; more than a year is ignored."""
    prices = prices[-(_YEAR + 1) :]
    returns = prices[1:] * PPM // prices[:-1] - PPM
    falls = _falls_24h_bps(prices)
    return (
        _volatility(returns, _YEAR, least=_MONTH),
        _volatility(returns, _MONTH, least=_MONTH // 2),
        _volatility(returns, _WEEK, least=_WEEK // 2),
        _largest(falls, _MONTH),
        _largest(falls, _QUARTER),
        _largest(falls, _YEAR, least=_MONTH),
        _hourly_tail(returns),
        _below(prices, int(prices[-_QUARTER:].max()) if len(prices) >= _MONTH else 0),
        _below(prices, _median(prices[-_MONTH:]) if len(prices) >= _MONTH // 2 else 0),
        count(issuer_risk),
        count(bridge_risk),
        count(max(0, len(prices) - 1) // _DAY),
        _range_volatility(prices),
    )


def fit_prices(prices_e8: tuple[int, ...]) -> Prices:
    """Return prices as int64, shifted right together if the largest would overflow; never below 1."""
    excess = max(0, max(prices_e8, default=1).bit_length() - _PRICE_BITS)
    return np.array([max(1, p >> excess) for p in prices_e8] if excess else prices_e8, dtype=np.int64)


def _volatility(returns: Prices, window: int, *, least: int) -> int:
    recent = returns[-window:]
    if len(recent) < least:
        return MISSING
    squares = sum(int(r) * int(r) for r in recent[np.abs(recent) > PPM]) + int(
        np.square(recent[np.abs(recent) <= PPM]).sum()
    )
    return ratio(isqrt(squares * _HOURS_PER_YEAR // len(recent)) // 100)


def _range_volatility(prices: Prices) -> int:
    """Return the annualised volatility of the last whole days by their ranges, corrected for hourly sampling."""
    if len(prices) <= _RANGE_DAYS * _DAY // 2:
        return MISSING
    days = min(_RANGE_DAYS, (len(prices) - 1) // _DAY)
    # A day's range holds the price that it starts from: 25 prices, 24 steps.
    ranges = [_range_ppm(prices[len(prices) - 1 - _DAY * day :][: _DAY + 1]) for day in range(1, days + 1)]
    squares = sum(r * r for r in ranges)
    return ratio(isqrt(squares * _HOURS_PER_YEAR * 1_000 // (days * _RANGE_SQUARE_MILLI)) // 100)


def _range_ppm(prices: Prices) -> int:
    high, low = int(prices.max()), int(prices.min())
    return 2 * (high - low) * PPM // (high + low)


def _falls_24h_bps(prices: Prices) -> Prices:
    """Return, for each hour, how far the price lies below the highest of the 24 hours before, in bps, rounded down."""
    if len(prices) == 0:
        return prices
    padded = np.concatenate((np.repeat(prices[:1], _DAY), prices))
    highest = padded
    # Doubling: maxima over 2, 4, 8, 16 hours, then two of 16 overlap to 25.
    for width in (1, 2, 4, 8):
        highest = np.maximum(highest[width:], highest[:-width])
    highest = np.maximum(highest[: -(_DAY + 1 - 16)], highest[_DAY + 1 - 16 :])
    return (highest - prices) * BPS // highest


def _largest(falls: Prices, window: int, *, least: int | None = None) -> int:
    recent = falls[-window:]
    if len(recent) < (window // 2 if least is None else least):
        return MISSING
    return ratio(int(recent.max()))


def _hourly_tail(returns: Prices) -> int:
    """Return the drop that one hourly return in a hundred reaches, in 10 ppm."""
    recent = returns[-_QUARTER:]
    if len(recent) < _MONTH:
        return MISSING
    rank = len(recent) // _TAIL_SHARE
    return ratio(max(0, -int(np.partition(recent, rank)[rank])) // 10)


def _median(prices: Prices) -> int:
    middle = len(prices) // 2
    return int(np.partition(prices, middle)[middle])


def _below(prices: Prices, base: int) -> int:
    """Return how far the last price lies below `base`, in bps; missing without a base."""
    if base == 0:
        return MISSING
    return ratio(max(0, base - int(prices[-1])) * BPS // base)
