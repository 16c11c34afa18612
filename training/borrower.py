"""The borrower pipeline: rows, forward validation, structural table, behaviour trees, calibration, model.

Behaviour trees are active only if their out-of-time log-loss gain over the best structural baseline has a lower bound above zero; a sandbox bundle
is the exception, because it is there to show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.fixed_point import Z_AT_LIQUIDATION
from oracle.domain.score import ScoreKind
from oracle.domain.units import Bps
from oracle.features.registry import BORROWER_REQUIRED_SLOTS, BORROWER_SCHEMA, schema_digest
from oracle.scoring.model import BorrowerTables, Model, ModelFlag
from oracle.scoring.reference import compute_margins
from training import calibrate
from training.errors import TrainingError
from training.export import compute_support
from training.labels import HORIZON_S
from training.rows import BorrowerRows
from training.snap import pack_trees, snap_booster
from training.splits import Fold, forward_folds, unseen_folds
from training.structure import fit_state_offsets, offsets_at
from training.train import Recipe, train_trees
from training.units import LEAF_UNITS
from training.validate import Gain, Metrics, auc_interval, compute_gain, compute_metrics, fit_logit

type Array = np.ndarray[Any, Any]

HEALTH, DISTANCE, BOTH, TREES = "health factor", "distance", "health factor and distance", "distance + behaviour trees"
MIN_POSITIVES = 20
FORWARD = "Forward validation with a 30-day purge"
UNSEEN = (
    "Validation on unseen borrowers of the same time, as all liquidations fall too close together for forward folds"
)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Pooled out-of-time results of forward folds; `margins` are those of the model as it will run."""

    split: str
    n_rows: int
    n_positives: int
    n_positive_clusters: int
    metrics: tuple[Metrics, ...]
    best_baseline: str
    gain: Gain
    auc_low: float
    auc_high: float
    rows: Array
    structural_margins: Array
    tree_margins: Array


@dataclass(frozen=True, kw_only=True)
class TrainedBorrower:
    """A model and what is known about it."""

    model: Model
    validation: Validation
    recalibration: tuple[float, float]


def train_borrower(rows: BorrowerRows, recipe: Recipe, *, is_sandbox: bool) -> TrainedBorrower:
    """Return the model of all rows, calibrated and judged on forward folds.

    Raises:
        TrainingError: if there are too few liquidations to learn from.
    """
    if rows.is_positive.sum() < MIN_POSITIVES:
        raise TrainingError(
            f"{rows.is_positive.sum()} rows are positive, at least {MIN_POSITIVES} are needed: use more data"
        )
    validation = validate_borrower(rows, recipe, is_sandbox=is_sandbox)
    is_active = is_sandbox or validation.gain.low > 0
    offsets = fit_state_offsets(rows.vectors[:, 0], rows.is_positive)
    booster = train_trees(
        rows.vectors, rows.is_positive, BORROWER_SCHEMA, recipe, offsets=offsets_at(offsets, rows.vectors[:, 0])
    )
    margins = validation.structural_margins + (validation.tree_margins if is_active else 0)
    held_out = validation.rows
    recalibration = calibrate.fit_recalibration(margins, rows.is_positive[held_out])
    pd_ppm = calibrate.probability_table(*recalibration)
    upper = calibrate.upper_bound_table(pd_ppm, margins, rows.is_positive[held_out], rows.clusters[held_out])
    tables = BorrowerTables(
        state_offsets=offsets,
        lo=calibrate.TABLE_LO,
        shift=calibrate.TABLE_SHIFT,
        pd_ppm=pd_ppm,
        pd_upper_ppm=upper,
        points_thresholds_ppm=calibrate.points_thresholds(),
        reference_lgd_bps=Bps(calibrate.REFERENCE_LGD_BPS),
        grade_thresholds_ppm=calibrate.GRADE_THRESHOLDS,
    )
    flags = (ModelFlag.TREES_ACTIVE if is_active else ModelFlag(0)) | (
        ModelFlag.SANDBOX_ONLY if is_sandbox else ModelFlag(0)
    )
    model = Model(
        kind=ScoreKind.BORROWER,
        n_features=len(BORROWER_SCHEMA),
        flags=flags,
        schema_digest=schema_digest(BORROWER_SCHEMA),
        tables=tables,
        support=compute_support(BORROWER_SCHEMA, rows.vectors, BORROWER_REQUIRED_SLOTS),
        trees=pack_trees(snap_booster(booster)[0]),
    )
    return TrainedBorrower(model=model, validation=validation, recalibration=recalibration)


def validate_borrower(rows: BorrowerRows, recipe: Recipe, *, is_sandbox: bool) -> Validation:
    """Train on the past of each fold, predict the fold; return pooled results.

    Generated activity may hold its liquidations in one crash, with nothing to learn from before: then, for a sandbox bundle only, borrowers are held out instead.

    Raises:
        TrainingError: if no fold has both outcomes on both sides.
    """
    folds, split = _forward_folds(rows), FORWARD
    if not folds and is_sandbox:
        folds, split = _borrower_folds(rows), UNSEEN
    if not folds:
        raise TrainingError("no forward fold has both outcomes before and after its start: use a longer span of data")
    parts = [fold_logits(rows, fold, recipe) for fold in folds]
    held_out = np.concatenate([fold.test for fold in folds])
    logits = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    is_positive = rows.is_positive[held_out]
    metrics = tuple(compute_metrics(name, values, is_positive) for name, values in logits.items())
    best = min((m for m in metrics if m.name != TREES), key=lambda m: m.log_loss).name
    clusters = rows.clusters[held_out]
    low, high = auc_interval(logits[TREES], is_positive, clusters, rows.as_of_s[held_out])
    structural = np.rint(logits[DISTANCE] * LEAF_UNITS).astype(np.int64)
    return Validation(
        split=split,
        n_rows=len(held_out),
        n_positives=int(is_positive.sum()),
        n_positive_clusters=len(np.unique(clusters[is_positive == 1])),
        metrics=metrics,
        best_baseline=best,
        gain=compute_gain(logits[best], logits[TREES], is_positive, clusters, rows.as_of_s[held_out]),
        auc_low=low,
        auc_high=high,
        rows=held_out,
        structural_margins=structural,
        tree_margins=np.rint(logits[TREES] * LEAF_UNITS).astype(np.int64) - structural,
    )


def _forward_folds(rows: BorrowerRows) -> list[Fold]:
    folds = forward_folds(rows.as_of_s, horizon_s=HORIZON_S, n_folds=4, first_share=0.35)
    return _usable(rows, list(folds))


def _borrower_folds(rows: BorrowerRows) -> list[Fold]:
    return _usable(rows, list(unseen_folds(rows.clusters, n_folds=4)))


def _usable(rows: BorrowerRows, folds: list[Fold]) -> list[Fold]:
    """Return the folds that can be learned from, none if nothing in them can be told apart."""
    usable = [f for f in folds if rows.is_positive[f.train].sum() >= MIN_POSITIVES // 2]
    outcomes = np.concatenate([rows.is_positive[f.test] for f in usable]) if usable else np.zeros(0)
    return usable if 0 < outcomes.sum() < len(outcomes) else []


def fold_logits(rows: BorrowerRows, fold: Fold, recipe: Recipe) -> dict[str, Array]:
    """Return log-odds of the fold's test rows, by models of its training rows."""
    train, test = fold.train, fold.test
    z, y = rows.vectors[:, 0], rows.is_positive
    distance = np.clip((z - Z_AT_LIQUIDATION) / 1024, -2, 10)[:, None]
    health = np.clip(rows.log_health, -1, 3)[:, None]
    both = np.concatenate((health, distance), axis=1)
    knots = fit_state_offsets(z[train], y[train])
    booster = train_trees(rows.vectors[train], y[train], BORROWER_SCHEMA, recipe, offsets=offsets_at(knots, z[train]))
    trees = compute_margins(pack_trees(snap_booster(booster)[0]), rows.vectors[test])
    structural = offsets_at(knots, z[test])
    return {
        HEALTH: fit_logit(health[train], y[train], health[test]),
        DISTANCE: structural / LEAF_UNITS,
        BOTH: fit_logit(both[train], y[train], both[test]),
        TREES: (structural + trees) / LEAF_UNITS,
    }
