"""Labels: what happened in the horizon after a snapshot.

Borrower: a liquidation of more than max($100, 1 % of the debt at the snapshot) within 30 days, all its liquidations summed. Collateral: the
deepest fall below the snapshot's price within the liquidation window.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np

from oracle.domain.event import EventKind
from oracle.domain.units import BPS, DAY_S, TimestampS
from oracle.scoring import calibration
from training.datasets.canonical import Borrower

HORIZON_S = 30 * DAY_S
LEAST_USD_E8 = 100 * 10**8
LIQUIDATION_WINDOW_HOURS = 24
GAP_FALL_BPS = int(calibration.GAP_FALL_BPS)
"""The fall that `gap_ppm` is the probability of; a node settles its cohorts by the same."""


def is_liquidated(borrower: Borrower, as_of_s: TimestampS, debt_usd_e8: int, *, horizon_s: int = HORIZON_S) -> bool:
    """Return whether more than max($100, 1 % of the debt) is liquidated in (as_of, as_of + horizon]."""
    return find_liquidation(borrower, as_of_s, debt_usd_e8, horizon_s=horizon_s) is not None


def find_liquidation(
    borrower: Borrower, as_of_s: TimestampS, debt_usd_e8: int, *, horizon_s: int = HORIZON_S
) -> TimestampS | None:
    """Return when what was liquidated in (as_of, as_of + horizon] came to exceed max($100, 1 % of the debt); None if it never did."""
    first = bisect_right(borrower.event_times, as_of_s)
    last = bisect_right(borrower.event_times, as_of_s + horizon_s)
    value = 0
    for event in borrower.events[first:last]:
        if event.kind is EventKind.LIQUIDATION:
            value += event.value_usd_e8
            if value > max(LEAST_USD_E8, debt_usd_e8 // 100):
                return event.time_s
    return None


def deepest_falls_bps(
    prices: np.ndarray[Any, Any], starts: np.ndarray[Any, Any], *, hours: int = LIQUIDATION_WINDOW_HOURS
) -> np.ndarray[Any, Any]:
    """Return for each start index the deepest fall below its price within so many hours, in bps; starts leave room for it."""
    windows = np.lib.stride_tricks.sliding_window_view(prices, hours + 1)[starts]
    lowest = windows.min(axis=1)
    return np.asarray((windows[:, 0] - lowest) * BPS // windows[:, 0])
