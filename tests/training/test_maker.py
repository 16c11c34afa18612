"""Maker vaults with their fee, from a file of a few rows with figures by hand. ETH at $200, no fee."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from oracle.domain.event import EventKind
from oracle.domain.units import DAY_S, WAD
from tests.training.test_maker_on_aave import E8, NEW_YEAR_S, OPENED, at, write_rows
from training.datasets.canonical import Borrower
from training.datasets.maker import FOLDER, read_maker, read_maker_borrows
from training.datasets.prices import CLOSES
from training.errors import DatasetError


def read_vault(folder: Path, rows: list[tuple[int, datetime, str, float | None, float | None]]) -> Borrower:
    write_rows(folder, rows)
    fees = pl.DataFrame({"PARAMETER": ["JUG.ilks.duty"], "TIMESTAMP": [datetime(2020, 1, 1)], "TO_VALUE": [0.0]})  # noqa: DTZ001
    fees.write_parquet(folder / FOLDER / "param_changes.parquet")
    (vault,) = read_maker(folder).borrowers
    return vault


def test_read_maker__withdrawal_listed_before_its_repayment__repaid_first(tmp_path: Path) -> None:
    # 4 ETH at $200 carry at most 800 / 1.3 * 1.1 = 676.92 DAI: if the withdrawal came first it would cut the debt.
    moved = [(2, at(1, 7), "withdraw", -6.0, None), (2, at(1, 7), "repay", None, 500.0)]
    later = (3, at(2, 5), "deposit", 1.0, None)

    vault = read_vault(tmp_path, [*OPENED, *moved, later])

    assert [e.kind for e in vault.events[2:4]] == [EventKind.REPAY, EventKind.WITHDRAW]
    assert [(s.collateral_usd_e8, s.debt_usd_e8) for s in vault.samples] == [(800 * E8, 500 * E8)]


@pytest.mark.parametrize("row", [("repay", None, 400.0), ("deposit", 5.0, None)])
def test_read_maker__row_at_midnight__belongs_to_that_midnights_state(
    tmp_path: Path, row: tuple[str, float | None, float | None]
) -> None:
    rows = [*OPENED, (2, at(2), *row), (3, at(2, 7), "deposit", 1.0, None)]

    vault = read_vault(tmp_path, rows)

    (sample,) = vault.samples
    collateral, debt = (2_000, 600) if row[0] == "repay" else (3_000, 1_000)
    assert sample.time_s - NEW_YEAR_S == DAY_S
    assert (sample.collateral_usd_e8, sample.debt_usd_e8) == (collateral * E8, debt * E8)
    assert abs(sample.health_factor_wad - collateral * WAD * 10 // (13 * debt)) < WAD // 10**6


def test_read_maker__borrowed_and_repaid_in_one_block_without_debt__nothing_owed(tmp_path: Path) -> None:
    opened = (1, at(1, 5), "deposit", 10.0, None)
    looped = [(2, at(1, 7), "borrow", None, 500.0), (2, at(1, 7), "repay", None, 500.0)]
    later = (3, at(2, 5), "deposit", 1.0, None)

    vault = read_vault(tmp_path, [opened, *looped, later])

    assert [e.kind for e in vault.events[1:3]] == [EventKind.BORROW, EventKind.REPAY]
    assert vault.samples == ()


def test_read_maker__repaid_and_borrowed_in_one_block_with_debt__repaid_first(tmp_path: Path) -> None:
    # $2,000 of ETH carry 1,538 DAI: with 1,000 owed, 900 more are only granted after something is repaid.
    rolled = [(2, at(1, 7), "borrow", None, 900.0), (2, at(1, 7), "repay", None, 800.0)]
    later = (3, at(2, 5), "deposit", 1.0, None)

    vault = read_vault(tmp_path, [*OPENED, *rolled, later])

    assert [e.kind for e in vault.events[2:4]] == [EventKind.REPAY, EventKind.BORROW]
    assert [s.debt_usd_e8 for s in vault.samples] == [1_100 * E8]


def test_read_maker_borrows__second_borrow__valued_after_it(tmp_path: Path) -> None:
    write_rows(tmp_path, [*OPENED, (2, at(1, 9), "borrow", None, 250.0), (3, at(4, 5), "deposit", 1.0, None)])
    fees = pl.DataFrame({"PARAMETER": ["JUG.ilks.duty"], "TIMESTAMP": [datetime(2020, 1, 1)], "TO_VALUE": [0.0]})  # noqa: DTZ001
    fees.write_parquet(tmp_path / FOLDER / "param_changes.parquet")

    first, second = read_maker_borrows(tmp_path).moments

    # 10 ETH at $200 over 1.3: $1,538.46 over $1,000, then over $1,250.
    assert [m.debt_usd_e8 for m in (first, second)] == [1_000 * E8, 1_250 * E8]
    assert [m.positions[0].health_factor_wad * 1_000 // WAD for m in (first, second)] == [1_538, 1_230]
    assert [(m.is_first, m.n_events) for m in (first, second)] == [(True, 2), (False, 3)]


FEES = FOLDER / "param_changes.parquet"
DAILY = FOLDER / "eth_usd_daily_coingecko.parquet"


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        (FOLDER / "events.parquet", lambda t: t.drop("dai"), "events.parquet has no column dai"),
        (FOLDER / "events.parquet", lambda t: t.with_columns(pl.lit("x").alias("time")), "column time is String"),
        (FOLDER / "events.parquet", lambda t: t.clear(), "holds no event while ETH has a price"),
        (FEES, lambda t: t.drop("TO_VALUE"), "param_changes.parquet has no column TO_VALUE"),
        (FEES, lambda t: t.clear(), "has no JUG.ilks.duty"),
        (DAILY, lambda t: t.drop("price"), "has no column price"),
        (CLOSES, lambda t: t.drop("close"), "has no column close"),
        (CLOSES, lambda t: t.with_columns(pl.lit(None, pl.Float64).alias("close")), "has no price of ETH"),
        (CLOSES, lambda t: t.with_columns(pl.lit(float("inf")).alias("close")), "not finite"),
    ],
)
def test_read_maker__broken_file__is_refused_by_name(
    tmp_path: Path, file: Path, change: Callable[[pl.DataFrame], pl.DataFrame], reason: str
) -> None:
    read_vault(tmp_path, OPENED)
    change(pl.read_parquet(tmp_path / file)).write_parquet(tmp_path / file)

    with pytest.raises(DatasetError, match=reason):
        read_maker(tmp_path)


def test_read_maker__events_before_the_first_price__are_refused(tmp_path: Path) -> None:
    """They must not be valued at a price from the end of the series."""
    with pytest.raises(DatasetError, match="begins before the prices of ETH"):
        read_vault(tmp_path, [(1, datetime(2020, 6, 1), "deposit", 1.0, None), *OPENED])  # noqa: DTZ001


def test_read_maker__events_after_the_last_price__are_left_out(tmp_path: Path) -> None:
    """Prices end with the fourth day, at 00:00 of the fifth: nothing after that hour can be valued."""
    last, beyond = (2, at(5), "deposit", 1.0, None), (3, at(9), "deposit", 1.0, None)

    vault = read_vault(tmp_path, [*OPENED, last, beyond])

    assert len(vault.events) == 3
    assert max(s.time_s for s in vault.samples) <= vault.events[-1].time_s
