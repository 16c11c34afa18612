"""The 99th percentile of the deepest fall within 24 hours, for pairs whose token is collateral somewhere, every day.

The forecast is `drawdownBps` of the bundle, whatever quantile its card names: one that covers more than 99 % is too careful, and its pinball loss says so.
The expected shortfall beyond it is the forecast times the ratio that the card states, at most everything; a card without one has none to judge.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oracle.domain.units import BPS, TimestampS
from oracle.scoring.bundle import Bundle
from training.collateral_baselines import LEVEL
from training.collateral_card import read_shortfall_ratio
from training.collateral_days import compute_days_margins, read_days
from training.datasets.assets import LENDING, class_masks
from training.evaluation.task import QuantileRows


def build_drawdown(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> QuantileRows:
    """Return losses and forecasts in bps."""
    days = read_days(data, LENDING, first_s, end_s)
    days = days.select(days.falls_bps >= 0)
    margins = compute_days_margins(bundle, days)
    tables = bundle.model.collateral_tables
    forecasts = np.array([tables.drawdown_bps[tables.table_index(m)] for m in margins.tolist()])
    ratio = read_shortfall_ratio(bundle.card)
    return QuantileRows(
        losses=days.falls_bps,
        level=LEVEL,
        owners=days.owners,
        as_of_s=days.as_of_s,
        model=forecasts,
        baselines=days.forecasts_bps,
        groups=class_masks(days.symbols),
        shortfalls=None if ratio is None else np.minimum(forecasts * ratio, float(BPS)),
    )
