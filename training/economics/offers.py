"""The rules compared: per asset, the LTV that each offers at a midnight and the liquidation threshold in force on each day, from what was known then.

- `ours`: a collateral model that was trained on rows before the day, through `oracle.terms`; the rated borrower has the behaviour margin 0, as every leaf of a bundle in
  shadow has, and the tables of `borrower-1`; the unrated one gets the floor. Open loans feel a new threshold at once, as in `LendingMarket`.
- `static`: Aave's parameters on record, see `static_terms`; `carried back` where they are guessed before it. `our buffer` keeps their thresholds and lends up to our buffer
  below: what of a gain comes from the buffer alone. Of ETH in 2021 only Aave v2's threshold is on record: our buffer below it is lent.
- `SmartLTV`: threshold exp(-c * sigma / sqrt(l / d)) - bonus; sigma is a day's volatility over 30 days, l / d = 1 because no folder holds the history of pools, c = 3.
- `zero bad debt`: the largest threshold that no window of the past year, as long as liquidators take, would have broken.
`SmartLTV` and `zero bad debt` leave the same buffer between LTV and threshold as ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from oracle.domain.ids import ZERO_HASH, SubjectId
from oracle.domain.score import Binding, CollateralScore
from oracle.domain.units import BPS, DAY_S, HOUR_S, Bps, Margin
from oracle.features.collateral import compute_price_vector
from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.calibration import score_collaterals
from oracle.scoring.model import BorrowerTables, Model
from oracle.scoring.reference import compute_margins
from oracle.terms.expected_loss import MarketPolicy
from oracle.terms.policy import compute_max_ltv
from training.collateral import BUFFER_BPS
from training.datasets.prices import PriceRun
from training.economics.liquidators import BONUS_BPS, recovered_share
from training.economics.static_terms import StaticTerms

type Array = np.ndarray[Any, Any]

OURS_RATED, OURS_UNRATED, STATIC, STATIC_BUFFERED, CARRIED, CARRIED_BUFFERED, SMART_LTV, ZERO_BAD_DEBT, ETH_BUFFERED = (
    "ours, rated",
    "ours, unrated",
    "static",
    "static, our buffer",
    "carried back",
    "carried back, our buffer",
    "SmartLTV",
    "zero bad debt",
    "Aave v2's threshold, our buffer",
)
RULES = (
    OURS_RATED,
    OURS_UNRATED,
    STATIC,
    STATIC_BUFFERED,
    CARRIED,
    CARRIED_BUFFERED,
    SMART_LTV,
    ZERO_BAD_DEBT,
    ETH_BUFFERED,
)
SMART_LTV_CONFIDENCE = 3.0
LEAST_HISTORY_HOURS = 365 * 24
LEAST_FIRST_YEAR_HOURS = 90 * 24
"""Of a pair that the prices begin with, while they are younger than a year: every rule then looks back as far as there is."""
PRICES_BEGIN_S = int(datetime(2021, 1, 2, tzinfo=UTC).timestamp())
_YEAR_HOURS, _MONTH_HOURS, _DAY_HOURS = 365 * 24, 30 * 24, 24


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One rule on one asset, by day: LTV in bps (0: nothing is lent) and the threshold of open loans (0: as on the day before)."""

    ltv_bps: Array
    threshold_bps: Array


@dataclass(frozen=True, kw_only=True)
class Days:
    """Midnights of one run: index of each into the run's prices, its day since the start, and the vector of features then."""

    hours: Array
    numbers: Array
    vectors: Array


@dataclass(frozen=True, kw_only=True)
class ModelUntil:
    """A collateral model and the time at which what it knows ends."""

    known_until_s: int
    model: Model


def list_days(run: PriceRun, first_s: int, n_days: int) -> Days:
    """Return the midnights with a year of prices before them, less in the first year of the prices; the same for every rule."""
    least_hours = LEAST_FIRST_YEAR_HOURS if run.first_hour_s < PRICES_BEGIN_S else LEAST_HISTORY_HOURS
    hours = (first_s + np.arange(n_days) * DAY_S - run.first_hour_s) // HOUR_S
    numbers = np.flatnonzero((hours >= least_hours) & (hours < len(run.prices)))
    hours = hours[numbers]
    vectors = [compute_price_vector(run.prices[: hour + 1], 0, 0) for hour in hours.tolist()]
    shaped = np.array(vectors, dtype=np.int64).reshape(len(hours), len(COLLATERAL_SCHEMA))
    return Days(hours=hours, numbers=numbers, vectors=shaped)


def static_offer(days: Days, terms: StaticTerms) -> Offer:
    """Return the terms in force; an open loan keeps its last threshold where a pool stops lending."""
    return Offer(ltv_bps=terms.ltv_bps[days.numbers], threshold_bps=terms.threshold_bps[days.numbers])


def buffered(offer: Offer) -> Offer:
    """Return the same thresholds, with LTVs our buffer below them wherever the rule lends."""
    close = offer.threshold_bps * (BPS - BUFFER_BPS) // BPS
    return Offer(ltv_bps=np.where(offer.ltv_bps > 0, close, 0), threshold_bps=offer.threshold_bps)


def our_offers(
    days: Days, first_s: int, models: tuple[ModelUntil, ...], tables: BorrowerTables, market: MarketPolicy
) -> tuple[Offer, Offer]:
    """Return the offers to a rated and to an unrated borrower, each day by the newest model that knew nothing later."""
    rated, floors, thresholds = (np.zeros(len(days.hours), dtype=np.int64) for _ in range(3))
    times = first_s + days.numbers * DAY_S
    newest = np.searchsorted([m.known_until_s for m in models], times, side="right") - 1
    for number, until in enumerate(models):
        rows = np.flatnonzero(newest == number)
        if len(rows):
            margins = compute_margins(until.model.trees, days.vectors[rows])
            subjects = [SubjectId(ZERO_HASH)] * len(rows)
            scores = score_collaterals(until.model, subjects, days.vectors[rows], margins)
            floors[rows] = [s.ltv_floor_bps for s in scores]
            thresholds[rows] = [s.liquidation_threshold_bps for s in scores]
            rated[rows] = [_rated_ltv(s, tables, market) for s in scores]
    return (
        Offer(ltv_bps=rated, threshold_bps=thresholds),
        Offer(ltv_bps=floors, threshold_bps=thresholds),
    )


def smart_ltv_offer(run: PriceRun, days: Days) -> Offer:
    """Return SmartLTV's terms, from the volatility of the 30 days before."""
    returns = np.diff(np.log(run.prices.astype(np.float64)))
    sigmas = [float(returns[hour - _MONTH_HOURS : hour].std()) * _DAY_HOURS**0.5 for hour in days.hours.tolist()]
    thresholds = np.exp(-SMART_LTV_CONFIDENCE * np.array(sigmas)) - BONUS_BPS / BPS
    return _with_buffer(thresholds)


def zero_bad_debt_offer(run: PriceRun, days: Days, delay_hours: int, haircut_bps: Bps) -> Offer:
    """Return the largest threshold from which no fall of the year before, as long as a liquidation takes, would have lost anything."""
    kept = run.prices[delay_hours:] / run.prices[:-delay_hours]
    worst = [float(kept[max(0, hour - _YEAR_HOURS) : hour - delay_hours + 1].min()) for hour in days.hours.tolist()]
    return _with_buffer(np.minimum(1.0, np.array(worst)) * recovered_share(haircut_bps))


def _with_buffer(thresholds: Array) -> Offer:
    threshold_bps = np.floor(np.clip(thresholds, 0.0, 1.0) * BPS).astype(np.int64)
    return buffered(Offer(ltv_bps=threshold_bps, threshold_bps=threshold_bps))


def _rated_ltv(score: CollateralScore, tables: BorrowerTables, market: MarketPolicy) -> Bps:
    # The policy lends nothing without a rated score, or with a price that never moved.
    if score.binding is Binding.UNRATED or score.volatility_ppm == 0:
        return Bps(0)
    return compute_max_ltv(score, tables, Margin(0), market)


def fill_thresholds(offer: Offer) -> Iterator[int]:
    """Yield each day's threshold, the last known one where a rule names none."""
    last = 0
    for threshold in offer.threshold_bps.tolist():
        last = threshold or last
        yield last
