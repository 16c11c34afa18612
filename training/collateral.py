"""The collateral pipeline: rows of hourly pairs, forward validation, trees, tables of gap and drawdown, model.

The margin is the log-odds of a fall of 15 % within the 24-hour liquidation window, which is what buffer and bonus hold out. `drawdownBps` is the 99.5th percentile of the
deepest fall at that margin. What issuers and bridges add cannot be learned from exchange prices: two trees set it by judgement, and the card says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from oracle.domain.score import ScoreKind
from oracle.domain.units import DAY_S, Bps
from oracle.features.registry import (
    COLLATERAL_REQUIRED_SLOTS,
    COLLATERAL_SCHEMA,
    COLLATERAL_VOLATILITY_SLOT,
    schema_digest,
)
from oracle.scoring.model import TABLE_SIZE, CollateralTables, Model, ModelFlag
from oracle.scoring.reference import compute_margins
from training import calibrate
from training.collateral_holdout import HeldOut, hold_out, prior_units
from training.datasets.prices import PriceRun, price_runs, read_closes
from training.export import compute_support
from training.labels import GAP_FALL_BPS
from training.rows import CollateralRows
from training.snap import Leaf, Node, Split, pack_trees, snap_booster
from training.splits import forward_folds
from training.train import Recipe, train_trees
from training.units import LEAF_UNITS
from training.validate import Gain, Metrics, compute_gain, compute_metrics, fit_logit

type Array = np.ndarray[Any, Any]

VOLATILITY, TREES = "7-day volatility", "trees"
PEGGED_PAIRS = (("WBETH", "ETH"), ("WBTC", "BTC"), ("BNSOL", "SOL"))
RISK_UNITS = (0, 819, 2_048, 4_096)
"""What issuer and bridge levels 0..3 add to the margin: 0, 0.2, 0.5 and 1 of log-odds, by judgement."""
BONUS_BPS, THRESHOLD_CAP_BPS, BUFFER_BPS, FLOOR_SHARE_BPS = Bps(500), Bps(9_300), Bps(500), Bps(6_000)
_QUANTILE, _QUANTILE_GROUPS, _LEAST_DRAWDOWN_BPS, _LEAST_GAP_PPM = 0.995, 24, 150, 20


@dataclass(frozen=True, kw_only=True)
class TrainedCollateral:
    """A model and what is known about it."""

    model: Model
    metrics: tuple[Metrics, ...]
    gain: Gain
    n_rows: int
    n_positives: int
    n_positive_days: int
    held_out: HeldOut | None


def read_runs(data: Path, symbols: list[str] | None) -> list[PriceRun]:
    """Return the runs of all pairs against the dollar, and of staked and wrapped tokens against what they stand for."""
    closes = read_closes(data, symbols)
    runs = [run for symbol, (times, prices) in sorted(closes.items()) for run in price_runs(symbol, times, prices)]
    for token, base in PEGGED_PAIRS:
        if token in closes and base in closes:
            common, a, b = np.intersect1d(closes[token][0], closes[base][0], return_indices=True)
            runs += price_runs(f"{token}/{base}", common, closes[token][1][a] / closes[base][1][b])
    return runs


def train_collateral(rows: CollateralRows, recipe: Recipe) -> TrainedCollateral:
    """Return the model of all rows, its tables fitted to forward folds."""
    is_positive = (rows.falls_bps >= GAP_FALL_BPS).astype(np.int64)
    held_out, margins, volatility = _forward(rows, is_positive, recipe)
    outcomes = is_positive[held_out]
    intercept, slope = calibrate.fit_recalibration(margins, outcomes)
    gap_ppm = np.maximum(calibrate.probability_table(intercept, slope), _LEAST_GAP_PPM)
    tables = CollateralTables(
        lo=calibrate.TABLE_LO,
        shift=calibrate.TABLE_SHIFT,
        gap_ppm=tuple(gap_ppm.tolist()),
        drawdown_bps=drawdown_table(margins, rows.falls_bps[held_out]),
        bonus_bps=BONUS_BPS,
        threshold_cap_bps=THRESHOLD_CAP_BPS,
        buffer_bps=BUFFER_BPS,
        floor_share_bps=FLOOR_SHARE_BPS,
        volatility_slot=COLLATERAL_VOLATILITY_SLOT,
    )
    booster = train_trees(rows.vectors, is_positive, COLLATERAL_SCHEMA, recipe)
    nodes, _ = snap_booster(booster, base_units=prior_units(is_positive))
    model = Model(
        kind=ScoreKind.COLLATERAL,
        n_features=len(COLLATERAL_SCHEMA),
        flags=ModelFlag.TREES_ACTIVE,
        schema_digest=schema_digest(COLLATERAL_SCHEMA),
        tables=tables,
        support=compute_support(COLLATERAL_SCHEMA, rows.vectors, COLLATERAL_REQUIRED_SLOTS),
        trees=pack_trees([*nodes, *(judged_tree(name) for name in ("issuer_risk", "bridge_risk"))]),
    )
    logits = margins / LEAF_UNITS
    gain = compute_gain(volatility, logits, outcomes, rows.clusters[held_out], rows.as_of_s[held_out])
    return TrainedCollateral(
        model=model,
        metrics=(compute_metrics(VOLATILITY, volatility, outcomes), compute_metrics(TREES, logits, outcomes)),
        gain=gain,
        n_rows=len(held_out),
        n_positives=int(outcomes.sum()),
        n_positive_days=len(np.unique(rows.as_of_s[held_out][outcomes == 1] // DAY_S)),
        held_out=hold_out(rows, recipe, {level: _table_at(level) for level in (0.99, _QUANTILE)}),
    )


def judged_tree(name: str) -> Node:
    """Return the tree that adds `RISK_UNITS` by the level of a fact; a missing fact counts as the highest."""
    slot = next(f.slot for f in COLLATERAL_SCHEMA if f.name == name)
    low, middle, high, highest = (Leaf(units=u) for u in RISK_UNITS)
    return Split(
        feature=slot,
        threshold=3,
        default_left=False,
        left=Split(feature=slot, threshold=2, default_left=False, left=low, right=middle),
        right=Split(feature=slot, threshold=4, default_left=False, left=high, right=highest),
    )


def drawdown_table(margins: Array, falls_bps: Array, level: float = _QUANTILE) -> tuple[int, ...]:
    """Return a percentile (the 99.5th) of the deepest fall by margin: per group of rows, made rising, linear between, in steps of 10 bps rounded up."""
    order = np.array_split(np.argsort(margins, kind="stable"), _QUANTILE_GROUPS)
    middles = np.array([np.median(margins[rows]) for rows in order]) / LEAF_UNITS
    quantiles = np.array([np.quantile(falls_bps[rows], level) for rows in order])
    rising = IsotonicRegression().fit(middles, quantiles).predict(middles)
    table = np.ceil(np.interp(calibrate.bin_middles(), middles, rising) / 10).astype(np.int64) * 10
    # Beyond the riskiest group the fall grows by a tenth per unit of log-odds, up to everything.
    beyond = np.maximum(0.0, calibrate.bin_middles() - middles[-1])
    grown = np.ceil(table * (1 + 0.1 * beyond)).astype(np.int64)
    table = np.clip(np.maximum.accumulate(grown), _LEAST_DRAWDOWN_BPS, 10_000)
    return tuple(table[:TABLE_SIZE].tolist())


def _table_at(level: float) -> Callable[[Array, Array], Array]:
    return lambda margins, falls_bps: np.array(drawdown_table(margins, falls_bps, level))


def _forward(rows: CollateralRows, is_positive: Array, recipe: Recipe) -> tuple[Array, Array, Array]:
    """Return (held-out rows, their margins, the baseline's log-odds) of forward folds."""
    slot = next(f.slot for f in COLLATERAL_SCHEMA if f.name == "volatility_7d")
    signal = np.log(np.maximum(rows.vectors[:, slot], 1))[:, None]
    held, margins, baseline = [], [], []
    for fold in forward_folds(rows.as_of_s, horizon_s=DAY_S, n_folds=3, first_share=0.4):
        booster = train_trees(rows.vectors[fold.train], is_positive[fold.train], COLLATERAL_SCHEMA, recipe)
        nodes, _ = snap_booster(booster, base_units=prior_units(is_positive[fold.train]))
        held.append(fold.test)
        margins.append(compute_margins(pack_trees(nodes), rows.vectors[fold.test]))
        baseline.append(fit_logit(signal[fold.train], is_positive[fold.train], signal[fold.test]))
    return np.concatenate(held), np.concatenate(margins), np.concatenate(baseline)
