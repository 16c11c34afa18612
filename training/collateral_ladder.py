"""The structural part of a collateral's margin: log-odds linear in the logs of volatilities and past falls, written as trees of one feature each.

Under proportional odds, log-odds(fall >= d) = margin + offset(d), so that a fall of any depth says something of the margin: a stablecoin and a major differ
although neither fell by 15 %. Deep falls weigh most, since the odds are proportional only nearly. Weights, features and recipe were chosen on forward folds that
end in June 2023. A coefficient is never negative. Each becomes a staircase: a tree takes every fourth step, and the four add up to all of them exactly.
Source: McCullagh (1980), Regression models for ordinal data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear

from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.model import MAX_DEPTH
from training.errors import TrainingError
from training.labels import GAP_FALL_BPS
from training.snap import Leaf, Node, Split
from training.units import LEAF_UNITS, sigmoid

type Array = np.ndarray[Any, Any]

DEPTH_WEIGHTS = {
    10: 0.02,
    25: 0.04,
    50: 0.08,
    100: 0.12,
    200: 0.15,
    350: 0.2,
    500: 0.2,
    750: 0.4,
    1_000: 1.0,
    GAP_FALL_BPS: 10.0,
    2_500: 14.0,
    4_000: 14.0,
}
"""What a fall of at least so many bps weighs."""
LADDER_FEATURES = (
    "volatility_365d",
    "volatility_30d",
    "volatility_7d",
    "fall_24h_in_30d",
    "fall_24h_in_90d",
    "fall_24h_in_365d",
    "hourly_tail_90d",
    "below_base_30d",
    "range_volatility_3d",
)
_SLOTS = tuple(f.slot for name in LADDER_FEATURES for f in COLLATERAL_SCHEMA if f.name == name)
_TREES_PER_FEATURE, _STEPS = 4, 4 * ((1 << MAX_DEPTH) - 1)
_L2, _LEAST_SPREAD = 1.0, 1e-6
_MOST_STEPS, _ENOUGH, _TINY = 25, 1e-5, 1e-9
_MOST_SLOPE = 2.5
"""So that a quarter of a staircase over all of uint16 fits int16."""


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Slopes per unit of log, one per slot of `LADDER_FEATURES`; `middles` are the mean logs, where a slot adds nothing, as if it were missing."""

    intercept: float
    slopes: tuple[float, ...]
    middles: tuple[float, ...]


def fit_ladder(vectors: Array, falls_bps: Array) -> Ladder:
    """Return the slopes of most weighted likelihood.

    Raises:
        TrainingError: if no row, or every row, fell by 15 %.
    """
    depths = reached_depths(falls_bps)
    logs = np.array([_logs(vectors[:, slot]) for slot in _SLOTS]).T
    middles = np.round(np.nanmean(np.where(np.isnan(logs).all(axis=0), 0.0, logs), axis=0), 3)
    centered = np.where(np.isnan(logs), 0.0, logs - middles)
    spreads = centered.std(axis=0)
    # A slot that never varies says nothing.
    most = np.where(spreads < _LEAST_SPREAD, 0.0, _MOST_SLOPE * spreads)
    spreads = np.maximum(spreads, _LEAST_SPREAD)
    slopes, offsets = _maximise(centered / spreads, most, *reached_by_depth(falls_bps, depths))
    return Ladder(
        intercept=round(float(offsets[depths.index(GAP_FALL_BPS)]), 3),
        slopes=tuple(np.round(slopes / spreads, 3).tolist()),
        middles=tuple(middles.tolist()),
    )


def reached_depths(falls_bps: Array) -> list[int]:
    """Return the depths that some rows reach and some do not.

    Raises:
        TrainingError: if 15 % is not among them.
    """
    depths = [d for d in DEPTH_WEIGHTS if 0 < int((falls_bps >= d).sum()) < len(falls_bps)]
    if GAP_FALL_BPS not in depths:
        raise TrainingError(f"no fall of {GAP_FALL_BPS // 100} % in {len(falls_bps)} rows: use more data")
    return depths


def reached_by_depth(falls_bps: Array, depths: list[int]) -> tuple[Array, Array]:
    """Return (whether each row reaches each depth as 0 or 1, weights of the depths)."""
    return (falls_bps[:, None] >= np.array(depths)).astype(np.float64), np.array([DEPTH_WEIGHTS[d] for d in depths])


def ladder_trees(ladder: Ladder, vectors: Array) -> list[Node]:
    """Return the trees of a ladder; steps lie where the rows are, and evenly in logs between their extremes."""
    nodes: list[Node] = []
    for slot, slope, middle in zip(_SLOTS, ladder.slopes, ladder.middles, strict=True):
        if slope > 0:
            present = vectors[:, slot][vectors[:, slot] > 0]
            nodes += _staircase(slot, int(present.min()), _thresholds(present), slope, middle)
    base = round(ladder.intercept * LEAF_UNITS)
    return [*nodes, Leaf(units=base)]


def _maximise(standard: Array, most_slopes: Array, reached: Array, weights: Array) -> tuple[Array, Array]:
    """Return (slopes, offsets) by Newton steps inside the bounds; a step that does not lower the loss is halved."""
    n_slopes, n_depths = standard.shape[1], len(weights)
    rates = reached.mean(axis=0)
    point = np.concatenate((np.minimum(0.1, most_slopes), np.log(rates / (1 - rates))))
    lowest = np.concatenate((np.zeros(n_slopes), np.full(n_depths, -np.inf)))
    highest = np.concatenate((most_slopes + _TINY, np.full(n_depths, np.inf)))
    best, gradient, curvature = _expand(point, standard, reached, weights)
    for _ in range(_MOST_STEPS):
        root = np.linalg.cholesky(curvature).T
        target = -np.linalg.solve(root.T, gradient)
        step = lsq_linear(root, target, bounds=(lowest - point - _TINY, highest - point)).x
        if np.abs(step).max() < _ENOUGH:
            break
        for _ in range(_MOST_STEPS):
            loss, gradient, curvature = _expand(point + step, standard, reached, weights)
            if loss <= best:
                break
            step = step / 2
        point, best = point + step, loss
    return np.maximum(point[:n_slopes], 0.0), point[n_slopes:]


def _expand(point: Array, standard: Array, reached: Array, weights: Array) -> tuple[float, Array, Array]:
    """Return the penalised loss at (slopes, offsets), its gradient and its second derivatives."""
    n_slopes = standard.shape[1]
    slopes = point[:n_slopes]
    logits = (standard @ slopes)[:, None] + point[n_slopes:]
    probabilities = sigmoid(logits)
    errors = (probabilities - reached) * weights
    bends = probabilities * (1 - probabilities) * weights
    losses = np.log1p(np.exp(-np.abs(logits))) + np.maximum(logits, 0) - reached * logits
    curvature = np.zeros((len(point), len(point)))
    curvature[:n_slopes, :n_slopes] = (standard * bends.sum(axis=1)[:, None]).T @ standard + 2 * _L2 * np.eye(n_slopes)
    curvature[:n_slopes, n_slopes:] = standard.T @ bends
    curvature[n_slopes:, :n_slopes] = curvature[:n_slopes, n_slopes:].T
    curvature[n_slopes:, n_slopes:] = np.diag(bends.sum(axis=0) + _TINY)
    gradient = np.concatenate((standard.T @ errors.sum(axis=1) + 2 * _L2 * slopes, errors.sum(axis=0)))
    return float((losses * weights).sum() + _L2 * (slopes**2).sum()), gradient, curvature


def _logs(slots: Array) -> Array:
    """Return natural logs of a slot's values, NaN where missing."""
    return np.where(slots == 0, np.nan, np.log(np.maximum(slots, 1)))


def _thresholds(present: Array) -> list[int]:
    within = np.quantile(present, np.linspace(0, 1, _STEPS // 2 + 1)[1:])
    even = np.geomspace(present.min() + 1, present.max(), _STEPS // 2)
    return sorted(set(np.ceil(np.round(np.concatenate((within, even)), 6)).astype(np.int64).tolist()))


def _staircase(slot: int, lowest: int, thresholds: list[int], slope: float, middle: float) -> list[Node]:
    """Return trees whose sum is slope * (log of the step's lower end - middle), in units; a missing slot goes where the middle lies."""
    lower = np.log(np.array([lowest, *thresholds]))
    # Between two steps the middle of both logs stands for all; beyond the last its own.
    levels = np.append((lower[:-1] + lower[1:]) / 2, lower[-1])
    units = np.rint(slope * (levels - middle) * LEAF_UNITS).astype(np.int64)
    start = int(units[0])
    rises = np.diff(units)
    trees: list[Node] = []
    for first in range(min(_TREES_PER_FEATURE, len(thresholds))):
        own = thresholds[first::_TREES_PER_FEATURE]
        leaves = np.concatenate(([0], np.cumsum(rises[first::_TREES_PER_FEATURE])))
        share = start * (first + 1) // _TREES_PER_FEATURE - start * first // _TREES_PER_FEATURE
        trees.append(_balanced(slot, own, (leaves + share).tolist(), np.exp(middle)))
    return trees


def _balanced(slot: int, thresholds: list[int], leaves: list[int], middle: float) -> Node:
    if not thresholds:
        return Leaf(units=leaves[0])
    half = len(thresholds) // 2
    return Split(
        feature=slot,
        threshold=thresholds[half],
        default_left=bool(middle < thresholds[half]),
        left=_balanced(slot, thresholds[:half], leaves[: half + 1], middle),
        right=_balanced(slot, thresholds[half + 1 :], leaves[half + 1 :], middle),
    )
