"""A probability for a loan whose collateral is unknown, from the price path since it was opened: the bundle's own, averaged over the healths that are possible.

A loan opens at a health factor H of which only the distribution is assumed, and moves with the price of its collateral since. Had it fallen below 1 on the way, it
would have been liquidated: so only those H remain whose lowest point since lay above 1, and the more of them are gone, the likelier it is that the loan was
closed instead. With open(t) = exp(-t / closing time) and S the share of H that remains,

    P(liquidated) = P(open | not liquidated) * E[ PD of the bundle at z(H * return) | H remains ],   P(open | ...) = open S / (open S + 1 - open).

Learning-free for the source it is applied to: the distribution and the closing time were measured on the Maker ETH-B vaults of the developers' data (6,910 borrows
with a state within a day: ln H has median 0.226, quartiles 0.067 and 0.414; 511 closures in 69,499 vault-days after a borrow).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from oracle.domain.fixed_point import Z_AT_LIQUIDATION
from oracle.domain.score import ScoreKind
from oracle.domain.units import DAY_S
from oracle.features.quantize import SLOT_MAX
from oracle.scoring.bundle import Bundle
from oracle.scoring.calibration import compute_state_offsets
from training.errors import TrainingError

type Array = np.ndarray[Any, Any]

_POINTS = 64
_Z_UNITS, _HORIZON_DAYS, _YEAR_DAYS = 1024, 30, 365
_LEAST_DISTANCE = 1e-4
_BLOCK = 4_096


@dataclass(frozen=True, kw_only=True)
class OpeningHealth:
    """ln of the health factor at opening is log-normal; `closing_days` is the mean time until a loan is paid back."""

    median: float
    spread: float
    closing_days: float

    @property
    def points(self) -> Array:
        """Return equally likely values of ln H, ascending."""
        return np.asarray(self.median * np.exp(self.spread * norm.ppf((np.arange(_POINTS) + 0.5) / _POINTS)))


BORROWED = OpeningHealth(median=0.226, spread=1.36, closing_days=136.0)
"""After a borrow of a Maker vault."""


@dataclass(frozen=True, kw_only=True)
class PricesSince:
    """What is known of each loan: price now and lowest, over that at opening; annual volatility; time since."""

    relative: Array
    lowest: Array
    volatility: Array
    age_s: Array


def compute_log_odds(bundle: Bundle, prior: OpeningHealth, since: PricesSince, behaviour: Array) -> Array:
    """Return the log-odds of each loan; `behaviour` are margins added to the state offset, zero where trees do not count.

    Raises:
        TrainingError: if the bundle scores collaterals.
    """
    if bundle.kind is not ScoreKind.BORROWER:
        raise TrainingError(f"{bundle.name} scores collaterals: this task needs a bundle of borrowers")
    blocks = range(0, len(since.age_s), _BLOCK)
    probability = np.concatenate(
        [_probability(bundle, prior, since, behaviour, slice(i, i + _BLOCK)) for i in blocks] or [np.zeros(0)]
    )
    probability = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(probability / (1 - probability)))


def _probability(bundle: Bundle, prior: OpeningHealth, since: PricesSince, behaviour: Array, rows: slice) -> Array:
    tables = bundle.model.borrower_tables
    points = prior.points[None, :]
    remains = points > -np.log(since.lowest[rows])[:, None]
    remains[:, -1] = True
    distance = np.maximum(points + np.log(since.relative[rows])[:, None], _LEAST_DISTANCE)
    sigmas = distance / (since.volatility[rows] * np.sqrt(_HORIZON_DAYS / _YEAR_DAYS))[:, None]
    z = np.clip(Z_AT_LIQUIDATION + sigmas * _Z_UNITS, 1, SLOT_MAX).astype(np.int64)
    margins = compute_state_offsets(tables, z) + behaviour[rows, None]
    bins = np.clip((margins - tables.lo) >> tables.shift, 0, len(tables.pd_ppm) - 1)
    mean_pd = (np.array(tables.pd_ppm)[bins] * remains).sum(axis=1) / remains.sum(axis=1) / 1e6
    is_open = np.exp(-since.age_s[rows] / (prior.closing_days * DAY_S))
    survives = is_open * remains.mean(axis=1)
    return np.asarray(mean_pd * survives / (survives + 1 - is_open))
