"""Which volatility and which link the structural score uses: candidates on rolling folds, compared on the same rows with a logit of the health factor.

Volatility is that of the last 30, 90 or 365 days, or the larger of 30 and 365. Links: the monotone table of `training.structure`; the first passage 2 * Phi(-d), recalibrated by a
logistic regression; a logistic regression on d. The choice is made on weekly rows whose horizon ends before `CHOSEN_BEFORE`; later rows only say whether it held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from oracle.domain.fixed_point import Z_AT_LIQUIDATION
from oracle.domain.market import HourlySeries
from oracle.domain.units import HOUR_S
from training.labels import HORIZON_S
from training.rows import BorrowerRows
from training.rules import barrier_log_odds
from training.splits import Fold, forward_folds
from training.structure import fit_state_offsets, offsets_at
from training.units import LEAF_UNITS
from training.validate import Gain, compute_gain, compute_metrics, fit_logit

type Array = np.ndarray[Any, Any]

CHOSEN_BEFORE = date(2022, 1, 1)
CHOSEN = "365 d, table"
REFERENCE = "logit of the health factor"
_HOURS_PER_YEAR = 8_760
_HORIZON_DAYS = 30
_N_FOLDS, _FIRST_SHARE = 4, 0.35


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One pair of volatility and link on one span: AUC, log loss, and the paired log-loss gain over the reference."""

    name: str
    auc: float
    log_loss: float
    gain: Gain


@dataclass(frozen=True, kw_only=True)
class Study:
    """Candidates where the choice is made and where it is checked, each with its span of rows."""

    chosen_on: tuple[date, date]
    chosen: tuple[Candidate, ...]
    checked_on: tuple[date, date]
    checked: tuple[Candidate, ...]


def study_structure(rows: BorrowerRows, series: HourlySeries) -> Study:
    """Return the study of weekly rows of one collateral, priced by `series`."""
    edge_s = int(datetime(CHOSEN_BEFORE.year, CHOSEN_BEFORE.month, CHOSEN_BEFORE.day, tzinfo=UTC).timestamp())
    sigmas = volatilities(series, rows.as_of_s)
    earlier = np.flatnonzero(rows.as_of_s + HORIZON_S <= edge_s)
    folds = [
        Fold(train=earlier[fold.train], test=earlier[fold.test])
        for fold in forward_folds(
            rows.as_of_s[earlier], horizon_s=HORIZON_S, n_folds=_N_FOLDS, first_share=_FIRST_SHARE
        )
        if rows.is_positive[earlier[fold.train]].any()
    ]
    last = Fold(train=earlier, test=np.flatnonzero(rows.as_of_s >= edge_s))
    chosen_on, chosen = _judge(rows, sigmas, folds)
    checked_on, checked = _judge(rows, sigmas, [last])
    return Study(chosen_on=chosen_on, chosen=chosen, checked_on=checked_on, checked=checked)


def volatilities(series: HourlySeries, times_s: Array) -> dict[str, Array]:
    """Return annualised volatilities of hourly returns up to each time, by name."""
    prices = np.array(series.prices_e8, dtype=np.float64)
    sums = np.concatenate(([0.0], np.cumsum(np.square(prices[1:] / prices[:-1] - 1))))
    end = (times_s - series.first_hour_s) // HOUR_S
    by_days = {}
    for days in (30, 90, 365):
        hours = np.minimum(days * 24, end)
        by_days[days] = np.sqrt((sums[end] - sums[end - hours]) / hours * _HOURS_PER_YEAR)
    named = {f"{days} d": sigma for days, sigma in by_days.items()}
    return {**named, "larger of 30 and 365 d": np.maximum(by_days[30], by_days[365])}


def _judge(
    rows: BorrowerRows, sigmas: Mapping[str, Array], folds: list[Fold]
) -> tuple[tuple[date, date], tuple[Candidate, ...]]:
    parts = [_predict(rows, sigmas, fold) for fold in folds]
    logits = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    held = np.concatenate([fold.test for fold in folds])
    y, owners, times_s = rows.is_positive[held], rows.clusters[held], rows.as_of_s[held]
    candidates = []
    for name, values in logits.items():
        metrics = compute_metrics(name, values, y)
        gain = compute_gain(logits[REFERENCE], values, y, owners, times_s)
        candidates.append(Candidate(name=name, auc=metrics.auc, log_loss=metrics.log_loss, gain=gain))
    days = tuple(datetime.fromtimestamp(int(t), UTC).date() for t in (times_s.min(), times_s.max()))
    return (days[0], days[1]), tuple(sorted(candidates, key=lambda c: c.log_loss))


def _predict(rows: BorrowerRows, sigmas: Mapping[str, Array], fold: Fold) -> dict[str, Array]:
    train, test, y = fold.train, fold.test, rows.is_positive[fold.train]
    health = np.clip(rows.log_health, -1, 3)[:, None]
    out = {REFERENCE: fit_logit(health[train], y, health[test])}
    for name, sigma in sigmas.items():
        distance = rows.log_health / (sigma * np.sqrt(_HORIZON_DAYS / 365))
        z = np.clip(np.floor(Z_AT_LIQUIDATION + 1024 * distance), 1, 65_534).astype(np.int64)
        knots = fit_state_offsets(z[train], y)
        passage = barrier_log_odds(rows.log_health, sigma, _HORIZON_DAYS)[:, None]
        near = np.clip(distance, -2, 10)[:, None]
        out[f"{name}, table"] = offsets_at(knots, z[test]) / LEAF_UNITS
        out[f"{name}, first passage"] = fit_logit(passage[train], y, passage[test])
        out[f"{name}, logit"] = fit_logit(near[train], y, near[test])
    return out
