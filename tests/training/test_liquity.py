"""Liquity: rows and labels worked by hand, the fee's bound on what is drawn, and no row that knows its future."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from oracle.domain.event import EventKind
from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import load_bundle
from tests.training.test_collateral_days import START, START_S, write_closes
from training.datasets.liquity import BORROWS, LIQUIDATIONS, read_liquity
from training.datasets.prices import CLOSES
from training.errors import DatasetError, TrainingError
from training.evaluation.task import NO_EVENT_DAY, TaskRows
from training.evaluation.tasks import TASKS
from training.evaluation.tasks.liquity import RETURN

BUNDLE = load_bundle("borrower-1", allow_sandbox=False)
STEADY, BURNED, LATE = ("0x" + c * 40 for c in "abc")
FIRST_THURSDAY_S = START_S + 5 * DAY_S
END_S = TimestampS(START_S + 200 * DAY_S)
type Row = dict[str, Any]


def day(number: float) -> datetime:
    return START.replace(tzinfo=None) + timedelta(days=number)


def borrow(who: str, at: float, fee: float = 10.0) -> Row:
    return {"time": day(at), "block": 1 + int(at * 7000), "tx": f"0x{who[2]}{at}", "borrower": who, "lusd_fee": fee}


def liquidation(who: str, at: float, mode: str = "normal") -> Row:
    figures = {"collateral_eth": 2.0, "debt_lusd": 2_000.0, "eth_usd": 1_090.0, "collateral_ratio": 1.09}
    return {"time": day(at), "tx": f"0xl{at}", "borrower": who, "mode": mode, **figures}


BORROWED = [borrow(STEADY, 40.0), borrow(BURNED, 41.0), borrow(BURNED, 41.5, fee=1e-16), borrow(STEADY, 100.0)]
LIQUIDATED = [liquidation(BURNED, 60.5), liquidation(LATE, 170.0, "recovery")]


def write(data: Path, borrows: list[Row], liquidations: list[Row]) -> None:
    (data / BORROWS.file).parent.mkdir(exist_ok=True)
    pl.DataFrame(borrows).write_parquet(data / BORROWS.file)
    pl.DataFrame(liquidations).write_parquet(data / LIQUIDATIONS.file)
    if (data / CLOSES).exists():
        return
    closes = [1_000.0 + 20 * ((h * 7) % 11) - h / 10 for h in range(24 * 170)]
    write_closes(data, {"ETH": closes})


def rows_of(data: Path, first_s: int = START_S, end_s: int = END_S) -> TaskRows:
    rows = TASKS["liquity_30d"](data, BUNDLE, TimestampS(first_s), TimestampS(end_s))
    assert isinstance(rows, TaskRows)
    return rows


def test_read_liquity__fee_is_half_a_percent__dust_fees_are_no_borrows(tmp_path: Path) -> None:
    write(tmp_path, [*BORROWED, BORROWED[0]], LIQUIDATED)

    dataset = read_liquity(tmp_path)

    events = [e for b in dataset.borrowers for e in b.events]
    assert [e.value_usd_e8 for e in events if e.kind is EventKind.BORROW] == [2_000 * 10**8] * 3
    assert sum(e.kind is EventKind.LIQUIDATION for e in events) == 2
    assert {e.seized_value_usd_e8 for e in events if e.kind is EventKind.LIQUIDATION} == {2_180 * 10**8}


def test_build_liquity__weeks_and_outcomes__as_worked_by_hand(tmp_path: Path) -> None:
    """2022-01-06 is the first Thursday. Burned is at risk from day 41 to 60; day 100 is the last borrow, so no week is later."""
    write(tmp_path, BORROWED, LIQUIDATED)

    rows = rows_of(tmp_path)

    burned = rows.owners == rows.owners[rows.is_positive][0]
    assert ((rows.as_of_s[burned] - FIRST_THURSDAY_S) // (7 * DAY_S)).tolist() == [6, 7]
    assert rows.is_positive[burned].tolist() == [True, True]
    assert rows.event_days[burned].tolist() == [START_S // DAY_S + 60] * 2
    assert ((rows.as_of_s[~burned] - FIRST_THURSDAY_S) // (7 * DAY_S)).tolist() == list(range(5, 14))
    assert set(rows.event_days[~burned].tolist()) == {NO_EVENT_DAY}
    assert np.isfinite(rows.model.values).all()
    assert not rows.model.is_probability


def test_build_liquity__rows_of_the_future__change_nothing_before_them(tmp_path: Path) -> None:
    write(tmp_path, BORROWED, LIQUIDATED)
    before = rows_of(tmp_path, end_s=START_S + 56 * DAY_S)

    future = [borrow(LATE, 57.0), borrow(STEADY, 58.0, fee=1e6)]
    write(tmp_path, [*BORROWED, *future], [*LIQUIDATED, liquidation(STEADY, 99.0)])
    after = rows_of(tmp_path, end_s=START_S + 56 * DAY_S)

    np.testing.assert_array_equal(before.as_of_s, after.as_of_s)
    np.testing.assert_array_equal(before.model.values, after.model.values)
    np.testing.assert_array_equal(before.baselines[RETURN].values, after.baselines[RETURN].values)


def test_build_liquity__no_rows_or_no_folder__says_which(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"borrow_fee_events\.parquet is not there"):
        rows_of(tmp_path)

    write(tmp_path, BORROWED, LIQUIDATED)

    with pytest.raises(TrainingError, match="no owner at risk"):
        rows_of(tmp_path, end_s=START_S + 10 * DAY_S)
