"""Model card of a collateral bundle: how good it is out of time, what its tail is, and what its data cannot show."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np

from oracle.domain.units import BPS
from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.calibration import compute_ltvs
from training.card import feature_table, gain_text, metric_table
from training.collateral import (
    BONUS_BPS,
    BUFFER_BPS,
    COST_BPS,
    FLOOR_SHARE_BPS,
    RISK_UNITS,
    SLIPPAGE_BPS,
    THRESHOLD_CAP_BPS,
    TrainedCollateral,
)
from training.collateral_holdout import TREES, HeldOut, Shipped
from training.collateral_tables import LEVEL, Tail
from training.collateral_weeks import Figure
from training.evaluation.figures import MODEL
from training.evaluation.quantile_figures import QuantileFigures
from training.evaluation.validation_card import estimate
from training.labels import GAP_FALL_BPS, LIQUIDATION_WINDOW_HOURS
from training.units import LEAF_UNITS

PRICE_LIMITS = """\
- Pairs alive in 2025 and a few that died: survivors are over-represented, so falls of long-tail tokens are understated.
- Large falls cluster on few days; rows of one day are one piece of news. The interval resamples weeks.
- No liquidity, no issuer or bridge failure is in the prices: what those facts add is set by judgement or from one day's quotes, see above.
- Staked and wrapped tokens against their base cover 2023 and later only: no crisis of theirs is in the data."""
_SHORTFALL = re.compile(r"^`drawdownBps` times (\d+\.\d+) is the expected shortfall beyond it\.$", re.MULTILINE)
_SHOWN_MARGINS = (-14, -12, -10, -8, -7, -6, -5, -4, -3, -2, -1)


def collateral_card(name: str, source: str, span: str, trained: TrainedCollateral) -> str:
    """Return the card of a collateral bundle."""
    levels = ", ".join(f"{units / LEAF_UNITS:.1f}" for units in RISK_UNITS)
    lines = [
        "Trees: ACTIVE, as always for a collateral. The data cannot show issuer, bridge or liquidity failures; what those add is judgement.",
        *_unproved(trained.held_out),
        "",
        f"# {name}",
        "",
        f"Log-odds of a fall of {GAP_FALL_BPS // 100} % within {LIQUIDATION_WINDOW_HOURS} hours, learned from falls of every depth by proportional odds: a part linear in logs of volatilities and past falls, and few trees. Source: {source}.",
        span,
        "",
        f"Forward validation with a purge: {trained.n_rows} rows, {trained.n_positives} positive, on {trained.n_positive_days} days.",
        "",
        *metric_table(trained.metrics),
        "",
        f"Log-loss gain of the trees over a logit of 7-day volatility: {gain_text(trained.gain)}.",
        "",
        *_held_out_lines(trained.held_out),
        *_tail_lines(trained),
        "",
        f"Issuer and bridge levels 0 to 3 add {levels} of log-odds each, by judgement. So are bonus {BONUS_BPS} bps, buffer {BUFFER_BPS} bps, the threshold's cap {THRESHOLD_CAP_BPS} bps and the floor's share {FLOOR_SHARE_BPS} bps.",
        f"Slippage: the threshold leaves {SLIPPAGE_BPS} bps on top of the bonus, {COST_BPS} bps together, the median loss of quotes of about a million dollars into USDC of the thinnest token quoted on one day of 2023, and gas. It is one number for all pairs: a calm major loses less, the long tail and larger sales lose more.",
        "",
        "## What the data cannot show",
        PRICE_LIMITS,
        "",
        *feature_table(COLLATERAL_SCHEMA, trained.model),
    ]
    return "\n".join(lines) + "\n"


def read_shortfall_ratio(card: str) -> float | None:
    """Return what a card's `drawdownBps` is multiplied by for the expected shortfall; None if the card does not say."""
    found = _SHORTFALL.search(card)
    return float(found.group(1)) if found else None


def _unproved(held_out: HeldOut | None) -> list[str]:
    """Return what the held-out time leaves open, as lines."""
    if held_out is None:
        return []
    ranks = [f"{r.fall_bps // 100} %" for r in held_out.ranks if r.pooled_gain[1] <= 0]
    tails = [r.name.replace("_", " ") for r in held_out.drawdowns if r.pinball_gain[2] >= 0]
    lines = []
    if ranks:
        lines.append(
            f"Nor can they show, on so few days of falls, that the trees rank falls of {' and '.join(ranks)} better than 7-day volatility does."
        )
    if tails:
        lines.append(f"Nor that the drawdown's percentile is better than historical VaR for: {', '.join(tails)}.")
    return lines


def _held_out_lines(held_out: HeldOut | None) -> list[str]:
    """Return the figures of the held-out time; none where it holds no fall."""
    if held_out is None:
        return []
    first, last = (datetime.fromtimestamp(time_s, UTC).date() for time_s in (held_out.first_s, held_out.last_s))
    return [
        f"Held out, {first} to {last}: a model of the rows before, {held_out.n_rows} rows. Gain: over 7-day volatility, paired. 95 % intervals resample weeks.",
        "",
        "| fall in 24 h | positive | AUC | gain | AUC within a pair | gain |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {r.fall_bps // 100} % | {r.n_positives} on {r.n_days} days | {_figure(r.pooled)} | {_figure(r.pooled_gain)} | {_figure(r.within)} | {_figure(r.within_gain)} |"
            for r in held_out.ranks
        ),
        "",
        _shipped_line(held_out.shipped),
        "",
        *_drawdown_lines(held_out),
    ]


def _shipped_line(shipped: Shipped) -> str:
    """Return how the published probability is calibrated; the validation below judges the trees without that table."""
    loss, gain = shipped.figures.scores[MODEL]["log_loss"], shipped.figures.paired[TREES]["log_loss"].difference
    return (
        f"What ships, `gapPpm` of that model, on the same rows: log loss {estimate(loss, 4)}, {estimate(gain, 5, '+')} against the trees' own log-odds (below zero: better); "
        f"calibration slope {estimate(shipped.line.slope, 2)}, in the large {estimate(shipped.line.in_the_large, 2, '+')}. Intervals count pairs and weeks together."
    )


def _drawdown_lines(held_out: HeldOut) -> list[str]:
    if not held_out.drawdowns:
        return []
    return [
        "Lending assets, every day of the same time: the share of falls within the 99th percentile, and its pinball loss against historical VaR's (below zero: better).",
        "",
        "| class | rows | coverage | of historical VaR | pinball loss |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {r.name.replace('_', ' ')} | {r.n_rows} | {_figure(r.coverage, 4)} | {_figure(r.historical_coverage, 4)} | {_percent(r.pinball_gain)} |"
            for r in held_out.drawdowns
        ),
        "",
        *_careful_lines(held_out),
        *_backtest_lines(held_out),
    ]


def _careful_lines(held_out: HeldOut) -> list[str]:
    """Return which classes the percentile covers more of than it should, for certain; none if there is none."""
    careful = [r.name.replace("_", " ") for r in held_out.drawdowns if r.coverage[1] > LEVEL]
    if not careful:
        return []
    return [
        f"Wider than it should be for: {', '.join(careful)}. The table is one over the margin, and the format has no room for a class: their thresholds are lower than the data ask for.",
        "",
    ]


def _backtest_lines(held_out: HeldOut) -> list[str]:
    """Return the backtests of the same rows."""
    return [
        "Its backtests on the same rows. Kupiec's, Christoffersen's and the traffic light take rows as independent, which falls of one day are not: the share of single assets that pass is the fairer reading. Z2 (Acerbi and Szekely) is below zero where losses beyond the percentile are larger or more frequent than stated, its p one-sided by the two-way bootstrap.",
        "",
        "| class | beyond | Kupiec p | Christoffersen p | assets that pass, of those tested | traffic light | shortfall Z2 | p |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_backtest_line(r.name.replace("_", " "), r.figures) for r in held_out.drawdowns),
        "",
    ]


def _backtest_line(name: str, figures: QuantileFigures) -> str:
    test = figures.backtest
    passes = [_share(figures.owners_pass_kupiec), _share(figures.owners_pass_christoffersen)]
    z, p = (
        "-" if x is None else f"{x:{form}}" for x, form in ((figures.shortfall_z, "+.2f"), (figures.shortfall_p, ".3f"))
    )
    return f"| {name} | {test.exceedances} of {test.n} | {test.kupiec_p:.3f} | {test.christoffersen_p:.3f} | {' and '.join(passes)} of {figures.owners_tested} | {test.zone} | {z} | {p} |"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _tail_lines(trained: TrainedCollateral) -> list[str]:
    """Return the tables at whole margins, with the LTVs that follow, and the Pareto tails."""
    tables = trained.model.collateral_tables
    rows = []
    for margin in _SHOWN_MARGINS:
        i = tables.table_index(margin * LEAF_UNITS)
        fall, hour = tables.drawdown_bps[i], trained.hour_table[i]
        threshold, ceiling, _, binding = compute_ltvs(tables, fall, is_unrated=False)
        shortfalls = [
            min(BPS, round(q * tail.shortfall[0])) for q, tail in ((hour, trained.hour_tail), (fall, trained.tail))
        ]
        rows.append(
            f"| {margin} | {tables.gap_ppm[i]} | {hour} | {shortfalls[0]} | {fall} | {shortfalls[1]} | {threshold} | {ceiling} | {binding.name.lower()} |"
        )
    return [
        "`drawdownBps` is the 99th percentile of the deepest fall within 24 hours at that margin. It and its expected shortfall, also of one hour, in bps, and what binds the threshold:",
        "",
        "| margin | gap ppm | 1 h | shortfall | 24 h | shortfall | threshold | LTV ceiling | binding |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"`drawdownBps` times {trained.tail.shortfall[0]:.3f} is the expected shortfall beyond it.",
        f"Generalised Pareto tail beyond the table, in units of the 99th percentile. {_tail('24 h', trained.tail)}; {_tail('1 h', trained.hour_tail)}.",
    ]


def _tail(window: str, tail: Tail) -> str:
    return f"{window}: shape {_figure(tail.shape, 2)}, expected shortfall {_figure(tail.shortfall, 2)}, 99.9th percentile {_figure(tail.far, 2)}"


def _figure(figure: Figure, places: int = 3) -> str:
    if np.isnan(figure[0]):
        return "not known"
    value, low, high = figure
    return f"{value:.{places}f} ({low:.{places}f} to {high:.{places}f})"


def _percent(figure: Figure) -> str:
    value, low, high = figure
    return f"{value:+.1%} ({low:+.1%} to {high:+.1%})"
