"""Statistics of rows under many random weightings at once: what the bootstrap of `resampling` repeats.

Weights belong to groups of rows (owners, blocks or cells), so rows are summed per group once; a draw then costs one sparse product. Negatives between two
neighbouring scores of positives change no ranking figure and share a level, which loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_matrix

type Array = np.ndarray[Any, Any]
type Evaluate = Callable[[Array], Array]
"""From weights (n_groups, n_draws) to values (n_figures, n_draws)."""


class Measure(Protocol):
    """One or more figures of weighted rows, in the order of `names`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the figures are."""

    def bind(self, groups: Array, n_groups: int) -> Evaluate:
        """Return the figures as a function of the weights of groups of rows."""


@dataclass(frozen=True, kw_only=True)
class MeanMeasure:
    """Weighted means of values per row, (n_figures, n_rows)."""

    names: tuple[str, ...]
    values: Array

    def bind(self, groups: Array, n_groups: int) -> Evaluate:
        """Sum the values per group."""
        sums = np.stack([np.bincount(groups, weights=v, minlength=n_groups) for v in self.values])
        counts = np.bincount(groups, minlength=n_groups)
        return lambda weights: np.asarray((sums @ weights) / (counts @ weights))


@dataclass(frozen=True, kw_only=True)
class RankMeasure:
    """AUC, average precision and Kolmogorov-Smirnov distance of a score."""

    is_positive: Array
    score: Array
    names: tuple[str, ...] = ("auc", "pr_auc", "ks")

    def bind(self, groups: Array, n_groups: int) -> Evaluate:
        """Count positives and negatives per level of the score and group."""
        level, n_levels = _merge_levels(self.is_positive, self.score, np.zeros(len(self.score), dtype=np.int64))
        counts = _count_levels(level, n_levels, self.is_positive, groups, n_groups)

        def evaluate(weights: Array) -> Array:
            misses, hits = np.split(counts @ weights, 2)
            below = np.cumsum(misses, axis=0) - misses / 2
            n_hits, n_misses = hits.sum(axis=0), misses.sum(axis=0)
            auc = (hits * below).sum(axis=0) / (n_hits * n_misses)
            hits_above = np.cumsum(hits[::-1], axis=0)[::-1]
            all_above = hits_above + np.cumsum(misses[::-1], axis=0)[::-1]
            precision = (hits * hits_above / all_above).sum(axis=0) / n_hits
            apart = np.cumsum(hits, axis=0) / n_hits - np.cumsum(misses, axis=0) / n_misses
            return np.stack((auc, precision, np.abs(apart).max(axis=0)))

        return evaluate


@dataclass(frozen=True, kw_only=True)
class WithinRankMeasure:
    """Mean AUC within an owner, weighted by its positives; owners with one outcome only are left out."""

    is_positive: Array
    score: Array
    owners: Array
    names: tuple[str, ...] = ("auc_within_owner",)

    def bind(self, groups: Array, n_groups: int) -> Evaluate:
        """Count positives and negatives per level of each owner's scores and group."""
        kept = _owners_with_both(self.is_positive, self.owners)
        owner = np.unique(self.owners[kept], return_inverse=True)[1]
        positive = self.is_positive[kept]
        level, n_levels = _merge_levels(positive, self.score[kept], owner)
        counts = _count_levels(level, n_levels, positive, groups[kept], n_groups)
        starts = np.unique(_owner_of_level(level, owner, n_levels), return_index=True)[1]

        def evaluate(weights: Array) -> Array:
            misses, hits = np.split(counts @ weights, 2)
            below = np.cumsum(misses, axis=0) - misses / 2
            n_misses, n_hits = (np.add.reduceat(side, starts, axis=0) for side in (misses, hits))
            before = np.cumsum(n_misses, axis=0) - n_misses
            concordant = np.add.reduceat(hits * below, starts, axis=0) - n_hits * before
            return np.asarray(((concordant / n_misses).sum(axis=0) / n_hits.sum(axis=0))[None, :])

        return evaluate


@dataclass(frozen=True, kw_only=True)
class CalibrationErrorMeasure:
    """Expected calibration error over fixed bins of the prediction."""

    is_positive: Array
    probability: Array
    bins: Array
    names: tuple[str, ...] = ("ece",)

    def bind(self, groups: Array, n_groups: int) -> Evaluate:
        """Sum what is predicted beyond what came, per bin and group."""
        n_bins = int(self.bins.max(initial=-1)) + 1
        shape = (n_bins, n_groups)
        excess = csr_matrix((self.probability - self.is_positive, (self.bins, groups)), shape=shape)
        counts = np.bincount(groups, minlength=n_groups)
        return lambda weights: np.asarray(np.abs(excess @ weights).sum(axis=0) / (counts @ weights))[None, :]


def _merge_levels(is_positive: Array, score: Array, owners: Array) -> tuple[Array, int]:
    """Return each row's level, rising by owner and then score, and the number of levels."""
    order = np.lexsort((score, owners))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(score[order]) != 0) | (np.diff(owners[order]) != 0)
    fine = np.cumsum(is_new) - 1
    has_hit = np.bincount(fine, weights=np.asarray(is_positive, dtype=bool)[order]) > 0
    is_first = np.ones(len(has_hit), dtype=bool)
    is_first[1:] = has_hit[1:] | has_hit[:-1] | (np.diff(owners[order][is_new]) != 0)
    coarse = np.cumsum(is_first) - 1
    level = np.empty(len(order), dtype=np.int64)
    level[order] = coarse[fine]
    return level, int(coarse[-1]) + 1


def _count_levels(level: Array, n_levels: int, is_positive: Array, groups: Array, n_groups: int) -> csr_matrix:
    """Return rows per (outcome, level) and group: first all levels of negatives, then all of positives."""
    row = level + n_levels * np.asarray(is_positive, dtype=np.int64)
    return csr_matrix((np.ones(len(row)), (row, groups)), shape=(2 * n_levels, n_groups))


def _owner_of_level(level: Array, owner: Array, n_levels: int) -> Array:
    owner_of = np.empty(n_levels, dtype=np.int64)
    owner_of[level] = owner
    return owner_of


def _owners_with_both(is_positive: Array, owners: Array) -> Array:
    owner = np.unique(owners, return_inverse=True)[1]
    hits = np.bincount(owner, weights=np.asarray(is_positive, dtype=bool))
    return np.asarray((hits > 0) & (hits < np.bincount(owner)))[owner]
