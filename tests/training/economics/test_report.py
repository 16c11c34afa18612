"""The words of the replay: a figure with its interval, and what it does not show."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracle.domain.units import Bps
from oracle.scoring.bundle import load_bundle
from training.economics import offers
from training.economics.offers import OURS_RATED, STATIC
from training.economics.replay import SCALES
from training.economics.report import (
    BASELINES,
    CUTOFFS,
    END,
    ETH_ALONE,
    FIRST,
    GUESSED,
    LOSSES_PPM,
    describe_replay,
    render,
    summarize,
)
from training.economics.study import AssetLoans, Inputs, ReplayedModels, keep_days, keep_recorded
from training.releases import PROFILES
from training.rows import CollateralRows

RELEASED = ReplayedModels(
    borrower=load_bundle("borrower-1", allow_sandbox=False).model,
    maker_known_until=date(2023, 1, 13),
    collateral=load_bundle("collateral-1", allow_sandbox=False).model,
)

Gain = tuple[float, float | None, float | None]


def section(reference: str, bad_debt_ppm: float | None, gain: Gain | None, at_loss: Gain | None) -> dict[str, Any]:
    others = {rule for part in BASELINES.values() for rule in part} - set(BASELINES[reference])
    rules = [rule for rule in offers.RULES if rule not in others]
    rule = {
        "loans": 10,
        "blocks": 2,
        "blocks_with_bad_debt": 1,
        "debt_per_collateral": 0.5,
        "liquidated_share_of_debt": 0.25,
    }
    compared = {
        "capacity_gain_at_equal_bad_debt": gain,
        "draws_not_comparable": 0.25,
        "capacity_gain_at_loss_ppm": {str(ppm): at_loss for ppm in LOSSES_PPM},
    }
    return {
        "rules": {r: {**rule, "bad_debt_ppm_of_debt": bad_debt_ppm if r == reference else 40.0} for r in rules},
        "comparisons": {f"{OURS_RATED} against {other}": compared for other in rules},
    }


def report_of(static_ppm: float, gain: Gain | None, at_loss: Gain | None) -> dict[str, Any]:
    return {
        "setting": {"record_begins": "2023-03-30"},
        "headline": section(STATIC, static_ppm, gain, at_loss),
        "majors only": section(STATIC, 0.0, None, None),
        **{name: section(offers.CARRIED, 250.0, (0.2, 0.1, 0.3), None) for name in GUESSED},
    }


def test_render__figures__stand_beside_their_interval_and_limits() -> None:
    lines = render(report_of(250.0, (0.2, 0.1, 0.3), (0.1, 0.05, 0.15)))

    at_loss = "+10.0% (+5.0% to +15.0%)"
    assert (
        f"| ours, rated | 0.500 | 25.0% | 40 | +20.0% (+10.0% to +30.0%) | {at_loss} | {at_loss} | {at_loss} |" in lines
    )
    assert any("on majors alone not comparable" in line for line in lines)
    assert any("static loses in 1 of them, and 25% of the draws" in line for line in lines)


def test_render__reference_that_loses_nothing__is_not_compared() -> None:
    lines = render(report_of(0.0, None, None))

    assert "| ours, rated | 0.500 | 25.0% | 40 |" + " not comparable |" * (1 + len(LOSSES_PPM)) in lines


def test_render__too_few_blocks__has_values_and_no_interval() -> None:
    lines = render(report_of(250.0, (0.2, None, None), None))

    assert any("| 40 | +20.0% | not comparable |" in line for line in lines)
    assert any("2 blocks, too few for intervals" in line for line in lines)


def test_render__threshold_of_eth_on_record__stands_apart_from_what_is_guessed() -> None:
    report = report_of(0.0, None, None)

    without, lines = render(report), render({**report, ETH_ALONE: section(offers.ETH_BUFFERED, 9.0, None, None)})

    assert not any(ETH_ALONE in line for line in without)
    found = next(n for n, line in enumerate(lines) if line.startswith(f"{ETH_ALONE} (its LTV is not): 10 loans"))
    table = lines[found + 2 : lines.index("", found + 2)]
    assert [line.split(" | ")[0] for line in table[2:]] == [
        "| ours, rated",
        "| ours, unrated",
        "| SmartLTV",
        "| zero bad debt",
        "| Aave v2's threshold, our buffer",
    ]


def test_render__guessed_parameters__stand_apart_and_are_called_so() -> None:
    lines = render(report_of(0.0, None, None))

    headline = lines[: next(n for n, line in enumerate(lines) if line.startswith("Carried back:"))]
    assert not any("| carried back" in line for line in headline)
    assert any(line.startswith("Carried back, May and June 2021: 10 loans from 2021-05-01") for line in lines)
    assert any("Carried back means guessed" in line and "2023-03-30" in line for line in lines)


def test_study__dates__every_model_knows_only_what_lay_before_its_days() -> None:
    assert (str(FIRST), str(END)) == ("2021-05-01", "2025-01-01")
    assert CUTOFFS[0] == FIRST
    assert all((end - first).days <= 184 for first, end in zip(CUTOFFS, (*CUTOFFS[1:], END), strict=True))


def loans_of(is_recorded: list[bool], granted: float) -> AssetLoans:
    n = len(is_recorded)
    return AssetLoans(
        days=np.arange(n) * 30,
        is_recorded=np.array(is_recorded),
        granted=np.full(n, granted),
        liquidated=np.zeros(n),
        bad_debt=np.zeros((n, len(SCALES))),
    )


@pytest.mark.parametrize(
    ("keep", "reference", "n_loans"),
    [(keep_recorded, STATIC, 3), (keep_days(0, 60), offers.CARRIED, 2), (keep_days(500, 600), offers.CARRIED, 0)],
)
def test_summarize__picked_loans__counts_them_alone(keep: Any, reference: str, n_loans: int) -> None:
    loans = {rule: {"ETH": [loans_of([False, True, True, True], 0.5)]} for rule in offers.RULES}
    inputs = Inputs(
        first_s=0,
        n_days=4 * 30,
        static={},
        carried={},
        eth=None,
        runs={},
        shares=np.ones(1),
        haircuts={},
        other_haircut=Bps(0),
    )

    found = summarize(loans, inputs, keep, reference)

    assert {rule["loans"] for rule in found["rules"].values()} == {n_loans}
    assert reference in found["rules"]
    assert found["comparisons"][f"{OURS_RATED} against {reference}"]["capacity_gain_at_equal_bad_debt"] is None


def test_describe_replay__folder_without_parameters__says_what_is_missing(tmp_path: Path) -> None:
    empty = np.zeros(0, dtype=np.int64)
    rows = CollateralRows(
        vectors=empty.reshape(0, 12), falls_bps=empty, hour_falls_bps=empty, clusters=empty, as_of_s=empty
    )

    lines = describe_replay(tmp_path, rows, PROFILES["full"].collateral_recipe, lambda _: None, RELEASED)

    assert lines[0] == "## A market replayed"
    assert "aave_reserve_params" in lines[1]
