"""The borrower model without one of its sources, ranked there: does what was learned on one chain and protocol hold on another.

Each source is a protocol on a chain of its own, so that leaving a protocol out leaves its chain out. Table, trees and the logits of the baselines are fitted on the rows of the other
sources whose level the data show; the barriers and counts need no fit to rank. It is out of source always, out of time only where the source was recorded after all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from training.borrower import DISTANCE, HEALTH, TREES, fold_logits, list_forward_folds
from training.borrower_figures import GroupFigures, day_of, group_figures
from training.errors import TrainingError
from training.evaluation.document import figures_json
from training.labels import HORIZON_S
from training.pooling import Pooling, study_pooling
from training.rows import BorrowerRows
from training.rules import BARRIER_30, BARRIER_365
from training.splits import Fold
from training.train import Recipe
from training.validate import Gain

type Array = np.ndarray[Any, Any]
type Json = dict[str, Any]

_SHOWN = (HEALTH, BARRIER_30, BARRIER_365, TREES)
_KINDS = ("weekly", "every borrow", "every borrow, level known", "first borrows")


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A source that training did not see: the days and rows that it was trained on instead, and the figures there by kind of row."""

    source: str
    trained_on: tuple[str, ...]
    trained_days: tuple[date, date]
    n_trained: int
    is_forward: bool
    groups: tuple[GroupFigures, ...]


def leave_each_out(rows: BorrowerRows, names: tuple[str, ...], recipe: Recipe) -> tuple[LeftOut, ...]:
    """Return the figures of every source, in the order of `names`, which are those of `rows.sources`.

    Raises:
        TrainingError: if there is one source only, or those left hold one outcome.
    """
    if len(names) < 2:
        raise TrainingError("one source cannot be left out and learned from: at least two are needed")
    return tuple(_leave_out(rows, names, number, recipe) for number in range(len(names)))


def study_sources(rows: BorrowerRows) -> tuple[Pooling, ...]:
    """Return whether a structural table of all sources would be better than that of the first."""
    return study_pooling(rows, list_forward_folds(rows, rows.sources == 0))


def to_json(left_out: tuple[LeftOut, ...], pooling: tuple[Pooling, ...]) -> Json:
    """Return the document; gains are [mean, low, high], positive if pooling is better."""
    return {
        "left_out": {found.source: _left_out_json(found) for found in left_out},
        "pooled_structure": {
            p.kind: {
                "n": p.n,
                "positives": p.positives,
                "log_loss": dict(p.log_loss),
                "foretold": dict(p.foretold),
                "realised": p.realised,
                "gain": _gain_json(p.gain),
            }
            for p in pooling
        },
    }


def render(left_out: tuple[LeftOut, ...], pooling: tuple[Pooling, ...]) -> list[str]:
    """Return both tables as Markdown."""
    lines = [
        "| left out | rows | positive | AUC | against | AUC difference |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for found in left_out:
        lines += [_row(found, group, name) for group in found.groups for name in _SHOWN if name in group.figures.paired]
    lines += ["", "| pooled structure, rows | positive | log-loss gain | foretold alone, pooled | happened |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for p in pooling:
        foretold = ", ".join(f"{x:.2%}" for x in p.foretold.values())
        gain = f"{p.gain.mean:+.4f} ({p.gain.low:+.4f} to {p.gain.high:+.4f})"
        lines.append(f"| {p.kind} | {p.positives} of {p.n} | {gain} | {foretold} | {p.realised:.2%} |")
    return lines


def _leave_out(rows: BorrowerRows, names: tuple[str, ...], number: int, recipe: Recipe) -> LeftOut:
    # The pipeline measures levels on source 0: here, on all that is left.
    is_out = rows.sources == number
    train, test = np.flatnonzero(~is_out & rows.is_level_known), np.flatnonzero(is_out)
    if not 0 < rows.is_positive[train].sum() < len(train):
        raise TrainingError(f"without {names[number]} all rows have the same outcome: nothing can be learned")
    relabelled = replace(rows, sources=is_out.astype(np.int64))
    logits = fold_logits(relabelled, Fold(train=train, test=test), recipe)
    times = rows.as_of_s[train]
    return LeftOut(
        source=names[number],
        trained_on=tuple(name for n, name in enumerate(names) if n != number),
        trained_days=(day_of(times.min()), day_of(times.max())),
        n_trained=len(train),
        is_forward=bool(times.max() + HORIZON_S <= rows.as_of_s[test].min()),
        groups=tuple(_groups(rows.select(test), logits)),
    )


def _groups(rows: BorrowerRows, logits: Mapping[str, Array]) -> list[GroupFigures]:
    masks = (~rows.is_borrow, rows.is_borrow, rows.is_borrow & rows.is_level_known, rows.is_first)
    kinds = dict(zip(_KINDS, masks, strict=True))
    if rows.is_level_known.all():
        del kinds[_KINDS[2]]
    return [
        group_figures(kind, rows.select(mask), {name: x[mask] for name, x in logits.items()}, DISTANCE)
        for kind, mask in kinds.items()
        if 0 < rows.is_positive[mask].sum() < mask.sum()
    ]


def _left_out_json(found: LeftOut) -> Json:
    return {
        "trained_on": list(found.trained_on),
        "trained_days": [str(day) for day in found.trained_days],
        "n_trained": found.n_trained,
        "is_forward": found.is_forward,
        "groups": {
            g.name: {
                "days": [str(day) for day in g.days],
                "foretold": g.foretold,
                "realised": g.realised,
                **figures_json(g.figures),
            }
            for g in found.groups
        },
    }


def _gain_json(gain: Gain) -> list[float | None]:
    return [x if np.isfinite(x) else None for x in (gain.mean, gain.low, gain.high)]


def _row(found: LeftOut, group: GroupFigures, name: str) -> str:
    auc, difference = group.figures.scores["model"]["auc"], group.figures.paired[name]["auc"].difference
    bounds = "no interval" if difference.low is None else f"{difference.low:+.3f} to {difference.high:+.3f}"
    value = "-" if difference.value is None else f"{difference.value:+.3f}"
    return f"| {found.source} | {group.name} | {group.figures.positives} of {group.figures.n} | {auc.value:.3f} | {name} | {value} ({bounds}) |"
