"""The collateral pipeline: rows of hourly pairs, forward validation, trees, tables of gap and drawdown, model.

The margin is the log-odds of a fall of 15 % within the 24-hour liquidation window, which is what buffer and bonus hold out. `drawdownBps` is the 99th percentile of the
deepest fall at that margin. What issuers and bridges add cannot be learned from exchange prices: two trees set it by judgement, and the card says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oracle.domain.score import ScoreKind
from oracle.domain.units import BPS, DAY_S, Bps
from oracle.features.registry import (
    COLLATERAL_REQUIRED_SLOTS,
    COLLATERAL_SCHEMA,
    COLLATERAL_VOLATILITY_SLOT,
    schema_digest,
)
from oracle.scoring.model import CollateralTables, Model, ModelFlag
from oracle.scoring.reference import compute_margins
from training import calibrate
from training.collateral_days import PriceDays
from training.collateral_holdout import HeldOut, hold_out
from training.collateral_tables import (
    TABLE_LO,
    Tail,
    cross_margins,
    drawdown_table,
    fit_tail,
    gap_table,
    scaled_falls,
    train_packed,
)
from training.collateral_trees import train_collateral_trees
from training.datasets.prices import PriceRun, price_runs, read_closes
from training.export import compute_support
from training.labels import GAP_FALL_BPS
from training.rows import CollateralRows
from training.snap import Leaf, Node, Split, pack_trees
from training.splits import forward_folds
from training.train import Recipe
from training.units import LEAF_UNITS
from training.validate import Gain, Metrics, compute_gain, compute_metrics, fit_logit

type Array = np.ndarray[Any, Any]

VOLATILITY, TREES = "7-day volatility", "trees"
PEGGED_PAIRS = (("WBETH", "ETH"), ("WBTC", "BTC"), ("BNSOL", "SOL"))
RISK_UNITS = (0, 819, 2_048, 4_096)
"""What issuer and bridge levels 0..3 add to the margin: 0, 0.2, 0.5 and 1 of log-odds, by judgement."""
BONUS_BPS, THRESHOLD_CAP_BPS, BUFFER_BPS, FLOOR_SHARE_BPS = Bps(500), Bps(9_300), Bps(500), Bps(6_000)
SLIPPAGE_BPS = Bps(58)
"""What the sale of a million dollars of seized collateral loses, gas included: `economics.liquidators`, the thinnest token with quotes, for every pair until pools are read."""
COST_BPS = Bps(-(-(BPS + BONUS_BPS) * BPS // (BPS - SLIPPAGE_BPS)) - BPS)
"""Bonus and slippage together, rounded up: what the bundle's `bonus_bps` leaves room for, so that a liquidator who sells at once still keeps the bonus."""


@dataclass(frozen=True, kw_only=True)
class TrainedCollateral:
    """A model and what is known about it. `hour_table` is the 99th percentile of the first hour's fall by bin, each tail in units of its own table."""

    model: Model
    hour_table: tuple[int, ...]
    tail: Tail
    hour_tail: Tail
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


def train_collateral(rows: CollateralRows, recipe: Recipe, held_out_days: PriceDays | None = None) -> TrainedCollateral:
    """Return the model of all rows; the held-out drawdowns are reported on `held_out_days`.

    Raises:
        TrainingError: if too few rows fell by 15 %.
    """
    margins = cross_margins(rows, recipe)
    is_positive = (rows.falls_bps >= GAP_FALL_BPS).astype(np.int64)
    tables = _fit_tables(margins, rows.falls_bps, is_positive)
    hour_table = drawdown_table(margins, rows.hour_falls_bps)
    nodes = train_collateral_trees(rows.vectors, rows.falls_bps, recipe)
    model = Model(
        kind=ScoreKind.COLLATERAL,
        n_features=len(COLLATERAL_SCHEMA),
        flags=ModelFlag.TREES_ACTIVE,
        schema_digest=schema_digest(COLLATERAL_SCHEMA),
        tables=tables,
        support=compute_support(COLLATERAL_SCHEMA, rows.vectors, COLLATERAL_REQUIRED_SLOTS),
        trees=pack_trees([*nodes, *(judged_tree(name) for name in ("issuer_risk", "bridge_risk"))]),
    )
    tested, logits, volatility = _forward(rows, is_positive, recipe)
    outcomes = is_positive[tested]
    return TrainedCollateral(
        model=model,
        hour_table=hour_table,
        tail=fit_tail(scaled_falls(tables.drawdown_bps, margins, rows.falls_bps), rows.as_of_s),
        hour_tail=fit_tail(scaled_falls(hour_table, margins, rows.hour_falls_bps), rows.as_of_s),
        metrics=(compute_metrics(VOLATILITY, volatility, outcomes), compute_metrics(TREES, logits, outcomes)),
        gain=compute_gain(volatility, logits, outcomes, rows.clusters[tested], rows.as_of_s[tested]),
        n_rows=len(tested),
        n_positives=int(outcomes.sum()),
        n_positive_days=len(np.unique(rows.as_of_s[tested][outcomes == 1] // DAY_S)),
        held_out=hold_out(rows, recipe, held_out_days),
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


def _fit_tables(margins: Array, falls_bps: Array, is_positive: Array) -> CollateralTables:
    return CollateralTables(
        lo=TABLE_LO,
        shift=calibrate.TABLE_SHIFT,
        gap_ppm=gap_table(margins, is_positive),
        drawdown_bps=drawdown_table(margins, falls_bps),
        bonus_bps=COST_BPS,
        threshold_cap_bps=THRESHOLD_CAP_BPS,
        buffer_bps=BUFFER_BPS,
        floor_share_bps=FLOOR_SHARE_BPS,
        volatility_slot=COLLATERAL_VOLATILITY_SLOT,
    )


def _forward(rows: CollateralRows, is_positive: Array, recipe: Recipe) -> tuple[Array, Array, Array]:
    """Return (tested rows, their log-odds, the baseline's) of forward folds."""
    slot = next(f.slot for f in COLLATERAL_SCHEMA if f.name == "volatility_7d")
    signal = np.log(np.maximum(rows.vectors[:, slot], 1))[:, None]
    tested, logits, baseline = [], [], []
    for fold in forward_folds(rows.as_of_s, horizon_s=DAY_S, n_folds=3, first_share=0.4):
        before = rows.select(fold.train)
        margins = compute_margins(train_packed(before, recipe), rows.vectors[fold.test])
        tested.append(fold.test)
        logits.append(margins / LEAF_UNITS)
        baseline.append(fit_logit(signal[fold.train], is_positive[fold.train], signal[fold.test]))
    return np.concatenate(tested), np.concatenate(logits), np.concatenate(baseline)
