"""How good a model is out of time, and how sure that is: metrics, and paired gains with block-bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from training.units import sigmoid

type Array = np.ndarray[Any, Any]

_DRAWS = 1_000
_MONTH_S = 30 * 86_400


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
    """Mean log-loss gain of a model over a baseline, with a 95 % interval; the wider of resampling borrowers and months."""

    mean: float
    low: float
    high: float


def compute_metrics(name: str, logits: Array, is_positive: Array) -> Metrics:
    """Return the metrics of log-odds on rows that hold both outcomes."""
    return Metrics(
        name=name,
        auc=float(roc_auc_score(is_positive, logits)),
        pr_auc=float(average_precision_score(is_positive, logits)),
        log_loss=float(row_losses(logits, is_positive).mean()),
        brier=float(brier_score_loss(is_positive, sigmoid(logits))),
    )


def row_losses(logits: Array, is_positive: Array) -> Array:
    """Return the log loss of each row."""
    return np.asarray(np.logaddexp(0.0, logits) - is_positive * logits)


def compute_gain(baseline: Array, model: Array, is_positive: Array, clusters: Array, as_of_s: Array) -> Gain:
    """Return the paired gain in log loss; positive if the model is better."""
    gains = row_losses(baseline, is_positive) - row_losses(model, is_positive)
    intervals = [_interval(gains, blocks) for blocks in (clusters, as_of_s // _MONTH_S)]
    low, high = max(intervals, key=lambda i: i[1] - i[0])
    return Gain(mean=float(gains.mean()), low=low, high=high)


def auc_interval(logits: Array, is_positive: Array, clusters: Array) -> tuple[float, float]:
    """Return a 95 % interval of the AUC by resampling clusters."""
    names, member = np.unique(clusters, return_inverse=True)
    rows_of = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    random = np.random.default_rng(5)
    values = []
    for _ in range(_DRAWS // 5):
        rows = np.concatenate([rows_of[i] for i in random.integers(0, len(names), len(names))])
        if 0 < is_positive[rows].sum() < len(rows):
            values.append(roc_auc_score(is_positive[rows], logits[rows]))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def fit_logit(x_train: Array, is_positive: Array, x_test: Array) -> Array:
    """Return log-odds of an unpenalised logistic regression on the test rows."""
    fit = LogisticRegression(C=1e6, max_iter=1_000).fit(x_train, is_positive)
    return np.asarray(fit.decision_function(x_test))


def _interval(gains: Array, blocks: Array) -> tuple[float, float]:
    names, member = np.unique(blocks, return_inverse=True)
    sums = np.bincount(member, weights=gains)
    sizes = np.bincount(member)
    draws = np.random.default_rng(3).integers(0, len(names), (_DRAWS, len(names)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
