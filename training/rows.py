"""Rows of training: vectors and labels of many subjects at many moments, by the node's feature code."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from oracle.domain.history import BorrowerHistory
from oracle.domain.units import DAY_S, HOUR_S, WAD, TimestampS
from oracle.features.borrower import compute_borrower_vector
from oracle.features.collateral import compute_price_vector
from oracle.features.health import DUST_USD_E8
from oracle.features.registry import BORROWER_SCHEMA
from training.datasets.canonical import Borrower, Dataset
from training.datasets.prices import PriceRun
from training.histories import Snapshot, take_snapshot
from training.labels import HORIZON_S, LIQUIDATION_WINDOW_HOURS, deepest_falls_bps, find_liquidation

_MIN_HISTORY_HOURS = 720
_LEAST_HEALTH_WAD = 95 * WAD // 100
_COLUMNS = {
    "is_positive": np.int64,
    "clusters": np.int64,
    "as_of_s": np.int64,
    "log_health": np.float64,
    "volatility_30d": np.float64,
    "volatility_365d": np.float64,
    "event_days": np.int64,
    "is_borrow": np.bool_,
    "is_first": np.bool_,
    "is_level_known": np.bool_,
    "sources": np.int64,
}

type Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class BorrowerRows:
    """One row per borrower with debt above dust and moment; `clusters` number the borrowers.

    `log_health` and the volatilities are those of the position with the lowest health factor: for baselines only, no part of the model. `event_days` is the UTC day
    of the liquidation or -1. `sources` number the datasets put together, `is_borrow` marks rows right after a borrow, `is_first` marks a borrower's first borrow, `is_level_known` rows whose health factor the data show.
    """

    vectors: Array
    is_positive: Array
    clusters: Array
    as_of_s: Array
    log_health: Array
    volatility_30d: Array
    volatility_365d: Array
    event_days: Array
    is_borrow: Array
    is_first: Array
    is_level_known: Array
    sources: Array

    def select(self, rows: Array) -> BorrowerRows:
        """Return the rows of a mask or of indices."""
        return BorrowerRows(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, kw_only=True)
class CollateralRows:
    """One row per pair and midnight; `clusters` number the pairs, `falls_bps` is the deepest fall in the window after, `hour_falls_bps` that of its first hour."""

    vectors: Array
    falls_bps: Array
    hour_falls_bps: Array
    clusters: Array
    as_of_s: Array

    def select(self, mask: Array) -> CollateralRows:
        """Return the rows of a mask."""
        return CollateralRows(
            vectors=self.vectors[mask],
            falls_bps=self.falls_bps[mask],
            hour_falls_bps=self.hour_falls_bps[mask],
            clusters=self.clusters[mask],
            as_of_s=self.as_of_s[mask],
        )


def build_borrower_rows(dataset: Dataset, *, step_days: int) -> BorrowerRows:
    """Return the rows of cuts at least `step_days` apart whose horizon lies inside the data."""
    return build_rows_at(dataset, list_row_times(dataset, step_days=step_days))


def build_rows_at(dataset: Dataset, times_s: list[TimestampS], *, horizon_s: int = HORIZON_S) -> BorrowerRows:
    """Return the rows of the cuts given.

    A position clearly below liquidation at a snapshot is being liquidated, or was reconstructed wrongly: there is nothing to foresee. One without
    known volatility gets a conservative z in production, which says nothing about distance.
    """
    sink = RowSink(horizon_s)
    for as_of_s in times_s:
        snapshot = take_snapshot(dataset, as_of_s)
        for cluster, borrower in enumerate(dataset.borrowers):
            if as_of_s not in borrower.listed_times:
                continue
            history = snapshot.history(borrower)
            lowest = min((p.health_factor_wad for p in history.positions if p.debt_usd_e8 > 0), default=0)
            if lowest >= _LEAST_HEALTH_WAD:
                sink.add(cluster, borrower, history, snapshot)
    return sink.rows()


class RowSink:
    """Collects rows; those with debt below dust or of unknown volatility are left out."""

    def __init__(self, horizon_s: int) -> None:
        self._horizon_s = horizon_s
        self._vectors: list[tuple[int, ...]] = []
        self._columns: dict[str, list[float]] = {name: [] for name in _COLUMNS}

    def add(
        self,
        cluster: int,
        borrower: Borrower,
        history: BorrowerHistory,
        snapshot: Snapshot,
        *,
        is_borrow: bool = False,
        is_first: bool = False,
        is_level_known: bool = True,
    ) -> None:
        """Add the row of a history."""
        with_debt = [p for p in history.positions if p.debt_usd_e8 > 0]
        debt = sum(p.debt_usd_e8 for p in with_debt)
        if debt < DUST_USD_E8 or not all(p.volatility_ppm > 0 for p in with_debt):
            return
        riskiest = min(with_debt, key=lambda p: p.health_factor_wad)
        event_s = find_liquidation(borrower, history.as_of_s, debt, horizon_s=self._horizon_s)
        self._vectors.append(compute_borrower_vector(history))
        values = (
            event_s is not None,
            cluster,
            history.as_of_s,
            # Log of a health factor as a float: a baseline only, no part of the model.
            np.log(min(riskiest.health_factor_wad, 1000 * WAD) / WAD),
            snapshot.month_volatility_ppm(riskiest) / 1e6,
            riskiest.volatility_ppm / 1e6,
            -1 if event_s is None else event_s // DAY_S,
            is_borrow,
            is_first,
            is_level_known,
            0,
        )
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)

    def rows(self) -> BorrowerRows:
        """Return what was added, in order."""
        columns: dict[str, Array] = {
            name: np.array(values, dtype=_COLUMNS[name]) for name, values in self._columns.items()
        }
        vectors = np.array(self._vectors, dtype=np.int64).reshape(len(self._vectors), len(BORROWER_SCHEMA))
        return BorrowerRows(vectors=vectors, **columns)


def list_row_times(dataset: Dataset, *, step_days: int) -> list[TimestampS]:
    """Return cuts at least `step_days` apart, from the first one on, whose horizon lies inside the data."""
    chosen: list[TimestampS] = []
    for as_of_s in dataset.cuts_s:
        is_due = not chosen or as_of_s >= chosen[-1] + step_days * DAY_S
        if is_due and as_of_s + HORIZON_S <= dataset.end_s:
            chosen.append(as_of_s)
    return chosen


def join_samples(parts: list[BorrowerRows]) -> BorrowerRows:
    """Return rows of one dataset taken at different moments: a borrower keeps its number."""
    return BorrowerRows(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(BorrowerRows)})


def concatenate(parts: list[BorrowerRows]) -> BorrowerRows:
    """Return the rows of several datasets; borrowers of different ones are different clusters."""
    shift, moved = 0, []
    for source, part in enumerate(parts):
        moved.append(replace(part, clusters=part.clusters + shift, sources=np.full(len(part.sources), source)))
        shift += int(part.clusters.max(initial=-1)) + 1
    return join_samples(moved)


def build_collateral_rows(runs: list[PriceRun], *, step_days: int) -> CollateralRows:
    """Return rows of every `step_days`-th midnight of each run with a month before it and the window after it."""
    symbols = sorted({r.symbol for r in runs})
    vectors, falls, hour_falls, clusters, times = [], [], [], [], []
    for number, run in enumerate(runs):
        midnight = -(-run.first_hour_s // DAY_S) * DAY_S + (number % step_days) * DAY_S
        starts = np.arange(
            (midnight - run.first_hour_s) // HOUR_S, len(run.prices) - LIQUIDATION_WINDOW_HOURS, 24 * step_days
        )
        starts = starts[starts >= _MIN_HISTORY_HOURS]
        if len(starts) == 0:
            continue
        falls.append(deepest_falls_bps(run.prices, starts))
        hour_falls.append(deepest_falls_bps(run.prices, starts, hours=1))
        vectors += [compute_price_vector(run.prices[: start + 1], 0, 0) for start in starts.tolist()]
        clusters += [symbols.index(run.symbol)] * len(starts)
        times.append(run.first_hour_s + starts * HOUR_S)
    return CollateralRows(
        vectors=np.array(vectors, dtype=np.int64),
        falls_bps=np.concatenate(falls),
        hour_falls_bps=np.concatenate(hour_falls),
        clusters=np.array(clusters),
        as_of_s=np.concatenate(times),
    )
