"""How well probabilities are calibrated: log loss, Brier, expected calibration error, reliability bins, the calibration line, upper bounds.

The line is log-odds of the outcome = intercept + slope * predicted log-odds (Cox, 1958): slope 1 and intercept 0 are calibrated, a slope below 1 is too bold.
`in_the_large` is the intercept at slope 1. Their variances are sandwiches clustered by owner and block (Cameron, Gelbach and Miller, 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import beta

from training.statistics.clusters import Clusters
from training.statistics.figure import Figure, absent, build_figure
from training.statistics.ranking import has_both
from training.statistics.stability import reference_edges
from training.units import sigmoid

type Array = np.ndarray[Any, Any]

N_BINS = 10
_STEPS, _FARTHEST, _TOLERANCE = 60, 50.0, 1e-10


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Rows of neighbouring predictions: mean prediction, share that came true, its Clopper-Pearson 95 % interval taking rows as independent."""

    n: int
    predicted: float
    realised: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class CalibrationLine:
    """The fitted line, and the intercept where the slope is held at 1."""

    intercept: Figure
    slope: Figure
    in_the_large: Figure


def row_losses(logits: Array, is_positive: Array) -> Array:
    """Return the log loss of each row."""
    return np.asarray(np.logaddexp(0.0, logits) - is_positive * logits)


def row_brier(logits: Array, is_positive: Array) -> Array:
    """Return the squared error of each row's probability."""
    return np.asarray((sigmoid(logits) - is_positive) ** 2)


def bin_rows(logits: Array, n_bins: int = N_BINS) -> Array:
    """Return the bin of each row: equal shares of rows by prediction; equal predictions share a bin."""
    return np.unique(np.searchsorted(reference_edges(logits, n_bins), logits, side="left"), return_inverse=True)[1]


def compute_ece(logits: Array, is_positive: Array, n_bins: int = N_BINS) -> float:
    """Return the mean distance of prediction and outcome over bins of equal shares, weighted by rows."""
    excess = np.bincount(bin_rows(logits, n_bins), weights=sigmoid(logits) - is_positive)
    return float(np.abs(excess).sum() / len(logits))


def calibration_bins(logits: Array, is_positive: Array, n_bins: int = N_BINS) -> tuple[CalibrationBin, ...]:
    """Return the reliability table, by rising prediction."""
    bins = bin_rows(logits, n_bins)
    counts = np.bincount(bins)
    predicted = np.bincount(bins, weights=sigmoid(logits)) / counts
    hits = np.bincount(bins, weights=np.asarray(is_positive, dtype=np.float64))
    return tuple(
        CalibrationBin(n=int(n), predicted=float(p), realised=float(h / n), low=low, high=high)
        for n, p, h, (low, high) in zip(
            counts,
            predicted,
            hits,
            (exact_interval(int(h), int(n)) for h, n in zip(hits, counts, strict=True)),
            strict=True,
        )
    )


def exact_interval(n_hits: int, n_rows: int) -> tuple[float, float]:
    """Return the Clopper-Pearson 95 % interval of a share."""
    low = float(beta.ppf(0.025, n_hits, n_rows - n_hits + 1)) if n_hits else 0.0
    high = float(beta.ppf(0.975, n_hits + 1, n_rows - n_hits)) if n_hits < n_rows else 1.0
    return low, high


def upper_bound_coverage(upper: Array, logits: Array, is_positive: Array, n_bins: int = N_BINS) -> float:
    """Return the share of bins whose mean upper bound is at least the share of rows that came true."""
    bins = bin_rows(logits, n_bins)
    bound, came = np.bincount(bins, weights=upper), np.bincount(bins, weights=np.asarray(is_positive, dtype=np.float64))
    return float((bound >= came).mean())


def fit_calibration(logits: Array, is_positive: Array, clusters: Clusters) -> CalibrationLine:
    """Return the calibration line with clustered 95 % intervals."""
    if not has_both(is_positive):
        reason = absent("the rows hold one outcome only")
        return CalibrationLine(intercept=reason, slope=reason, in_the_large=reason)
    y = np.asarray(is_positive, dtype=np.float64)
    degrees = clusters.degrees_of_freedom(is_positive)
    ones = np.ones((len(y), 1))
    level = _fit(ones, logits, y, clusters)
    in_the_large = (
        absent("the fit does not converge") if level is None else build_figure(level[0][0], level[1][0], degrees)
    )
    line = _fit(np.column_stack((ones, logits)), np.zeros(len(y)), y, clusters) if np.ptp(logits) > 0 else None
    if line is None:
        reason = absent("the predictions are all equal, or part the outcomes completely")
        return CalibrationLine(intercept=reason, slope=reason, in_the_large=in_the_large)
    (intercept, slope), (first, second) = line
    return CalibrationLine(
        intercept=build_figure(intercept, first, degrees),
        slope=build_figure(slope, second, degrees),
        in_the_large=in_the_large,
    )


def _fit(design: Array, offset: Array, y: Array, clusters: Clusters) -> tuple[list[float], list[float]] | None:
    """Return (weights, standard errors) of a logistic regression by Newton's method; None if it runs away."""
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = sigmoid(design @ weights + offset)
        hessian = (design * (p * (1 - p))[:, None]).T @ design
        if np.linalg.cond(hessian) > 1e14:
            return None
        step = np.linalg.solve(hessian, design.T @ (y - p))
        weights = weights + np.clip(step, -2.0, 2.0)
        if np.abs(weights).max() > _FARTHEST:
            return None
        if np.abs(step).max() < _TOLERANCE:
            break
    scores = design * (y - sigmoid(design @ weights + offset))[:, None]
    bread = np.linalg.inv(hessian)
    return weights.tolist(), _two_way_errors(bread, scores, clusters)


def _two_way_errors(bread: Array, scores: Array, clusters: Clusters) -> list[float]:
    variances = []
    for codes, size in zip((clusters.owners, clusters.blocks, clusters.cells), clusters.sizes, strict=True):
        sums = np.stack([np.bincount(codes, weights=column, minlength=size) for column in scores.T], axis=1)
        small = size / (size - 1) if size > 1 else 0.0
        variances.append(np.diag(bread @ (sums.T @ sums) @ bread) * small)
    owner, block, cell = variances
    return np.sqrt(np.maximum.reduce([owner + block - cell, owner, block])).tolist()  # type: ignore[no-any-return]
