"""What a task of the evaluation hands over: one row per prediction, with the outcome, the model's score and the scores of its baselines.

A score is either log-odds, from which a log loss follows, or a rank, which only orders rows. Nothing in a row is later than its time but the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from oracle.domain.units import TimestampS
from oracle.scoring.bundle import Bundle

type Array = np.ndarray[Any, Any]

NO_EVENT_DAY = -1


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score per row; `is_probability` says that the values are log-odds, not only an order. Higher is riskier."""

    values: Array
    is_probability: bool


@dataclass(frozen=True, kw_only=True)
class TaskRows:
    """Rows of a task with a yes-or-no outcome.

    `owners` number whoever repeats (borrower, pair, reserve), `event_days` is the UTC day number of the outcome or `NO_EVENT_DAY`, `groups` names
    subsets to report apart (first borrows, asset classes) by a mask each. `horizon_days` is how far an outcome lies ahead, rounded up. `upper` is the model's upper
    bound of the probability, where it states one. `features` are columns that the scorecard baseline of `training.evaluation.baselines` is made of, missing as NaN.
    """

    is_positive: Array
    owners: Array
    as_of_s: Array
    event_days: Array
    model: Score
    baselines: Mapping[str, Score]
    groups: Mapping[str, Array] = field(default_factory=dict)
    horizon_days: int = 30
    upper: Array | None = None
    features: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class QuantileRows:
    """Rows of a task that foretells a quantile of a loss: `losses` and every forecast in the same unit (bps of the price).

    `horizon_days` is also the step between an owner's rows, which the test of independence takes as neighbours. `shortfalls` is the model's mean loss beyond its
    quantile, where it states one.
    """

    losses: Array
    level: float
    owners: Array
    as_of_s: Array
    model: Array
    baselines: Mapping[str, Array]
    groups: Mapping[str, Array] = field(default_factory=dict)
    horizon_days: int = 1
    shortfalls: Array | None = None


class Task(Protocol):
    """Builds the rows whose time lies in first_s <= time < end_s; an outcome is only claimed where the data cover its whole horizon."""

    def __call__(self, data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows | QuantileRows:
        """Return the rows.

        Raises:
            DatasetError: if a folder or file is absent or has other columns.
            TrainingError: if the span holds no rows, or the bundle is of the other kind.
        """
