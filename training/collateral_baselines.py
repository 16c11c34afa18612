"""Forecasts of the next day's deepest fall that need no training: what a risk desk would use in place of a model.

On a grid of moments 24 h apart, each from prices at or before its moment. A Brownian price falls below a level within a day twice as often as it ends
there (reflection), so the 99th percentile of the fall is 2.576 daily volatilities. Historical VaR is the 99th percentile of the 365 falls
before; the filtered one divides each by its own 7-day volatility and multiplies by today's (Barone-Adesi, Giannopoulos and Vosper, 1999).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.domain.units import BPS
from training.labels import LIQUIDATION_WINDOW_HOURS, deepest_falls_bps

type Array = np.ndarray[Any, Any]

HISTORICAL_VAR, EWMA, VOLATILITY, FILTERED = "historical_var", "ewma", "volatility_7d", "filtered_historical"
LEVEL = 0.99
EWMA_DECAY = 0.94
"""RiskMetrics' daily decay (J.P. Morgan and Reuters, 1996)."""
_REFLECTED = 2.5758
_WEEK_HOURS, _WINDOWS, _LEAST_WINDOWS = 168, 365, 20


def forecast_falls(prices: Array, grid: Array) -> dict[str, Array]:
    """Return forecasts in bps at each index of `grid`, 24 apart and at least a week in; NaN where too little is known."""
    daily = week_volatility(prices, grid)
    complete = grid[grid + LIQUIDATION_WINDOW_HOURS < len(prices)]
    falls = deepest_falls_bps(prices, complete).astype(np.float64)
    plain, filtered = np.full(len(grid), np.nan), np.full(len(grid), np.nan)
    scaled = falls / np.maximum(daily[: len(falls)], 1e-6)
    for i in range(_LEAST_WINDOWS, len(grid)):
        # The window that starts a day before ends at this moment: it is known, and the last one that is.
        past = slice(max(0, i - _WINDOWS), i)
        plain[i] = np.quantile(falls[past], LEVEL)
        filtered[i] = np.quantile(scaled[past], LEVEL) * daily[i]
    return {
        HISTORICAL_VAR: plain,
        EWMA: _fall_bps(ewma_volatility(prices, grid)),
        VOLATILITY: _fall_bps(daily),
        FILTERED: np.minimum(filtered, BPS),
    }


def week_volatility(prices: Array, grid: Array) -> Array:
    """Return the daily volatility of the hourly returns of the week up to each index: root mean square times the root of 24."""
    squares = np.concatenate(([0.0], np.cumsum(np.square(np.diff(prices) / prices[:-1]))))
    mean = (squares[grid] - squares[grid - _WEEK_HOURS]) / _WEEK_HOURS
    return np.asarray(np.sqrt(np.maximum(mean, 0.0) * LIQUIDATION_WINDOW_HOURS))


def ewma_volatility(prices: Array, grid: Array) -> Array:
    """Return the daily volatility by exponential weights of daily returns; it starts from the first week's."""
    variance = float(week_volatility(prices, grid[:1])[0]) ** 2
    out = [variance]
    for change in (np.diff(prices[grid]) / prices[grid[:-1]]).tolist():
        variance = EWMA_DECAY * variance + (1 - EWMA_DECAY) * change**2
        out.append(variance)
    return np.sqrt(np.array(out))


def _fall_bps(daily: Array) -> Array:
    return np.asarray(np.minimum(_REFLECTED * daily, 1.0) * BPS)
