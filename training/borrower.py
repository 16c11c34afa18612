"""The borrower pipeline: rows, forward validation, structural table, behaviour trees, calibration, model.

Behaviour trees are active only if their out-of-time log-loss gain over the best structural baseline has a lower bound above zero; a sandbox bundle
is the exception, because it is there to show them. Where rows of weekly looks and of borrows are trained together, the gain has to be proved on both: a score is used for both.

The structural table, its calibration and the choice on the trees rest on the first source alone, whose levels are measured; other sources teach the trees, and are
predicted by a model that has seen none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.fixed_point import Z_AT_LIQUIDATION
from oracle.domain.score import ScoreKind
from oracle.domain.units import DAY_S, Bps
from oracle.features.registry import BORROWER_REQUIRED_SLOTS, BORROWER_SCHEMA, schema_digest
from oracle.scoring.model import BorrowerTables, Model, ModelFlag, Trees
from oracle.scoring.reference import compute_margins
from training import calibrate
from training.behaviour import fit_behaviour
from training.errors import TrainingError
from training.export import compute_support
from training.labels import HORIZON_S
from training.rows import BorrowerRows
from training.rules import BARRIER_30, BARRIER_365, barrier_log_odds
from training.snap import pack_trees, snap_booster
from training.splits import Fold, forward_folds, unseen_folds
from training.structure import fit_state_offsets, offsets_at
from training.train import Recipe, train_trees
from training.units import LEAF_UNITS
from training.validate import Gain, Metrics, auc_interval, compute_best_gain, compute_metrics, fit_logit

type Array = np.ndarray[Any, Any]

HEALTH, DISTANCE, BOTH, TREES = "health factor", "distance", "health factor and distance", "distance + behaviour trees"
STRUCTURAL = (HEALTH, DISTANCE, BOTH, BARRIER_30, BARRIER_365)
_HORIZON_DAYS = HORIZON_S // DAY_S
MIN_POSITIVES = 20
FORWARD = "Forward validation with a 30-day purge"
UNSEEN = (
    "Validation on unseen borrowers of the same time, as all liquidations fall too close together for forward folds"
)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Pooled out-of-time results of forward folds: metrics and the trees' gain on the first source, log-odds by score on all `rows`; the last fold is of the other sources, if there are any."""

    split: str
    folds: tuple[Fold, ...]
    logits: Mapping[str, Array]
    n_rows: int
    n_positives: int
    n_positive_clusters: int
    metrics: tuple[Metrics, ...]
    best_baseline: str
    gain: Gain
    best_borrow_baseline: str | None
    borrow_gain: Gain | None
    auc_low: float
    auc_high: float
    rows: Array
    structural_margins: Array
    tree_margins: Array

    @property
    def is_gain_proved(self) -> bool:
        """Return whether the trees' gain has a lower bound above zero on every kind of row."""
        return self.gain.low > 0 and (self.borrow_gain is None or self.borrow_gain.low > 0)


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
    is_active = is_sandbox or validation.is_gain_proved
    offsets = _fit_offsets(rows, is_sandbox=is_sandbox)
    trees = _grow(rows, offsets_at(offsets, rows.vectors[:, 0]), recipe, is_sandbox=is_sandbox)
    margins = validation.structural_margins + (validation.tree_margins if is_active else 0)
    # Looks at a cut are what a node scores; borrows repeat, and their rate fell sevenfold within the record.
    is_look = (measured(rows, is_sandbox=is_sandbox) & ~rows.is_borrow)[validation.rows]
    margins, held_out = margins[is_look], validation.rows[is_look]
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
        trees=trees,
    )
    return TrainedBorrower(model=model, validation=validation, recalibration=recalibration)


def measured(rows: BorrowerRows, *, is_sandbox: bool) -> Array:
    """Return which rows are of the source whose levels are measured; all, of generated activity."""
    return np.ones(len(rows.sources), dtype=np.bool_) if is_sandbox else rows.sources == 0


def _fit_offsets(rows: BorrowerRows, *, is_sandbox: bool) -> tuple[int, ...]:
    mask = measured(rows, is_sandbox=is_sandbox)
    return fit_state_offsets(rows.vectors[mask, 0], rows.is_positive[mask])


def _grow(rows: BorrowerRows, offsets: Array, recipe: Recipe, *, is_sandbox: bool) -> Trees:
    """Return the trees; those of the sandbox learn where missing leads, as all generated sources show the same."""
    if not is_sandbox:
        return fit_behaviour(rows, offsets, recipe)
    booster = train_trees(rows.vectors, rows.is_positive, BORROWER_SCHEMA, recipe, offsets=offsets)
    return pack_trees(snap_booster(booster)[0])


def validate_borrower(rows: BorrowerRows, recipe: Recipe, *, is_sandbox: bool) -> Validation:
    """Train on the past of each fold, predict the fold; return pooled results.

    Generated activity may hold its liquidations in one crash, with nothing to learn from before: then, for a sandbox bundle only, borrowers are held out instead.

    Raises:
        TrainingError: if no fold has both outcomes on both sides.
    """
    is_measured = measured(rows, is_sandbox=is_sandbox)
    folds, split = list_forward_folds(rows, is_measured), FORWARD
    if not folds and is_sandbox:
        folds, split = _borrower_folds(rows), UNSEEN
    if not folds:
        raise TrainingError("no forward fold has both outcomes before and after its start: use a longer span of data")
    if not is_measured.all():
        folds.append(Fold(train=np.flatnonzero(is_measured), test=np.flatnonzero(~is_measured)))
    parts = [fold_logits(rows, fold, recipe, is_sandbox=is_sandbox) for fold in folds]
    held_out = np.concatenate([fold.test for fold in folds])
    logits = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    looks = is_measured[held_out] & ~rows.is_borrow[held_out]
    borrows = is_measured[held_out] & rows.is_borrow[held_out]
    y, clusters = rows.is_positive[held_out], rows.clusters[held_out]
    metrics = tuple(compute_metrics(name, values[looks], y[looks]) for name, values in logits.items())
    low, high = auc_interval(logits[TREES][looks], y[looks], clusters[looks], rows.as_of_s[held_out][looks])
    structural = np.rint(logits[DISTANCE] * LEAF_UNITS).astype(np.int64)
    best, gain = _best_gain(rows, held_out, logits, looks)
    best_on_borrows, borrow_gain = _best_gain(rows, held_out, logits, borrows) if borrows.any() else (None, None)
    return Validation(
        split=split,
        folds=tuple(folds),
        logits=logits,
        n_rows=int(looks.sum()),
        n_positives=int(y[looks].sum()),
        n_positive_clusters=len(np.unique(clusters[looks & (y == 1)])),
        metrics=metrics,
        best_baseline=best,
        gain=gain,
        best_borrow_baseline=best_on_borrows,
        borrow_gain=borrow_gain,
        auc_low=low,
        auc_high=high,
        rows=held_out,
        structural_margins=structural,
        tree_margins=np.rint(logits[TREES] * LEAF_UNITS).astype(np.int64) - structural,
    )


def _best_gain(rows: BorrowerRows, held_out: Array, logits: Mapping[str, Array], mask: Array) -> tuple[str, Gain]:
    """Return the structural baseline that is best on the masked rows, and the trees' gain over it there."""
    kept = held_out[mask]
    structural = {name: logits[name][mask] for name in STRUCTURAL}
    return compute_best_gain(
        structural, logits[TREES][mask], rows.is_positive[kept], rows.clusters[kept], rows.as_of_s[kept]
    )


def list_forward_folds(rows: BorrowerRows, is_measured: Array) -> list[Fold]:
    """Return the forward folds of the measured rows; none if nothing in them can be told apart."""
    index = np.flatnonzero(is_measured)
    folds = forward_folds(rows.as_of_s[index], horizon_s=HORIZON_S, n_folds=4, first_share=0.35)
    return _usable(rows, [Fold(train=index[fold.train], test=index[fold.test]) for fold in folds])


def _borrower_folds(rows: BorrowerRows) -> list[Fold]:
    return _usable(rows, list(unseen_folds(rows.clusters, n_folds=4)))


def _usable(rows: BorrowerRows, folds: list[Fold]) -> list[Fold]:
    """Return the folds that can be learned from, none if nothing in them can be told apart."""
    usable = [f for f in folds if rows.is_positive[f.train].sum() >= MIN_POSITIVES // 2]
    outcomes = np.concatenate([rows.is_positive[f.test] for f in usable]) if usable else np.zeros(0)
    return usable if 0 < outcomes.sum() < len(outcomes) else []


def fold_logits(rows: BorrowerRows, fold: Fold, recipe: Recipe, *, is_sandbox: bool = False) -> dict[str, Array]:
    """Return log-odds of the fold's test rows, by models of its training rows."""
    train, test = fold.train, fold.test
    z, y = rows.vectors[:, 0], rows.is_positive
    distance = np.clip((z - Z_AT_LIQUIDATION) / 1024, -2, 10)[:, None]
    health = np.clip(rows.log_health, -1, 3)[:, None]
    both = np.concatenate((health, distance), axis=1)
    barriers = {
        name: barrier_log_odds(rows.log_health, volatility, _HORIZON_DAYS)[:, None]
        for name, volatility in ((BARRIER_30, rows.volatility_30d), (BARRIER_365, rows.volatility_365d))
    }
    past = rows.select(train)
    knots = _fit_offsets(past, is_sandbox=is_sandbox)
    trees = compute_margins(_grow(past, offsets_at(knots, z[train]), recipe, is_sandbox=is_sandbox), rows.vectors[test])
    structural = offsets_at(knots, z[test])
    return {
        HEALTH: fit_logit(health[train], y[train], health[test]),
        DISTANCE: structural / LEAF_UNITS,
        BOTH: fit_logit(both[train], y[train], both[test]),
        **{name: fit_logit(x[train], y[train], x[test]) for name, x in barriers.items()},
        TREES: (structural + trees) / LEAF_UNITS,
    }
