"""Rows of training: vectors and labels of many subjects at many moments, by the node's feature code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S, HOUR_S, WAD, TimestampS
from oracle.features.borrower import compute_borrower_vector
from oracle.features.collateral import compute_price_vector
from oracle.features.health import DUST_USD_E8
from training.datasets.canonical import Dataset
from training.datasets.prices import PriceRun
from training.histories import take_snapshot
from training.labels import HORIZON_S, LIQUIDATION_WINDOW_HOURS, deepest_falls_bps, is_liquidated

_MIN_HISTORY_HOURS = 720
_LEAST_HEALTH_WAD = 95 * WAD // 100

type Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class BorrowerRows:
    """One row per borrower with debt above dust and cut; `clusters` number the borrowers."""

    vectors: Array
    is_positive: Array
    clusters: Array
    as_of_s: Array
    log_health: Array


@dataclass(frozen=True, kw_only=True)
class CollateralRows:
    """One row per pair and midnight; `clusters` number the pairs, `falls_bps` is the deepest fall in the window after."""

    vectors: Array
    falls_bps: Array
    clusters: Array
    as_of_s: Array


def build_borrower_rows(dataset: Dataset, *, step_days: int) -> BorrowerRows:
    """Return the rows of cuts at least `step_days` apart whose horizon lies inside the data.

    A position clearly below liquidation at a snapshot is being liquidated, or was reconstructed wrongly: there is nothing to foresee. One without
    known volatility gets a conservative z in production, which says nothing about distance.
    """
    vectors, labels, clusters, times, healths = [], [], [], [], []
    for as_of_s in list_row_times(dataset, step_days=step_days):
        snapshot = take_snapshot(dataset, as_of_s)
        for cluster, borrower in enumerate(dataset.borrowers):
            if as_of_s not in borrower.listed_times:
                continue
            history = snapshot.history(borrower)
            debt = sum(p.debt_usd_e8 for p in history.positions)
            lowest = min((p.health_factor_wad for p in history.positions if p.debt_usd_e8 > 0), default=0)
            is_known = all(p.volatility_ppm > 0 for p in history.positions)
            if debt < DUST_USD_E8 or lowest < _LEAST_HEALTH_WAD or not is_known:
                continue
            vectors.append(compute_borrower_vector(history))
            labels.append(is_liquidated(borrower, as_of_s, debt))
            clusters.append(cluster)
            times.append(as_of_s)
            # Log of a health factor as a float: a baseline only, no part of the model.
            healths.append(np.log(min(lowest, 1000 * WAD) / WAD))
    return BorrowerRows(
        vectors=np.array(vectors, dtype=np.int64),
        is_positive=np.array(labels, dtype=np.int64),
        clusters=np.array(clusters),
        as_of_s=np.array(times),
        log_health=np.array(healths),
    )


def list_row_times(dataset: Dataset, *, step_days: int) -> list[TimestampS]:
    """Return cuts at least `step_days` apart, from the first one on, whose horizon lies inside the data."""
    chosen: list[TimestampS] = []
    for as_of_s in dataset.cuts_s:
        is_due = not chosen or as_of_s >= chosen[-1] + step_days * DAY_S
        if is_due and as_of_s + HORIZON_S <= dataset.end_s:
            chosen.append(as_of_s)
    return chosen


def concatenate(parts: list[BorrowerRows]) -> BorrowerRows:
    """Return the rows of several datasets; borrowers of different ones are different clusters."""
    shift, clusters = 0, []
    for part in parts:
        clusters.append(part.clusters + shift)
        shift += int(part.clusters.max(initial=-1)) + 1
    return BorrowerRows(
        vectors=np.concatenate([p.vectors for p in parts]),
        is_positive=np.concatenate([p.is_positive for p in parts]),
        clusters=np.concatenate(clusters),
        as_of_s=np.concatenate([p.as_of_s for p in parts]),
        log_health=np.concatenate([p.log_health for p in parts]),
    )


def build_collateral_rows(runs: list[PriceRun], *, step_days: int) -> CollateralRows:
    """Return rows of every `step_days`-th midnight of each run with a month before it and the window after it."""
    symbols = sorted({r.symbol for r in runs})
    vectors, falls, clusters, times = [], [], [], []
    for number, run in enumerate(runs):
        midnight = -(-run.first_hour_s // DAY_S) * DAY_S + (number % step_days) * DAY_S
        starts = np.arange(
            (midnight - run.first_hour_s) // HOUR_S, len(run.prices) - LIQUIDATION_WINDOW_HOURS, 24 * step_days
        )
        starts = starts[starts >= _MIN_HISTORY_HOURS]
        if len(starts) == 0:
            continue
        falls.append(deepest_falls_bps(run.prices, starts))
        vectors += [compute_price_vector(run.prices[: start + 1], 0, 0) for start in starts.tolist()]
        clusters += [symbols.index(run.symbol)] * len(starts)
        times.append(run.first_hour_s + starts * HOUR_S)
    return CollateralRows(
        vectors=np.array(vectors, dtype=np.int64),
        falls_bps=np.concatenate(falls),
        clusters=np.array(clusters),
        as_of_s=np.concatenate(times),
    )
