"""Rows of borrow events: what is known at the borrow and nothing later; first passage by hand; a task's refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import load_bundle
from tests.training.test_maker_on_aave import NEW_YEAR_S, OPENED, at, write_rows
from training.borrow_rows import build_borrow_rows
from training.datasets.maker import FOLDER, read_maker_borrows
from training.errors import TrainingError
from training.evaluation.tasks.loans import score_rows
from training.evaluation.tasks.maker import build_maker_borrow
from training.rules import barrier_log_odds


def write_vault(folder: Path, later: Sequence[tuple[int, datetime, str, float | None, float | None]]) -> Path:
    write_rows(folder, [*OPENED, *later])
    fees = pl.DataFrame({"PARAMETER": ["JUG.ilks.duty"], "TIMESTAMP": [datetime(2020, 1, 1)], "TO_VALUE": [0.0]})  # noqa: DTZ001
    fees.write_parquet(folder / FOLDER / "param_changes.parquet")
    days = pl.date_range(datetime(2020, 6, 1), datetime(2020, 12, 31), eager=True).cast(pl.Datetime)  # noqa: DTZ001
    daily = pl.DataFrame({"date": days, "price": [190.0 + day % 20 for day in range(len(days))]})
    daily.write_parquet(folder / FOLDER / "eth_usd_daily_coingecko.parquet")
    return folder


LIQUIDATED = (3, at(3, 5), "liquidation", 10.0, 1_000.0)


def test_build_borrow_rows__liquidated_two_days_later__positive_within_the_horizon_only(tmp_path: Path) -> None:
    borrows = read_maker_borrows(write_vault(tmp_path, [LIQUIDATED, (4, at(4, 5), "deposit", 1.0, None)]))

    near = build_borrow_rows(borrows, horizon_s=2 * DAY_S)
    far = build_borrow_rows(borrows, horizon_s=DAY_S)

    # Borrowed on the 1st at 05:00, liquidated on the 3rd at 05:00: two days to the second.
    assert (near.is_positive.tolist(), far.is_positive.tolist()) == ([1], [0])
    assert near.event_days.tolist() == [NEW_YEAR_S // DAY_S + 2]
    assert near.is_first.tolist() == [True]


def test_build_borrow_rows__horizon_beyond_the_record__no_row(tmp_path: Path) -> None:
    borrows = read_maker_borrows(write_vault(tmp_path, [LIQUIDATED]))

    assert len(build_borrow_rows(borrows, horizon_s=3 * DAY_S).as_of_s) == 0


def test_build_borrow_rows__future_rows_changed__same_vector(tmp_path: Path) -> None:
    calm = [(4, at(4, 5), "deposit", 1.0, None)]
    with_future = read_maker_borrows(write_vault(tmp_path / "a", [LIQUIDATED, *calm]))
    without = read_maker_borrows(write_vault(tmp_path / "b", calm))
    series = without.dataset.prices
    cut = {
        k: replace(s, prices_e8=tuple(p * 2 if i > 24 * 215 else p for i, p in enumerate(s.prices_e8)))
        for k, s in series.items()
    }
    changed = replace(without, dataset=replace(without.dataset, prices=cut))

    rows = [build_borrow_rows(b, horizon_s=DAY_S) for b in (with_future, without, changed)]

    assert rows[0].vectors.tolist() == rows[1].vectors.tolist() == rows[2].vectors.tolist()


def test_barrier_log_odds__one_standard_deviation__as_in_the_table() -> None:
    # ln(HF) = sigma = 1 over a year: 2 * Phi(-1) = 0.3173.
    log_odds = barrier_log_odds(np.array([1.0, 0.0]), np.array([1.0, 1.0]), 365)

    assert 1 / (1 + np.exp(-log_odds[0])) == pytest.approx(0.3173, abs=1e-4)
    assert log_odds[1] > 10


def test_build_maker_borrow__bundle_of_collaterals__refused(tmp_path: Path) -> None:
    write_vault(tmp_path, [LIQUIDATED, (4, datetime(2021, 3, 1), "deposit", 1.0, None)])  # noqa: DTZ001
    bundle = load_bundle("collateral-1", allow_sandbox=False)

    with pytest.raises(TrainingError, match="borrower bundle"):
        build_maker_borrow(tmp_path, bundle, TimestampS(0), TimestampS(2**33))


def test_score_rows__less_distance__never_less_risk() -> None:
    bundle = load_bundle("borrower-1", allow_sandbox=False)
    vectors = np.zeros((200, 13), dtype=np.int64)
    vectors[:, 0] = np.linspace(1, 65_534, 200).astype(np.int64)

    published, _ = score_rows(bundle, vectors)

    assert np.all(np.diff(published) <= 0)
