"""Maker vaults in Aave's integers, from a file of a few rows with figures by hand. WETH at $200 on the first two days, then $123."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from oracle.domain.event import EventKind
from oracle.domain.units import DAY_S, WAD
from training.datasets.canonical import Borrower, Dataset
from training.datasets.maker import FOLDER
from training.datasets.maker_on_aave import read_maker_on_aave
from training.datasets.prices import CLOSES

NEW_YEAR_S = 1_609_459_200
E8 = 10**8


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2021, 1, day, hour)  # noqa: DTZ001 - the files have no zone


def write_rows(folder: Path, rows: list[tuple[int, datetime, str, float | None, float | None]]) -> Path:
    """Write (block, time, event, eth, dai) of vault 7, and hourly prices of four days."""
    (folder / FOLDER).mkdir(parents=True)
    (folder / CLOSES).parent.mkdir(parents=True)
    names = ("block", "time", "event", "eth", "dai")
    columns: dict[str, list[Any]] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    table = pl.DataFrame({"vault": [7] * len(rows)} | columns)
    # A column of nothing but empty cells has no type of its own.
    table = table.with_columns(pl.col("eth", "dai").cast(pl.Float64))
    table.write_parquet(folder / FOLDER / "events.parquet")
    daily = pl.DataFrame({"date": [datetime(2020, 12, 31)], "price": [200.0]})  # noqa: DTZ001
    daily.write_parquet(folder / FOLDER / "eth_usd_daily_coingecko.parquet")
    hours = [at(day, hour) for day in range(1, 5) for hour in range(24)]
    closes = [200.0 if hour < at(3) else 123.0 for hour in hours]
    prices = pl.DataFrame({"symbol": ["ETH"] * len(hours), "time": hours, "close": closes})
    prices.with_columns(pl.col("symbol").cast(pl.Categorical)).write_parquet(folder / CLOSES)
    return folder


def read_vault(folder: Path) -> tuple[Dataset, Borrower]:
    dataset = read_maker_on_aave(folder)
    (borrower,) = dataset.borrowers
    return dataset, borrower


OPENED = [(1, at(1, 5), "deposit", 10.0, None), (1, at(1, 5), "borrow", None, 1_000.0)]


def test_read_maker_on_aave__loan_on_known_prices__samples_by_hand(tmp_path: Path) -> None:
    later = (3, at(4, 5), "deposit", 1.0, None)

    _, vault = read_vault(write_rows(tmp_path, [*OPENED, later]))

    # $2,000 at 76.92 % are $1,538.40 over $1,000; $1,230 from the third day 01:00 on, so at the fourth midnight.
    days = [(s.time_s - NEW_YEAR_S) // DAY_S for s in vault.samples]
    assert days == [1, 2, 3]
    assert [s.health_factor_wad for s in vault.samples] == [15_384 * WAD // 10**4] * 2 + [
        94_611_600_000 * WAD // 10**11
    ]
    assert [(s.collateral_usd_e8, s.debt_usd_e8) for s in vault.samples][-1] == (1_230 * E8, 1_000 * E8)
    assert [p.as_of_s for p in vault.positions] == [s.time_s for s in vault.samples]


def test_read_maker_on_aave__rows_of_one_block__repaid_before_withdrawn_and_capped(tmp_path: Path) -> None:
    closed = [(2, at(2, 5), "withdraw", -10.000000001, None), (2, at(2, 5), "repay", None, 1_002.5)]

    _, vault = read_vault(write_rows(tmp_path, [*OPENED, *closed]))

    assert [(e.kind, e.amount) for e in vault.events[2:]] == [
        (EventKind.REPAY, 1_000 * WAD),
        (EventKind.WITHDRAW, 10 * WAD),
    ]
    assert vault.events[3].value_usd_e8 == 2_000 * E8
    assert len(vault.samples) == 1


def test_read_maker_on_aave__row_at_midnight__belongs_to_that_midnights_state(tmp_path: Path) -> None:
    rows = [*OPENED, (2, at(2), "repay", None, 400.0), (3, at(2, 7), "deposit", 1.0, None)]

    _, vault = read_vault(write_rows(tmp_path, rows))

    assert [(s.time_s - NEW_YEAR_S, s.debt_usd_e8) for s in vault.samples] == [(DAY_S, 600 * E8)]


def test_read_maker_on_aave__what_the_pool_refuses__did_not_happen(tmp_path: Path) -> None:
    # 10 WETH at $200 carry 1,538.40 DAI; 1,000 DAI need 6.5003 WETH.
    refused = [
        (2, at(2, 5), "borrow", None, 538.41),
        (3, at(2, 6), "withdraw", -3.5, None),
        (4, at(2, 7), "borrow", None, 538.4),
    ]

    _, vault = read_vault(write_rows(tmp_path, [*OPENED, *refused]))

    assert [(e.kind, e.amount) for e in vault.events[2:]] == [(EventKind.BORROW, 5_384 * WAD // 10)]


@pytest.mark.parametrize(
    ("day", "auctioned", "repaid", "seized_usd_e8"),
    [
        # On day two the feed stands at $200: all of the debt goes at health 0.95, seized are $1,130 at that price.
        (2, 1_010.0, 1_000, 1_130 * E8),
        # Of 400 less than half is repaid: 13 % on top.
        (2, 400.0, 400, 452 * E8),
        # On day four health is 0.946 at the feed's own price.
        (4, 1_010.0, 1_000, 1_130 * E8),
    ],
)
def test_read_maker_on_aave__liquidation__repays_and_seizes_by_hand(
    tmp_path: Path, day: int, auctioned: float, repaid: int, seized_usd_e8: int
) -> None:
    rows = [*OPENED, (2, at(day, 5), "liquidation", 10.0, auctioned), (3, at(day, 6), "deposit", 1.0, None)]

    _, vault = read_vault(write_rows(tmp_path, rows))

    liquidation = vault.events[-1]
    assert (liquidation.kind, liquidation.amount, liquidation.by_account) == (
        EventKind.LIQUIDATION,
        repaid * WAD,
        False,
    )
    assert abs(liquidation.seized_value_usd_e8 - seized_usd_e8) <= 10
    assert liquidation.seized_amount < 10 * WAD


def test_read_maker_on_aave__the_span__is_that_of_the_rows(tmp_path: Path) -> None:
    dataset, _ = read_vault(write_rows(tmp_path, OPENED))

    assert (dataset.start_s, dataset.end_s) == (NEW_YEAR_S + 5 * 3_600,) * 2
