"""How well a score orders rows: AUC, average precision, Kolmogorov-Smirnov, AUC within each owner.

Ties count half in an AUC. A figure that needs both outcomes is NaN where one is absent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

type Array = np.ndarray[Any, Any]


def has_both(is_positive: Array) -> bool:
    """Return whether both outcomes occur."""
    return 0 < int(np.count_nonzero(is_positive)) < len(is_positive)


def compute_auc(is_positive: Array, score: Array) -> float:
    """Return the probability that a positive row scores above a negative one (Mann-Whitney)."""
    if not has_both(is_positive):
        return float("nan")
    positive = np.asarray(is_positive, dtype=bool)
    n_positives = int(positive.sum())
    excess = float(rankdata(score)[positive].sum()) - n_positives * (n_positives + 1) / 2
    return excess / (n_positives * (len(positive) - n_positives))


def compute_pr_auc(is_positive: Array, score: Array) -> float:
    """Return the average precision: the mean over positives of the precision at their score. Its floor is the rate of positives."""
    if not has_both(is_positive):
        return float("nan")
    return float(average_precision_score(is_positive, score))


def compute_ks(is_positive: Array, score: Array) -> float:
    """Return the largest distance between the score's distributions among positives and negatives."""
    if not has_both(is_positive):
        return float("nan")
    positive = np.asarray(is_positive, dtype=bool)
    levels, member = np.unique(score, return_inverse=True)
    hits = np.bincount(member, weights=positive, minlength=len(levels))
    misses = np.bincount(member, weights=~positive, minlength=len(levels))
    return float(np.abs(np.cumsum(hits) / hits.sum() - np.cumsum(misses) / misses.sum()).max())


def compute_within_auc(is_positive: Array, score: Array, owners: Array) -> float:
    """Return the mean of each owner's own AUC, weighted by its positives; NaN if no owner has both outcomes.

    It asks when, not whom: a score that only tells risky owners from safe ones has 0.5.
    """
    order = np.argsort(owners, kind="stable")
    total, weight = 0.0, 0
    for rows in np.split(order, np.flatnonzero(np.diff(owners[order])) + 1):
        if has_both(is_positive[rows]):
            hits = int(np.count_nonzero(is_positive[rows]))
            total += hits * compute_auc(is_positive[rows], score[rows])
            weight += hits
    return total / weight if weight else float("nan")
