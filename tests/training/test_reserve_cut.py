"""What risk managers did: cuts and freezes once a day, none known before its date, rows only where thirty days are recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import load_bundle
from tests.training.test_collateral_days import START, START_S, write_closes
from training.errors import DatasetError
from training.evaluation.task import TaskRows
from training.evaluation.tasks.reserves import CHANGES, PRIOR_ACTIONS, build_reserve_cut, read_actions

type Change = tuple[int, str, str, str | None, str | None]


def write_changes(folder: Path, changes: list[Change]) -> None:
    def number(text: str | None) -> float | None:
        return float(text) if text is not None and text[0].isdigit() else None

    rows = [
        {
            "date": (START + timedelta(days=day)).replace(tzinfo=None),
            "symbol": symbol,
            "param": param,
            "before": before,
            "after": after,
            "before_num": number(before),
            "after_num": number(after),
        }
        for day, symbol, param, before, after in changes
    ]
    (folder / CHANGES).parent.mkdir(parents=True)
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / CHANGES)


CHANGED: list[Change] = [
    (5, "WETH", "ltv", None, "80"),
    (100, "WETH", "ltv", "80", "75"),
    (100, "WETH.e", "ltv", "80", "75"),
    (110, "WETH", "ltv", "75", "78"),
    (120, "WETH", "isFrozen", "false", "true"),
    (150, "CRV", "isFrozen", "true", "false"),
]


def test_read_actions__repeats_rises_and_thaws__are_no_actions(tmp_path: Path) -> None:
    write_changes(tmp_path, CHANGED)

    actions = read_actions(tmp_path)

    assert {pair: days.tolist() for pair, days in actions.adverse_s.items()} == {
        "ETH": [START_S + 100 * DAY_S, START_S + 120 * DAY_S]
    }
    assert actions.first_named_s == {"ETH": START_S + 5 * DAY_S, "CRV": START_S + 150 * DAY_S}


def test_build_reserve_cut__two_actions__weeks_before_each_are_positive(tmp_path: Path) -> None:
    write_changes(tmp_path, CHANGED)
    write_closes(tmp_path, {s: [1000.0 + i % 7 for i in range(160 * 24)] for s in ("ETH", "CRV", "PEPE")})
    span = TimestampS(START_S), TimestampS(START_S + 160 * DAY_S)

    rows = build_reserve_cut(tmp_path, load_bundle("collateral-1", allow_sandbox=False), *span)

    assert isinstance(rows, TaskRows)
    days = (rows.as_of_s - START_S) // DAY_S
    assert len(set(rows.owners.tolist())) == 1
    assert days.min() >= 30
    assert days.max() <= 120
    assert rows.is_positive.tolist() == [70 <= d < 120 for d in days.tolist()]
    assert rows.baselines[PRIOR_ACTIONS].values.tolist() == [int(d >= 100) + int(d >= 120) for d in days.tolist()]
    assert set(rows.event_days[rows.is_positive].tolist()) == {START_S // DAY_S + 100, START_S // DAY_S + 120}


def test_read_actions__absent_folder_or_column__says_which(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="aave_reserve_params"):
        read_actions(tmp_path)
    (tmp_path / CHANGES).parent.mkdir(parents=True)
    pl.DataFrame({"date": [datetime(2023, 1, 1, tzinfo=UTC)]}).write_parquet(tmp_path / CHANGES)

    with pytest.raises(DatasetError, match="no column"):
        read_actions(tmp_path)


def test_read_actions__no_row__is_refused(tmp_path: Path) -> None:
    write_changes(tmp_path, CHANGED)
    pl.read_parquet(tmp_path / CHANGES).clear().write_parquet(tmp_path / CHANGES)

    with pytest.raises(DatasetError, match="names no asset"):
        read_actions(tmp_path)
