"""Frozen baselines: fitted on finished rows of the training span only, and scored without any fit."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from oracle.domain.units import DAY_S
from training.errors import DatasetError
from training.evaluation.baselines import (
    BASE_RATE,
    FROM_BUNDLE,
    FROZEN_FILE,
    LEAST_POSITIVES,
    RANDOM,
    SCORECARD,
    Calibration,
    add_baselines,
    encode_frozen,
    fit_calibration_of,
    fit_frozen,
    read_frozen,
)
from training.evaluation.plan import PLAN
from training.evaluation.task import NO_EVENT_DAY, Score, TaskRows
from training.evaluation.tasks import TASKS


def rows_of(n: int = 400) -> TaskRows:
    """Return one row a day; risk rises with the signal."""
    random = np.random.default_rng(1)
    signal = random.exponential(10, n)
    is_positive = random.random(n) < 1 / (1 + np.exp(4 - 1.5 * np.log1p(signal)))
    days = np.arange(n)
    return TaskRows(
        is_positive=is_positive,
        owners=days % 20,
        as_of_s=days * DAY_S,
        event_days=np.where(is_positive, days, NO_EVENT_DAY),
        model=Score(values=np.zeros(n), is_probability=True),
        baselines={
            "signal": Score(values=signal, is_probability=False),
            "backwards": Score(values=-signal, is_probability=False),
            "given": Score(values=np.full(n, -1.0), is_probability=True),
        },
        horizon_days=30,
        features={"signal": signal},
    )


def test_fit_calibration_of__two_values__logit_by_hand() -> None:
    # ln(1 + signal) is 0 or 1; rates 1/4 and 3/4: intercept -ln 3, slope 2 ln 3.
    signal = np.repeat([0.0, math.e - 1], 4)
    outcome = np.array([1, 0, 0, 0, 1, 1, 1, 0])

    fit = fit_calibration_of(signal, outcome)

    assert fit is not None
    assert fit.is_log
    assert [fit.intercept, fit.slope] == pytest.approx([-math.log(3), 2 * math.log(3)], abs=1e-3)


def test_fit_frozen__rows_after_or_reaching_beyond_the_end__count_for_nothing() -> None:
    """R-02: a row trains only if its whole horizon ends before."""
    rows, until_s = rows_of(), 300 * DAY_S
    late = rows.as_of_s + 30 * DAY_S > until_s
    changed = replace(rows, is_positive=np.where(late, ~rows.is_positive, rows.is_positive))

    first, second = fit_frozen(rows, until_s), fit_frozen(changed, until_s)

    assert first == second
    assert first is not None
    assert (first.n, first.first, first.until) == (271, date(1970, 1, 1), date(1970, 10, 28))


def test_fit_frozen__signal_against_risk__gets_no_coefficients() -> None:
    frozen = fit_frozen(rows_of(), 400 * DAY_S)

    assert frozen is not None
    assert set(frozen.calibrations) == {"signal"}


def test_fit_frozen__score_of_the_bundle_itself__gets_no_coefficients() -> None:
    rows = rows_of()
    rows = replace(rows, baselines={**rows.baselines, "shadow": rows.baselines["signal"]})

    frozen = fit_frozen(rows, 400 * DAY_S)

    assert frozen is not None
    assert "shadow" not in frozen.calibrations
    assert all(FROM_BUNDLE.isdisjoint(f.calibrations) for f in read_frozen().values())


def test_fit_frozen__too_few_positives__nothing_is_frozen() -> None:
    rows = rows_of()
    scarce = np.zeros(400, dtype=bool)
    scarce[: LEAST_POSITIVES - 1] = True

    assert fit_frozen(replace(rows, is_positive=scarce), 400 * DAY_S) is None


def test_add_baselines__frozen__order_stays_and_log_odds_come() -> None:
    rows = rows_of()
    frozen = fit_frozen(rows, 400 * DAY_S)
    assert frozen is not None

    full = add_baselines(rows, frozen).baselines

    assert set(full) == {RANDOM, BASE_RATE, SCORECARD, "signal", "backwards", "given"}
    assert full["signal"].is_probability
    assert not full["backwards"].is_probability
    assert np.array_equal(np.argsort(full["signal"].values), np.argsort(rows.baselines["signal"].values))
    assert full["given"] is rows.baselines["given"]
    mean = (1 / (1 + np.exp(-full["signal"].values)))[rows.as_of_s <= 370 * DAY_S].mean()
    assert mean == pytest.approx(frozen.positives / frozen.n, rel=1e-3)


def test_add_baselines__nothing_frozen__random_only() -> None:
    assert set(add_baselines(rows_of(), None).baselines) == {RANDOM, "signal", "backwards", "given"}


def test_frozen__written_and_read__is_the_same(tmp_path: Path) -> None:
    frozen = fit_frozen(rows_of(), 400 * DAY_S)
    assert frozen is not None
    path = tmp_path / "baselines.json"
    path.write_text(encode_frozen({"a": frozen}))

    assert read_frozen(path) == {"a": frozen}


@pytest.mark.parametrize("text", ["", "{}", '{"format": 2, "tasks": {}}'])
def test_read_frozen__damaged_file__says_how_to_fit_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baselines.json"
    path.write_text(text)

    with pytest.raises(DatasetError, match="baselines"):
        read_frozen(path)


def test_committed_baselines__every_task__end_with_the_training_span() -> None:
    """R-02: no frozen coefficient has seen a day of the test span."""
    frozen = read_frozen()

    assert set(frozen) <= set(TASKS) <= set(PLAN)
    for name, one in frozen.items():
        assert one.first < one.until <= PLAN[name].trained_until, name
        assert one.positives >= LEAST_POSITIVES
    assert json.loads(FROZEN_FILE.read_text())["format"] == 1


def test_calibration__signal_below_zero_under_a_logarithm__counts_as_zero() -> None:
    assert Calibration(is_log=True, intercept=-1.0, slope=2.0).score(np.array([-5.0, 0.0])).tolist() == [-1.0, -1.0]
