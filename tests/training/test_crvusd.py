"""crvUSD loans: outcomes and histories worked by hand, defects handled, no row that knows its future."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from oracle.domain.event import NO_VALUE, EventKind
from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import load_bundle
from tests.training.test_collateral_days import START, START_S, write_closes
from training.datasets.crvusd import LOANS, read_crvusd
from training.datasets.prices import CLOSES
from training.datasets.schema import read_table
from training.errors import DatasetError, TrainingError
from training.evaluation.task import NO_EVENT_DAY, TaskRows
from training.evaluation.tasks import TASKS
from training.evaluation.tasks.crvusd import PRIOR, VOLATILITY

BUNDLE = load_bundle("borrower-1", allow_sandbox=False)
ALICE, BOB = "0x" + "a" * 40, "0x" + "b" * 40
END_S = TimestampS(START_S + 300 * DAY_S)
type Row = dict[str, Any]


def loan(who: str, opened: float, ended: float | None, status: str, market: str = "weth") -> Row:
    def moment(day: float | None) -> Any:
        return None if day is None else START.replace(tzinfo=None) + timedelta(days=day)

    blocks = {"start_block": 1_000 + int(opened * 100), "end_block": None if ended is None else 1_000.0 + ended * 100}
    times = {"start_time_est": moment(opened), "end_time_est": moment(ended)}
    return {"borrower": who, "market": market, "status": status, **blocks, **times}


LENT = [
    loan(ALICE, 40, 45, "self-liquidation"),
    loan(ALICE, 50, 85, "forced-liquidation", "ll_3"),
    loan(ALICE, 60, 70, "forced-liquidation"),
    loan(BOB, 61, None, "active", "tbtc"),
    loan(ALICE, 90, 110, "repaid"),
    loan(BOB, 100, 130, "repaid"),
]


def write(data: Path, loans: list[Row]) -> None:
    (data / LOANS.file).parent.mkdir(exist_ok=True)
    schema: dict[str, Any] = {
        "end_block": pl.Float64,
        "end_time_est": pl.Datetime("ns"),
        "start_time_est": pl.Datetime("ns"),
    }
    pl.DataFrame(loans, schema_overrides=schema).write_parquet(data / LOANS.file)
    if not (data / CLOSES).exists():
        wave = [100.0 + (h * 7) % 11 for h in range(24 * 140)]
        write_closes(data, {"ETH": wave, "BTC": [10 * price for price in wave]})


def rows_of(data: Path, end_s: TimestampS = END_S) -> TaskRows:
    rows = TASKS["crvusd_30d"](data, BUNDLE, TimestampS(START_S), end_s)
    assert isinstance(rows, TaskRows)
    return rows


def test_build_crvusd__outcomes_and_history__as_worked_by_hand(tmp_path: Path) -> None:
    """The second loan ends after 35 days: no outcome. At day 60 one liquidation is over, at 90 three are."""
    write(tmp_path, LENT)

    rows = rows_of(tmp_path)

    assert ((rows.as_of_s - START_S) / DAY_S).tolist() == [40, 50, 60, 61, 90, 100]
    assert rows.is_positive.tolist() == [True, False, True, False, False, False]
    first_day = START_S // DAY_S
    assert rows.event_days.tolist() == [first_day + 45, NO_EVENT_DAY, first_day + 70, *[NO_EVENT_DAY] * 3]
    assert rows.baselines[PRIOR].values.tolist() == [0, 1, 1, 0, 3, 0]
    assert rows.baselines[VOLATILITY].values[1] == 3.0


def test_build_crvusd__rows_of_the_future__change_nothing_before_them(tmp_path: Path) -> None:
    write(tmp_path, LENT)
    before = rows_of(tmp_path, TimestampS(START_S + 80 * DAY_S))

    changed = [LENT[0], loan(ALICE, 50, 120, "repaid", "ll_3"), *LENT[2:], loan(BOB, 81, 82, "forced-liquidation")]
    write(tmp_path, changed)
    after = rows_of(tmp_path, TimestampS(START_S + 80 * DAY_S))

    np.testing.assert_array_equal(before.model.values, after.model.values)
    np.testing.assert_array_equal(before.baselines[PRIOR].values, after.baselines[PRIOR].values)


def test_read_crvusd__size_unknown__stays_missing_and_defects_are_counted(tmp_path: Path) -> None:
    write(tmp_path, [*LENT, LENT[0], loan(BOB, 20, 10, "repaid"), loan(BOB, 20, 30, "active")])

    events = [e for b in read_crvusd(tmp_path).borrowers for e in b.events]
    reading = read_table(tmp_path, LOANS)

    assert {(e.amount, e.value_usd_e8) for e in events} == {(0, NO_VALUE)}
    assert sum(e.kind is EventKind.LIQUIDATION for e in events) == 3
    assert reading.n_duplicates == 1
    assert reading.defects["ends before it begins"] == 1
    assert reading.defects["ended without a time, or open with one"] == 1
    assert reading.defects["market whose collateral has no price"] == 1


def test_build_crvusd__no_rows_or_no_folder__says_which(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"loans\.parquet is not there"):
        rows_of(tmp_path)

    write(tmp_path, LENT[:1])

    with pytest.raises(TrainingError, match="no loan opened"):
        rows_of(tmp_path)
