"""Morpho Blue on Base: whether a liquidated borrower is liquidated again within 30 days after the episode is over, in any market.

Ninety per cent of repeated liquidations come within 24 hours and belong to one episode here, however many rows it has.
"""

from __future__ import annotations

from pathlib import Path

from oracle.domain.units import TimestampS
from oracle.scoring.bundle import Bundle
from training.datasets.morpho_liquidations import read_liquidations
from training.evaluation.recurrence import Liquidations, rank_episodes
from training.evaluation.task import TaskRows


def build_morpho_relapse(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per episode of the span."""
    frame = read_liquidations(data).frame
    liquidations = Liquidations(
        owners=frame["borrower"].to_numpy(),
        markets=frame["market"].to_numpy(),
        times_s=frame["time_s"].to_numpy(),
        took_all=frame["left_bad_debt"].to_numpy(),
    )
    return rank_episodes(liquidations, bundle, first_s, end_s)
