"""Prices of lending assets: each defect of the file, on a file of the same shape made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from oracle.domain.units import HOUR_S
from training.datasets.lending_prices import (
    AAVE,
    COMPOUND,
    LENDING_PRICES,
    divide,
    filter_ticks,
    read_lending_runs,
    read_ticks,
)
from training.errors import DatasetError

START = datetime(2022, 5, 1, tzinfo=UTC).replace(tzinfo=None)


def write_ticks(folder: Path, ticks: dict[tuple[str, str], list[float]], *, minute: int = 7) -> None:
    rows = [
        (origin, symbol, START + timedelta(hours=i, minutes=minute), price)
        for (origin, symbol), prices in ticks.items()
        for i, price in enumerate(prices)
    ]
    (folder / LENDING_PRICES).parent.mkdir(parents=True)
    pl.DataFrame(rows, schema=["set", "symbol", "time", "usd"], orient="row").write_parquet(folder / LENDING_PRICES)


def test_filter_ticks__one_bad_tick__never_a_price() -> None:
    times, prices = filter_ticks(np.arange(6), np.array([1.0, 1.0, 0.094, 1.0, 1.0, 1.0]))

    assert prices.tolist() == [1.0, 1.0, 1.0, 1.0]
    assert times.tolist() == [2, 3, 4, 5]


def test_filter_ticks__collapse__is_kept_a_tick_later() -> None:
    _, prices = filter_ticks(np.arange(5), np.array([1.0, 1.0, 0.7, 0.5, 0.3]))

    assert prices.tolist() == [1.0, 0.7, 0.5]


def test_filter_ticks__later_tick_changes__earlier_prices_do_not() -> None:
    ticks = np.array([1.0, 1.1, 1.2, 1.3, 1.4])
    changed = np.array([1.0, 1.1, 1.2, 1.3, 0.1])

    assert filter_ticks(np.arange(5), ticks)[1][:2].tolist() == filter_ticks(np.arange(5), changed)[1][:2].tolist()


def test_read_ticks__equal_times_and_prices_that_are_none__one_price_left(tmp_path: Path) -> None:
    write_ticks(tmp_path, {(AAVE, "UST"): [1.0, float("nan"), 0.0]})
    table = pl.read_parquet(tmp_path / LENDING_PRICES)
    twice = table.head(1).with_columns(usd=pl.lit(0.99))
    pl.concat([table, twice]).write_parquet(tmp_path / LENDING_PRICES)

    assert read_ticks(tmp_path)[AAVE, "UST"][1].tolist() == [0.99]


def test_divide__ticks_at_other_minutes__last_at_or_before_each_hour() -> None:
    # At 1:00 the last ticks are 90 and 100, at 2:00 they are 95 and 95.
    ticks = (np.array([0, HOUR_S + 60, 2 * HOUR_S]), np.array([90.0, 80.0, 95.0]))
    base = (np.array([0, HOUR_S + 120, 2 * HOUR_S]), np.array([100.0, 50.0, 95.0]))

    hours, ratios = divide(ticks, base)

    assert hours.tolist() == [0, HOUR_S, 2 * HOUR_S]
    assert ratios.tolist() == [0.9, 0.9, 1.0]


def test_read_lending_runs__tokens_quoted_in_ether__are_pairs_against_it(tmp_path: Path) -> None:
    flat = [1.0] * 30
    write_ticks(
        tmp_path,
        {
            (COMPOUND, "cbETH"): flat,
            (COMPOUND, "WETH"): [2_000.0] * 30,
            (AAVE, "WETH"): [2_000.0] * 40,
            (AAVE, "stETH"): [1_900.0] * 40,
            (AAVE, "UST"): flat,
        },
    )

    runs = {run.symbol: run for run in read_lending_runs(tmp_path)}

    assert sorted(runs) == ["UST", "WETH", "cbETH/ETH", "stETH/ETH"]
    # Three ticks make a price, which is known at the next full hour; of two sets of WETH the longer counts.
    assert runs["WETH"].first_hour_s == int(START.replace(tzinfo=UTC).timestamp()) + 3 * HOUR_S
    assert len(runs["WETH"].prices) == 37
    assert len(set(runs["stETH/ETH"].prices.tolist())) == 1


def test_read_lending_runs__token_of_ether_in_dollars__is_refused(tmp_path: Path) -> None:
    write_ticks(tmp_path, {(COMPOUND, "rETH"): [2_100.0] * 5})

    with pytest.raises(DatasetError, match="quotes rETH in dollars"):
        read_lending_runs(tmp_path)


def test_read_ticks__file_or_column_absent__is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"hourly_usd\.parquet is not there"):
        read_ticks(tmp_path)

    (tmp_path / LENDING_PRICES).parent.mkdir(parents=True)
    pl.DataFrame({"set": ["a"], "symbol": ["b"]}).write_parquet(tmp_path / LENDING_PRICES)
    with pytest.raises(DatasetError, match="no column time, usd"):
        read_ticks(tmp_path)
