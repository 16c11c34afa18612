"""A measured value beside its 95 % interval; where one cannot be had, the reason why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import t

CONFIDENCE, POWER = 0.95, 0.80


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value with its interval; None for what the rows cannot show, with `reason`."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None

    def scaled(self, factor: float) -> Figure:
        """Return the figure in another unit; the factor is positive."""
        value, low, high = (None if x is None else x * factor for x in (self.value, self.low, self.high))
        return Figure(value=value, low=low, high=high, reason=self.reason)


def absent(reason: str) -> Figure:
    """Return a figure that the rows cannot give."""
    return Figure(value=None, reason=reason)


def build_figure(
    value: float, error: float, degrees: int, *, least: float = -math.inf, most: float = math.inf
) -> Figure:
    """Return value +- t * standard error, kept within the bounds that the measure has; no interval without degrees of freedom."""
    if math.isnan(value):
        return absent("the rows hold one outcome only")
    if degrees < 1:
        return Figure(value=value, reason="the events fall on one owner or in one block of time: no interval")
    half = float(t.ppf((1 + CONFIDENCE) / 2, degrees)) * error
    return Figure(value=value, low=max(least, value - half), high=min(most, value + half))


def minimum_detectable(error: float, degrees: int) -> float | None:
    """Return the smallest true difference that a two-sided 5 % test finds with 80 % probability.

    Source: Bloom, Minimum detectable effects, Evaluation Review 19 (1995): (t_0.975 + t_0.80) standard errors.
    """
    if degrees < 1:
        return None
    return float(t.ppf((1 + CONFIDENCE) / 2, degrees) + t.ppf(POWER, degrees)) * error
