"""The lender's usual scorecard: monotone bins, weight of evidence, a logistic regression on it.

The weight of evidence of a bin is ln(its share of all positives / its share of all negatives), half a row added to each side. Bins start as tenths of the rows and are
pooled until the rate moves one way; missing values are a bin of their own. Source: Siddiqi, Intelligent Credit Scoring (2017), chapters 6 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from training.statistics.stability import reference_edges
from training.units import sigmoid

type Array = np.ndarray[Any, Any]

_BINS, _RIDGE, _HALF = 10, 1.0, 0.5
_PLACES = 6


@dataclass(frozen=True, kw_only=True)
class BinnedFeature:
    """Inner edges (a value on one belongs below), the weight of evidence of each bin, that of missing values, and the coefficient."""

    edges: tuple[float, ...]
    evidence: tuple[float, ...]
    missing: float
    coefficient: float


@dataclass(frozen=True, kw_only=True)
class Scorecard:
    """Log-odds: intercept + sum of coefficient * weight of evidence."""

    intercept: float
    features: Mapping[str, BinnedFeature]

    def score(self, columns: Mapping[str, Array]) -> Array:
        """Return the log-odds of rows; the columns are those of the fit.

        Raises:
            KeyError: if one is absent.
        """
        parts = [f.coefficient * evidence_of(columns[name], f) for name, f in self.features.items()]
        return np.asarray(self.intercept + np.sum(parts, axis=0))


def fit_scorecard(columns: Mapping[str, Array], is_positive: Array) -> Scorecard:
    """Return the scorecard of rows that hold both outcomes; coefficients are not negative, so that no bin changes its direction."""
    binned = {name: bin_feature(column, is_positive) for name, column in sorted(columns.items())}
    design = np.column_stack([evidence_of(columns[name], feature) for name, feature in binned.items()])
    y = np.asarray(is_positive, dtype=np.float64)
    rate = float(y.mean())

    def loss(weights: Array) -> tuple[float, Array]:
        logits = weights[0] + design @ weights[1:]
        slack = sigmoid(logits) - y
        value = np.logaddexp(0.0, logits).sum() - y @ logits + _RIDGE / 2 * weights[1:] @ weights[1:]
        return float(value), np.concatenate(([slack.sum()], design.T @ slack + _RIDGE * weights[1:]))

    start = np.concatenate(([np.log(rate / (1 - rate))], np.full(len(binned), 1.0 / len(binned))))
    bounds = [(None, None)] + [(0.0, None)] * len(binned)
    weights = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-12}).x
    rounded = np.round(weights, _PLACES).tolist()
    return Scorecard(
        intercept=rounded[0],
        features={
            name: BinnedFeature(
                edges=feature.edges, evidence=feature.evidence, missing=feature.missing, coefficient=coefficient
            )
            for (name, feature), coefficient in zip(binned.items(), rounded[1:], strict=True)
        },
    )


def bin_feature(column: Array, is_positive: Array) -> BinnedFeature:
    """Return monotone bins of one column, with coefficient 1."""
    is_known = np.isfinite(column)
    known, outcome = column[is_known], np.asarray(is_positive, dtype=np.float64)[is_known]
    if len(known) == 0:
        # A source that never shows the column: it says nothing.
        return BinnedFeature(edges=(), evidence=(0.0,), missing=0.0, coefficient=1.0)
    n_hits = float(np.count_nonzero(is_positive))
    n_misses = len(column) - n_hits
    edges = reference_edges(known, _BINS)
    bins = np.searchsorted(edges, known, side="left")
    hits = np.bincount(bins, weights=outcome, minlength=len(edges) + 1)
    rows = np.bincount(bins, minlength=len(edges) + 1).astype(np.float64)
    kept = _pool(hits, rows)
    pooled_hits, pooled_rows = (np.add.reduceat(side, kept) for side in (hits, rows))
    hits_missing = n_hits - float(outcome.sum())
    rows_missing = float(len(column) - len(known))
    missing = _evidence(hits_missing, rows_missing - hits_missing, n_hits, n_misses) if rows_missing else 0.0
    evidence = [
        _evidence(h, n - h, n_hits, n_misses) for h, n in zip(pooled_hits.tolist(), pooled_rows.tolist(), strict=True)
    ]
    return BinnedFeature(
        edges=tuple(edges[np.array(kept[1:], dtype=np.int64) - 1].tolist()),
        evidence=tuple(round(e, _PLACES) for e in evidence),
        missing=round(missing, _PLACES),
        coefficient=1.0,
    )


def evidence_of(column: Array, feature: BinnedFeature) -> Array:
    """Return the weight of evidence of each row."""
    table = np.array(feature.evidence)
    values = table[np.searchsorted(np.array(feature.edges), np.nan_to_num(column), side="left")]
    return np.where(np.isfinite(column), values, feature.missing)


def _evidence(hits: float, misses: float, n_hits: float, n_misses: float) -> float:
    return float(np.log((hits + _HALF) / n_hits) - np.log((misses + _HALF) / n_misses))


def _pool(hits: Array, rows: Array) -> list[int]:
    """Return the first bin of each pool: neighbours join until the rate is monotone, in the direction that most rows have."""
    rates = hits / np.maximum(rows, 1)
    middle = np.average(np.arange(len(rows)), weights=rows)
    direction = 1.0 if ((np.arange(len(rows)) - middle) * rates * rows).sum() >= 0 else -1.0
    pools: list[tuple[int, float, float]] = []
    for first, (h, n) in enumerate(zip(hits.tolist(), rows.tolist(), strict=True)):
        pools.append((first, h, n))
        while len(pools) > 1 and (pools[-1][2] == 0 or _falls(pools[-2], pools[-1], direction)):
            _, later_hits, later_rows = pools.pop()
            earlier, earlier_hits, earlier_rows = pools.pop()
            pools.append((earlier, earlier_hits + later_hits, earlier_rows + later_rows))
    return [first for first, _, _ in pools]


def _falls(before: tuple[int, float, float], after: tuple[int, float, float], direction: float) -> bool:
    """Return whether the rate moves against the direction, or not at all."""
    return direction * (after[1] * before[2] - before[1] * after[2]) <= 0
