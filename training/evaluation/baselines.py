"""Baselines with coefficients, fitted once on the training span and frozen in `baselines.json`: an evaluation trains nothing.

A task hands over plain signals (health factor, volatility, counts). Here they become log-odds by a frozen logistic regression each, so that they have a log loss; the order of
rows, and with it the AUC, stays the task's own. Beside them: a random order, the training span's base rate, and a scorecard where the task offers features.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from oracle.domain.units import DAY_S
from training.errors import DatasetError
from training.evaluation.records import draw_random
from training.evaluation.scorecard import BinnedFeature, Scorecard, fit_scorecard
from training.evaluation.task import Score, TaskRows
from training.statistics.ranking import has_both

type Array = np.ndarray[Any, Any]

FROZEN_FILE = Path(__file__).parent / "baselines.json"
RANDOM, BASE_RATE, SCORECARD = "random", "base_rate", "woe_logistic"
FROM_BUNDLE = frozenset({"shadow", "with_shadow_trees"})
"""Scores of the bundle itself: coefficients fitted to one bundle's would be wrong for the next."""
LEAST_POSITIVES = 20
_PLACES, _FORMAT = 6, 1


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Log-odds of a signal: intercept + slope * x, with x = ln(1 + signal) where `is_log`."""

    is_log: bool
    intercept: float
    slope: float

    def score(self, signal: Array) -> Array:
        """Return the log-odds; a signal below what the logarithm takes counts as 0."""
        x = np.log1p(np.maximum(signal, 0)) if self.is_log else signal
        return np.asarray(self.intercept + self.slope * x)


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """What was fitted for one task on rows of first <= day < until whose horizons end by then."""

    first: date
    until: date
    n: int
    positives: int
    base_rate: float
    calibrations: Mapping[str, Calibration]
    scorecard: Scorecard | None


def add_baselines(rows: TaskRows, frozen: Frozen | None) -> TaskRows:
    """Return rows whose baselines have log-odds where there are frozen coefficients, with the general ones added."""
    n = len(rows.is_positive)
    added = {RANDOM: Score(values=draw_random(n), is_probability=False)}
    given = dict(rows.baselines)
    if frozen is not None:
        added[BASE_RATE] = Score(values=np.full(n, frozen.base_rate), is_probability=True)
        if frozen.scorecard is not None and set(frozen.scorecard.features) <= set(rows.features):
            added[SCORECARD] = Score(values=frozen.scorecard.score(rows.features), is_probability=True)
        given = {
            name: Score(values=frozen.calibrations[name].score(score.values), is_probability=True)
            if name in frozen.calibrations and not score.is_probability
            else score
            for name, score in given.items()
        }
    return replace(rows, baselines={**{k: v for k, v in added.items() if k not in given}, **given})


def fit_frozen(rows: TaskRows, until_s: int) -> Frozen | None:
    """Return what is fitted on the rows whose horizon ends by `until_s`; None if fewer than `LEAST_POSITIVES` are positive, or all are."""
    is_train = rows.as_of_s + rows.horizon_days * DAY_S <= until_s
    y = np.asarray(rows.is_positive, dtype=np.int64)[is_train]
    if not has_both(y) or y.sum() < LEAST_POSITIVES:
        return None
    rate = float(y.mean())
    signals = {
        n: s.values[is_train] for n, s in rows.baselines.items() if not s.is_probability and n not in FROM_BUNDLE
    }
    fitted = {name: fit_calibration_of(signal, y) for name, signal in signals.items()}
    features = {name: column[is_train] for name, column in rows.features.items()}
    return Frozen(
        first=_day(int(rows.as_of_s[is_train].min())),
        until=_day(until_s),
        n=len(y),
        positives=int(y.sum()),
        base_rate=round(float(np.log(rate / (1 - rate))), _PLACES),
        calibrations={name: fit for name, fit in fitted.items() if fit is not None},
        scorecard=fit_scorecard(features, y) if features else None,
    )


def fit_calibration_of(signal: Array, is_positive: Array) -> Calibration | None:
    """Return the logistic regression on one signal; None if risk does not rise with it, or it is always the same."""
    is_known = np.isfinite(signal)
    x, y = signal[is_known], is_positive[is_known]
    if not has_both(y) or np.ptp(x) == 0:
        return None
    is_log = bool(x.min() >= 0)
    scaled = np.log1p(x) if is_log else x
    center, spread = float(scaled.mean()), float(scaled.std())
    fit = LogisticRegression(C=1e6, max_iter=1_000).fit(((scaled - center) / spread)[:, None], y)
    slope = float(fit.coef_[0, 0]) / spread
    if slope <= 0:
        return None
    intercept = float(fit.intercept_[0]) - slope * center
    return Calibration(is_log=is_log, intercept=round(intercept, _PLACES), slope=round(slope, _PLACES))


def encode_frozen(by_task: Mapping[str, Frozen]) -> str:
    """Return the text of the file."""
    tasks = {name: asdict(frozen) for name, frozen in by_task.items()}
    return json.dumps({"format": _FORMAT, "tasks": tasks}, default=str, sort_keys=True, indent=1) + "\n"


def read_frozen(path: Path = FROZEN_FILE) -> dict[str, Frozen]:
    """Return what is frozen, by task.

    Raises:
        DatasetError: if the file is absent or not of this format.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise DatasetError(str(path), f"format {content['format']}, not {_FORMAT}: fit the baselines anew")
        return {name: _decode(fields) for name, fields in content["tasks"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(str(path), f"no frozen baselines ({error}): run python -m training baselines") from error


def _decode(fields: dict[str, Any]) -> Frozen:
    card = fields["scorecard"]
    return Frozen(
        first=date.fromisoformat(fields["first"]),
        until=date.fromisoformat(fields["until"]),
        n=fields["n"],
        positives=fields["positives"],
        base_rate=fields["base_rate"],
        calibrations={name: Calibration(**c) for name, c in fields["calibrations"].items()},
        scorecard=None if card is None else _decode_scorecard(card),
    )


def _decode_scorecard(card: dict[str, Any]) -> Scorecard:
    features = {
        name: BinnedFeature(
            edges=tuple(f["edges"]),
            evidence=tuple(f["evidence"]),
            missing=f["missing"],
            coefficient=f["coefficient"],
        )
        for name, f in card["features"].items()
    }
    return Scorecard(intercept=card["intercept"], features=features)


def _day(time_s: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + time_s // DAY_S)
