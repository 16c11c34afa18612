"""What a collateral model trained before July 2023 says of the time after: the figures of the card, with intervals.

Comparisons are paired: model and baseline on the same rows, by resampling weeks. Trees and tables come from the rows before alone, by the same code that trains the release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from oracle.domain.units import BPS, DAY_S, PPM
from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.model import Trees
from oracle.scoring.reference import compute_margins
from training.calibrate import table_index
from training.collateral_baselines import HISTORICAL_VAR
from training.collateral_days import PriceDays
from training.collateral_tables import (
    LEVEL,
    TABLE_LO,
    cross_margins,
    drawdown_table,
    gap_table,
    pareto_tail,
    scaled_falls,
    train_packed,
)
from training.collateral_weeks import Figure, auc, resample, within_auc
from training.datasets.assets import class_masks
from training.evaluation.figures import MODEL, Figures, clusters_of, compute_figures
from training.evaluation.quantile_figures import QuantileFigures, compute_quantile_figures
from training.evaluation.task import NO_EVENT_DAY, QuantileRows, Score, TaskRows
from training.labels import GAP_FALL_BPS, LIQUIDATION_WINDOW_HOURS
from training.rows import CollateralRows
from training.statistics.probabilities import CalibrationLine, fit_calibration
from training.statistics.tails import pinball_losses
from training.train import Recipe
from training.units import LEAF_UNITS

type Array = np.ndarray[Any, Any]

HELD_OUT_FROM = datetime(2023, 7, 1, tzinfo=UTC)
LARGE_FALL_BPS = 2_500
ALL_LENDING, TREES = "all", "trees"


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
class DrawdownRow:
    """How well the 99th percentile holds for one class of lending assets, every day: `pinball_gain` is relative to historical VaR, negative where the model is better.

    `figures` are the model's backtests, that of its expected shortfall among them, by the code that judges `drawdown_q99`.
    """

    name: str
    n_rows: int
    coverage: Figure
    historical_coverage: Figure
    pinball_gain: Figure
    figures: QuantileFigures


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """How the probability that a release publishes, recalibrated and with its floor, does on the rows after; the trees' own log-odds are its baseline."""

    figures: Figures
    line: CalibrationLine


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The figures, and the UTC days of the first and last row."""

    first_s: int
    last_s: int
    n_rows: int
    ranks: tuple[RankRow, ...]
    shipped: Shipped
    drawdowns: tuple[DrawdownRow, ...]


def hold_out(rows: CollateralRows, recipe: Recipe, days: PriceDays | None = None) -> HeldOut | None:
    """Return the figures of a model of the rows whose window ended before `HELD_OUT_FROM`; None if one side holds no fall of 15 %.

    Drawdowns are those of `days`, of which only what lies after counts.
    """
    start_s = int(HELD_OUT_FROM.timestamp())
    before = rows.select(rows.as_of_s + LIQUIDATION_WINDOW_HOURS * 3_600 <= start_s)
    after = rows.select(rows.as_of_s >= start_s)
    if not all((side.falls_bps >= GAP_FALL_BPS).any() for side in (before, after)):
        return None
    trees = train_packed(before, recipe)
    margins, crossed = compute_margins(trees, after.vectors), cross_margins(before, recipe)
    slot = next(f.slot for f in COLLATERAL_SCHEMA if f.name == "volatility_7d")
    depths = [d for d in (GAP_FALL_BPS, LARGE_FALL_BPS) if (after.falls_bps >= d).any()]
    return HeldOut(
        first_s=int(after.as_of_s.min()),
        last_s=int(after.as_of_s.max()),
        n_rows=len(after.as_of_s),
        ranks=tuple(_rank(after, d, (margins, after.vectors[:, slot])) for d in depths),
        shipped=_judge_shipped(after, margins, gap_table(crossed, before.falls_bps >= GAP_FALL_BPS)),
        drawdowns=_drawdowns(before, crossed, trees, days.select(days.as_of_s >= start_s)) if days is not None else (),
    )


def _judge_shipped(rows: CollateralRows, margins: Array, gap_ppm: tuple[int, ...]) -> Shipped:
    share = np.array(gap_ppm)[table_index(margins, TABLE_LO)] / PPM
    is_positive = np.asarray(rows.falls_bps >= GAP_FALL_BPS, dtype=np.int64)
    task = TaskRows(
        is_positive=is_positive,
        owners=rows.clusters,
        as_of_s=rows.as_of_s,
        event_days=np.where(is_positive == 1, rows.as_of_s // DAY_S, NO_EVENT_DAY),
        model=Score(values=np.log(share / (1 - share)), is_probability=True),
        baselines={TREES: Score(values=margins / LEAF_UNITS, is_probability=True)},
        horizon_days=1,
    )
    line = fit_calibration(task.model.values, is_positive, clusters_of(task))
    return Shipped(figures=compute_figures(task), line=line)


def _drawdowns(before: CollateralRows, crossed: Array, trees: Trees, days: PriceDays) -> tuple[DrawdownRow, ...]:
    table = drawdown_table(crossed, before.falls_bps)
    _, shortfall, _ = pareto_tail(scaled_falls(table, crossed, before.falls_bps))
    days = days.select((days.falls_bps >= 0) & ~np.isnan(days.forecasts_bps[HISTORICAL_VAR]))
    forecasts = np.array(table)[table_index(compute_margins(trees, days.vectors), TABLE_LO)]
    masks = {ALL_LENDING: np.ones(len(forecasts), dtype=np.bool_), **class_masks(days.symbols)}
    return tuple(
        _drawdown(name, days.select(mask), forecasts[mask], shortfall)
        for name, mask in masks.items()
        if bool(mask.any())
    )


def _drawdown(name: str, days: PriceDays, forecasts: Array, shortfall: float) -> DrawdownRow:
    historical = days.forecasts_bps[HISTORICAL_VAR]
    model_loss, historical_loss = (pinball_losses(days.falls_bps, q, LEVEL) for q in (forecasts, historical))
    rows = QuantileRows(
        losses=days.falls_bps,
        level=LEVEL,
        owners=days.owners,
        as_of_s=days.as_of_s,
        model=forecasts,
        baselines={},
        shortfalls=None if np.isnan(shortfall) else np.minimum(forecasts * shortfall, float(BPS)),
    )
    return DrawdownRow(
        name=name,
        n_rows=len(forecasts),
        coverage=_coverage(days, forecasts),
        historical_coverage=_coverage(days, historical),
        pinball_gain=resample(
            days.as_of_s, lambda rows: float(model_loss[rows].sum() / historical_loss[rows].sum()) - 1
        ),
        figures=compute_quantile_figures(rows).scores[MODEL],
    )


def _coverage(days: PriceDays, forecasts: Array) -> Figure:
    is_covered = days.falls_bps <= forecasts
    return resample(days.as_of_s, lambda rows: float(is_covered[rows].mean()))


def _rank(rows: CollateralRows, fall_bps: int, scores: tuple[Array, Array]) -> RankRow:
    is_positive = rows.falls_bps >= fall_bps
    times = rows.as_of_s
    model, baseline = scores

    def pooled(score: Array) -> Callable[[Array], float]:
        return lambda drawn: auc(is_positive[drawn], score[drawn])

    def within(score: Array) -> Callable[[Array], float]:
        return lambda drawn: within_auc(is_positive[drawn], score[drawn], rows.clusters[drawn])

    def gain(build: Callable[[Array], Callable[[Array], float]]) -> Figure:
        return resample(times, lambda drawn: build(model)(drawn) - build(baseline)(drawn))

    return RankRow(
        fall_bps=fall_bps,
        n_positives=int(is_positive.sum()),
        n_days=len(np.unique(times[is_positive] // DAY_S)),
        pooled=resample(times, pooled(model)),
        pooled_gain=gain(pooled),
        within=resample(times, within(model)),
        within_gain=gain(within),
    )
