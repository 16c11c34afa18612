"""Hourly prices of exchanges, as an on-chain feed would have answered them.

A bar that opens at 13:00 closes at 14:00, so its close is the price of hour 14:00. Exchange closes then pass the oracle-sampling transform: an answer is
written when the price has moved 0.5 % since the last answer, or an hour has passed. A gap of more than two days ends a series.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from oracle.domain.market import HourlySeries
from oracle.domain.units import HOUR_S, TimestampS
from training.datasets import market_tables
from training.datasets.schema import read_table

CLOSES = market_tables.CLOSES.file
DEVIATION_BPS = 50
HEARTBEAT_S = 3_600
_MAX_GAP_HOURS = 48
_PRICE_BITS = 42

type IntArray = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, kw_only=True)
class PriceRun:
    """Prices of a pair at consecutive full hours, scaled to below 2^43 by a power of two; features do not depend on `scale`, the integer of a price of one."""

    symbol: str
    first_hour_s: TimestampS
    prices: IntArray
    scale: float = 1.0


def sample_oracle(times_s: IntArray, prices: IntArray) -> tuple[IntArray, IntArray]:
    """Return the (times, prices) of a feed's answers to a stream of prices."""
    kept, last_time, last_price = [], -HEARTBEAT_S, 0
    for i, (time_s, price) in enumerate(zip(times_s.tolist(), prices.tolist(), strict=True)):
        if time_s - last_time >= HEARTBEAT_S or abs(price - last_price) * 10_000 >= DEVIATION_BPS * last_price:
            kept.append(i)
            last_time, last_price = time_s, price
    return times_s[kept], prices[kept]


def hourly_runs(times_s: IntArray, prices: IntArray) -> Iterator[tuple[TimestampS, IntArray]]:
    """Yield (first hour, prices) of runs of consecutive hours, each the last answer at or before it; long gaps split runs."""
    if len(times_s) == 0:
        return
    cuts = np.flatnonzero(np.diff(times_s) > _MAX_GAP_HOURS * HOUR_S) + 1
    for time_run, price_run in zip(np.split(times_s, cuts), np.split(prices, cuts), strict=True):
        first = -(-int(time_run[0]) // HOUR_S) * HOUR_S
        hours = np.arange(first, int(time_run[-1]) // HOUR_S * HOUR_S + 1, HOUR_S)
        if len(hours):
            yield TimestampS(first), price_run[np.searchsorted(time_run, hours, side="right") - 1]


def read_closes(data: Path, symbols: list[str] | None = None) -> dict[str, tuple[IntArray, np.ndarray[Any, Any]]]:
    """Return per symbol the (times, closes) of the hourly data set; times are when the close was known. A symbol without a price is left out.

    Raises:
        DatasetError: if the file is absent, or is not what its table declares.
    """
    chosen = None if symbols is None else pl.col("symbol").cast(pl.String).is_in(symbols)
    frame = read_table(data, market_tables.CLOSES, only=chosen).frame.with_columns(pl.col("symbol").cast(pl.String))
    out = {}
    for (symbol,), part in frame.sort("symbol", "time_s").group_by(["symbol"], maintain_order=True):
        out[str(symbol)] = (part["time_s"].to_numpy().astype(np.int64) + HOUR_S, part["close"].to_numpy())
    return out


def price_runs(symbol: str, times_s: IntArray, closes: np.ndarray[Any, Any]) -> Iterator[PriceRun]:
    """Yield the runs of one pair as a feed would have answered them."""
    scale = 2.0 ** (_PRICE_BITS - int(np.ceil(np.log2(closes.max()))))
    prices = np.maximum(1, np.rint(closes * scale)).astype(np.int64)
    for first, run in hourly_runs(*sample_oracle(times_s, prices)):
        yield PriceRun(symbol=symbol, first_hour_s=first, prices=run, scale=scale)


def to_series(first_hour_s: TimestampS, prices_e8: IntArray) -> HourlySeries:
    """Return prices as the domain's series."""
    return HourlySeries(first_hour_s=first_hour_s, prices_e8=tuple(prices_e8.tolist()))
