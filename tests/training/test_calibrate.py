"""Bounds and tables of calibration, by hand and by published values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training.calibrate import (
    cluster_upper_rate,
    fit_recalibration,
    points_thresholds,
    probability_table,
    table_index,
    upper_bound_table,
)


def test_points_thresholds__shared_vectors__same(vectors_dir: Path) -> None:
    assert list(points_thresholds()) == json.loads((vectors_dir / "points.json").read_text())["thresholds"]


def test_cluster_upper_rate__no_event__is_one_minus_the_root() -> None:
    """Clopper-Pearson without an event: 1 - 0.05^(1/n); 59 of none bound 5 %, the textbook case."""
    rate = cluster_upper_rate(np.zeros(59), np.arange(59))

    assert rate == pytest.approx(1 - 0.05 ** (1 / 59), rel=1e-9)
    assert rate < 0.05


def test_cluster_upper_rate__independent_rows__is_clopper_pearson() -> None:
    """3 of 100: the one-sided 95 % limit is 7.57 % (Clopper and Pearson's table, 90 % two-sided)."""
    outcomes = np.zeros(100)
    outcomes[:3] = 1

    assert cluster_upper_rate(outcomes, np.arange(100)) == pytest.approx(0.0757, abs=2e-4)


def test_cluster_upper_rate__rows_repeat_a_cluster__counts_clusters() -> None:
    outcomes = np.zeros(100)
    outcomes[:3] = 1

    repeated = cluster_upper_rate(np.repeat(outcomes, 20), np.repeat(np.arange(100), 20))

    assert repeated == pytest.approx(cluster_upper_rate(outcomes, np.arange(100)), rel=0.02)


def test_probability_table__identity__is_the_logistic_function() -> None:
    table = probability_table(0.0, 1.0)

    assert table[int(table_index(np.array([0]))[0])] == pytest.approx(1e6 / (1 + np.exp(-1 / 32)), abs=1)
    assert list(table) == sorted(table)
    assert 1 <= table[0] < table[-1] <= 999_999


def test_upper_bound_table__any_rows__rises_and_is_never_below() -> None:
    random = np.random.default_rng(0)
    margins = random.integers(-30_000, 5_000, 3_000)
    outcomes = (random.random(3_000) < 1 / (1 + np.exp(-margins / 4_096))).astype(float)
    pd = probability_table(0.0, 1.0)

    upper = upper_bound_table(pd, margins, outcomes, np.arange(3_000) // 10)

    assert list(upper) == sorted(upper)
    assert all(u >= p for u, p in zip(upper, pd, strict=True))


def test_upper_bound_table__one_rate_everywhere__lies_below_it_once_in_twenty() -> None:
    """All pools then have the same rate, which is the hardest case: choosing among them must not buy a lower bound."""
    random = np.random.default_rng(4)
    margins, rate = np.arange(2_000) * 10 - 30_000, 0.02
    lowest = int(table_index(margins)[0])
    flat = (1,) * len(probability_table(0.0, 1.0))

    missed = [
        upper_bound_table(flat, margins, (random.random(2_000) < rate).astype(float), np.arange(2_000))[lowest]
        < rate * 1e6
        for _ in range(300)
    ]

    # Three standard errors above 5 %.
    assert np.mean(missed) <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


def test_fit_recalibration__margins_twice_too_sure__halves_them() -> None:
    random = np.random.default_rng(1)
    truth = random.normal(-1, 1.5, 20_000)
    outcomes = (random.random(20_000) < 1 / (1 + np.exp(-truth))).astype(float)

    intercept, slope = fit_recalibration(np.rint(2 * truth * 4_096).astype(np.int64), outcomes)

    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(0, abs=0.06)
