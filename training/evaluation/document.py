"""The JSON of an evaluation, format 1: the shape of every figure, described by `report.schema.json` beside this module.

A figure is {"value", "low", "high"}; what the rows cannot show is null, with a "reason". A paired difference is [difference, low, high], model minus baseline: a higher
AUC is better, a lower log loss is. Numbers have six significant digits, keys are sorted, so the same input gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from training.evaluation.baselines import FROM_BUNDLE
from training.evaluation.figures import LOSSES, MODEL, RANKS, Comparison, Figures
from training.evaluation.quantile_figures import Backtest, QuantileFigures, QuantileReport
from training.statistics.figure import Figure
from training.statistics.probabilities import CalibrationBin, CalibrationLine

type Json = dict[str, Any]

FORMAT = 1


def encode(document: Json) -> str:
    """Return the canonical text."""
    return json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n"


def figures_json(figures: Figures) -> Json:
    """Return the figures of a yes-or-no task."""
    return {
        "n": figures.n,
        "positives": figures.positives,
        "owners": figures.owners,
        "event_days": figures.event_days,
        "event_blocks": figures.event_blocks,
        **_score_json(figures.scores[MODEL]),
        "baselines": {name: _score_json(score) for name, score in figures.scores.items() if name != MODEL},
        "paired": _paired_json(figures.paired),
        "minimum_detectable": _detectable_json(figures.paired),
        "best_baseline": {
            "auc": _best(figures, "auc", is_higher_better=True),
            "log_loss": _best(figures, "log_loss", is_higher_better=False),
        },
    }


def quantile_json(report: QuantileReport) -> Json:
    """Return the figures of a quantile task."""
    return {
        "n": report.n,
        "positives": report.scores[MODEL].backtest.exceedances,
        "owners": report.owners,
        "event_days": report.event_days,
        "event_blocks": report.event_blocks,
        **_quantile_score_json(report.scores[MODEL]),
        "baselines": {name: _quantile_score_json(score) for name, score in report.scores.items() if name != MODEL},
        "paired": _paired_json(report.paired),
        "minimum_detectable": _detectable_json(report.paired),
        "pinball_ratio": {
            name: _ratio(report.scores[MODEL].pinball, score.pinball)
            for name, score in report.scores.items()
            if name != MODEL
        },
    }


def calibration_json(line: CalibrationLine, bins: tuple[CalibrationBin, ...], upper_coverage: float | None) -> Json:
    """Return the calibration of the model's probabilities."""
    return {
        "intercept": figure_json(line.intercept),
        "slope": figure_json(line.slope),
        "in_the_large": figure_json(line.in_the_large),
        "bins": [
            {"n": b.n, **{k: number(getattr(b, k)) for k in ("predicted", "realised", "low", "high")}} for b in bins
        ],
        "upper_bound_coverage": number(upper_coverage),
    }


def figure_json(figure: Figure) -> Json:
    """Return a figure; its reason only where there is one."""
    reason = {} if figure.reason is None else {"reason": figure.reason}
    return {"value": number(figure.value), "low": number(figure.low), "high": number(figure.high), **reason}


def number(value: float | None) -> float | None:
    """Return six significant digits: more are noise, and differ between machines."""
    return None if value is None else float(f"{value:.6g}")


def _score_json(score: Mapping[str, Figure]) -> Json:
    return {key: figure_json(score[key]) for key in (*RANKS, *LOSSES)}


def _paired_json(paired: Mapping[str, Mapping[str, Comparison]]) -> Json:
    return {
        name: {
            key: [number(c.difference.value), number(c.difference.low), number(c.difference.high)]
            for key, c in comparisons.items()
        }
        for name, comparisons in paired.items()
    }


def _detectable_json(paired: Mapping[str, Mapping[str, Comparison]]) -> Json:
    return {name: {key: number(c.detectable) for key, c in comparisons.items()} for name, comparisons in paired.items()}


def _best(figures: Figures, key: str, *, is_higher_better: bool) -> str | None:
    values = {n: s[key].value for n, s in figures.scores.items() if n != MODEL and n not in FROM_BUNDLE}
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return None
    return (max if is_higher_better else min)(sorted(known), key=lambda name: known[name])


def _quantile_score_json(score: QuantileFigures) -> Json:
    return {
        "coverage": figure_json(score.coverage),
        "pinball": figure_json(score.pinball),
        **_backtest_json(score.backtest),
        "quarters": {quarter: _backtest_json(test) for quarter, test in score.quarters.items()},
        "owners_tested": score.owners_tested,
        "owners_pass_kupiec": number(score.owners_pass_kupiec),
        "owners_pass_christoffersen": number(score.owners_pass_christoffersen),
        "shortfall_z": number(score.shortfall_z),
        "shortfall_p": number(score.shortfall_p),
    }


def _backtest_json(test: Backtest) -> Json:
    return {
        "rows": test.n,
        "exceedances": test.exceedances,
        "share_covered": number(test.coverage),
        "kupiec_p": number(test.kupiec_p),
        "independence_p": number(test.independence_p),
        "christoffersen_p": number(test.christoffersen_p),
        "traffic_light": test.zone,
    }


def _ratio(model: Figure, baseline: Figure) -> float | None:
    return number(model.value / baseline.value) if model.value is not None and baseline.value else None
