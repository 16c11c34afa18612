"""The gain that decides whether trees run counts owners and months as news, not rows."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.domain.units import DAY_S
from training.validate import auc_interval, compute_best_gain, compute_gain, compute_metrics


def test_compute_gain__two_rows_by_hand__mean_of_differences() -> None:
    # Positive row: ln 2 at even odds, ln(1 + 1/3) at odds of 3; negative row: ln 2, and ln(1 + 3).
    baseline, model = np.zeros(2), np.full(2, np.log(3))
    outcome = np.array([1, 0])

    gain = compute_gain(baseline, model, outcome, np.array([0, 1]), np.array([0, 100 * DAY_S]))

    assert gain.mean == pytest.approx((np.log(2) - np.log(4 / 3) + np.log(2) - np.log(4)) / 2)


def test_compute_gain__same_rows_repeated_in_a_month__interval_does_not_shrink() -> None:
    random = np.random.default_rng(2)
    owners, months = (part.ravel() for part in np.meshgrid(np.arange(12), np.arange(12), indexing="ij"))
    outcome = (random.random(144) < 0.3).astype(np.int64)
    model = np.where(outcome == 1, 0.5, -0.5) * random.normal(1, 1, 144)
    once = compute_gain(np.zeros(144), model, outcome, owners, months * 30 * DAY_S)

    many = [np.repeat(column, 9) for column in (np.zeros(144), model, outcome, owners, months * 30 * DAY_S)]
    repeated = compute_gain(many[0], many[1], many[2], many[3], many[4])

    assert repeated.high - repeated.low == pytest.approx(once.high - once.low, rel=0.05)


def test_compute_best_gain__another_baseline_leads_on_other_rows__each_set_has_its_own() -> None:
    outcome = np.array([1, 0, 0, 0] * 6)
    clusters, as_of_s = np.repeat(np.arange(6), 4), np.repeat(np.arange(6), 4) * 40 * DAY_S
    baselines = {"sure": np.where(outcome == 1, 2.0, -2.0), "even": np.zeros(24)}
    model = np.where(outcome == 1, 1.0, -1.0)

    for y, best in ((outcome, "sure"), (1 - outcome, "even")):
        name, gain = compute_best_gain(baselines, model, y, clusters, as_of_s)

        assert name == best
        assert gain == compute_gain(baselines[best], model, y, clusters, as_of_s)


def test_compute_gain__all_events_in_one_month__no_interval() -> None:
    outcome = np.array([1, 0, 1, 0])

    gain = compute_gain(np.zeros(4), np.ones(4), outcome, np.arange(4), np.zeros(4, dtype=np.int64))

    assert (gain.low, gain.high) == (-np.inf, np.inf)


def test_compute_metrics__four_rows__by_hand() -> None:
    # Order of scores: + - + -: three of four pairs are in order.
    metrics = compute_metrics("model", np.array([2.0, 1.0, 0.5, -1.0]), np.array([1, 0, 1, 0]))

    assert metrics.auc == 0.75
    assert metrics.pr_auc == pytest.approx((1 + 2 / 3) / 2)


def test_auc_interval__rows_of_many_owners_and_months__holds_the_value() -> None:
    random = np.random.default_rng(5)
    owners, months = (part.ravel() for part in np.meshgrid(np.arange(15), np.arange(15), indexing="ij"))
    score = random.normal(size=225)
    outcome = (random.random(225) < 1 / (1 + np.exp(1 - score))).astype(np.int64)

    low, high = auc_interval(score, outcome, owners, months * 30 * DAY_S)

    assert 0.5 < low < compute_metrics("m", score, outcome).auc < high < 1
