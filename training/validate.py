"""How good log-odds are on rows that training did not see, in the terms of `training.statistics`: what decides whether trees run, and the short tables of cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.statistics.clusters import Clusters, build_clusters
from training.statistics.figure import build_figure
from training.statistics.measures import MeanMeasure, RankMeasure
from training.statistics.probabilities import row_brier, row_losses
from training.statistics.ranking import compute_auc, compute_pr_auc
from training.statistics.resampling import resample

type Array = np.ndarray[Any, Any]

_BLOCK_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Out-of-time quality of one model's log-odds."""

    name: str
    auc: float
    pr_auc: float
    log_loss: float
    brier: float


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Mean log-loss gain of a model over a baseline, with a 95 % interval that counts owners and months together; without any news there is none, and the bounds are infinite."""

    mean: float
    low: float
    high: float


def compute_best_gain(
    baselines: Mapping[str, Array], model: Array, is_positive: Array, clusters: Array, as_of_s: Array
) -> tuple[str, Gain]:
    """Return the baseline with the lowest log loss on these rows, and the model's gain over it."""
    best = min(baselines, key=lambda name: compute_metrics(name, baselines[name], is_positive).log_loss)
    return best, compute_gain(baselines[best], model, is_positive, clusters, as_of_s)


def compute_metrics(name: str, logits: Array, is_positive: Array) -> Metrics:
    """Return the metrics of log-odds on rows that hold both outcomes."""
    return Metrics(
        name=name,
        auc=compute_auc(is_positive, logits),
        pr_auc=compute_pr_auc(is_positive, logits),
        log_loss=float(row_losses(logits, is_positive).mean()),
        brier=float(row_brier(logits, is_positive).mean()),
    )


def compute_gain(baseline: Array, model: Array, is_positive: Array, owners: Array, as_of_s: Array) -> Gain:
    """Return the paired gain in log loss; positive if the model is better."""
    gains = row_losses(baseline, is_positive) - row_losses(model, is_positive)
    clusters = build_clusters(owners, as_of_s, block_days=_BLOCK_DAYS)
    draws = resample(clusters, {"gain": [MeanMeasure(names=("mean",), values=gains[None, :])]})
    low, high = _interval(float(gains.mean()), draws.standard_error(("gain", "mean")), clusters, is_positive)
    return Gain(mean=float(gains.mean()), low=low, high=high)


def auc_interval(logits: Array, is_positive: Array, owners: Array, as_of_s: Array) -> tuple[float, float]:
    """Return a 95 % interval of the AUC, counting owners and months together."""
    clusters = build_clusters(owners, as_of_s, block_days=_BLOCK_DAYS)
    draws = resample(clusters, {"model": [RankMeasure(is_positive=is_positive, score=logits)]})
    low, high = _interval(
        compute_auc(is_positive, logits), draws.standard_error(("model", "auc")), clusters, is_positive
    )
    return max(0.0, low), min(1.0, high)


def fit_logit(x_train: Array, is_positive: Array, x_test: Array) -> Array:
    """Return log-odds of an unpenalised logistic regression on the test rows."""
    fit = LogisticRegression(C=1e6, max_iter=1_000).fit(x_train, is_positive)
    return np.asarray(fit.decision_function(x_test))


def _interval(value: float, error: float, clusters: Clusters, is_positive: Array) -> tuple[float, float]:
    figure = build_figure(value, error, clusters.degrees_of_freedom(is_positive))
    if figure.low is None or figure.high is None:
        return -np.inf, np.inf
    return figure.low, figure.high
