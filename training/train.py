"""Boosted trees on the integer features: xgboost, one thread, declared directions as constraints, a fixed seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from oracle.features.registry import Schema
from training.units import LEAF_UNITS

type Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Hyperparameters of one kind of model; the same data, recipe and seed give the same model id."""

    rounds: int
    depth: int
    learning_rate: float
    min_child_weight: float
    l2: float
    subsample: float = 1.0
    seed: int = 7


def to_floats(vectors: Array, *, without: frozenset[int] = frozenset()) -> Array:
    """Return float32 rows with missing as NaN; the slots of `without` are blank, so that no tree splits on them."""
    rows = vectors.astype(np.float32)
    rows[vectors == 0] = np.nan
    rows[:, sorted(without)] = np.nan
    return rows


def train_trees(
    vectors: Array, is_positive: Array, schema: Schema, recipe: Recipe, *, offsets: Array | None = None
) -> xgb.Booster:
    """Return trees whose sum is log-odds, on top of `offsets` (units of 2^-12) where given; then slot 0 is not split on."""
    without = frozenset({0}) if offsets is not None else frozenset[int]()
    data = xgb.DMatrix(to_floats(vectors, without=without), label=is_positive, nthread=1)
    rate = float(np.clip(is_positive.mean(), 1e-6, 1 - 1e-6))
    base = offsets / LEAF_UNITS if offsets is not None else np.full(len(vectors), np.log(rate / (1 - rate)))
    data.set_base_margin(base.astype(np.float32))
    return xgb.train(booster_parameters(schema, recipe), data, num_boost_round=recipe.rounds)


def booster_parameters(schema: Schema, recipe: Recipe) -> dict[str, Any]:
    """Return what xgboost is told: one thread, the declared directions as constraints."""
    return {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_bin": 256,
        "max_depth": recipe.depth,
        "eta": recipe.learning_rate,
        "min_child_weight": recipe.min_child_weight,
        "lambda": recipe.l2,
        "subsample": recipe.subsample,
        "base_score": 0.5,
        "seed": recipe.seed,
        "nthread": 1,
        "monotone_constraints": "(" + ",".join(str(int(f.monotone)) for f in schema) + ")",
    }
