"""Daily rows of price runs for the evaluation: the node's vector at 00:00 UTC, the fall of the 24 hours after, and forecasts without training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oracle.domain.score import ScoreKind
from oracle.domain.units import DAY_S, HOUR_S, TimestampS
from oracle.features.collateral import compute_price_vector
from oracle.scoring.bundle import Bundle
from oracle.scoring.reference import compute_margins
from training.collateral_baselines import forecast_falls
from training.datasets.prices import PriceRun, price_runs, read_closes
from training.errors import TrainingError
from training.labels import LIQUIDATION_WINDOW_HOURS, deepest_falls_bps

type Array = np.ndarray[Any, Any]

_WEEK_HOURS, _MONTH_DAYS = 168, 30


@dataclass(frozen=True, kw_only=True)
class PriceDays:
    """One row per pair and day; `falls_bps` is -1 where the data end within 24 hours."""

    symbols: tuple[str, ...]
    as_of_s: Array
    vectors: Array
    falls_bps: Array
    forecasts_bps: dict[str, Array]

    def select(self, mask: Array) -> PriceDays:
        """Return the rows of a mask."""
        return PriceDays(
            symbols=tuple(np.array(self.symbols)[mask].tolist()),
            as_of_s=self.as_of_s[mask],
            vectors=self.vectors[mask],
            falls_bps=self.falls_bps[mask],
            forecasts_bps={name: values[mask] for name, values in self.forecasts_bps.items()},
        )

    @property
    def owners(self) -> Array:
        """Return the number of each row's pair."""
        return np.unique(np.array(self.symbols), return_inverse=True)[1]


def read_days(
    data: Path, symbols: frozenset[str] | None, first_s: TimestampS, end_s: TimestampS, *, step_days: int = 1
) -> PriceDays:
    """Return the rows of dollar pairs with first_s <= time < end_s, at least 30 days into their run.

    Raises:
        DatasetError: if the hourly closes are absent.
        TrainingError: if the span holds no rows.
    """
    closes = read_closes(data, sorted(symbols) if symbols is not None else None)
    runs = (run for symbol, series in sorted(closes.items()) for run in price_runs(symbol, *series))
    return build_days(runs, first_s, end_s, step_days=step_days)


def build_days(runs: Iterable[PriceRun], first_s: int, end_s: int, *, step_days: int = 1) -> PriceDays:
    """Return the rows of runs. Rows of all pairs share their moments: each day whose number divides by `step_days`."""
    parts = [part for run in runs if (part := _run_days(run, first_s, end_s, step_days)) is not None]
    if not parts:
        raise TrainingError("no pair has a row in this span: each needs 30 days of prices before it")
    return PriceDays(
        symbols=tuple(s for p in parts for s in p.symbols),
        as_of_s=np.concatenate([p.as_of_s for p in parts]),
        vectors=np.concatenate([p.vectors for p in parts]),
        falls_bps=np.concatenate([p.falls_bps for p in parts]),
        forecasts_bps={name: np.concatenate([p.forecasts_bps[name] for p in parts]) for name in parts[0].forecasts_bps},
    )


def compute_days_margins(bundle: Bundle, days: PriceDays) -> Array:
    """Return the margin of each row.

    Raises:
        TrainingError: if the bundle scores borrowers.
    """
    if bundle.kind is not ScoreKind.COLLATERAL:
        raise TrainingError(f"{bundle.name} scores borrowers: this task needs a bundle of collaterals")
    return compute_margins(bundle.model.trees, days.vectors)


def _run_days(run: PriceRun, first_s: int, end_s: int, step_days: int) -> PriceDays | None:
    midnight = -(-(run.first_hour_s + _WEEK_HOURS * HOUR_S) // DAY_S) * DAY_S
    grid = np.arange((midnight - run.first_hour_s) // HOUR_S, len(run.prices), LIQUIDATION_WINDOW_HOURS)
    times = run.first_hour_s + grid * HOUR_S
    is_row = (times >= first_s) & (times < end_s) & (grid >= _MONTH_DAYS * 24) & (times // DAY_S % step_days == 0)
    if not is_row.any():
        return None
    starts = grid[is_row]
    is_complete = starts + LIQUIDATION_WINDOW_HOURS < len(run.prices)
    falls = np.full(len(starts), -1, dtype=np.int64)
    falls[is_complete] = deepest_falls_bps(run.prices, starts[is_complete])
    return PriceDays(
        symbols=(run.symbol,) * len(starts),
        as_of_s=times[is_row],
        vectors=np.array([compute_price_vector(run.prices[: s + 1], 0, 0) for s in starts.tolist()], dtype=np.int64),
        falls_bps=falls,
        forecasts_bps={name: values[is_row] for name, values in forecast_falls(run.prices, grid).items()},
    )
