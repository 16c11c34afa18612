"""`python -m training economics`: the replay of a market under six rules, as JSON and as a table.

The headline takes 24 hours from threshold to sale, the window that a collateral score is about; 1 and 6 hours are beside it. It is out of time for the collateral models,
trained anew on what lay before each half-year. `committed bundle` replays the same days with `collateral-1`, which knows them: it shows the bundle, and proves nothing.
2021 is not replayed: prices begin with it, so no model was trained before it and no rule has a year of history; Aave's record begins later still.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from oracle.scoring.bundle import load_bundle
from training.collateral import read_runs
from training.economics import offers, study
from training.economics.frontier import BLOCK_DAYS, BlockSums, Comparison, bad_debt_at, compare
from training.economics.liquidators import BONUS_BPS
from training.errors import DatasetError
from training.rows import CollateralRows, build_collateral_rows
from training.train import Recipe

type Array = np.ndarray[Any, Any]
type Keep = Callable[[str, study.AssetLoans], Array]

HEADLINE_DELAY_HOURS = 24
DELAYS_HOURS = (1, 6, HEADLINE_DELAY_HOURS)
FIRST, END = date(2022, 1, 1), date(2025, 1, 1)
CUTOFFS = (date(2022, 1, 1), date(2022, 7, 1), date(2023, 1, 1), date(2023, 7, 1), date(2024, 1, 1), date(2024, 7, 1))
BORROWER_BUNDLE, COLLATERAL_BUNDLE = "borrower-1", "collateral-1"
ROWS_STEP_DAYS = 3


def write_report(
    data: Path,
    json_path: Path | None,
    recipe: Recipe,
    say: Callable[[str], None],
    *,
    rows: CollateralRows | None = None,
) -> dict[str, Any]:
    """Run the study and return it; also written as JSON where a path is given. `rows` of all pairs are built where they are not given.

    Raises:
        DatasetError: if a folder is absent.
        TrainingError: if the data hold no loan to replay.
    """
    inputs = study.read_inputs(data, _seconds(FIRST), (END - FIRST).days)
    borrower = load_bundle(BORROWER_BUNDLE, allow_sandbox=False)
    if rows is None:
        say("replay: collateral rows of all pairs")
        rows = build_collateral_rows(read_runs(data, None), step_days=ROWS_STEP_DAYS)
    say(f"replay: training {len(CUTOFFS)} models, each on what lay before it")
    models = study.train_until(rows, recipe, [_seconds(day) for day in CUTOFFS])
    say(f"replay: {len(inputs.runs)} assets under {len(offers.RULES)} rules")
    studies = study.replay_all(inputs, models, borrower, DELAYS_HOURS)
    committed = load_bundle(COLLATERAL_BUNDLE, allow_sandbox=False)
    known_all = (offers.ModelUntil(known_until_s=0, model=committed.model),)
    in_span = study.replay_all(inputs, known_all, borrower, [HEADLINE_DELAY_HOURS])
    span = borrower.training_span
    rated_from = FIRST if span is None else span[1]
    headline = studies[HEADLINE_DELAY_HOURS]
    report = {
        "setting": describe(inputs),
        "headline": summarize(headline, inputs, study.keep_all),
        "recorded parameters only": summarize(headline, inputs, study.keep_recorded),
        "majors only": summarize(headline, inputs, study.keep_majors),
        f"after {BORROWER_BUNDLE} was trained": summarize(
            headline, inputs, study.keep_from_day((rated_from - FIRST).days)
        ),
        **{f"{d} h to sale": summarize(studies[d], inputs, study.keep_all) for d in DELAYS_HOURS[:-1]},
        "committed bundle (in its training span)": summarize(in_span[HEADLINE_DELAY_HOURS], inputs, study.keep_all),
    }
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def describe_replay(data: Path, rows: CollateralRows, recipe: Recipe, say: Callable[[str], None]) -> list[str]:
    """Return the card's part on the replay; without one of its folders it says which is missing."""
    heading = "## A market replayed"
    try:
        report = write_report(data, None, recipe, say, rows=rows)
    except DatasetError as error:
        return [heading, f"Not replayed: {error.reason}."]
    setting = (
        f"Loans of 30 days on hourly prices, {FIRST} to {END}, {len(report['setting']['assets'])} assets that Aave lists, {HEADLINE_DELAY_HOURS} h from threshold to sale; models trained anew on what lay before each half-year. "
        f"Intervals resample blocks of {BLOCK_DAYS} days. Borrowers stay passive, in all rules alike."
    )
    return [heading, setting, "", *render(report)]


def describe(inputs: study.Inputs) -> dict[str, Any]:
    """Return what the figures stand on."""
    return {
        "first": str(FIRST),
        "end": str(END),
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


def summarize(loans: study.Loans, inputs: study.Inputs, keep: Keep) -> dict[str, Any]:
    """Return each rule's figures, and its comparisons with the static parameters and of ours with every other rule."""
    sums = {rule: study.sum_blocks(by_asset, inputs.n_days, keep=keep) for rule, by_asset in loans.items()}
    against = [(rule, other) for rule in (offers.OURS_RATED, offers.OURS_UNRATED) for other in sums if rule != other]
    against += [(rule, offers.STATIC) for rule in (offers.STATIC_BUFFERED, offers.SMART_LTV, offers.ZERO_BAD_DEBT)]
    return {
        "rules": {rule: figures(found) for rule, found in sums.items()},
        "comparisons": {
            f"{rule} against {other}": as_json(compare(sums[rule], sums[other])) for rule, other in against
        },
    }


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
    """Return the headline as Markdown lines."""
    lines = [
        "| rule | debt / collateral | liquidated | bad debt, ppm of debt | capacity at static's bad debt |",
        "| --- | --- | --- | --- | --- |",
    ]
    headline = report["headline"]
    for rule, found in headline["rules"].items():
        compared = headline["comparisons"].get(f"{rule} against {offers.STATIC}")
        gain = compared and compared["capacity_gain_at_equal_bad_debt"]
        words = _interval(gain) if compared else "-"
        lines.append(
            f"| {rule} | {found['debt_per_collateral']:.3f} | {found['liquidated_share_of_debt']:.1%} "
            f"| {found['bad_debt_ppm_of_debt']:.0f} | {words} |"
        )
    return [*lines, "", *render_limits(report)]


def render_limits(report: dict[str, Any]) -> list[str]:
    """Return in words what the headline does not show: what the buffer alone gains, the other rules, and losses on days without a record."""
    found = report["headline"]["comparisons"]
    words = {
        other: _interval(found[f"{offers.OURS_RATED} against {other}"]["capacity_gain_at_equal_bad_debt"])
        for other in (offers.STATIC_BUFFERED, offers.SMART_LTV, offers.ZERO_BAD_DEBT)
    }
    recorded = report["recorded parameters only"]["rules"][offers.STATIC]
    majors = report["majors only"]["comparisons"][f"{offers.OURS_RATED} against {offers.STATIC}"]
    gains = ", ".join(f"{word} against {other}" for other, word in words.items())
    on_majors = _interval(majors["capacity_gain_at_equal_bad_debt"])
    counts = f"{recorded['loans']} of {report['headline']['rules'][offers.STATIC]['loans']}"
    lost = f"{recorded['bad_debt_ppm_of_debt']:.0f} ppm"
    return [
        f"Capacity of ours, rated, at equal bad debt: {gains}; on majors alone {on_majors} against static.",
        f"On the {counts} loans on days after a record of Aave's parameters, static loses {lost}: where that is 0, the comparison rests on parameters carried back before their first record.",
    ]


def _interval(gain: tuple[float, float, float] | None) -> str:
    return "not comparable" if gain is None else f"{gain[0]:+.1%} ({gain[1]:+.1%} to {gain[2]:+.1%})"


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
