"""`python -m training economics`: the replay of a market under our rules and others, as JSON and as a table.

The headline takes the loans on days for which Aave's parameters are on record, 24 hours from threshold to sale, the window that a collateral score is about; 1 and 6
hours are beside it. Where the record begins late, what is carried back before it is a guess, and is shown apart. It is out of time for the collateral models, trained
anew on what lay before each half-year; the first, for May and June 2021, knows three months. Before May 2021 nothing is replayed: prices begin with the year, and too
few months lie before to train on. `committed bundle` replays the same days with `collateral-1`, which knows them: it shows the bundle, and proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from training.collateral import read_runs
from training.economics import offers, study
from training.economics.frontier import (
    BLOCK_DAYS,
    LEAST_BLOCKS,
    BlockSums,
    Comparison,
    Figure,
    bad_debt_at,
    compare,
    compare_at_loss,
)
from training.economics.liquidators import BONUS_BPS
from training.errors import DatasetError
from training.rows import CollateralRows, build_collateral_rows
from training.train import Recipe

type Array = np.ndarray[Any, Any]
type Keep = Callable[[str, study.AssetLoans], Array]

HEADLINE_DELAY_HOURS = 24
DELAYS_HOURS = (1, 6, HEADLINE_DELAY_HOURS)
FIRST, END = date(2021, 5, 1), date(2025, 1, 1)
CUTOFFS = (
    FIRST,
    date(2021, 7, 1),
    date(2022, 1, 1),
    date(2022, 7, 1),
    date(2023, 1, 1),
    date(2023, 7, 1),
    date(2024, 1, 1),
    date(2024, 7, 1),
)
CRASH, REST_OF_2021, CARRIED_BACK = (
    (FIRST, date(2021, 7, 1)),
    (date(2021, 7, 1), date(2022, 1, 1)),
    (date(2022, 1, 1), END),
)
LOSSES_PPM = (10, 50, 200)
"""Of the collateral pledged: losses at which rules are compared where the static parameters lose nothing."""
ROWS_STEP_DAYS = 3
ETH_ALONE = "ETH alone, Aave v2's threshold on record"
BASELINES = {
    offers.STATIC: (offers.STATIC, offers.STATIC_BUFFERED),
    offers.CARRIED: (offers.CARRIED, offers.CARRIED_BUFFERED),
    offers.ETH_BUFFERED: (offers.ETH_BUFFERED,),
}
"""By the reference of a part, what stands for Aave in it; the other parts' baselines have no terms on its loans, or guessed ones."""
GUESSED = {
    "carried back": CARRIED_BACK,
    "carried back, May and June 2021": CRASH,
    "carried back, second half of 2021": REST_OF_2021,
}
"""Parts whose static parameters are guessed before their first record, by the days on which loans start."""


def write_report(
    data: Path,
    json_path: Path | None,
    recipe: Recipe,
    say: Callable[[str], None],
    models: study.ReplayedModels,
    *,
    rows: CollateralRows | None = None,
) -> dict[str, Any]:
    """Run the study and return it; also written as JSON where a path is given. `rows` of all pairs are built where they are not given.

    Raises:
        DatasetError: if a folder is absent.
        TrainingError: if the data hold no loan to replay.
    """
    inputs = study.read_inputs(data, _seconds(FIRST), (END - FIRST).days)
    if rows is None:
        say("replay: collateral rows of all pairs")
        rows = build_collateral_rows(read_runs(data, None), step_days=ROWS_STEP_DAYS)
    trained = study.train_until(rows, recipe, [_seconds(day) for day in CUTOFFS], say)
    say(f"replay: {len(inputs.runs)} assets under {len(offers.RULES)} rules")
    studies = study.replay_all(inputs, trained, models.borrower, DELAYS_HOURS)
    known_all = (offers.ModelUntil(known_until_s=0, model=models.collateral),)
    in_span = study.replay_all(inputs, known_all, models.borrower, [HEADLINE_DELAY_HOURS])
    headline = studies[HEADLINE_DELAY_HOURS]
    report = {
        "setting": {**describe(inputs), "maker_known_until": str(models.maker_known_until)},
        "headline": summarize(headline, inputs, study.keep_recorded),
        "majors only": summarize(headline, inputs, study.keep_recorded_majors),
        **{f"{d} h to sale": summarize(studies[d], inputs, study.keep_recorded) for d in DELAYS_HOURS[:-1]},
        "committed bundle (in its training span)": summarize(
            in_span[HEADLINE_DELAY_HOURS], inputs, study.keep_recorded
        ),
        **{name: summarize(headline, inputs, _within(span), offers.CARRIED) for name, span in GUESSED.items()},
    }
    if inputs.eth is not None:
        report[ETH_ALONE] = summarize(headline, inputs, study.keep_eth(inputs.eth), offers.ETH_BUFFERED)
    say(f"replay: done. {render_limits(report)[0]}")
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def describe_replay(
    data: Path, rows: CollateralRows, recipe: Recipe, say: Callable[[str], None], models: study.ReplayedModels
) -> list[str]:
    """Return the card's part on the replay; without one of its folders it says which is missing."""
    heading = "## A market replayed"
    try:
        report = write_report(data, None, recipe, say, models, rows=rows)
    except DatasetError as error:
        return [heading, f"Not replayed: {error.reason}."]
    setting = (
        f"Loans of 30 days on hourly prices, {len(report['setting']['assets'])} assets that Aave lists, {HEADLINE_DELAY_HOURS} h from threshold to sale; models trained anew on what lay before each half-year. "
        f"Intervals resample blocks of {BLOCK_DAYS} days. Borrowers stay passive, in all rules alike. The table counts the loans on days for which Aave's parameters are on record; the tables of `borrower-1` know Maker until {report['setting']['maker_known_until']}."
    )
    return [heading, setting, "", *render(report)]


def describe(inputs: study.Inputs) -> dict[str, Any]:
    """Return what the figures stand on."""
    return {
        "first": str(FIRST),
        "end": str(END),
        "record_begins": _record_begins(inputs),
        "assets": sorted(inputs.runs),
        "models_known_until": [str(day) for day in CUTOFFS],
        "delay_hours": HEADLINE_DELAY_HOURS,
        "block_days": BLOCK_DAYS,
        "bonus_bps": int(BONUS_BPS),
        "haircuts_bps": {
            **{k: int(v) for k, v in sorted(inputs.haircuts.items())},
            "others": int(inputs.other_haircut),
        },
        "limit_shares": [round(float(s), 4) for s in inputs.shares],
        "market": {
            "severity_bps": int(study.MARKET.severity_bps),
            "budget_ppm": int(study.MARKET.budget_ppm),
            "floor_premium_bps": int(study.MARKET.floor_premium_bps),
        },
    }


def summarize(loans: study.Loans, inputs: study.Inputs, keep: Keep, reference: str = offers.STATIC) -> dict[str, Any]:
    """Return each rule's figures, and its comparisons with the static parameters, on record or carried back, and of ours with every other rule."""
    left_out = {rule for part in BASELINES.values() for rule in part} - set(BASELINES[reference])
    sums = {
        rule: study.sum_blocks(by_asset, inputs.n_days, keep=keep)
        for rule, by_asset in loans.items()
        if rule not in left_out
    }
    ours = (offers.OURS_RATED, offers.OURS_UNRATED)
    against = [(rule, other) for rule in ours for other in sums if rule != other]
    against += [(rule, reference) for rule in sums if rule not in (*ours, reference)]
    return {
        "rules": {rule: figures(found) for rule, found in sums.items()},
        "comparisons": {f"{rule} against {other}": compare_rules(sums[rule], sums[other]) for rule, other in against},
    }


def compare_rules(rule: BlockSums, other: BlockSums) -> dict[str, Any]:
    """Return a comparison as JSON holds it: at the other's bad debt, at its capacity, and at losses named beforehand."""
    at_losses = {str(ppm): compare_at_loss(rule, other, ppm / 1e6) for ppm in LOSSES_PPM}
    return {**as_json(compare(rule, other)), "capacity_gain_at_loss_ppm": at_losses}


def figures(sums: BlockSums) -> dict[str, Any]:
    """Return the sums of a rule over its loans: shares of collateral, of debt, and where losses come from."""
    loans, granted = float(sums.loans.sum()), float(sums.granted.sum())
    lost = np.array([bad_debt_at(block, 1.0) for block in sums.bad_debt])
    return {
        "loans": int(loans),
        "blocks": len(sums.loans),
        "blocks_with_bad_debt": int((lost > 0).sum()),
        "largest_block_share": float(lost.max() / lost.sum()) if lost.sum() > 0 else None,
        "debt_per_collateral": granted / loans if loans else None,
        "liquidated_share_of_debt": float(sums.liquidated.sum()) / granted if granted else None,
        "bad_debt_ppm_of_debt": 1e6 * float(lost.sum()) / granted if granted else None,
    }


def as_json(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON holds it."""
    return {
        "capacity_gain_at_equal_bad_debt": found.capacity_gain,
        "bad_debt_change_at_equal_capacity": found.bad_debt_change,
        "scale": found.scale,
        "draws_not_comparable": found.undefined_share,
    }


def render(report: dict[str, Any]) -> list[str]:
    """Return the headline and the years before the record as Markdown lines."""
    lines = [*_table(report["headline"], offers.STATIC), "", *render_limits(report)]
    if ETH_ALONE in report:
        part = report[ETH_ALONE]
        counts = f"{part['rules'][offers.OURS_RATED]['loans']} loans in {part['rules'][offers.OURS_RATED]['blocks']} blocks, from {FIRST} to June 2022, May 2021 among them."
        lines += ["", f"{ETH_ALONE} (its LTV is not): {counts}", "", *_table(part, offers.ETH_BUFFERED)]
    for name, (first, end) in GUESSED.items():
        found = report[name]["rules"][offers.OURS_RATED]
        few = "" if found["blocks"] >= LEAST_BLOCKS else ", too few for intervals"
        span = f"{found['loans']} loans from {first} to before {end}, {found['blocks']} blocks{few}."
        lines += ["", f"{name[0].upper()}{name[1:]}: {span}", "", *_table(report[name], offers.CARRIED)]
    return [
        *lines,
        "",
        f"Carried back means guessed: Aave's record begins on {report['setting']['record_begins']}, and the values before each first change are taken for all days before it, in pools that partly did not exist.",
        "The model of May and June 2021 knows February to April of that year, that of the second half six months; rules look back as far as prices go. Before May 2021 nothing can be judged out of time: prices begin with the year.",
    ]


def _table(part: dict[str, Any], reference: str) -> list[str]:
    """Return one row per rule: what it lends and loses, and its capacity where it loses what the reference does, or a named loss."""
    losses = " | ".join(f"at {ppm} ppm of collateral lost" for ppm in LOSSES_PPM)
    lines = [
        f"| rule | debt / collateral | liquidated | bad debt, ppm of debt | capacity at {reference}'s bad debt | {losses} |",
        "|" + " --- |" * (5 + len(LOSSES_PPM)),
    ]
    for rule, found in part["rules"].items():
        compared = part["comparisons"].get(f"{rule} against {reference}")
        gains = ["-"] * (1 + len(LOSSES_PPM))
        if compared:
            at_losses = compared["capacity_gain_at_loss_ppm"]
            gains = [_interval(compared["capacity_gain_at_equal_bad_debt"]), *map(_interval, at_losses.values())]
        lines.append(
            f"| {rule} | {_number(found['debt_per_collateral'], '.3f')} | {_number(found['liquidated_share_of_debt'], '.1%')} "
            f"| {_number(found['bad_debt_ppm_of_debt'], '.0f')} | {' | '.join(gains)} |"
        )
    return lines


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def render_limits(report: dict[str, Any]) -> list[str]:
    """Return in words what the headline does not show: what the buffer alone gains, the other rules, and a reference that loses nothing."""
    headline = report["headline"]
    middle = str(LOSSES_PPM[1])
    words = {
        other: _interval(
            headline["comparisons"][f"{offers.OURS_RATED} against {other}"]["capacity_gain_at_loss_ppm"][middle]
        )
        for other in (offers.STATIC_BUFFERED, offers.SMART_LTV, offers.ZERO_BAD_DEBT)
    }
    on_majors = _interval(
        report["majors only"]["comparisons"][f"{offers.OURS_RATED} against {offers.STATIC}"][
            "capacity_gain_at_loss_ppm"
        ][middle]
    )
    static = headline["rules"][offers.STATIC]
    left_out = headline["comparisons"][f"{offers.OURS_RATED} against {offers.STATIC}"]["draws_not_comparable"]
    gains = ", ".join(f"{word} against {other}" for other, word in words.items())
    return [
        f"Capacity of ours, rated, where both lose {middle} ppm of the collateral: {gains}; on majors alone {on_majors} against static.",
        f"{static['loans']} loans in {static['blocks']} blocks; static loses in {static['blocks_with_bad_debt']} of them, and {left_out:.0%} of the draws at its own bad debt leave that out and are not comparable: the columns at a named loss do not hang on it.",
        f"At their own scale ours, rated, lose {headline['rules'][offers.OURS_RATED]['bad_debt_ppm_of_debt']:.0f} ppm of debt, and static {static['bad_debt_ppm_of_debt']:.0f}.",
    ]


def _interval(gain: Figure | None) -> str:
    if gain is None:
        return "not comparable"
    value, low, high = gain
    return f"{value:+.1%}" if low is None or high is None else f"{value:+.1%} ({low:+.1%} to {high:+.1%})"


def _record_begins(inputs: study.Inputs) -> str | None:
    """Return the first day for which the static parameters of an asset are on record."""
    recorded = np.logical_or.reduce([terms.ltv_bps > 0 for terms in inputs.static.values()])
    return str(FIRST + timedelta(days=int(recorded.argmax()))) if recorded.any() else None


def _within(span: tuple[date, date]) -> Keep:
    first, end = ((day - FIRST).days for day in span)
    return study.keep_days(first, end)


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
