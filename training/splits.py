"""Splits by time with a purge: a row trains only if its whole horizon ends before the test begins. Never random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Row indices of one forward step; `test_start_s` is the first time a test row may have."""

    train: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]
    test_start_s: int


def forward_folds(as_of_s: np.ndarray[Any, Any], *, horizon_s: int, n_folds: int, first_share: float) -> Iterator[Fold]:
    """Yield expanding-window folds over equal spans of time after the first `first_share` of the span."""
    start, end = int(as_of_s.min()), int(as_of_s.max()) + 1
    first = start + int((end - start) * first_share)
    edges = [first + (end - first) * k // n_folds for k in range(n_folds + 1)]
    for test_start, test_end in pairwise(edges):
        train = np.flatnonzero(as_of_s + horizon_s <= test_start)
        test = np.flatnonzero((as_of_s >= test_start) & (as_of_s < test_end))
        if len(train) and len(test):
            yield Fold(train=train, test=test, test_start_s=test_start)
