"""Calibration figures by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.statistics.clusters import build_clusters
from training.statistics.probabilities import (
    bin_rows,
    calibration_bins,
    compute_ece,
    exact_interval,
    fit_calibration,
    row_brier,
    row_losses,
    upper_bound_coverage,
)

DAY_S = 86_400


def test_row_losses__by_hand__and_brier() -> None:
    logits, outcomes = np.array([0.0, np.log(3)]), np.array([1, 0])

    assert row_losses(logits, outcomes).tolist() == pytest.approx([np.log(2), np.log(4)])
    assert row_brier(logits, outcomes).tolist() == pytest.approx([0.25, 0.5625])


def test_compute_ece__two_bins__by_hand() -> None:
    # Predicted .25 and .75, came 1 of 4 and 1 of 4: half the rows are off by a half.
    logits = np.log(np.array([1 / 3] * 4 + [3.0] * 4))
    outcomes = np.array([1, 0, 0, 0, 1, 0, 0, 0])

    assert compute_ece(logits, outcomes) == pytest.approx(0.25)


def test_calibration_bins__two_predictions__two_bins_with_exact_intervals() -> None:
    logits = np.log(np.array([1 / 3] * 4 + [3.0] * 4))
    outcomes = np.array([0, 0, 0, 0, 1, 0, 0, 0])

    low, high = calibration_bins(logits, outcomes)

    assert (low.n, low.realised, low.low) == (4, 0, 0)
    assert low.predicted == pytest.approx(0.25)
    assert low.high == pytest.approx(1 - 0.025 ** (1 / 4))
    assert (high.n, high.realised) == (4, 0.25)


def test_exact_interval__one_of_ten__values_of_clopper_and_pearson() -> None:
    assert exact_interval(1, 10) == pytest.approx((0.0025, 0.4450), abs=1e-4)


def test_bin_rows__equal_predictions__share_a_bin() -> None:
    assert len(np.unique(bin_rows(np.zeros(50)))) == 1


def test_upper_bound_coverage__one_bin_of_two__is_half() -> None:
    logits = np.repeat([-2.0, 2.0], 4)
    outcomes = np.array([1, 1, 0, 0, 1, 1, 0, 0])

    assert upper_bound_coverage(np.repeat([0.4, 0.6], 4), logits, outcomes) == 0.5


def test_fit_calibration__two_predictions__line_and_error_by_hand() -> None:
    # At -1 one of four came, at +1 three of four: log-odds -+ln 3. Each has variance 1/(4 * .25 * .75); the slope is half their
    # difference: variance 2/3, times 8/7 for eight rows of their own; t with 3 degrees (four events) is 3.1824.
    logits = np.repeat([-1.0, 1.0], 4)
    outcomes = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    clusters = build_clusters(np.arange(8), np.arange(8) * DAY_S, block_days=1)

    line = fit_calibration(logits, outcomes, clusters)

    assert line.slope.value == pytest.approx(np.log(3))
    assert line.intercept.value == pytest.approx(0, abs=1e-9)
    assert line.in_the_large.value == pytest.approx(0, abs=1e-9)
    assert line.slope.high == pytest.approx(np.log(3) + 3.1824 * (2 / 3 * 8 / 7) ** 0.5, abs=1e-3)


def test_fit_calibration__predictions_twice_too_bold__slope_is_a_half() -> None:
    random = np.random.default_rng(6)
    truth = random.normal(-1, 1, 20_000)
    outcomes = (random.random(20_000) < 1 / (1 + np.exp(-truth))).astype(int)
    clusters = build_clusters(np.arange(20_000), np.arange(20_000) * DAY_S, block_days=1)

    line = fit_calibration(2 * truth, outcomes, clusters)

    assert line.slope.low is not None
    assert line.slope.high is not None
    assert line.slope.low < 0.5 < line.slope.high
    assert line.slope.high - line.slope.low < 0.06


@pytest.mark.parametrize("logits", [np.zeros(6), np.array([-2.0, -2, -2, 2, 2, 2])])
def test_fit_calibration__equal_or_parting_predictions__no_slope_but_a_reason(logits: np.ndarray) -> None:
    outcomes = np.array([0, 0, 0, 1, 1, 1])
    clusters = build_clusters(np.arange(6), np.arange(6) * DAY_S, block_days=1)

    line = fit_calibration(logits, outcomes, clusters)

    assert line.slope.value is None
    assert line.slope.reason
