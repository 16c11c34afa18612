"""From rows of borrowers to rows of a task: the bundle's score, and the rules that any risk manager has at hand.

The score is the log-odds of the probability that the bundle publishes, which is of 30 days; over another horizon it only ranks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm

from oracle.domain.score import ScoreKind
from oracle.domain.units import DAY_S
from oracle.features.registry import BORROWER_SCHEMA
from oracle.scoring.bundle import Bundle
from oracle.scoring.model import BorrowerTables
from oracle.scoring.reference import compute_margins
from training.errors import TrainingError
from training.evaluation.task import Score, TaskRows
from training.labels import HORIZON_S
from training.rows import BorrowerRows
from training.structure import offsets_at

type Array = np.ndarray[Any, Any]

HEALTH, LOW_HEALTH, EPISODES = "health_factor", "past_low_health", "past_liquidations"
BARRIER_30, BARRIER_365 = "barrier_30d", "barrier_365d"
SHADOW = "with_shadow_trees"
FIRST, KNOWN = "first_borrows", "level_known"
_YEAR_DAYS = 365
_LEAST_VOLATILITY, _LEAST_P = 0.05, 1e-9
_SLOTS = {feature.name: feature.slot for feature in BORROWER_SCHEMA}


def build_loan_task(rows: BorrowerRows, bundle: Bundle, horizon_s: int, groups: Mapping[str, Array]) -> TaskRows:
    """Return the rows of a task.

    Raises:
        TrainingError: if there are none, or the bundle scores no borrowers.
    """
    if bundle.kind is not ScoreKind.BORROWER:
        raise TrainingError(f"{bundle.name} scores collaterals, this task asks about borrowers: pass a borrower bundle")
    if len(rows.as_of_s) == 0:
        raise TrainingError("the span holds no row with debt above dust whose horizon ends inside the record")
    published, shadow = score_rows(bundle, rows.vectors)
    days = horizon_s // DAY_S
    return TaskRows(
        is_positive=rows.is_positive,
        owners=rows.clusters,
        as_of_s=rows.as_of_s,
        event_days=rows.event_days,
        model=Score(values=published, is_probability=horizon_s == HORIZON_S),
        baselines={
            **{name: Score(values=v, is_probability=False) for name, v in rule_signals(rows, days).items()},
            SHADOW: Score(values=shadow, is_probability=horizon_s == HORIZON_S),
        },
        groups=groups,
        horizon_days=days,
        upper=_upper(bundle, published) if horizon_s == HORIZON_S else None,
        features=scorecard_features(rows),
    )


def score_rows(bundle: Bundle, vectors: Array) -> tuple[Array, Array]:
    """Return (log-odds that the bundle publishes, those with behaviour trees even where these run in shadow)."""
    tables = _tables(bundle)
    structural = offsets_at(tables.state_offsets, vectors[:, 0])
    behaviour = compute_margins(bundle.model.trees, vectors)
    with_trees = structural + behaviour
    return _log_odds(tables, with_trees if bundle.trees_active else structural), _log_odds(tables, with_trees)


def rule_signals(rows: BorrowerRows, days: int) -> dict[str, Array]:
    """Return the baselines without a model: higher is riskier."""
    return {
        HEALTH: -rows.log_health,
        BARRIER_30: barrier_log_odds(rows.log_health, rows.volatility_30d, days),
        BARRIER_365: barrier_log_odds(rows.log_health, rows.volatility_365d, days),
        LOW_HEALTH: _slot(rows, "low_health_days", absent=0.0),
        EPISODES: _slot(rows, "liquidation_episodes", absent=0.0),
    }


def barrier_log_odds(log_health: Array, volatility: Array, days: int) -> Array:
    """Return log-odds of the first passage 2 * Phi(-ln(HF) / (sigma * sqrt(T))), the price a driftless geometric Brownian motion."""
    distance = np.maximum(log_health, 0) / (np.maximum(volatility, _LEAST_VOLATILITY) * np.sqrt(days / _YEAR_DAYS))
    p = np.clip(2 * norm.cdf(-distance), _LEAST_P, 1 - _LEAST_P)
    return np.asarray(np.log(p / (1 - p)))


def scorecard_features(rows: BorrowerRows) -> dict[str, Array]:
    """Return what a scorecard would be built of: level, volatility, and every behaviour, missing as NaN."""
    behaviour = {name: _slot(rows, name, absent=np.nan) for name, slot in _SLOTS.items() if slot > 0}
    return {"log_health": rows.log_health, "volatility_30d": rows.volatility_30d, **behaviour}


def _slot(rows: BorrowerRows, name: str, *, absent: float) -> Array:
    column = rows.vectors[:, _SLOTS[name]]
    return np.where(column == 0, absent, column - 1.0)


def _tables(bundle: Bundle) -> BorrowerTables:
    tables = bundle.model.tables
    if not isinstance(tables, BorrowerTables):
        raise TrainingError(f"{bundle.name} holds no tables of borrowers")
    return tables


def _log_odds(tables: BorrowerTables, margins: Array) -> Array:
    p = np.array([tables.pd_ppm[tables.table_index(m)] for m in margins.tolist()]) / 1e6
    return np.asarray(np.log(p / (1 - p)))


def _upper(bundle: Bundle, published: Array) -> Array:
    """Return the upper bound that goes with each published probability."""
    tables = _tables(bundle)
    ppm = np.rint(1e6 / (1 + np.exp(-published))).astype(np.int64)
    return np.array(tables.pd_upper_ppm)[np.searchsorted(np.array(tables.pd_ppm), ppm)] / 1e6
