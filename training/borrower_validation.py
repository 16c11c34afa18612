"""Validation of the borrower model over all splits: rolling folds, unseen owners, held-out shocks, against every baseline.

The baselines: log-odds of the health factor, of the distance and of both; the rules of `training.rules` (first-passage barriers with 30 and 365 days of volatility, past
low health, past liquidations), each recalibrated on the fold's training rows; a scorecard of all inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S
from oracle.features.registry import BORROWER_SCHEMA
from training.borrower import DISTANCE, TREES, fold_logits
from training.evaluation.baselines import SCORECARD
from training.evaluation.scorecard import fit_scorecard
from training.evaluation.validation import LabelledRows, Validation, validate
from training.labels import HORIZON_S
from training.rows import BorrowerRows
from training.rules import BARRIER_30, BARRIER_365, HEALTH, rule_signals, scorecard_features
from training.splits import Fold, Split, rolling_splits, shock_splits, unseen_splits
from training.statistics.resampling import DRAWS
from training.train import Recipe
from training.validate import fit_logit

type Array = np.ndarray[Any, Any]


def validate_borrower_model(rows: BorrowerRows, recipe: Recipe, *, is_active: bool, n_draws: int = DRAWS) -> Validation:
    """Return the figures of what the bundle scores with: the structural table, and the trees on it only where they are active."""
    labelled = LabelledRows(
        is_positive=rows.is_positive,
        owners=rows.clusters,
        as_of_s=rows.as_of_s,
        horizon_days=HORIZON_S // DAY_S,
        event_days=rows.event_days,
        inputs={f.name: rows.vectors[:, f.slot] for f in BORROWER_SCHEMA},
    )
    model = TREES if is_active else DISTANCE

    def predict(fold: Fold) -> Mapping[str, Array]:
        return {**fold_logits(rows, fold, recipe), **baseline_logits(rows, fold)}

    return validate(predict, model, labelled, borrower_splits(rows), n_draws=n_draws)


def borrower_splits(rows: BorrowerRows) -> list[Split]:
    """Return the splits of rows: four rolling folds, later rows of each third of the owners, and each shock. Rows of borrows train, looks at a cut are tested."""
    times = rows.as_of_s
    splits = [
        *rolling_splits(times, horizon_s=HORIZON_S, n_folds=4, first_share=0.35),
        *unseen_splits(times, rows.clusters, horizon_s=HORIZON_S, first_share=0.5, n_parts=3),
        *shock_splits(times, horizon_s=HORIZON_S),
    ]
    return [
        replace(split, fold=replace(split.fold, test=split.fold.test[~rows.is_borrow[split.fold.test]]))
        for split in splits
    ]


def baseline_logits(rows: BorrowerRows, fold: Fold) -> dict[str, Array]:
    """Return log-odds of the fold's test rows by baselines that the borrower pipeline does not have."""
    train, test, y = fold.train, fold.test, rows.is_positive[fold.train]
    signals = {name: _scaled(name, s) for name, s in rule_signals(rows, HORIZON_S // DAY_S).items() if name != HEALTH}
    features = scorecard_features(rows)
    card = fit_scorecard({name: column[train] for name, column in features.items()}, y)
    return {
        **{name: fit_logit(x[train, None], y, x[test, None]) for name, x in signals.items()},
        SCORECARD: card.score({name: column[test] for name, column in features.items()}),
    }


def _scaled(name: str, signal: Array) -> Array:
    """Return log-odds as they are, counts on a log scale."""
    return signal if name in (BARRIER_30, BARRIER_365) else np.log1p(signal)
