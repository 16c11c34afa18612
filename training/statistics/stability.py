"""How far a distribution has moved from a reference: the population stability index.

PSI = sum over bins of (actual - expected) * ln(actual / expected), shares of rows. Below 0.10 little has moved, above 0.25 much has
(Siddiqi, Intelligent Credit Scoring, 2017). With few rows chance alone moves it: its mean under no shift is about
(bins - 1) * (1/n_expected + 1/n_actual) (Yurdakul, Statistical Properties of Population Stability Index, 2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np

type Array = np.ndarray[Any, Any]

MODERATE_SHIFT, LARGE_SHIFT = 0.10, 0.25
DEFAULT_BINS = 10
_EMPTY_ROWS = 0.5
"""A bin that one side leaves empty counts as half a row there, so that the index stays finite; one that both leave empty is none."""


def reference_edges(reference: Array, n_bins: int = DEFAULT_BINS) -> Array:
    """Return the inner edges of bins that hold equal shares of the reference; equal values share a bin, so there may be fewer."""
    return np.unique(np.quantile(reference, np.arange(1, n_bins) / n_bins, method="lower"))


def count_bins(values: Array, edges: Array) -> Array:
    """Return the rows per bin; a value on an edge belongs to the bin below it."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)


def compute_psi(expected: Array, actual: Array) -> float:
    """Return the index of two vectors of rows per bin.

    Raises:
        ValueError: if they differ in length or one holds no row.
    """
    if len(expected) != len(actual) or expected.sum() <= 0 or actual.sum() <= 0:
        raise ValueError("both sides of a stability index need the same bins and at least one row")
    is_used = (expected > 0) | (actual > 0)
    shares = [np.where(side > 0, side, _EMPTY_ROWS)[is_used] / side.sum() for side in (expected, actual)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def chance_psi(n_expected: int, n_actual: int, n_bins: int) -> float:
    """Return the index to expect by chance, where nothing has moved."""
    return (n_bins - 1) * (1 / n_expected + 1 / n_actual)
