"""Backtests of a forecast quantile of a loss: coverage, Kupiec, Christoffersen, traffic light, pinball, expected shortfall.

Losses are positive; an exceedance is a loss above its forecast. Sources: Kupiec, Journal of Derivatives 3 (1995); Christoffersen,
International Economic Review 39 (1998); Basel Committee, Supervisory framework for backtesting (1996); Acerbi and Szekely, Backtesting expected
shortfall (2014). The likelihood-ratio tests take rows as independent: for many assets at once they reject too often, since all fall together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.special import xlogy
from scipy.stats import binom, chi2
from scipy.stats import t as student

type Array = np.ndarray[Any, Any]

_YELLOW, _RED = 0.95, 0.9999


class Zone(StrEnum):
    """Zone of the Basel traffic light."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Transitions:
    """Pairs of consecutive rows of one series: calm or exceeded (first), then calm or exceeded (second)."""

    calm_calm: int
    calm_hit: int
    hit_calm: int
    hit_hit: int


@dataclass(frozen=True, kw_only=True)
class LikelihoodRatio:
    """A likelihood-ratio statistic and its p-value."""

    statistic: float
    p: float


def compute_pinball(losses: Array, forecasts: Array, level: float) -> float:
    """Return the mean quantile loss, in the losses' unit; the true quantile has the least."""
    return float(pinball_losses(losses, forecasts, level).mean())


def pinball_losses(losses: Array, forecasts: Array, level: float) -> Array:
    """Return the quantile loss of each row: level * excess where the loss is above its forecast, (1 - level) * slack where below."""
    excess = losses - forecasts
    return np.asarray(np.maximum(level * excess, (level - 1) * excess))


def compute_kupiec(n_rows: int, n_hits: int, level: float) -> LikelihoodRatio:
    """Return whether the share of exceedances is 1 - level (proportion of failures, one degree of freedom)."""
    rate = n_hits / n_rows
    restricted = xlogy(n_hits, 1 - level) + xlogy(n_rows - n_hits, level)
    free = xlogy(n_hits, rate) + xlogy(n_rows - n_hits, 1 - rate)
    return _ratio(float(free - restricted), degrees=1)


def count_transitions(is_hit: Array, owners: Array, times_s: Array, step_s: int) -> Transitions:
    """Return the transitions of each owner between rows exactly one step apart."""
    order = np.lexsort((times_s, owners))
    hit = np.asarray(is_hit, dtype=bool)[order]
    is_next = (np.diff(owners[order]) == 0) & (np.diff(times_s[order]) == step_s)
    first, second = hit[:-1][is_next], hit[1:][is_next]
    hit_hit = int((first & second).sum())
    calm_hit, hit_calm = int(second.sum()) - hit_hit, int(first.sum()) - hit_hit
    return Transitions(
        calm_calm=len(first) - hit_hit - calm_hit - hit_calm, calm_hit=calm_hit, hit_calm=hit_calm, hit_hit=hit_hit
    )


def compute_independence(moves: Transitions) -> LikelihoodRatio:
    """Return whether an exceedance is as likely after one as after none (Christoffersen, one degree of freedom)."""
    after_calm, after_hit = moves.calm_calm + moves.calm_hit, moves.hit_calm + moves.hit_hit
    hits = moves.calm_hit + moves.hit_hit
    pooled = hits / max(after_calm + after_hit, 1)
    first, second = moves.calm_hit / max(after_calm, 1), moves.hit_hit / max(after_hit, 1)
    restricted = xlogy(hits, pooled) + xlogy(after_calm + after_hit - hits, 1 - pooled)
    free = (
        xlogy(moves.calm_hit, first)
        + xlogy(moves.calm_calm, 1 - first)
        + xlogy(moves.hit_hit, second)
        + xlogy(moves.hit_calm, 1 - second)
    )
    return _ratio(float(free - restricted), degrees=1)


def compute_conditional_coverage(n_rows: int, n_hits: int, level: float, moves: Transitions) -> LikelihoodRatio:
    """Return whether coverage and independence hold together: the sum of both statistics, two degrees of freedom."""
    statistic = compute_kupiec(n_rows, n_hits, level).statistic + compute_independence(moves).statistic
    return LikelihoodRatio(statistic=statistic, p=float(chi2.sf(statistic, 2)))


def traffic_light(n_rows: int, n_hits: int, level: float) -> Zone:
    """Return the zone: yellow where as many exceedances or fewer had 95 % probability, red where 99.99 %.

    For 250 days at 99 % these are the Committee's 5 and 10.
    """
    probability = float(binom.cdf(n_hits, n_rows, 1 - level))
    if probability >= _RED:
        return Zone.RED
    return Zone.YELLOW if probability >= _YELLOW else Zone.GREEN


def compute_shortfall_z(losses: Array, forecasts: Array, shortfalls: Array, level: float) -> float:
    """Return Acerbi and Szekely's second statistic: 0 if the expected shortfalls are right, negative if they are too small.

    At 97.5 % over 250 days -0.70 is exceeded by chance in 5 % of cases, for most tails.
    """
    return float(shortfall_terms(losses, forecasts, shortfalls, level).mean())


def shortfall_terms(losses: Array, forecasts: Array, shortfalls: Array, level: float) -> Array:
    """Return what each row adds to that statistic, which is their mean: 1, less its loss in units of the expected one where it exceeded its forecast."""
    is_hit = losses > forecasts
    return np.asarray(1 - np.where(is_hit, losses / shortfalls, 0.0) / (1 - level))


def shortfall_p(z: float, error: float, degrees: int) -> float | None:
    """Return how likely so low a statistic is if the shortfalls are right: one-sided, by its bootstrap error; None without one."""
    if degrees < 1 or error <= 0:
        return None
    return float(student.cdf(z / error, degrees))


def _ratio(log_ratio: float, *, degrees: int) -> LikelihoodRatio:
    statistic = max(0.0, 2 * log_ratio)
    return LikelihoodRatio(statistic=statistic, p=float(chi2.sf(statistic, degrees)))
