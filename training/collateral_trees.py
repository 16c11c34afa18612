"""Trees of a collateral: the ladder of its structural part, and few shallow trees for what the ladder leaves.

The margin is the log-odds of a fall of 15 % within the window. Twenty trees gained on the forward folds that had a year and a half to learn from, and lost on the one that had
less. Gradients are rounded, so that the last bit of an exponential cannot change a tree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost as xgb
from scipy.optimize import brentq

from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.reference import compute_margins
from training.collateral_ladder import fit_ladder, ladder_trees, reached_by_depth, reached_depths
from training.snap import Node, pack_trees, snap_booster
from training.train import Recipe, booster_parameters, to_floats
from training.units import LEAF_UNITS, sigmoid

type Array = np.ndarray[Any, Any]

_GRADIENT_STEPS = 1 << 16
_MOST_OFFSET = 30.0


def train_collateral_trees(vectors: Array, falls_bps: Array, recipe: Recipe) -> list[Node]:
    """Return the snapped trees, whose sum is the margin.

    Raises:
        TrainingError: if no row, or every row, fell by 15 %.
    """
    ladder = ladder_trees(fit_ladder(vectors, falls_bps), vectors)
    margins = compute_margins(pack_trees(ladder), vectors) / LEAF_UNITS
    reached, weights = reached_by_depth(falls_bps, reached_depths(falls_bps))
    data = xgb.DMatrix(to_floats(vectors), label=falls_bps.astype(np.float32), nthread=1)
    data.set_base_margin(margins.astype(np.float32))
    booster = _boost(data, reached, weights, fit_offsets(margins, reached.mean(axis=0)), recipe)
    return [*ladder, *snap_booster(booster)[0]]


def fit_offsets(margins: Array, rates: Array) -> Array:
    """Return per depth what brings the mean probability of margins plus offset to its rate."""

    def excess(offset: float, rate: float) -> float:
        return float(sigmoid(margins + offset).mean()) - rate

    return np.round([brentq(excess, -_MOST_OFFSET, _MOST_OFFSET, args=(rate,)) for rate in rates.tolist()], 4)


def _boost(data: xgb.DMatrix, reached: Array, weights: Array, offsets: Array, recipe: Recipe) -> xgb.Booster:
    def gradients(margins: Array, _: xgb.DMatrix) -> tuple[Array, Array]:
        probabilities = sigmoid(margins.astype(np.float64)[:, None] + offsets)
        slopes = ((probabilities - reached) * weights).sum(axis=1)
        curvatures = (probabilities * (1 - probabilities) * weights).sum(axis=1)
        return _rounded(slopes), np.maximum(_rounded(curvatures), 1 / _GRADIENT_STEPS)

    parameters = booster_parameters(COLLATERAL_SCHEMA, recipe)
    del parameters["objective"]
    return xgb.train({**parameters, "base_score": 0.0}, data, num_boost_round=recipe.rounds, obj=gradients)


def _rounded(values: Array) -> Array:
    return np.rint(values * _GRADIENT_STEPS) / _GRADIENT_STEPS
