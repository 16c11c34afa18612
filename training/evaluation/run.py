"""Evaluates a bundle on a task over a span, without training: rows, frozen baselines, figures, provenance, one document."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from oracle.domain.ids import to_hex
from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import Bundle, read_source_spans
from training.datasets import maker, morpho_tables
from training.errors import DatasetError, TrainingError
from training.evaluation.baselines import Frozen, add_baselines
from training.evaluation.document import FORMAT, Json, calibration_json, figures_json, quantile_json
from training.evaluation.figures import block_days, clusters_of, compute_figures
from training.evaluation.provenance import code_digest, data_digest, rows_digest
from training.evaluation.quantile_figures import compute_quantile_figures
from training.evaluation.selection import Complete, complete_quantile, complete_task, select_quantile, select_task
from training.evaluation.task import QuantileRows, Task, TaskRows
from training.statistics.figure import CONFIDENCE
from training.statistics.probabilities import calibration_bins, fit_calibration, upper_bound_coverage
from training.statistics.resampling import DRAWS

_MAKER, _MORPHO = str(maker.FOLDER), str(morpho_tables.FOLDER)
TRAINED_SOURCES = {
    "maker_borrow_30d": _MAKER,
    "maker_weekly_30d": _MAKER,
    "maker_weekly_7d": _MAKER,
    "morpho_borrow_7d": _MORPHO,
    "morpho_reliquidation_30d": _MORPHO,
}
"""Tasks whose rows come from a source that training reads; rows of the others are learned from by nobody, but share days, and so crashes, with those that are."""


def evaluate(
    name: str,
    task: Task,
    bundle: Bundle,
    data: Path,
    span: tuple[date, date],
    frozen: Frozen | None,
    *,
    n_draws: int = DRAWS,
) -> Json:
    """Return the document of a task over first day <= time < last day.

    Raises:
        DatasetError: if the folder, or one in it that the task reads, is absent.
        TrainingError: if the span is empty or holds no rows, or the bundle is of the other kind.
    """
    if not data.is_dir():
        raise DatasetError(str(data), "there is no such folder: pass the one that holds the data sets with --data")
    if span[0] >= span[1]:
        raise TrainingError(
            f"the span {span[0]} to {span[1]} is empty: --to is the day after the last, later than --from"
        )
    rows = task(data, bundle, _start_s(span[0]), _start_s(span[1]))
    kept = complete_task(add_baselines(rows, frozen)) if isinstance(rows, TaskRows) else complete_quantile(rows)
    judged = kept.rows
    if len(judged.as_of_s) == 0:
        raise TrainingError(f"{name}: no row of {span[0]} to {span[1]} can be judged: choose another span")
    body = _task_body(judged, n_draws) if isinstance(judged, TaskRows) else _quantile_body(judged, n_draws)
    return {"task": name, **_settings_json(name, bundle, data, span, kept, frozen, n_draws), **body}


def _settings_json(
    name: str,
    bundle: Bundle,
    data: Path,
    span: tuple[date, date],
    kept: Complete[TaskRows] | Complete[QuantileRows],
    frozen: Frozen | None,
    n_draws: int,
) -> Json:
    """Return what the figures were taken from, and how."""
    rows, overlaps = kept.rows, _overlaps(name, bundle, span)
    return {
        "format": FORMAT,
        "bundle": _bundle_json(bundle),
        "span": {
            "from": str(span[0]),
            "to": str(span[1]),
            "rows_from": _day(rows.as_of_s.min()),
            "rows_to": _day(rows.as_of_s.max()),
        },
        "overlaps_training": overlaps,
        "digests": {"code": code_digest(), "data": data_digest(data), "rows": rows_digest(rows)},
        "intervals": {
            "level": CONFIDENCE,
            "draws": n_draws,
            "clusters": "owner and block of time, two-way",
            "block_days": block_days(rows.horizon_days),
        },
        "horizon_days": rows.horizon_days,
        "baselines_fitted_on": None if frozen is None else [str(frozen.first), str(frozen.until)],
        "n_left_out": kept.n_left_out,
        "notes": [*kept.notes, *_overlap_notes(overlaps, frozen, span)],
    }


def _overlap_notes(overlaps: bool | None, frozen: Frozen | None, span: tuple[date, date]) -> list[str]:
    """Return who has seen days of the span, so that its figures flatter it."""
    notes = []
    if overlaps:
        notes.append("the bundle was trained on days of this span: its figures flatter it")
    if frozen is not None and frozen.first < span[1] and frozen.until > span[0]:
        notes.append(
            f"scorecards and logits were fitted on {frozen.first} to {frozen.until}, days of this span among them: theirs flatter them"
        )
    return notes


def _task_body(rows: TaskRows, n_draws: int) -> Json:
    return {
        "kind": "event",
        **figures_json(compute_figures(rows, n_draws=n_draws)),
        "calibration": _calibration(rows),
        "groups": {
            name: {**figures_json(compute_figures(part, n_draws=n_draws)), "calibration": _calibration(part)}
            for name, mask in rows.groups.items()
            if len((part := select_task(rows, mask)).as_of_s)
        },
    }


def _quantile_body(rows: QuantileRows, n_draws: int) -> Json:
    return {
        "kind": "quantile",
        "level": rows.level,
        **quantile_json(compute_quantile_figures(rows, n_draws=n_draws)),
        "groups": {
            name: quantile_json(compute_quantile_figures(part, n_draws=n_draws))
            for name, mask in rows.groups.items()
            if len((part := select_quantile(rows, mask)).as_of_s)
        },
    }


def _calibration(rows: TaskRows) -> Json | None:
    """Return the calibration; None for a score that is no probability."""
    if not rows.model.is_probability:
        return None
    logits, is_positive = rows.model.values, np.asarray(rows.is_positive, dtype=np.int64)
    coverage = None if rows.upper is None else upper_bound_coverage(rows.upper, logits, is_positive)
    line = fit_calibration(logits, is_positive, clusters_of(rows))
    return calibration_json(line, calibration_bins(logits, is_positive), coverage)


def _bundle_json(bundle: Bundle) -> Json:
    span = bundle.training_span
    return {
        "name": bundle.name,
        "model_id": to_hex(bundle.model_id),
        "trees_active": bundle.trees_active,
        "is_sandbox_only": bundle.is_sandbox_only,
        "training_span": None if span is None else [str(day) for day in span],
    }


def _overlaps(name: str, bundle: Bundle, span: tuple[date, date]) -> bool | None:
    """Return whether training saw days of the span: of the task's own source where it learned from that, else of any; None if the card does not say."""
    spans = read_source_spans(bundle.card)
    source = TRAINED_SOURCES.get(name)
    whole = bundle.training_span
    seen = [spans[source]] if source in spans else list(spans.values()) or ([] if whole is None else [whole])
    return any(span[0] < until and first < span[1] for first, until in seen) if seen else None


def _start_s(day: date) -> TimestampS:
    return TimestampS(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // DAY_S * DAY_S)


def _day(time_s: float) -> str:
    return str(datetime.fromtimestamp(int(time_s), UTC).date())
