"""Prices of what lending protocols took as collateral, dead and pegged assets among them: stETH, UST, FEI, the dollars of Aave v2, staked ether of Compound v3.

A tick counts at the last of three consecutive ticks whose median it enters: a single bad tick (UST has 129, USDP 68) then never becomes a price, and none that is later than its hour is used. Of
the Compound set, tokens of ether are quoted in ether and tokens of bitcoin in ether as well, whatever the column says: they are pairs against ETH. A token of ether
that is quoted in dollars becomes a pair against ETH too. Source: PROVENANCE.md of the folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from oracle.domain.units import HOUR_S
from training.datasets.files import data_file
from training.datasets.prices import PriceRun, hourly_runs, price_runs
from training.errors import DatasetError

LENDING_PRICES = Path("prices_lending_assets_coingecko") / "hourly_usd.parquet"
AAVE, COMPOUND = "aave_v2_reserves", "compound_v3_assets"
QUOTED_IN_ETHER = frozenset("cbETH rETH ezETH rsETH weETH osETH rswETH tBTC cbBTC".split())
"""Of the Compound set."""
STAKED_ETHER = frozenset("stETH wstETH".split())
_COLUMNS = ("set", "symbol", "time", "usd")
_MOST_ETHER = 100.0
"""No token of the Compound set is worth so many ether: a larger number would be dollars."""

type Series = tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, Any]]


def read_lending_runs(data: Path) -> list[PriceRun]:
    """Return the runs of dollars, of staked ether against ether and of everything else, as a feed would have answered them, each asset from its longer set.

    Raises:
        DatasetError: if the file is absent, has other columns, or quotes a token of ether in dollars.
    """
    series = {key: filter_ticks(*ticks) for key, ticks in read_ticks(data).items()}
    pairs: dict[str, Series] = {}
    for (origin, symbol), ticks in sorted(series.items(), key=lambda item: len(item[1][0])):
        if origin == COMPOUND and symbol in QUOTED_IN_ETHER:
            if float(ticks[1].max()) > _MOST_ETHER:
                raise DatasetError(str(data), f"{LENDING_PRICES} quotes {symbol} in dollars, not in ether")
            pairs[f"{symbol}/ETH"] = ticks
        elif symbol in STAKED_ETHER and (origin, "WETH") in series:
            pairs[f"{symbol}/ETH"] = divide(ticks, series[origin, "WETH"])
        else:
            pairs[symbol] = ticks
    return [run for name in sorted(pairs) for run in price_runs(name, *pairs[name])]


def read_ticks(data: Path) -> dict[tuple[str, str], Series]:
    """Return (times, prices) by (set, symbol), in order of time, the last of equal times, without prices that are none.

    Raises:
        DatasetError: if the file is absent or has other columns.
    """
    path = data_file(data, LENDING_PRICES)
    absent = set(_COLUMNS) - set(pl.scan_parquet(path).collect_schema().names())
    if absent:
        raise DatasetError(str(data), f"{LENDING_PRICES} has no column {', '.join(sorted(absent))}")
    table = pl.read_parquet(path, columns=list(_COLUMNS)).with_columns(
        pl.col("set", "symbol").cast(pl.String), pl.col("time").dt.epoch("s")
    )
    table = table.filter(pl.col("usd").is_finite() & (pl.col("usd") > 0))
    table = table.unique(["set", "symbol", "time"], keep="last", maintain_order=True).sort("set", "symbol", "time")
    return {
        (str(origin), str(symbol)): (part["time"].to_numpy().astype(np.int64), part["usd"].to_numpy())
        for (origin, symbol), part in table.group_by(["set", "symbol"], maintain_order=True)
    }


def filter_ticks(times_s: np.ndarray[Any, np.dtype[np.int64]], prices: np.ndarray[Any, Any]) -> Series:
    """Return the median of each tick and the two before, known at the tick's time; the first two ticks give none."""
    if len(prices) < 3:
        return times_s[:0], prices[:0]
    windows = np.lib.stride_tricks.sliding_window_view(prices, 3)
    return times_s[2:], np.median(windows, axis=1)


def divide(ticks: Series, base: Series) -> Series:
    """Return a price in units of another at full hours, each by its last tick at or before the hour."""
    tops, bottoms = (dict(_hourly(*series)) for series in (ticks, base))
    hours = np.array(sorted(tops.keys() & bottoms.keys()), dtype=np.int64)
    return hours, np.array([tops[h] / bottoms[h] for h in hours.tolist()])


def _hourly(times_s: np.ndarray[Any, np.dtype[np.int64]], prices: np.ndarray[Any, Any]) -> Iterator[tuple[int, float]]:
    for first, run in hourly_runs(times_s, prices):
        yield from ((first + i * HOUR_S, price) for i, price in enumerate(run.tolist()))
