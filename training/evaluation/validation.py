"""Validates any model over splits: trains it on each, judges it on rows that it did not see, and pools splits of one kind.

The model is a function from a fold to log-odds of the fold's test rows, by name: one is judged, the others are its baselines. Its own scores on the training rows are the
reference of the stability index. Splits with too few positives to learn from are named, not dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S
from training.errors import TrainingError
from training.evaluation.baselines import RANDOM
from training.evaluation.figures import Figures, clusters_of, compute_figures
from training.evaluation.records import draw_random
from training.evaluation.task import NO_EVENT_DAY, Score, TaskRows
from training.splits import Fold, Split, SplitKind
from training.statistics.probabilities import CalibrationBin, CalibrationLine, calibration_bins, fit_calibration
from training.statistics.resampling import DRAWS
from training.statistics.stability import chance_psi, compute_psi, count_bins, reference_edges

type Array = np.ndarray[Any, Any]
type Predict = Callable[[Fold], Mapping[str, Array]]
"""Log-odds of `fold.test` by name, from a model of `fold.train`."""

LEAST_POSITIVES = 10


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Rows to learn from and to judge on; an outcome is known `horizon_days` after its row. Without `event_days` (UTC days of outcomes) the rows' own days are counted.

    `inputs` are the model's columns by name, 0 for missing, of which only the stability index is taken.
    """

    is_positive: Array
    owners: Array
    as_of_s: Array
    horizon_days: int
    event_days: Array | None = None
    inputs: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stability:
    """The stability index of a column against the training rows', and what chance alone gives."""

    psi: float
    by_chance: float


def measure_stability(reference: Array, new: Array) -> Stability:
    """Return the index of new values against bins of equal shares of the reference."""
    edges = reference_edges(reference)
    seen, came = count_bins(reference, edges), count_bins(new, edges)
    return Stability(psi=compute_psi(seen, came), by_chance=chance_psi(len(reference), len(new), len(seen)))


@dataclass(frozen=True, kw_only=True)
class SplitResult:
    """Figures of the tested rows of one split. `known_until` is the last day that training knew, before the tested rows but for a shock."""

    kind: SplitKind
    name: str
    trained_first: date
    known_until: date
    tested_first: date
    tested_last: date
    figures: Figures
    line: CalibrationLine
    bins: tuple[CalibrationBin, ...]
    stability: Stability | None
    inputs: Mapping[str, Stability]


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Results of each split and of all of a kind together; `skipped` says which could not be, and why."""

    model: str
    splits: tuple[SplitResult, ...]
    pooled: tuple[SplitResult, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Judged:
    split: Split
    logits: Mapping[str, Array]
    stability: Stability
    inputs: Mapping[str, Stability]


def validate(
    predict: Predict, model: str, rows: LabelledRows, splits: Sequence[Split], *, n_draws: int = DRAWS
) -> Validation:
    """Return the figures of `model` over the splits.

    Raises:
        TrainingError: if `predict` does not score `model`, or scores other rows than the test's.
    """
    skipped = [note for split in splits if (note := _why_skipped(rows, split)) is not None]
    judged = [_judge(predict, model, rows, split) for split in splits if _why_skipped(rows, split) is None]
    kinds = [kind for kind in SplitKind if sum(j.split.kind is kind for j in judged) > 1]
    return Validation(
        model=model,
        splits=tuple(_result(j.split.name, [j], model, rows, n_draws) for j in judged),
        pooled=tuple(
            _result("all", [j for j in judged if j.split.kind is kind], model, rows, n_draws) for kind in kinds
        ),
        skipped=tuple(skipped),
    )


def _why_skipped(rows: LabelledRows, split: Split) -> str | None:
    positives = int(rows.is_positive[split.fold.train].sum())
    if positives >= LEAST_POSITIVES:
        return None
    return f"{split.name}: {positives} positive rows to train on, fewer than {LEAST_POSITIVES}"


def _judge(predict: Predict, model: str, rows: LabelledRows, split: Split) -> _Judged:
    """Train once, score the training rows too: they are the reference of the stability index."""
    train, test = split.fold.train, split.fold.test
    logits = predict(Fold(train=train, test=np.concatenate((train, test))))
    if model not in logits or any(len(values) != len(train) + len(test) for values in logits.values()):
        raise TrainingError(f"{split.name}: the model to judge must give {model} one score for each row of the fold")
    return _Judged(
        split=split,
        logits={n: v[len(train) :] for n, v in logits.items()},
        stability=measure_stability(*np.split(logits[model], [len(train)])),
        inputs={name: measure_stability(column[train], column[test]) for name, column in rows.inputs.items()},
    )


def _result(name: str, parts: list[_Judged], model: str, rows: LabelledRows, n_draws: int) -> SplitResult:
    task = _task_rows(parts, model, rows)
    trained = np.unique(np.concatenate([p.split.fold.train for p in parts]))
    known_s = _known_until_s(rows, parts)
    logits = task.model.values
    return SplitResult(
        kind=parts[0].split.kind,
        name=name,
        trained_first=_day(rows.as_of_s[trained].min()),
        known_until=_day(known_s),
        tested_first=_day(task.as_of_s.min()),
        tested_last=_day(task.as_of_s.max()),
        figures=compute_figures(task, n_draws=n_draws),
        line=fit_calibration(logits, task.is_positive, clusters_of(task)),
        bins=calibration_bins(logits, task.is_positive),
        stability=parts[0].stability if len(parts) == 1 else None,
        inputs=parts[0].inputs if len(parts) == 1 else {},
    )


def _known_until_s(rows: LabelledRows, parts: list[_Judged]) -> int:
    """Return when the last horizon of a training row ends; of the first split, where several are pooled."""
    horizon_s = rows.horizon_days * DAY_S
    return min(int(rows.as_of_s[p.split.fold.train].max()) + horizon_s for p in parts)


def _task_rows(parts: list[_Judged], model: str, rows: LabelledRows) -> TaskRows:
    tested = np.concatenate([p.split.fold.test for p in parts])
    scores = {
        name: Score(values=np.concatenate([p.logits[name] for p in parts]), is_probability=True)
        for name in parts[0].logits
    }
    is_positive = np.asarray(rows.is_positive, dtype=np.int64)[tested]
    days = (rows.as_of_s // DAY_S if rows.event_days is None else rows.event_days)[tested]
    task = TaskRows(
        is_positive=is_positive,
        owners=rows.owners[tested],
        as_of_s=rows.as_of_s[tested],
        event_days=np.where(is_positive == 1, days, NO_EVENT_DAY),
        model=scores[model],
        baselines={name: score for name, score in scores.items() if name != model},
        horizon_days=rows.horizon_days,
    )
    random = Score(values=draw_random(len(tested)), is_probability=False)
    return replace(task, baselines={RANDOM: random, **task.baselines})


def _day(time_s: float) -> date:
    return datetime.fromtimestamp(int(time_s), UTC).date()
