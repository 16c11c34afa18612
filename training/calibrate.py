"""Tables of probability by margin: recalibrated log-odds, a one-sided cluster-level upper bound, points and grades.

All tables are monotone. Bounds count clusters (borrowers), not rows: rows of one vault are one piece of news. Points are derived from exact rationals.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.stats import beta

from oracle.scoring.model import POINTS_COUNT, TABLE_SIZE
from training.units import LEAF_UNITS, sigmoid

type Array = np.ndarray[Any, Any]

TABLE_LO = -10 * LEAF_UNITS
TABLE_SHIFT = 8
GRADE_THRESHOLDS = (500, 1_500, 3_000, 6_000, 12_000, 25_000, 50_000, 100_000, 250_000)
REFERENCE_LGD_BPS = 1_000
CONFIDENCE = 0.95
_PRIOR_WEIGHT = 20.0


def bin_middles(lo: int = TABLE_LO) -> Array:
    """Return the log-odds at the middle of each bin of a table that starts at margin `lo`."""
    return np.asarray((lo + (np.arange(TABLE_SIZE) + 0.5) * (1 << TABLE_SHIFT)) / LEAF_UNITS)


def table_index(margins: Array, lo: int = TABLE_LO) -> Array:
    """Return the bin of each margin in a table that starts at `lo`."""
    return np.asarray(np.clip((margins - lo) >> TABLE_SHIFT, 0, TABLE_SIZE - 1))


def fit_recalibration(margins: Array, is_positive: Array) -> tuple[float, float]:
    """Return (intercept, slope) of log-odds on margin/2^12, by out-of-time rows, drawn to (0, 1); the slope is positive."""
    x = margins / LEAF_UNITS

    def loss(w: Array) -> float:
        logits = w[0] + w[1] * x
        prior = _PRIOR_WEIGHT / 2 * (w[0] ** 2 + (w[1] - 1) ** 2)
        return float(np.logaddexp(0, logits).sum() - (is_positive * logits).sum() + prior)

    fit = minimize(loss, np.array([0.0, 1.0]), bounds=[(-2, 2), (0.25, 2)], method="L-BFGS-B")
    return float(np.round(fit.x[0], 3)), float(np.round(fit.x[1], 3))


def probability_table(intercept: float, slope: float, lo: int = TABLE_LO) -> tuple[int, ...]:
    """Return ppm by bin, within 1..999999, rising."""
    ppm = np.rint(sigmoid(intercept + slope * bin_middles(lo)) * 1e6).astype(np.int64)
    return tuple(np.maximum.accumulate(np.clip(ppm, 1, 999_999)).tolist())


def upper_bound_table(
    pd_ppm: tuple[int, ...], margins: Array, is_positive: Array, clusters: Array, *, groups: int = 10
) -> tuple[int, ...]:
    """Return a 95 % upper bound in ppm by bin, rising, never below the probability.

    Rows are grouped by margin. As risk rises with the margin, the rate of a group is at most that of the group and any number of riskier ones together: its bound
    is the least of those pooled bounds, which have more clusters. The least of several 95 % bounds is below the truth more often than once in twenty, so that each
    pool gets its share of the 5 % (Bonferroni); pools double in size, so that they are few. Below the lowest group its bound holds.
    """
    parts = np.array_split(np.argsort(margins, kind="stable"), groups)
    bound = np.array(pd_ppm, dtype=np.int64)
    for first in range(groups):
        pools = [np.concatenate(parts[first:last]) for last in _pool_ends(first, groups)]
        confidence = 1 - (1 - CONFIDENCE) / len(pools)
        rate = min(cluster_upper_rate(is_positive[rows], clusters[rows], confidence) for rows in pools)
        start = int(table_index(margins[parts[first]].min())) if first else 0
        bound[start:] = np.maximum(bound[start:], min(999_999, round(rate * 1e6)))
    return tuple(np.maximum.accumulate(bound).tolist())


def _pool_ends(first: int, groups: int) -> list[int]:
    """Return where pools that begin with a group end: 1, 2, 4... groups, and all that are riskier."""
    sizes = [1 << k for k in range(groups.bit_length())]
    return sorted({min(first + size, groups) for size in sizes} | {groups})


def cluster_upper_rate(is_positive: Array, clusters: Array, confidence: float = CONFIDENCE) -> float:
    """Return a one-sided upper bound of a rate whose rows cluster: Clopper-Pearson with the effective number of rows.

    The effective number lies between clusters and rows, by the ratio of binomial to between-cluster variance (Kish); without a positive it is the
    number of clusters.
    """
    n_rows = len(is_positive)
    names, member = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(member)
    hits = np.bincount(member, weights=is_positive)
    rate = float(is_positive.mean())
    effective = float(len(names))
    if 0 < rate < 1 and len(names) > 1:
        between = float(((hits - rate * sizes) ** 2).sum()) * len(names) / (len(names) - 1) / n_rows**2
        effective = float(np.clip(rate * (1 - rate) / max(between, 1e-12), len(names), n_rows))
    return float(beta.ppf(confidence, rate * effective + 1, max(effective * (1 - rate), 1e-9)))


@cache
def points_thresholds() -> tuple[int, ...]:
    """Return, for 301..1000 points, the largest ppm that reaches them: (10^6 - pd)^50 >= (30 pd)^50 * 2^(p - 600)."""
    return tuple(_largest_pd(301 + i) for i in range(POINTS_COUNT))


def _largest_pd(points: int) -> int:
    low, high = 0, 10**6
    while high - low > 1:
        middle = (low + high) // 2
        left, right = (10**6 - middle) ** 50, (30 * middle) ** 50
        exponent = points - 600
        is_reached = left >= right << exponent if exponent >= 0 else left << -exponent >= right
        low, high = (middle, high) if is_reached else (low, middle)
    return low
