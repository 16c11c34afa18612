"""Whether a dollar coin leaves its peg: an hourly price more than 1 % from a dollar within seven days, asked every day that it stands within 1 %.

The coins of the exchange's hourly closes, and those of the lending protocols' prices that no exchange pair holds, dead ones among them. Few coins leave, and most of
their days are one piece of news each.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from oracle.domain.units import BPS, DAY_S, HOUR_S, TimestampS
from oracle.scoring.bundle import Bundle
from training.collateral_days import PriceDays, build_days, compute_days_margins
from training.datasets.assets import DOLLARS
from training.datasets.lending_prices import read_lending_runs
from training.datasets.prices import PriceRun, price_runs, read_closes
from training.errors import TrainingError
from training.evaluation.task import NO_EVENT_DAY, Array, Score, TaskRows

HORIZON_DAYS = 7
DISTANCE = "distance_from_peg"
AWAY_BPS = 100
_LENDING_DOLLARS = frozenset("USDT DAI FRAX GUSD LUSD sUSD FEI UST BUSD".split())

type MarginOf = Callable[[PriceDays], Array]


def build_depeg(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per coin and day whose seven days end inside the data."""
    return depeg_rows(read_pegs(data), lambda days: compute_days_margins(bundle, days), first_s, end_s)


def read_pegs(data: Path) -> list[PriceRun]:
    """Return the runs of every dollar coin, each from one source.

    Raises:
        DatasetError: if a file is absent or has other columns.
    """
    closes = read_closes(data, sorted(DOLLARS))
    pegs = [run for symbol, series in sorted(closes.items()) for run in price_runs(symbol, *series)]
    return pegs + [run for run in read_lending_runs(data) if run.symbol in _LENDING_DOLLARS]


def depeg_rows(pegs: list[PriceRun], margin_of: MarginOf, first_s: int, end_s: int) -> TaskRows:
    """Return the rows of coins with first_s <= time < end_s, by what scores a day.

    Raises:
        TrainingError: if there are none.
    """
    distances = [(peg, _distance_bps(peg)) for peg in pegs]
    days = build_days(pegs, first_s, end_s)
    found = [_look(distances, s, t) for s, t in zip(days.symbols, days.as_of_s.tolist(), strict=True)]
    is_row = np.array([look is not None and look[0] <= AWAY_BPS for look in found])
    if not is_row.any():
        raise TrainingError("no coin of this span stands within 1 % of a dollar with seven days of prices after it")
    days = days.select(is_row)
    kept = np.array([look for look, kept in zip(found, is_row.tolist(), strict=True) if kept and look is not None])
    return TaskRows(
        is_positive=kept[:, 1] != NO_EVENT_DAY,
        owners=days.owners,
        as_of_s=days.as_of_s,
        event_days=kept[:, 1],
        model=Score(values=margin_of(days), is_probability=False),
        baselines={
            DISTANCE: Score(values=kept[:, 0], is_probability=False),
            **{name: Score(values=v, is_probability=False) for name, v in days.forecasts_bps.items()},
        },
        horizon_days=HORIZON_DAYS,
    )


def _look(distances: list[tuple[PriceRun, Array]], symbol: str, as_of_s: int) -> tuple[int, int] | None:
    """Return (distance now, UTC day of the first hour away or `NO_EVENT_DAY`); None where the data end within seven days and no hour before was away."""
    for run, distance_bps in distances:
        at = (as_of_s - run.first_hour_s) // HOUR_S
        if run.symbol == symbol and 0 <= at < len(distance_bps):
            after = distance_bps[at + 1 : at + 1 + HORIZON_DAYS * 24]
            away = np.flatnonzero(after > AWAY_BPS)
            if len(away):
                return int(distance_bps[at]), (as_of_s + (int(away[0]) + 1) * HOUR_S) // DAY_S
            if len(after) == HORIZON_DAYS * 24:
                return int(distance_bps[at]), NO_EVENT_DAY
    return None


def _distance_bps(run: PriceRun) -> Array:
    return np.rint(np.abs(run.prices / run.scale - 1) * BPS).astype(np.int64)
