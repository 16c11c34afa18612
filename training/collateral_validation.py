"""Validation of the collateral model over all splits: rolling folds, unseen pairs, held-out shocks, against baselines.

Judged are the trees' margins as log-odds of a fall of 15 % in 24 hours, without the recalibration that a release adds: it would take each fold's
training several times over. What ships is judged once, on the held-out time (`collateral_holdout`). Baselines are logits, fitted on the fold's training rows, of 7-day and 30-day volatility and of the year's deepest fall in a day (what historical
VaR looks at), and a scorecard of all inputs. EWMA and historical VaR proper need every day of a pair: they stand beside the tasks of `evaluate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S
from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.reference import compute_margins
from training.collateral_tables import train_packed
from training.evaluation.baselines import SCORECARD
from training.evaluation.scorecard import fit_scorecard
from training.evaluation.validation import LabelledRows, Validation, validate
from training.labels import GAP_FALL_BPS
from training.rows import CollateralRows
from training.splits import Fold, Split, rolling_splits, shock_splits, unseen_splits
from training.statistics.resampling import DRAWS
from training.train import Recipe
from training.units import LEAF_UNITS
from training.validate import fit_logit

type Array = np.ndarray[Any, Any]

TREES = "trees"
SIGNALS = {
    "7-day volatility": "volatility_7d",
    "30-day volatility": "volatility_30d",
    "deepest day of a year": "fall_24h_in_365d",
}
_SLOTS = {feature.name: feature.slot for feature in COLLATERAL_SCHEMA}
_FACTS = frozenset({"issuer_risk", "bridge_risk"})


def validate_collateral_model(rows: CollateralRows, recipe: Recipe, *, n_draws: int = DRAWS) -> Validation:
    """Return the figures of the trees."""
    is_positive = (rows.falls_bps >= GAP_FALL_BPS).astype(np.int64)
    labelled = LabelledRows(
        is_positive=is_positive,
        owners=rows.clusters,
        as_of_s=rows.as_of_s,
        horizon_days=1,
        inputs={name: rows.vectors[:, slot] for name, slot in _SLOTS.items() if name not in _FACTS},
    )

    def predict(fold: Fold) -> Mapping[str, Array]:
        trees = train_packed(rows.select(fold.train), recipe)
        margins = compute_margins(trees, rows.vectors[fold.test])
        return {TREES: margins / LEAF_UNITS, **baseline_logits(rows, is_positive, fold)}

    return validate(predict, TREES, labelled, collateral_splits(rows), n_draws=n_draws)


def collateral_splits(rows: CollateralRows) -> list[Split]:
    """Return the splits of rows: three rolling folds, later rows of each half of the pairs, and each shock."""
    times = rows.as_of_s
    return [
        *rolling_splits(times, horizon_s=DAY_S, n_folds=3, first_share=0.4),
        *unseen_splits(times, rows.clusters, horizon_s=DAY_S, first_share=0.6, n_parts=2),
        *shock_splits(times, horizon_s=DAY_S),
    ]


def baseline_logits(rows: CollateralRows, is_positive: Array, fold: Fold) -> dict[str, Array]:
    """Return log-odds of the fold's test rows by models of its training rows."""
    train, test, y = fold.train, fold.test, is_positive[fold.train]
    logs = {name: np.log(np.maximum(rows.vectors[:, _SLOTS[feature]], 1))[:, None] for name, feature in SIGNALS.items()}
    columns = {
        name: np.where(column > 0, column, np.nan)
        for name, slot in _SLOTS.items()
        if name not in _FACTS
        for column in (rows.vectors[:, slot],)
    }
    card = fit_scorecard({name: column[train] for name, column in columns.items()}, y)
    return {
        **{name: fit_logit(x[train], y, x[test]) for name, x in logs.items()},
        SCORECARD: card.score({name: column[test] for name, column in columns.items()}),
    }
