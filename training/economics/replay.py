"""Loans of 30 days on real hourly prices: who is liquidated, and what the lender loses, per dollar of collateral and at every scale of a rule.

On each midnight a borrower pledges one dollar of an asset and takes a share of the LTV offered. The loan is liquidated at the first hour at which
price * threshold < debt; the sale happens `delay_hours` later at the price then, and repays at most `recovered_share` of what the collateral is worth. What is
left of the debt is bad debt. A loan that sees the end of the prices is closed there. Scaling LTV and threshold together moves debts and losses, not the hour of
liquidation, so that one pass gives a rule's whole frontier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.units import BPS
from training.datasets.prices import PriceRun
from training.economics.offers import Days, Offer, fill_thresholds

type Array = np.ndarray[Any, Any]

LOAN_HOURS = 30 * 24
SCALES = np.round(np.arange(0.20, 1.7001, 0.02), 2)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Sums over the shares of the population, by day: debt granted, debt liquidated, and bad debt per scale (n_days, n_scales), in dollars per dollar pledged."""

    granted: Array
    liquidated: Array
    bad_debt: Array


def replay_offer(
    run: PriceRun, days: Days, offer: Offer, shares: Array, *, delay_hours: int, recovered: float
) -> Outcome:
    """Return what becomes of the loans of one rule on one run of prices, averaged over the shares."""
    prices = run.prices.astype(np.float64)
    thresholds = _hourly_thresholds(days, offer, len(prices))
    # What a loan's health follows; a running minimum gives the first hour below any debt.
    levels = prices * thresholds
    lowest = np.minimum.accumulate(_windows(levels, days.hours), axis=1)
    entry = prices[days.hours]
    granted, liquidated = np.zeros(len(days.hours)), np.zeros(len(days.hours))
    bad_debt = np.zeros((len(days.hours), len(SCALES)))
    for share in shares.tolist():
        debt = share * offer.ltv_bps / BPS
        hours_held = (lowest >= (debt * entry)[:, None]).sum(axis=1)
        is_liquidated = (hours_held < lowest.shape[1]) & (debt > 0)
        # Windows begin an hour after the loan, so the threshold is crossed at that hour plus those held.
        sold_at = np.minimum(days.hours + 1 + hours_held + delay_hours, len(prices) - 1)
        repaid = recovered * prices[sold_at] / entry
        granted += debt
        liquidated += debt * is_liquidated
        bad_debt += np.where(is_liquidated[:, None], np.maximum(0.0, debt[:, None] * SCALES - repaid[:, None]), 0.0)
    n = len(shares)
    return Outcome(granted=granted / n, liquidated=liquidated / n, bad_debt=bad_debt / n)


def _hourly_thresholds(days: Days, offer: Offer, n_hours: int) -> Array:
    """Return the threshold in force at each hour, a share; before the first day it does not matter."""
    filled = np.fromiter(fill_thresholds(offer), dtype=np.int64, count=len(days.hours))
    newest = np.searchsorted(days.hours, np.arange(n_hours), side="right") - 1
    return np.where(newest >= 0, filled[np.maximum(newest, 0)], 0) / BPS


def _windows(levels: Array, starts: Array) -> Array:
    """Return the hours of each loan after its start; past the end of the prices nothing happens."""
    padded = np.concatenate((levels, np.full(LOAN_HOURS, np.inf)))
    windows: Array = np.lib.stride_tricks.sliding_window_view(padded, LOAN_HOURS)[starts + 1]
    return windows
