"""The held-out figures: an AUC within owners by hand, intervals that resample weeks, and a model that saw nothing of the time it is tested on."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from oracle.domain.units import DAY_S
from oracle.features.registry import COLLATERAL_SCHEMA
from training.collateral_baselines import HISTORICAL_VAR
from training.collateral_days import PriceDays
from training.collateral_holdout import HELD_OUT_FROM, TREES, HeldOut, hold_out
from training.collateral_weeks import resample, within_auc
from training.rows import CollateralRows
from training.train import Recipe

RECIPE = Recipe(rounds=3, depth=2, learning_rate=0.3, min_child_weight=1, l2=1)
START_S = int(HELD_OUT_FROM.timestamp())


def rows_around(n_days: int) -> CollateralRows:
    random = np.random.default_rng(1)
    days = np.repeat(np.arange(-n_days, n_days), 5)
    vectors = random.integers(1, 5_000, (len(days), len(COLLATERAL_SCHEMA)))
    return CollateralRows(
        vectors=vectors,
        falls_bps=np.where(vectors[:, 2] > 4_000, random.integers(1_000, 2_000, len(days)), 100),
        hour_falls_bps=np.full(len(days), 50),
        clusters=np.tile(np.arange(5), 2 * n_days),
        as_of_s=START_S + days * DAY_S,
    )


def hold_out_rows(n_days: int) -> HeldOut:
    held_out = hold_out(rows_around(n_days), RECIPE)
    assert held_out is not None
    return held_out


def days_after(n_days: int) -> PriceDays:
    random = np.random.default_rng(2)
    falls = random.integers(0, 1_000, n_days)
    return PriceDays(
        symbols=("ETH", "USDC") * (n_days // 2),
        as_of_s=START_S + np.arange(n_days) * DAY_S,
        vectors=random.integers(1, 5_000, (n_days, len(COLLATERAL_SCHEMA))),
        falls_bps=falls,
        forecasts_bps={HISTORICAL_VAR: np.full(n_days, 1_000.0)},
    )


def test_within_auc__two_owners__weighted_by_their_positives() -> None:
    # Owner 0 orders its two positives right (1.0), owner 1 its only one wrong (0.0), owner 2 has none: (2 * 1 + 1 * 0) / 3.
    is_positive = np.array([1, 1, 0, 1, 0, 0], dtype=bool)
    score = np.array([5, 4, 3, 1, 2, 9])
    owners = np.array([0, 0, 0, 1, 1, 2])

    assert within_auc(is_positive, score, owners) == pytest.approx(2 / 3)
    assert math.isnan(within_auc(np.zeros(6, dtype=bool), score, owners))


def test_within_auc__tied_scores__count_half() -> None:
    assert within_auc(np.array([True, False]), np.array([1, 1]), np.array([0, 0])) == 0.5


def test_resample__all_rows_in_one_week__no_spread() -> None:
    value, low, high = resample(np.full(9, START_S), lambda rows: float(rows.mean()))

    assert value == low == high == 4.0


def test_resample__many_weeks__interval_holds_the_mean() -> None:
    times = START_S + 7 * DAY_S * np.arange(100)
    values = np.arange(100) % 2

    value, low, high = resample(times, lambda rows: float(values[rows].mean()))

    # A mean of 100 fair coins has a standard error of 0.05.
    assert value == 0.5
    assert 0.36 < low < 0.45
    assert 0.55 < high < 0.64


def test_hold_out__days__start_where_training_ends() -> None:
    held_out = hold_out(rows_around(60), RECIPE)

    assert held_out is not None
    assert held_out.first_s == START_S
    assert held_out.last_s == START_S + 59 * DAY_S
    assert held_out.n_rows == 300
    assert [row.fall_bps for row in held_out.ranks] == [1_500]
    assert held_out.ranks[0].pooled[0] > 0.8


def test_hold_out__same_rule_before_and_after__published_probability_is_calibrated() -> None:
    shipped = hold_out_rows(60).shipped

    assert shipped.figures.n == 300
    assert shipped.line.in_the_large.low is not None
    assert shipped.line.in_the_large.high is not None
    assert shipped.line.in_the_large.low < 0 < shipped.line.in_the_large.high
    assert list(shipped.figures.paired) == [TREES]


def test_hold_out__falls_twice_as_rare_after__published_probability_is_too_high() -> None:
    rows = rows_around(120)
    is_spared = (rows.as_of_s >= START_S) & (rows.as_of_s // DAY_S % 2 == 0)

    held_out = hold_out(replace(rows, falls_bps=np.where(is_spared, 100, rows.falls_bps)), RECIPE)

    assert held_out is not None
    assert held_out.shipped.line.in_the_large.high is not None
    assert held_out.shipped.line.in_the_large.high < 0


def test_hold_out__day_whose_window_reaches_in__trains_nothing() -> None:
    rows = rows_around(60)
    overlapping = (rows.as_of_s > START_S - DAY_S) & (rows.as_of_s < START_S)
    shifted = replace(rows, as_of_s=rows.as_of_s - 3_600)
    is_last = shifted.as_of_s == START_S - 3_600
    changed = replace(shifted, falls_bps=np.where(is_last, 9_999, shifted.falls_bps))

    assert not overlapping.any()
    assert is_last.any()
    assert hold_out(shifted, RECIPE) == hold_out(changed, RECIPE)


def test_hold_out__no_fall_on_one_side__nothing_to_report() -> None:
    rows = rows_around(60)
    calm = replace(rows, falls_bps=np.where(rows.as_of_s >= START_S, 100, rows.falls_bps))

    assert hold_out(calm, RECIPE) is None


def test_hold_out__days_of_lending_assets__reported_by_class() -> None:
    held_out = hold_out(rows_around(60), RECIPE, days_after(60))

    assert held_out is not None
    assert [(row.name, row.n_rows) for row in held_out.drawdowns] == [("all", 60), ("majors", 30), ("stablecoins", 30)]
    # No fall reaches the baseline's 1,000 bps.
    assert all(row.historical_coverage == (1.0, 1.0, 1.0) for row in held_out.drawdowns)


def test_hold_out__falls_far_deeper_than_before__fail_every_backtest() -> None:
    rows = rows_around(120)
    # Falls of all sizes up to 16 % before, so that there is a tail to fit; up to 90 % on the days judged.
    falls = np.random.default_rng(3).integers(0, 1_600, len(rows.as_of_s))
    days = days_after(60)

    held_out = hold_out(replace(rows, falls_bps=falls), RECIPE, replace(days, falls_bps=9 * days.falls_bps))

    assert held_out is not None
    figures = held_out.drawdowns[0].figures
    assert (figures.backtest.n, figures.backtest.zone) == (60, "red")
    assert figures.backtest.kupiec_p < 0.01
    assert figures.shortfall_z is not None
    assert figures.shortfall_z < -1
