"""Whether the structural table should be fitted on several sources: one slope, an intercept for each source, shipped at the level of all rows together.

The intercepts are offsets of training and are dropped; the level shipped is the one at which as many rows are foretold as came true. Two questions, each paired with the table of the
first source alone: is it better on later rows of the first source, and on unseen owners of another one. The first is too kind to pooling: rows of a source that was recorded later train it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from training.behaviour import source_intercepts
from training.rows import BorrowerRows
from training.splits import Fold, unseen_folds
from training.structure import HINGES, distance_basis, fit_state_offsets, offsets_at
from training.units import LEAF_UNITS, sigmoid
from training.validate import Gain, compute_gain

type Array = np.ndarray[Any, Any]

ALONE, POOLED = "first source alone", "one slope, level of all rows"
_RIDGE = 1.0
_N_PARTS = 5


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """Log loss of both tables on one kind of row, the mean foretold by each, and the paired gain of the pooled one."""

    kind: str
    n: int
    positives: int
    log_loss: Mapping[str, float]
    foretold: Mapping[str, float]
    realised: float
    gain: Gain


def fit_pooled(rows: BorrowerRows) -> Array:
    """Return the log-odds of a table over its distance as weights: the level shipped, then a slope for each interval of `distance_basis`."""
    basis = distance_basis(rows.vectors[:, 0])
    numbers = np.unique(rows.sources, return_inverse=True)[1]
    columns = np.hstack((np.eye(int(numbers.max()) + 1)[numbers], basis))
    n_sources = columns.shape[1] - basis.shape[1]
    ridge = np.concatenate((np.zeros(n_sources), np.full(basis.shape[1], _RIDGE)))

    def loss(weights: Array) -> tuple[float, Array]:
        logits = columns @ weights
        value = np.logaddexp(0.0, logits).sum() - (rows.is_positive * logits).sum() + (ridge * weights**2).sum() / 2
        return float(value), columns.T @ (sigmoid(logits) - rows.is_positive) + ridge * weights

    start = np.concatenate((np.full(n_sources, -1.0), np.full(len(HINGES), -0.1)))
    bounds = [(None, None)] * n_sources + [(None, 0.0)] * len(HINGES)
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 2_000}).x[n_sources:]
    together = BorrowerRows(**{**vars(rows), "sources": np.zeros_like(rows.sources)})
    return np.concatenate(([source_intercepts(together, basis @ found * LEAF_UNITS)[0]], found))


def study_pooling(rows: BorrowerRows, forward: list[Fold]) -> tuple[Pooling, ...]:
    """Return both questions; `forward` are folds of the first source. Rows of unknown level teach no table, and are not asked about."""
    others = np.flatnonzero((rows.sources != 0) & rows.is_level_known)
    first = np.flatnonzero(rows.sources == 0)
    unseen = [
        Fold(train=others[fold.train], test=others[fold.test])
        for fold in unseen_folds(rows.clusters[others], n_folds=_N_PARTS)
    ]
    tested = np.concatenate([fold.test for fold in forward])
    foretold = [_predict(rows, fold.train, others, fold.test) for fold in forward]
    elsewhere = np.concatenate([fold.test for fold in unseen])
    foretold_elsewhere = [_predict(rows, first, fold.train, fold.test) for fold in unseen]
    looks = ~rows.is_borrow[tested]
    asked = (
        ("later looks of the first source", tested, foretold, looks),
        ("later borrows of the first source", tested, foretold, ~looks),
        ("unseen owners of other sources", elsewhere, foretold_elsewhere, np.ones(len(elsewhere), dtype=bool)),
    )
    return tuple(_compare(kind, rows, held_out, parts, mask) for kind, held_out, parts, mask in asked if mask.any())


def _predict(rows: BorrowerRows, own: Array, others: Array, test: Array) -> dict[str, Array]:
    z = rows.vectors[test, 0]
    alone = fit_state_offsets(rows.vectors[own, 0], rows.is_positive[own])
    weights = fit_pooled(rows.select(np.concatenate((own, others))))
    return {ALONE: offsets_at(alone, z) / LEAF_UNITS, POOLED: weights[0] + distance_basis(z) @ weights[1:]}


def _compare(kind: str, rows: BorrowerRows, tested: Array, parts: list[dict[str, Array]], mask: Array) -> Pooling:
    kept = rows.select(tested[mask])
    logits = {name: np.concatenate([part[name] for part in parts])[mask] for name in (ALONE, POOLED)}
    y = kept.is_positive
    return Pooling(
        kind=kind,
        n=len(y),
        positives=int(y.sum()),
        log_loss={name: float((np.logaddexp(0.0, x) - y * x).mean()) for name, x in logits.items()},
        foretold={name: float(sigmoid(x).mean()) for name, x in logits.items()},
        realised=float(y.mean()),
        gain=compute_gain(logits[ALONE], logits[POOLED], y, kept.clusters, kept.as_of_s),
    )
