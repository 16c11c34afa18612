"""Falls of 15 % and 25 % within 24 hours, every dollar pair and every day.

The model's score is what a bundle publishes: the log-odds of `gapPpm`, which is the probability of 15 %, so at 25 % it only ranks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import Bundle
from training.collateral_days import compute_days_margins, read_days
from training.datasets.assets import class_masks
from training.evaluation.task import NO_EVENT_DAY, Array, Score, TaskRows
from training.labels import GAP_FALL_BPS

LARGE_FALL_BPS = 2_500


def build_drop_15(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return the rows of a fall of 15 %."""
    return _build(data, bundle, first_s, end_s, fall_bps=GAP_FALL_BPS)


def build_drop_25(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return the rows of a fall of 25 %."""
    return _build(data, bundle, first_s, end_s, fall_bps=LARGE_FALL_BPS)


def gap_log_odds(bundle: Bundle, margins: Array) -> Array:
    """Return the log-odds of the gap probability that the bundle publishes at each margin."""
    tables = bundle.model.collateral_tables
    gap = np.array([tables.gap_ppm[tables.table_index(m)] for m in margins.tolist()]) / 1e6
    return np.asarray(np.log(gap / (1 - gap)))


def _build(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS, *, fall_bps: int) -> TaskRows:
    days = read_days(data, None, first_s, end_s)
    days = days.select(days.falls_bps >= 0)
    margins = compute_days_margins(bundle, days)
    is_positive = days.falls_bps >= fall_bps
    return TaskRows(
        is_positive=is_positive,
        owners=days.owners,
        as_of_s=days.as_of_s,
        event_days=np.where(is_positive, days.as_of_s // DAY_S, NO_EVENT_DAY),
        model=Score(values=gap_log_odds(bundle, margins), is_probability=fall_bps == GAP_FALL_BPS),
        baselines={name: Score(values=v, is_probability=False) for name, v in days.forecasts_bps.items()},
        groups=class_masks(days.symbols),
        horizon_days=1,
    )
