"""Rules that any risk manager has at hand, as baselines: levels, barriers, counts, and the columns of a scorecard. Higher is riskier.

The barrier is the first passage of a driftless geometric Brownian motion through the liquidation price, 2 * Phi(-ln(HF) / (sigma * sqrt(T))).
Source: Black and Cox, Valuing corporate securities, Journal of Finance 31 (1976), without drift.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from oracle.features.registry import BORROWER_SCHEMA
from training.rows import BorrowerRows

type Array = np.ndarray[Any, Any]

HEALTH, LOW_HEALTH, EPISODES = "health_factor", "past_low_health", "past_liquidations"
BARRIER_30, BARRIER_365 = "barrier_30d", "barrier_365d"
_YEAR_DAYS = 365
_LEAST_VOLATILITY, _LEAST_P = 0.05, 1e-9
_SLOTS = {feature.name: feature.slot for feature in BORROWER_SCHEMA}


def rule_signals(rows: BorrowerRows, days: int) -> dict[str, Array]:
    """Return the baselines without a model: higher is riskier."""
    return {
        HEALTH: -rows.log_health,
        BARRIER_30: barrier_log_odds(rows.log_health, rows.volatility_30d, days),
        BARRIER_365: barrier_log_odds(rows.log_health, rows.volatility_365d, days),
        LOW_HEALTH: _slot(rows, "low_health_days", absent=0.0),
        EPISODES: _slot(rows, "liquidation_episodes", absent=0.0),
    }


def scorecard_features(rows: BorrowerRows) -> dict[str, Array]:
    """Return what a scorecard would be built of: level, volatility, and every behaviour, missing as NaN."""
    behaviour = {name: _slot(rows, name, absent=np.nan) for name, slot in _SLOTS.items() if slot > 0}
    return {"log_health": rows.log_health, "volatility_30d": rows.volatility_30d, **behaviour}


def _slot(rows: BorrowerRows, name: str, *, absent: float) -> Array:
    column = rows.vectors[:, _SLOTS[name]]
    return np.where(column == 0, absent, column - 1.0)


def barrier_log_odds(log_health: Array, volatility: Array, days: int) -> Array:
    """Return log-odds of that probability, within those of 1e-9 and 1 - 1e-9; volatility is annual, at least 5 %."""
    distance = np.maximum(log_health, 0) / (np.maximum(volatility, _LEAST_VOLATILITY) * np.sqrt(days / _YEAR_DAYS))
    p = np.clip(2 * norm.cdf(-distance), _LEAST_P, 1 - _LEAST_P)
    return np.asarray(np.log(p / (1 - p)))
