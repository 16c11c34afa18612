"""A price at every full hour, as a feed would have answered it: the price at a time, the lowest since another, the volatility known by then.

Gaps are filled with the last answer, so that a return over a gap is that of the prices at both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from oracle.domain.units import HOUR_S, PPM, TimestampS
from oracle.features.collateral import compute_price_vector, known_volatility_ppm
from training.datasets.prices import CLOSES, read_closes, sample_oracle
from training.errors import DatasetError

type Array = np.ndarray[Any, Any]

_PRICE_BITS = 42


@dataclass(frozen=True)
class PricePath:
    """Prices at consecutive full hours from `first_hour_s`, scaled by a power of two."""

    first_hour_s: TimestampS
    prices: Array

    def at(self, times_s: Array) -> Array:
        """Return the last price at or before each time; NaN before the first and after the last hour."""
        hours = self._hours(times_s)
        inside = (hours >= 0) & (hours < len(self.prices))
        return np.where(inside, self.prices[np.clip(hours, 0, len(self.prices) - 1)].astype(np.float64), np.nan)

    def lowest(self, from_s: Array, to_s: Array) -> Array:
        """Return the lowest price of each span, both ends included."""
        last = len(self.prices) - 1
        first, end = np.clip(self._hours(from_s), 0, last), np.clip(self._hours(to_s), 0, last)
        level = np.maximum(0, np.log2(np.maximum(1, end - first + 1)).astype(np.int64))
        lows = np.empty(len(first))
        for k in np.unique(level).tolist():
            rows = level == k
            table = self._lows[k]
            lows[rows] = np.minimum(table[first[rows]], table[end[rows] - 2**k + 1])
        return lows

    def volatility(self, times_s: Array) -> Array:
        """Return the annual volatility that a node would have known at each time; NaN if none."""
        known: dict[int, float] = {}
        for time_s in np.unique(times_s).tolist():
            hour = (time_s - self.first_hour_s) // HOUR_S
            vector = compute_price_vector(self.prices[: max(0, hour + 1)], 0, 0) if hour >= 1 else None
            ppm = None if vector is None or hour >= len(self.prices) else known_volatility_ppm(vector)
            known[time_s] = np.nan if ppm is None else ppm / PPM
        return np.array([known[t] for t in times_s.tolist()])

    def _hours(self, times_s: Array) -> Array:
        return np.asarray((times_s - self.first_hour_s) // HOUR_S)

    @cached_property
    def _lows(self) -> list[Array]:
        """Return the lowest of 2^k hours from each hour on, by k."""
        tables = [self.prices]
        while 2 ** len(tables) <= len(self.prices):
            half = 2 ** (len(tables) - 1)
            tables.append(np.minimum(tables[-1][:-half], tables[-1][half:]))
        return tables


def read_price_paths(data: Path, symbols: tuple[str, ...]) -> dict[str, PricePath]:
    """Return the dollar prices of exchange symbols.

    Raises:
        DatasetError: if the hourly closes are absent, or lack a symbol.
    """
    closes = read_closes(data, sorted(symbols))
    if absent := sorted(set(symbols) - closes.keys()):
        raise DatasetError(str(data), f"{CLOSES} has no prices of {', '.join(absent)}")
    return {symbol: build_price_path(*series) for symbol, series in closes.items()}


def build_price_path(times_s: Array, closes: Array) -> PricePath:
    """Return the path of closes, as a feed would have answered them."""
    scale = 2.0 ** (_PRICE_BITS - int(np.ceil(np.log2(closes.max()))))
    times, answers = sample_oracle(times_s, np.maximum(1, np.rint(closes * scale)).astype(np.int64))
    first = -(-int(times[0]) // HOUR_S) * HOUR_S
    hours = np.arange(first, int(times[-1]) // HOUR_S * HOUR_S + 1, HOUR_S)
    return PricePath(TimestampS(first), answers[np.searchsorted(times, hours, side="right") - 1])
