"""The figures of a forecast quantile: coverage and pinball loss with intervals, backtests, per quarter and per owner, and paired differences.

The likelihood-ratio tests take all rows as independent. Falls come to all assets on the same day, so for many assets at once they reject far too often; the share of
single assets that pass, and the interval of the coverage, say what they cannot. The backtest of the expected shortfall (Acerbi and Szekely's second statistic) takes its
p from the two-way bootstrap, so that a day counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S
from training.evaluation.figures import MODEL, Comparison, block_days
from training.evaluation.task import QuantileRows
from training.statistics.clusters import Clusters, build_clusters
from training.statistics.figure import Figure, build_figure, minimum_detectable
from training.statistics.measures import MeanMeasure
from training.statistics.resampling import DRAWS, Draws, resample
from training.statistics.tails import (
    compute_conditional_coverage,
    compute_independence,
    compute_kupiec,
    count_transitions,
    pinball_losses,
    shortfall_p,
    shortfall_terms,
    traffic_light,
)

type Array = np.ndarray[Any, Any]

PASSES_P = 0.05
LEAST_OWNER_ROWS = 100
_SHORTFALL = "shortfall_z"


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """Exceedances of some rows, and what the tests say."""

    n: int
    exceedances: int
    coverage: float
    kupiec_p: float
    independence_p: float
    christoffersen_p: float
    zone: str


@dataclass(frozen=True, kw_only=True)
class QuantileFigures:
    """One forecast: all rows together, each calendar quarter, and the share of owners with enough rows that pass each test.

    `shortfall_z` is below zero where losses beyond the quantile are larger or more frequent than stated, `shortfall_p` how likely so low a value is by chance.
    """

    coverage: Figure
    pinball: Figure
    backtest: Backtest
    quarters: Mapping[str, Backtest]
    owners_tested: int
    owners_pass_kupiec: float | None
    owners_pass_christoffersen: float | None
    shortfall_z: float | None
    shortfall_p: float | None


@dataclass(frozen=True, kw_only=True)
class QuantileReport:
    """All forecasts by name (the model is `MODEL`), and the model's differences from each baseline."""

    n: int
    owners: int
    event_days: int
    event_blocks: int
    scores: Mapping[str, QuantileFigures]
    paired: Mapping[str, Mapping[str, Comparison]]


def compute_quantile_figures(rows: QuantileRows, *, n_draws: int = DRAWS) -> QuantileReport:
    """Return the figures of rows without missing forecasts; counts of events are exceedances of the model."""
    forecasts = {MODEL: rows.model, **rows.baselines}
    clusters = build_clusters(rows.owners, rows.as_of_s, block_days=block_days(rows.horizon_days))
    row_values = {name: _row_values(rows, forecast) for name, forecast in forecasts.items()}
    measures = {n: [MeanMeasure(names=("coverage", "pinball"), values=v)] for n, v in row_values.items()}
    terms = _shortfall_terms(rows)
    if terms is not None:
        measures[MODEL].append(MeanMeasure(names=(_SHORTFALL,), values=terms[None, :]))
    draws = resample(clusters, measures, n_draws=n_draws)
    degrees = {name: _degrees(clusters, values) for name, values in row_values.items()}
    scores = {
        name: _figures(rows, name, row_values[name], draws, degrees[name], terms if name == MODEL else None)
        for name in forecasts
    }
    is_hit = row_values[MODEL][0] == 0
    return QuantileReport(
        n=len(rows.losses),
        owners=clusters.sizes[0],
        event_days=len(np.unique(rows.as_of_s[is_hit] // DAY_S)),
        event_blocks=len(np.unique(clusters.blocks[is_hit])),
        scores=scores,
        paired={
            name: {
                key: _difference(draws, name, key, row_values, max(degrees[MODEL], degrees[name]))
                for key in ("coverage", "pinball")
            }
            for name in rows.baselines
        },
    )


def backtest(is_hit: Array, owners: Array, as_of_s: Array, level: float, step_s: int) -> Backtest:
    """Return the tests of rows by whether each loss exceeded its forecast."""
    n, hits = len(is_hit), int(is_hit.sum())
    moves = count_transitions(is_hit, owners, as_of_s, step_s)
    return Backtest(
        n=n,
        exceedances=hits,
        coverage=1 - hits / n,
        kupiec_p=compute_kupiec(n, hits, level).p,
        independence_p=compute_independence(moves).p,
        christoffersen_p=compute_conditional_coverage(n, hits, level, moves).p,
        zone=str(traffic_light(n, hits, level)),
    )


def _row_values(rows: QuantileRows, forecast: Array) -> Array:
    is_covered = (rows.losses <= forecast).astype(np.float64)
    return np.stack((is_covered, pinball_losses(rows.losses, forecast, rows.level)))


def _degrees(clusters: Clusters, values: Array) -> int:
    return clusters.degrees_of_freedom(values[0] == 0)


def _shortfall_terms(rows: QuantileRows) -> Array | None:
    """Return each row's part of the statistic; None where the model states no expected shortfall."""
    if rows.shortfalls is None:
        return None
    return shortfall_terms(rows.losses, rows.model, rows.shortfalls, rows.level)


def _figures(
    rows: QuantileRows, name: str, values: Array, draws: Draws, degrees: int, terms: Array | None
) -> QuantileFigures:
    is_hit, step_s = values[0] == 0, rows.horizon_days * DAY_S
    quarters = np.array([_quarter(time_s) for time_s in rows.as_of_s.tolist()])
    owner_tests = [
        backtest(is_hit[mine], rows.owners[mine], rows.as_of_s[mine], rows.level, step_s)
        for owner in np.unique(rows.owners)
        if (mine := rows.owners == owner).sum() >= LEAST_OWNER_ROWS
    ]
    shortfall_z = None if terms is None else float(terms.mean())
    return QuantileFigures(
        coverage=build_figure(
            float(values[0].mean()), draws.standard_error((name, "coverage")), degrees, least=0.0, most=1.0
        ),
        pinball=build_figure(float(values[1].mean()), draws.standard_error((name, "pinball")), degrees, least=0.0),
        backtest=backtest(is_hit, rows.owners, rows.as_of_s, rows.level, step_s),
        quarters={
            quarter: backtest(is_hit[mine], rows.owners[mine], rows.as_of_s[mine], rows.level, step_s)
            for quarter in sorted(set(quarters.tolist()))
            if (mine := quarters == quarter).any()
        },
        owners_tested=len(owner_tests),
        owners_pass_kupiec=_share([t.kupiec_p for t in owner_tests]),
        owners_pass_christoffersen=_share([t.christoffersen_p for t in owner_tests]),
        shortfall_z=shortfall_z,
        shortfall_p=None
        if shortfall_z is None
        else shortfall_p(shortfall_z, draws.standard_error((name, _SHORTFALL)), degrees),
    )


def _share(p_values: list[float]) -> float | None:
    return float(np.mean([p > PASSES_P for p in p_values])) if p_values else None


def _difference(draws: Draws, name: str, key: str, row_values: Mapping[str, Array], degrees: int) -> Comparison:
    row = ("coverage", "pinball").index(key)
    error = draws.standard_error((MODEL, key), (name, key))
    gap = float(row_values[MODEL][row].mean() - row_values[name][row].mean())
    return Comparison(difference=build_figure(gap, error, degrees), detectable=minimum_detectable(error, degrees))


def _quarter(time_s: int) -> str:
    moment = datetime.fromtimestamp(time_s, UTC)
    return f"{moment.year}-Q{(moment.month + 2) // 3}"
