"""The figures of rows with a yes-or-no outcome: each beside its interval, for the model and each baseline, and their paired differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.evaluation.task import NO_EVENT_DAY, Score, TaskRows
from training.statistics.clusters import Clusters, build_clusters
from training.statistics.figure import Figure, absent, build_figure, minimum_detectable
from training.statistics.measures import (
    CalibrationErrorMeasure,
    MeanMeasure,
    Measure,
    RankMeasure,
    WithinRankMeasure,
)
from training.statistics.probabilities import bin_rows, compute_ece, row_brier, row_losses
from training.statistics.ranking import compute_auc, compute_ks, compute_pr_auc, compute_within_auc, has_both
from training.statistics.resampling import DRAWS, Draws, resample
from training.units import sigmoid

type Array = np.ndarray[Any, Any]

MODEL = "model"
RANKS = ("auc", "pr_auc", "ks", "auc_within_owner")
LOSSES = ("log_loss", "brier", "ece")
PAIRED = ("auc", "pr_auc", "auc_within_owner", "log_loss", "brier")
LEAST_BLOCK_DAYS = 7
NO_PROBABILITY = "the score is an order, not a probability"
ONE_OUTCOME = "the rows hold one outcome only"
NO_OWNER = "no owner has both outcomes"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Model minus baseline on the same rows, and the smallest true difference that these rows would show."""

    difference: Figure
    detectable: float | None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All figures by score (the model is `MODEL`), and comparisons by baseline."""

    n: int
    positives: int
    owners: int
    event_days: int
    event_blocks: int
    scores: Mapping[str, Mapping[str, Figure]]
    paired: Mapping[str, Mapping[str, Comparison]]


def block_days(horizon_days: int) -> int:
    """Return the length of a block of time: the horizon, at least a week."""
    return max(LEAST_BLOCK_DAYS, horizon_days)


def clusters_of(rows: TaskRows) -> Clusters:
    """Return the clusters that the rows' intervals count."""
    return build_clusters(rows.owners, rows.as_of_s, block_days=block_days(rows.horizon_days))


def compute_figures(rows: TaskRows, *, n_draws: int = DRAWS) -> Figures:
    """Return the figures of rows without missing scores."""
    scores = {MODEL: rows.model, **rows.baselines}
    is_positive = np.asarray(rows.is_positive, dtype=np.int64)
    clusters = clusters_of(rows)
    degrees = clusters.degrees_of_freedom(is_positive)
    values = {name: _values(score, is_positive, rows.owners) for name, score in scores.items()}
    measures = {name: _measures(score, is_positive, rows.owners, values[name]) for name, score in scores.items()}
    draws = resample(clusters, measures, n_draws=n_draws)
    figures = {
        name: {key: _figure(draws, name, key, value, degrees) for key, value in of_score.items()}
        for name, of_score in values.items()
    }
    return Figures(
        n=len(is_positive),
        positives=int(is_positive.sum()),
        owners=clusters.sizes[0],
        event_days=len(np.unique(rows.event_days[rows.event_days != NO_EVENT_DAY])),
        event_blocks=len(np.unique(clusters.blocks[is_positive == 1])),
        scores=figures,
        paired={name: _compare(draws, name, figures, degrees) for name in rows.baselines},
    )


def _values(score: Score, is_positive: Array, owners: Array) -> dict[str, float]:
    """Return each figure of one score; NaN where the rows do not hold it."""
    values = {
        "auc": compute_auc(is_positive, score.values),
        "pr_auc": compute_pr_auc(is_positive, score.values),
        "ks": compute_ks(is_positive, score.values),
        "auc_within_owner": compute_within_auc(is_positive, score.values, owners),
    }
    if not score.is_probability:
        return {**values, **dict.fromkeys(LOSSES, float("nan"))}
    return {
        **values,
        "log_loss": float(row_losses(score.values, is_positive).mean()),
        "brier": float(row_brier(score.values, is_positive).mean()),
        "ece": compute_ece(score.values, is_positive),
    }


def _measures(score: Score, is_positive: Array, owners: Array, values: Mapping[str, float]) -> list[Measure]:
    """Return what has to be drawn for one score: only what has a value."""
    measures: list[Measure] = []
    if has_both(is_positive):
        measures.append(RankMeasure(is_positive=is_positive, score=score.values))
    if not np.isnan(values["auc_within_owner"]):
        measures.append(WithinRankMeasure(is_positive=is_positive, score=score.values, owners=owners))
    if score.is_probability:
        losses = np.stack((row_losses(score.values, is_positive), row_brier(score.values, is_positive)))
        measures.append(MeanMeasure(names=("log_loss", "brier"), values=losses))
        probability, bins = sigmoid(score.values), bin_rows(score.values)
        measures.append(CalibrationErrorMeasure(is_positive=is_positive, probability=probability, bins=bins))
    return measures


def _figure(draws: Draws, name: str, key: str, value: float, degrees: int) -> Figure:
    if np.isnan(value):
        return absent(_reason(key))
    most = 1.0 if key != "log_loss" else float("inf")
    return build_figure(value, draws.standard_error((name, key)), degrees, least=0.0, most=most)


def _reason(key: str) -> str:
    if key in LOSSES:
        return NO_PROBABILITY
    return NO_OWNER if key == "auc_within_owner" else ONE_OUTCOME


def _compare(
    draws: Draws, name: str, figures: Mapping[str, Mapping[str, Figure]], degrees: int
) -> dict[str, Comparison]:
    return {key: _difference(draws, name, key, figures, degrees) for key in PAIRED}


def _difference(
    draws: Draws, name: str, key: str, figures: Mapping[str, Mapping[str, Figure]], degrees: int
) -> Comparison:
    model, baseline = figures[MODEL][key], figures[name][key]
    if model.value is None or baseline.value is None:
        return Comparison(difference=absent(str(model.reason or baseline.reason)), detectable=None)
    error = draws.standard_error((MODEL, key), (name, key))
    return Comparison(
        difference=build_figure(model.value - baseline.value, error, degrees),
        detectable=minimum_detectable(error, degrees),
    )
