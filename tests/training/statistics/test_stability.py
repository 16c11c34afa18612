"""The stability index by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.statistics.stability import chance_psi, compute_psi, count_bins, reference_edges


def test_compute_psi__four_bands__by_hand() -> None:
    # 25 % each became 10, 20, 30, 40 %: .15 ln 2.5 + .05 ln 1.25 + .05 ln 1.2 + .15 ln 1.6
    # = .137444 + .011157 + .009116 + .070501.
    index = compute_psi(np.array([250, 250, 250, 250]), np.array([20, 40, 60, 80]))

    assert index == pytest.approx(0.228218, abs=1e-6)


def test_compute_psi__sides_swapped__is_the_same() -> None:
    first, second = np.array([10, 30, 60]), np.array([50, 30, 20])

    assert compute_psi(first, second) == pytest.approx(compute_psi(second, first))


def test_compute_psi__empty_bin__stays_finite() -> None:
    # The empty bin counts as half of ten rows: .05; (.05 - .5) ln .1 + (1 - .5) ln 2.
    assert compute_psi(np.array([5, 5]), np.array([0, 10])) == pytest.approx(0.45 * np.log(10) + 0.5 * np.log(2))


def test_compute_psi__nothing_to_compare__is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        compute_psi(np.array([1, 2]), np.array([0, 0]))


def test_compute_psi__same_distribution__is_near_chance() -> None:
    random = np.random.default_rng(3)
    indices = []
    for _ in range(200):
        reference, actual = random.normal(size=500), random.normal(size=300)
        edges = reference_edges(reference)
        indices.append(compute_psi(count_bins(reference, edges), count_bins(actual, edges)))

    assert np.mean(indices) == pytest.approx(chance_psi(500, 300, 10), rel=0.1)


def test_count_bins__value_on_an_edge__belongs_below() -> None:
    assert count_bins(np.array([1, 2, 3, 4]), np.array([2, 3])).tolist() == [2, 1, 1]


def test_compute_psi__bin_empty_on_both_sides__counts_for_nothing() -> None:
    assert compute_psi(np.array([30, 0, 70]), np.array([3, 0, 7])) == pytest.approx(0, abs=1e-12)
