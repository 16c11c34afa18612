"""Aave V2 on Ethereum: whether a liquidated borrower is liquidated again within 30 days after the episode is over, in any pool.

The record has liquidations only, so nobody's debt is known, nor whether collateral is left.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oracle.domain.units import TimestampS
from oracle.scoring.bundle import Bundle
from training.datasets.aave_v2 import LIQUIDATIONS
from training.datasets.schema import read_table
from training.evaluation.recurrence import Liquidations, rank_episodes
from training.evaluation.task import TaskRows


def build_aave_repeat(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per episode of the span."""
    frame = read_table(data, LIQUIDATIONS).frame
    liquidations = Liquidations(
        owners=frame["user"].to_numpy(),
        markets=frame["pool"].to_numpy(),
        times_s=frame["time_s"].to_numpy(),
        took_all=np.zeros(len(frame), dtype=np.bool_),
    )
    return rank_episodes(liquidations, bundle, first_s, end_s)
