"""What a collateral model trained before July 2023 says of the time after: the figures of the card, with intervals.

Comparisons are paired: model and baseline on the same rows, by resampling weeks, since falls come to all pairs on the same days. The drawdown's table is
fitted on the training span's own margins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import rankdata

from oracle.domain.units import DAY_S
from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.reference import compute_margins
from training.calibrate import table_index
from training.labels import GAP_FALL_BPS, LIQUIDATION_WINDOW_HOURS
from training.rows import CollateralRows
from training.snap import pack_trees, snap_booster
from training.train import Recipe, train_trees
from training.units import LEAF_UNITS

type Array = np.ndarray[Any, Any]
type Figure = tuple[float, float, float]
"""A value and its 95 % interval."""

HELD_OUT_FROM = datetime(2023, 7, 1, tzinfo=UTC)
LARGE_FALL_BPS = 2_500
_DRAWS, _BLOCK_S = 200, 7 * DAY_S


@dataclass(frozen=True, kw_only=True)
class RankRow:
    """How well falls of one depth are ranked, by the trees and by 7-day volatility; `within` weighs each pair's AUC by its falls."""

    fall_bps: int
    n_positives: int
    n_days: int
    pooled: Figure
    pooled_gain: Figure
    within: Figure
    within_gain: Figure


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The figures, and the UTC days of the first and last row; `coverage` is that of drawdown tables of each quantile."""

    first_s: int
    last_s: int
    n_rows: int
    ranks: tuple[RankRow, ...]
    coverage: dict[float, Figure]


def hold_out(
    rows: CollateralRows, recipe: Recipe, quantile_tables: dict[float, Callable[[Array, Array], Array]]
) -> HeldOut | None:
    """Return the figures of a model of the rows whose window ended before `HELD_OUT_FROM`; None if one side holds no fall of 15 %."""
    start_s = int(HELD_OUT_FROM.timestamp())
    before = rows.as_of_s + LIQUIDATION_WINDOW_HOURS * 3_600 <= start_s
    after = rows.as_of_s >= start_s
    is_positive = (rows.falls_bps >= GAP_FALL_BPS).astype(np.int64)
    if min(is_positive[before].sum(), is_positive[after].sum()) == 0:
        return None
    booster = train_trees(rows.vectors[before], is_positive[before], COLLATERAL_SCHEMA, recipe)
    nodes, _ = snap_booster(booster, base_units=prior_units(is_positive[before]))
    margins = compute_margins(pack_trees(nodes), rows.vectors)
    times, falls, owners = rows.as_of_s[after], rows.falls_bps[after], rows.clusters[after]
    slot = next(f.slot for f in COLLATERAL_SCHEMA if f.name == "volatility_7d")
    scores = (margins[after], rows.vectors[after][:, slot])
    covered = {
        level: falls <= build(margins[before], rows.falls_bps[before])[table_index(margins[after])]
        for level, build in quantile_tables.items()
    }
    depths = [d for d in (GAP_FALL_BPS, LARGE_FALL_BPS) if (falls >= d).any()]
    return HeldOut(
        first_s=int(times.min()),
        last_s=int(times.max()),
        n_rows=len(times),
        ranks=tuple(_rank(falls, d, scores, owners, times) for d in depths),
        coverage={level: resample(times, partial(_share, is_covered)) for level, is_covered in covered.items()},
    )


def prior_units(is_positive: Array) -> int:
    """Return the log-odds of the rate, in units of 2^-12: what the trees start from."""
    rate = is_positive.mean()
    return round(float(np.log(rate / (1 - rate))) * LEAF_UNITS)


def within_auc(is_positive: Array, score: Array, owners: Array) -> float:
    """Return the mean of each owner's own AUC, weighted by its positives; NaN if no owner has both outcomes."""
    order = np.argsort(owners, kind="stable")
    total, weight = 0.0, 0
    for rows in np.split(order, np.flatnonzero(np.diff(owners[order])) + 1):
        hits = int(is_positive[rows].sum())
        if 0 < hits < len(rows):
            total += hits * _auc(is_positive[rows], score[rows])
            weight += hits
    return total / weight if weight else float("nan")


def resample(times: Array, statistic: Callable[[Array], float]) -> Figure:
    """Return a statistic of all rows, and its 95 % interval by resampling whole weeks; draws without one are left out."""
    _, member = np.unique(times // _BLOCK_S, return_inverse=True)
    rows_of = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    random = np.random.default_rng(11)
    draws = [
        statistic(np.concatenate([rows_of[i] for i in random.integers(0, len(rows_of), len(rows_of))]))
        for _ in range(_DRAWS)
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return statistic(np.arange(len(times))), float(low), float(high)


def _rank(falls: Array, fall_bps: int, scores: tuple[Array, Array], owners: Array, times: Array) -> RankRow:
    is_positive = falls >= fall_bps
    model, baseline = scores

    def pooled(score: Array) -> Callable[[Array], float]:
        return lambda rows: _auc(is_positive[rows], score[rows])

    def within(score: Array) -> Callable[[Array], float]:
        return lambda rows: within_auc(is_positive[rows], score[rows], owners[rows])

    def gain(build: Callable[[Array], Callable[[Array], float]]) -> Figure:
        return resample(times, lambda rows: build(model)(rows) - build(baseline)(rows))

    return RankRow(
        fall_bps=fall_bps,
        n_positives=int(is_positive.sum()),
        n_days=len(np.unique(times[is_positive] // DAY_S)),
        pooled=resample(times, pooled(model)),
        pooled_gain=gain(pooled),
        within=resample(times, within(model)),
        within_gain=gain(within),
    )


def _share(is_covered: Array, rows: Array) -> float:
    return float(is_covered[rows].mean())


def _auc(is_positive: Array, score: Array) -> float:
    if not 0 < is_positive.sum() < len(is_positive):
        return float("nan")
    ranks = rankdata(score)
    n_positives = int(is_positive.sum())
    excess = float(ranks[is_positive].sum()) - n_positives * (n_positives + 1) / 2
    return excess / (n_positives * (len(is_positive) - n_positives))
