"""Who borrows: how much of their limit Maker's ETH-B borrowers used, as equally likely shares.

A vault's use of its limit is one over its health factor at the first midnight after a borrow. The same shares are asked of every rule, of the LTV that it offers, and
borrowers then stay passive for the 30 days of a loan: nobody tops up or repays early, which overstates liquidations and losses under every rule alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from oracle.domain.event import EventKind
from oracle.domain.units import DAY_S, WAD
from training.datasets.maker import read_maker
from training.errors import TrainingError

type Array = np.ndarray[Any, Any]

N_SHARES = 10


def read_limit_shares(data: Path) -> Array:
    """Return `N_SHARES` shares of the limit, each the middle of an equally likely group of borrows.

    Raises:
        DatasetError: if the vaults are absent.
        TrainingError: if nobody borrowed.
    """
    used = []
    for borrower in read_maker(data).borrowers:
        days = {-(-e.time_s // DAY_S) * DAY_S for e in borrower.events if e.kind is EventKind.BORROW}
        used += [WAD / s.health_factor_wad for s in borrower.samples if s.time_s in days and s.health_factor_wad > 0]
    if not used:
        raise TrainingError("the Maker vaults hold no borrow with a position at the midnight after it")
    middles = (np.arange(N_SHARES) + 0.5) / N_SHARES
    shares: Array = np.minimum(1.0, np.quantile(np.array(used), middles))
    return shares
