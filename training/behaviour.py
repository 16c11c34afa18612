"""Behaviour trees of several sources together: missing counts as the worst value, a source's level is an offset that the model never sees.

A slot that is missing is trained, and read, as the value that its declared direction makes riskiest, so hiding or masking history can only raise the margin; with every slot
missing the margin is the highest that any masking gives: the declared prior. Each source gets an intercept, fitted beside the structural offset and dropped at inference, so
that trees need not learn the source; rows that show everything are trained a second time under the masks of sources that show less, at half weight each, so that the pattern of
missing slots tells nothing either.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xgboost as xgb

from oracle.features.registry import BORROWER_SCHEMA, Monotone, Schema
from oracle.scoring.model import Trees
from training.rows import BorrowerRows
from training.snap import Leaf, Node, pack_trees, snap_booster
from training.train import Recipe, booster_parameters
from training.units import LEAF_UNITS, sigmoid

type Array = np.ndarray[Any, Any]

_ABOVE_ALL = 65_535.0
_STEPS = 25


def fit_behaviour(rows: BorrowerRows, offsets: Array, recipe: Recipe) -> Trees:
    """Return trees on top of `offsets` (units of 2^-12) and of each source's intercept; slot 0 is never split on."""
    vectors, take, weights = mask_as_others(rows)
    y, base = rows.is_positive[take], (offsets / LEAF_UNITS + source_intercepts(rows, offsets))[take]
    data = xgb.DMatrix(worst_case(vectors, BORROWER_SCHEMA), label=y, weight=weights, nthread=1)
    data.set_base_margin(base.astype(np.float32))
    booster = xgb.train(booster_parameters(BORROWER_SCHEMA, recipe), data, num_boost_round=recipe.rounds)
    return pack_trees([_point_missing_at_risk(node) for node in snap_booster(booster)[0]])


def worst_case(vectors: Array, schema: Schema) -> Array:
    """Return float32 rows with every missing slot at its riskiest value; slot 0, the position's state, is the same everywhere."""
    columns = []
    for feature in schema:
        worst = 0.0 if feature.monotone is Monotone.FALLS else _ABOVE_ALL
        column = vectors[:, feature.slot].astype(np.float32)
        columns.append(np.where(vectors[:, feature.slot] == 0, np.float32(worst), column))
    rows = np.column_stack(columns)
    rows[:, 0] = 0.0
    return rows


def source_intercepts(rows: BorrowerRows, offsets: Array) -> Array:
    """Return, per row, the log-odds by which its source lies above the offsets."""
    out = np.zeros(len(offsets))
    for source in np.unique(rows.sources):
        mask = rows.sources == source
        base, hits = offsets[mask] / LEAF_UNITS, float(rows.is_positive[mask].sum())
        hits = min(max(hits, 0.5), mask.sum() - 0.5)
        shift = 0.0
        for _ in range(_STEPS):
            p = sigmoid(base + shift)
            shift += float(np.clip((hits - p.sum()) / (p * (1 - p)).sum(), -1, 1))
        out[mask] = shift
    return out


def mask_as_others(rows: BorrowerRows) -> tuple[Array, Array, Array]:
    """Return (vectors, row that each came from, weight): full rows once as they are and once under another source's mask, the others once."""
    masks = np.unique(rows.vectors[~_is_full(rows.vectors)] == 0, axis=0)
    full = np.flatnonzero(_is_full(rows.vectors))
    vectors, take, weights = rows.vectors, np.arange(len(rows.vectors)), np.ones(len(rows.vectors))
    if len(masks) == 0 or len(full) == 0:
        return vectors, take, weights
    masked = vectors[full].copy()
    # In turn, so that it does not depend on chance.
    masked[masks[np.arange(len(full)) % len(masks)]] = 0
    weights[full] = 0.5
    return (
        np.concatenate((vectors, masked)),
        np.concatenate((take, full)),
        np.concatenate((weights, np.full(len(full), 0.5))),
    )


def _is_full(vectors: Array) -> Array:
    return np.asarray((vectors[:, 1:] > 0).all(axis=1))


def _point_missing_at_risk(node: Node) -> Node:
    """Return the tree with missing going where the worst value goes: above every threshold if risk rises, else below."""
    if isinstance(node, Leaf):
        return node
    falls = BORROWER_SCHEMA[node.feature].monotone is Monotone.FALLS
    return replace(
        node, default_left=falls, left=_point_missing_at_risk(node.left), right=_point_missing_at_risk(node.right)
    )
