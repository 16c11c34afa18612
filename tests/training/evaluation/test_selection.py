"""Rows without a score are left out together, a baseline that lacks most of them is left out instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from oracle.domain.units import TimestampS
from oracle.scoring.bundle import load_bundle
from tests.training.evaluation.synthetic_tasks import build_event_rows, build_quantile_rows
from training.evaluation.selection import complete_quantile, complete_task
from training.evaluation.task import Score

ARGUMENTS = (
    Path(),
    load_bundle("borrower-1", allow_sandbox=False),
    TimestampS(0),
    TimestampS(10**9),
)


def gappy(n: int, missing: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.arange(n, dtype=np.float64)
    values[:missing] = np.nan
    return values


def test_complete_task__few_scores_missing__rows_go_for_all() -> None:
    rows = build_event_rows(*ARGUMENTS)
    rows = replace(rows, baselines={**rows.baselines, "late": Score(values=gappy(96, 10), is_probability=False)})

    complete = complete_task(rows)

    assert complete.n_left_out == 10
    assert len(complete.rows.is_positive) == len(complete.rows.groups["odd"]) == 86
    assert set(complete.rows.baselines) == {"signal", "late"}
    assert complete.notes == ()


def test_complete_quantile__most_forecasts_missing__baseline_goes() -> None:
    rows = build_quantile_rows(*ARGUMENTS)
    rows = replace(rows, baselines={**rows.baselines, "late": gappy(500, 400)})

    complete = complete_quantile(rows)

    assert complete.n_left_out == 0
    assert set(complete.rows.baselines) == {"wide"}
    assert "late has a score on 20%" in complete.notes[0]
