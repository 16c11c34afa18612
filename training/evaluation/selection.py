"""Rows of a task that a mask keeps, and those on which everything can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training.evaluation.task import QuantileRows, TaskRows

type Array = np.ndarray[Any, Any]

_LEAST_KNOWN = 0.5


@dataclass(frozen=True, kw_only=True)
class Complete[Rows: (TaskRows, QuantileRows)]:
    """Rows with every score, how many were left out for want of one, and what else was left out."""

    rows: Rows
    n_left_out: int
    notes: tuple[str, ...]


def select_task(rows: TaskRows, mask: Array) -> TaskRows:
    """Return the rows of a mask."""
    return replace(
        rows,
        is_positive=rows.is_positive[mask],
        owners=rows.owners[mask],
        as_of_s=rows.as_of_s[mask],
        event_days=rows.event_days[mask],
        model=replace(rows.model, values=rows.model.values[mask]),
        baselines={name: replace(score, values=score.values[mask]) for name, score in rows.baselines.items()},
        groups=_masked(rows.groups, mask),
        upper=None if rows.upper is None else rows.upper[mask],
        features=_masked(rows.features, mask),
    )


def select_quantile(rows: QuantileRows, mask: Array) -> QuantileRows:
    """Return the rows of a mask."""
    return replace(
        rows,
        losses=rows.losses[mask],
        owners=rows.owners[mask],
        as_of_s=rows.as_of_s[mask],
        model=rows.model[mask],
        baselines=_masked(rows.baselines, mask),
        groups=_masked(rows.groups, mask),
        shortfalls=None if rows.shortfalls is None else rows.shortfalls[mask],
    )


def complete_task(rows: TaskRows) -> Complete[TaskRows]:
    """Return the rows for which the model and every baseline have a score."""
    known = {name: np.isfinite(score.values) for name, score in rows.baselines.items()}
    kept, notes = _comparable(known)
    mask = np.logical_and.reduce([np.isfinite(rows.model.values), *(known[name] for name in kept)])
    chosen = replace(rows, baselines={name: rows.baselines[name] for name in kept})
    return Complete(rows=select_task(chosen, mask), n_left_out=int((~mask).sum()), notes=notes)


def complete_quantile(rows: QuantileRows) -> Complete[QuantileRows]:
    """Return the rows for which the model and every baseline have a forecast."""
    known = {name: np.isfinite(forecast) for name, forecast in rows.baselines.items()}
    kept, notes = _comparable(known)
    mask = np.logical_and.reduce([np.isfinite(rows.model), *(known[name] for name in kept)])
    chosen = replace(rows, baselines={name: rows.baselines[name] for name in kept})
    return Complete(rows=select_quantile(chosen, mask), n_left_out=int((~mask).sum()), notes=notes)


def _comparable(known: Mapping[str, Array]) -> tuple[list[str], tuple[str, ...]]:
    """Return the baselines that have a score on at least half of the rows; the others would cost the rows instead."""
    shares = {name: float(mask.mean()) if len(mask) else 1.0 for name, mask in known.items()}
    notes = tuple(
        f"baseline {name} has a score on {share:.0%} of the rows and is left out"
        for name, share in shares.items()
        if share < _LEAST_KNOWN
    )
    return [name for name, share in shares.items() if share >= _LEAST_KNOWN], notes


def _masked(columns: Mapping[str, Array], mask: Array) -> dict[str, Array]:
    return {name: column[mask] for name, column in columns.items()}
