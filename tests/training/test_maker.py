"""Maker vaults with their fee, from a file of a few rows with figures by hand. ETH at $200, no fee."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from oracle.domain.event import EventKind
from oracle.domain.units import DAY_S, WAD
from tests.training.test_maker_on_aave import E8, NEW_YEAR_S, OPENED, at, write_rows
from training.datasets.canonical import Borrower
from training.datasets.maker import FOLDER, read_maker, read_maker_borrows


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
