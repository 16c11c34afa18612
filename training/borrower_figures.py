"""The figures of a borrower model out of time, for its card: by kind of row, each beside its interval, and calibration by fold and by source.

`training.evaluation.figures` measures them: owners and blocks of time count together, comparisons are paired. The model is the score that runs; the trees are shown beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S
from training.borrower import DISTANCE, TREES, Validation
from training.evaluation.baselines import RANDOM
from training.evaluation.figures import Figures, clusters_of, compute_figures
from training.evaluation.records import draw_random
from training.evaluation.task import Score, TaskRows
from training.labels import HORIZON_S
from training.rows import BorrowerRows
from training.rules import EPISODES, LOW_HEALTH, rule_signals
from training.statistics.probabilities import CalibrationLine, fit_calibration
from training.units import sigmoid

type Array = np.ndarray[Any, Any]

LEAST_EVENTS = 50
_DRAWS = 400
_HORIZON_DAYS = HORIZON_S // DAY_S


@dataclass(frozen=True, kw_only=True)
class GroupFigures:
    """Figures of one kind of row, with the first and last day of the rows and what was foretold on average."""

    name: str
    days: tuple[date, date]
    figures: Figures
    foretold: float
    realised: float


@dataclass(frozen=True, kw_only=True)
class FoldFigures:
    """One fold: training knew outcomes up to `known_until`; the calibration line of the structural score where there are events enough."""

    known_until: date
    tested: tuple[date, date]
    n: int
    positives: int
    line: CalibrationLine | None


@dataclass(frozen=True, kw_only=True)
class BorrowerFigures:
    """All figures of a card."""

    groups: tuple[GroupFigures, ...]
    folds: tuple[FoldFigures, ...]


def compute_borrower_figures(rows: BorrowerRows, validation: Validation, *, is_active: bool) -> BorrowerFigures:
    """Return the figures of the held-out rows."""
    held = rows.select(validation.rows)
    is_maker = held.sources == 0
    masks = {
        "Maker, weekly": is_maker & ~held.is_borrow,
        "Maker, every borrow": is_maker & held.is_borrow,
        "Maker, first borrows": is_maker & held.is_first,
        "Morpho, every borrow": ~is_maker,
        "Morpho, level known": ~is_maker & held.is_level_known,
        "Morpho, first borrows": ~is_maker & held.is_first,
        "every borrow together": held.is_borrow,
    }
    name = TREES if is_active else DISTANCE
    groups = [
        group_figures(label, held.select(mask), {n: v[mask] for n, v in validation.logits.items()}, name)
        for label, mask in masks.items()
        if 0 < held.is_positive[mask].sum() < mask.sum()
    ]
    return BorrowerFigures(groups=tuple(groups), folds=tuple(_folds(rows, validation)))


def group_figures(label: str, rows: BorrowerRows, logits: Mapping[str, Array], model: str) -> GroupFigures:
    """Return the figures of one kind of row by the log-odds of each score; `model` names the one that is compared with the others."""
    signals = rule_signals(rows, _HORIZON_DAYS)
    ranks = {name: signals[name] for name in (LOW_HEALTH, EPISODES)} | {RANDOM: draw_random(len(rows.as_of_s))}
    scores = {n: Score(values=v, is_probability=True) for n, v in logits.items() if n != model}
    scores |= {n: Score(values=v, is_probability=False) for n, v in ranks.items()}
    task = _task(rows, logits[model], scores)
    return GroupFigures(
        name=label,
        days=(day_of(rows.as_of_s.min()), day_of(rows.as_of_s.max())),
        figures=compute_figures(task, n_draws=_DRAWS),
        foretold=float(sigmoid(logits[model]).mean()),
        realised=float(rows.is_positive.mean()),
    )


def _folds(rows: BorrowerRows, validation: Validation) -> list[FoldFigures]:
    folds, start = [], 0
    for fold in validation.folds:
        tested = rows.select(fold.test)
        logits = validation.logits[DISTANCE][start : start + len(fold.test)]
        start += len(fold.test)
        positives = int(tested.is_positive.sum())
        line = None
        if positives >= LEAST_EVENTS:
            line = fit_calibration(logits, tested.is_positive, clusters_of(_task(tested, logits, {})))
        folds.append(
            FoldFigures(
                known_until=day_of(int(rows.as_of_s[fold.train].max()) + HORIZON_S),
                tested=(day_of(tested.as_of_s.min()), day_of(tested.as_of_s.max())),
                n=len(fold.test),
                positives=positives,
                line=line,
            )
        )
    return folds


def _task(rows: BorrowerRows, logits: Array, baselines: Mapping[str, Score]) -> TaskRows:
    return TaskRows(
        is_positive=rows.is_positive,
        owners=rows.clusters,
        as_of_s=rows.as_of_s,
        event_days=rows.event_days,
        model=Score(values=logits, is_probability=True),
        baselines=baselines,
        horizon_days=_HORIZON_DAYS,
    )


def day_of(time_s: float) -> date:
    """Return the UTC day of a time."""
    return datetime.fromtimestamp(int(time_s), UTC).date()
