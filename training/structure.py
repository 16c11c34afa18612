"""The structural score: a monotone table from distance to liquidation to log-odds.

Fitted as a logistic regression on hinges of d = (z - 32768)/1024 whose slopes may not rise, then read off at the 257 knots, in units of 2^-12.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from oracle.domain.fixed_point import Z_AT_LIQUIDATION
from training.units import LEAF_UNITS, sigmoid

type Array = np.ndarray[Any, Any]

HINGES = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
_FARTHEST = 10.0
_RIDGE = 1.0
_UNDERWATER_SLOPE = -3.0
"""Below liquidation data are mostly errors of reconstruction: there the slope is set, not fitted."""
_LIMIT = 9.0
_KNOT_STEP = 16
"""Knots are rounded coarsely, so that the last bits of an optimiser on another machine do not change the model id."""
KNOTS = 257


def fit_state_offsets(z: Array, is_positive: Array) -> tuple[int, ...]:
    """Return 257 non-increasing offsets; flat beyond the distances that data reach."""
    basis = distance_basis(z)
    rate = float(np.clip(is_positive.mean(), 1e-4, 0.5))
    start = np.concatenate(([np.log(rate / (1 - rate))], np.full(len(HINGES), -0.1)))

    def loss(weights: Array) -> tuple[float, Array]:
        logits = weights[0] + basis @ weights[1:]
        value = np.logaddexp(0.0, logits).sum() - (is_positive * logits).sum()
        slack = sigmoid(logits) - is_positive
        gradient = np.concatenate(([slack.sum()], basis.T @ slack + _RIDGE * weights[1:]))
        return float(value + _RIDGE / 2 * (weights[1:] ** 2).sum()), gradient

    bounds = [(None, None)] + [(None, 0.0)] * len(HINGES)
    weights = minimize(
        loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 2_000, "ftol": 1e-13}
    ).x
    distance = _distance(np.arange(KNOTS) * 256)
    knots = _basis(distance) @ weights[1:] + weights[0] + _UNDERWATER_SLOPE * np.minimum(distance, 0)
    units = np.rint(np.clip(knots, -_LIMIT, _LIMIT) * LEAF_UNITS / _KNOT_STEP).astype(np.int64) * _KNOT_STEP
    return tuple(np.minimum.accumulate(units).tolist())


def offsets_at(knots: tuple[int, ...], z: Array) -> Array:
    """Return the offset of each z, as the tables have it."""
    table = np.array(knots, dtype=np.int64)
    i = z >> 8
    return np.asarray(table[i] + (((table[i + 1] - table[i]) * (z & 255)) >> 8))


def _distance(z: Array) -> Array:
    return np.clip((z - Z_AT_LIQUIDATION) / 1024.0, HINGES[0] - 1, _FARTHEST)


def distance_basis(z: Array) -> Array:
    """Return, for each z, the length of each interval between hinges that lies below its distance, shape (n, len(HINGES)): slopes are per interval."""
    return _basis(_distance(z))


def _basis(distance: Array) -> Array:
    """Return length of each interval between hinges that lies below the distance: slopes are per interval."""
    edges = np.append(HINGES, _FARTHEST)
    lengths = np.diff(edges)
    covered = np.clip(distance[:, None] - edges[:-1], None, lengths)
    covered[:, 1:] = np.maximum(covered[:, 1:], 0)
    return np.asarray(covered)
