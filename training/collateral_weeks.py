"""Figures of collateral rows with intervals that resample weeks: falls come to all pairs on the same days, so that a week is one piece of news."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import rankdata

from oracle.domain.units import DAY_S

type Array = np.ndarray[Any, Any]
type Figure = tuple[float, float, float]
"""A value and its 95 % interval."""

_DRAWS, _BLOCK_S = 200, 7 * DAY_S


def within_auc(is_positive: Array, score: Array, owners: Array) -> float:
    """Return the mean of each owner's own AUC, weighted by its positives; NaN if no owner has both outcomes."""
    order = np.argsort(owners, kind="stable")
    total, weight = 0.0, 0
    for rows in np.split(order, np.flatnonzero(np.diff(owners[order])) + 1):
        hits = int(is_positive[rows].sum())
        if 0 < hits < len(rows):
            total += hits * auc(is_positive[rows], score[rows])
            weight += hits
    return total / weight if weight else float("nan")


def resample(times: Array, statistic: Callable[[Array], float]) -> Figure:
    """Return a statistic of all rows, and its 95 % interval by resampling whole weeks; draws without one are left out."""
    _, member = np.unique(times // _BLOCK_S, return_inverse=True)
    rows_of = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    random = np.random.default_rng(11)
    draws = [
        statistic(np.concatenate([rows_of[i] for i in random.integers(0, len(rows_of), len(rows_of))]))
        for _ in range(_DRAWS)
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return statistic(np.arange(len(times))), float(low), float(high)


def auc(is_positive: Array, score: Array) -> float:
    """Return the area under the curve, ties counting half; NaN without both outcomes."""
    if not 0 < is_positive.sum() < len(is_positive):
        return float("nan")
    ranks = rankdata(score)
    n_positives = int(is_positive.sum())
    excess = float(ranks[is_positive].sum()) - n_positives * (n_positives + 1) / 2
    return excess / (n_positives * (len(is_positive) - n_positives))
