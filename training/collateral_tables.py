"""Tables of a collateral over its margin, and the tail beyond them: what a fall of the window exceeds once in a hundred times, and by how much.

The margins are those of models that did not see the rows' half of a year (with a purge), so that every crisis counts and none is judged by a model that learned it.
The 99th percentile is a rising table over the margin. Beyond it one generalised Pareto tail holds for all pairs, in units of each row's own 99th percentile
(peaks over threshold). Expected shortfall is the percentile times one ratio. Source: Hosking and Wallis (1987), probability-weighted moments;
McNeil and Frey (2000) for tails of scaled losses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from oracle.domain.units import DAY_S
from oracle.scoring.model import TABLE_SIZE, Trees
from oracle.scoring.reference import compute_margins
from training import calibrate
from training.collateral_trees import train_collateral_trees
from training.collateral_weeks import Figure, resample
from training.rows import CollateralRows
from training.snap import pack_trees
from training.train import Recipe
from training.units import LEAF_UNITS

type Array = np.ndarray[Any, Any]

LEVEL = 0.99
LEAST_DRAWDOWN_BPS = 10
_LEAST_GAP_PPM = 20
TABLE_LO = -14 * LEAF_UNITS
"""Where the tables start: below it only pegs lie, and their falls differ little."""
_BLOCK_DAYS = 182
_EDGES = (
    *(0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075),
    *(k / 20 for k in range(2, 19)),
    *(0.93, 0.96, 0.98, 1.0),
)
"""Groups of rows by margin: small ones at both ends, where few pairs are calm or wild."""
_TAIL_SHARE, _FAR, _LEAST_EXCESSES = 0.025, 0.999, 10


@dataclass(frozen=True, kw_only=True)
class Tail:
    """The Pareto shape of the largest falls, and the expected shortfall beyond the 99th percentile and the 99.9th percentile, in units of the row's 99th percentile."""

    shape: Figure
    shortfall: Figure
    far: Figure


def train_packed(rows: CollateralRows, recipe: Recipe) -> Trees:
    """Return the packed trees of rows, without those set by judgement."""
    return pack_trees(train_collateral_trees(rows.vectors, rows.falls_bps, recipe))


def cross_margins(rows: CollateralRows, recipe: Recipe, *, horizon_s: int = DAY_S) -> Array:
    """Return each row's margin by a model of all rows outside its half of a year, and farther from it than the horizon."""
    margins = np.zeros(len(rows.as_of_s), dtype=np.int64)
    block = (rows.as_of_s - rows.as_of_s.min()) // (_BLOCK_DAYS * DAY_S)
    for number in np.unique(block).tolist():
        is_test = block == number
        start, end = rows.as_of_s[is_test].min(), rows.as_of_s[is_test].max()
        is_train = (rows.as_of_s + horizon_s <= start) | (rows.as_of_s >= end + horizon_s)
        # Less than half a year of data has no other time to learn from.
        trees = train_packed(rows.select(is_train) if is_train.any() else rows, recipe)
        margins[is_test] = compute_margins(trees, rows.vectors[is_test])
    return margins


def gap_table(margins: Array, is_positive: Array) -> tuple[int, ...]:
    """Return the probability of a fall of 15 % by margin, in ppm: margins recalibrated by a line, and never below what so few falls can show."""
    intercept, slope = calibrate.fit_recalibration(margins, is_positive)
    gap_ppm = calibrate.probability_table(intercept, slope, TABLE_LO)
    return tuple(np.maximum(gap_ppm, _LEAST_GAP_PPM).tolist())


def drawdown_table(margins: Array, falls_bps: Array, level: float = LEVEL) -> tuple[int, ...]:
    """Return a percentile of the fall by margin: per group of rows, made rising, linear between, rounded up to a whole basis point."""
    order = np.argsort(margins, kind="stable")
    cuts = [round(edge * len(order)) for edge in _EDGES]
    groups = [order[a:b] for a, b in pairwise(cuts) if b > a]
    middles = np.array([np.median(margins[rows]) for rows in groups]) / LEAF_UNITS
    quantiles = np.array([np.quantile(falls_bps[rows], level) for rows in groups])
    sizes = np.array([len(rows) for rows in groups], dtype=np.float64)
    rising = IsotonicRegression().fit(middles, quantiles, sample_weight=sizes).predict(middles)
    bins = calibrate.bin_middles(TABLE_LO)
    # Beyond the riskiest group the fall grows by a tenth per unit of log-odds, up to everything.
    grown = np.interp(bins, middles, rising) * (1 + 0.1 * np.maximum(0.0, bins - middles[-1]))
    # Rounded first: the last bit of a float must not lift a value to the next basis point.
    table = np.ceil(np.round(grown, 6)).astype(np.int64)
    return tuple(np.clip(np.maximum.accumulate(table), LEAST_DRAWDOWN_BPS, 10_000)[:TABLE_SIZE].tolist())


def scaled_falls(table: tuple[int, ...], margins: Array, falls_bps: Array) -> Array:
    """Return each fall in units of its table's value."""
    return np.asarray(falls_bps / np.array(table)[calibrate.table_index(margins, TABLE_LO)])


def fit_tail(scaled: Array, as_of_s: Array) -> Tail:
    """Return the tail of the largest 2.5 % of scaled falls, with 95 % intervals that resample weeks."""

    def part(number: int) -> Callable[[Array], float]:
        return lambda rows: pareto_tail(scaled[rows])[number]

    shape, shortfall, far = (resample(as_of_s, part(number)) for number in range(3))
    return Tail(shape=shape, shortfall=shortfall, far=far)


def pareto_tail(losses: Array) -> tuple[float, float, float]:
    """Return (shape, mean beyond the 99th percentile, 99.9th percentile) by a generalised Pareto tail of the largest 2.5 %; NaN without a spread of losses."""
    start = float(np.quantile(losses, 1 - _TAIL_SHARE))
    excesses = np.sort(losses[losses > start] - start)
    if len(excesses) < _LEAST_EXCESSES:
        return (float("nan"),) * 3
    mean = float(excesses.mean())
    ranks = (np.arange(len(excesses)) + 0.65) / len(excesses)
    weighted = float(((1 - ranks) * excesses).mean())
    shape = 2 - mean / (mean - 2 * weighted)
    scale = 2 * mean * weighted / (mean - 2 * weighted)
    share = len(excesses) / len(losses)

    def quantile(level: float) -> float:
        rarity = (1 - level) / share
        return start + (scale * (rarity**-shape - 1) / shape if abs(shape) > 1e-9 else -scale * float(np.log(rarity)))

    return shape, (quantile(LEVEL) + scale - shape * start) / (1 - shape), quantile(_FAR)
