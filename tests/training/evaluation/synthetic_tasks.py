"""Tasks made of arithmetic, no data: what evaluations are tested on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import Bundle
from training.evaluation.task import NO_EVENT_DAY, QuantileRows, Score, TaskRows

N_OWNERS, N_DAYS = 12, 56


def build_event_rows(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return 12 owners over 8 weeks; in each third week every fourth owner defaults once."""
    owners, days = (part.ravel() for part in np.meshgrid(np.arange(N_OWNERS), np.arange(0, N_DAYS, 7), indexing="ij"))
    as_of_s = first_s + days * DAY_S
    is_positive = ((days // 7) % 3 == 0) & (owners % 4 == 1)
    kept = as_of_s < end_s
    signal = (owners % 4 == 1) * 2.0 + (owners % 3) * 0.5
    return TaskRows(
        is_positive=is_positive[kept],
        owners=owners[kept],
        as_of_s=as_of_s[kept],
        event_days=np.where(is_positive, as_of_s // DAY_S, NO_EVENT_DAY)[kept],
        model=Score(values=(signal + ((days // 7) % 3 == 0) - 3.0)[kept], is_probability=True),
        baselines={"signal": Score(values=signal[kept], is_probability=False)},
        groups={"even": (owners % 2 == 0)[kept], "odd": (owners % 2 == 1)[kept], "nobody": np.zeros(kept.sum(), bool)},
        horizon_days=7,
        upper=np.full(kept.sum(), 0.5),
        features={"signal": signal[kept]},
    )


def build_quiet_rows(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return rows of which none is positive."""
    n = 30
    return TaskRows(
        is_positive=np.zeros(n, dtype=bool),
        owners=np.arange(n) % 5,
        as_of_s=first_s + np.arange(n) * DAY_S,
        event_days=np.full(n, NO_EVENT_DAY),
        model=Score(values=np.linspace(-4, -3, n), is_probability=True),
        baselines={"signal": Score(values=np.linspace(0, 1, n), is_probability=False)},
    )


def build_quantile_rows(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> QuantileRows:
    """Return 250 days of two owners; owner 0 exceeds its forecast on five days, owner 1 never."""
    owners, days = (part.ravel() for part in np.meshgrid([0, 1], np.arange(250), indexing="ij"))
    is_hit = (owners == 0) & (days % 50 == 7)
    return QuantileRows(
        losses=np.where(is_hit, 300.0, 50.0),
        level=0.99,
        owners=owners,
        as_of_s=first_s + days * DAY_S,
        model=np.full(500, 100.0),
        baselines={"wide": np.full(500, 400.0)},
        groups={"first": owners == 0},
        shortfalls=np.full(500, 150.0),
    )
