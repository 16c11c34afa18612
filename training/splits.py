"""Splits by time with a purge: a row trains only if its whole horizon ends before the test begins. Never random.

Splits by borrower are for generated activity only, where time may hold a single crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Row indices of one step."""

    train: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]


def forward_folds(as_of_s: np.ndarray[Any, Any], *, horizon_s: int, n_folds: int, first_share: float) -> Iterator[Fold]:
    """Yield expanding-window folds over equal spans of time after the first `first_share` of the span."""
    start, end = int(as_of_s.min()), int(as_of_s.max()) + 1
    first = start + int((end - start) * first_share)
    edges = [first + (end - first) * k // n_folds for k in range(n_folds + 1)]
    for test_start, test_end in pairwise(edges):
        train = np.flatnonzero(as_of_s + horizon_s <= test_start)
        test = np.flatnonzero((as_of_s >= test_start) & (as_of_s < test_end))
        if len(train) and len(test):
            yield Fold(train=train, test=test)


def unseen_folds(clusters: np.ndarray[Any, Any], *, n_folds: int) -> Iterator[Fold]:
    """Yield folds that hold out whole clusters, by their number."""
    for k in range(n_folds):
        is_test = clusters % n_folds == k
        yield Fold(train=np.flatnonzero(~is_test), test=np.flatnonzero(is_test))
