"""Ranking figures by hand, and within owners."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from training.statistics.ranking import compute_auc, compute_ks, compute_pr_auc, compute_within_auc

OUTCOMES = np.array([1, 1, 0, 0, 0])
SCORES = np.array([3.0, 2.0, 2.0, 1.0, 0.0])


def test_compute_auc__one_tie__counts_half() -> None:
    # Pairs: 3 beats three; 2 ties one and beats two. 5.5 of 6.
    assert compute_auc(OUTCOMES, SCORES) == pytest.approx(5.5 / 6)


def test_compute_pr_auc__one_tie__by_hand() -> None:
    # Precision 1 at the first positive, 2/3 at the second.
    assert compute_pr_auc(OUTCOMES, SCORES) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_compute_ks__one_tie__by_hand() -> None:
    # At 2 and above lie all positives and a third of the negatives.
    assert compute_ks(OUTCOMES, SCORES) == pytest.approx(2 / 3)


def test_ranking__random_rows_with_ties__as_reference_libraries() -> None:
    random = np.random.default_rng(2)
    outcomes, scores = random.integers(0, 2, 400), random.integers(0, 30, 400)

    assert compute_auc(outcomes, scores) == pytest.approx(roc_auc_score(outcomes, scores))
    assert compute_ks(outcomes, scores) == pytest.approx(
        ks_2samp(scores[outcomes == 1], scores[outcomes == 0]).statistic
    )


@pytest.mark.parametrize("compute", [compute_auc, compute_pr_auc, compute_ks])
def test_ranking__one_outcome_only__is_not_a_number(compute: object) -> None:
    assert callable(compute)
    assert math.isnan(compute(np.zeros(4), np.arange(4.0)))


def test_compute_within_auc__score_that_only_tells_owners_apart__is_a_half() -> None:
    owners = np.repeat([0, 1, 2], 4)
    outcomes = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    score = 2.0 - owners

    assert compute_auc(outcomes, score) > 0.8
    assert compute_within_auc(outcomes, score, owners) == 0.5


def test_compute_within_auc__two_owners__weighted_by_positives() -> None:
    owners = np.array([0, 0, 0, 1, 1])
    outcomes = np.array([1, 1, 0, 1, 0])
    score = np.array([2, 3, 1, 0, 5])

    # Owner 0 has AUC 1 with two positives, owner 1 has 0 with one.
    assert compute_within_auc(outcomes, score, owners) == pytest.approx(2 / 3)
