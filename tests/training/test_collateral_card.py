"""The card says which asset classes the drawdown's percentile is too wide for, and where its shortfall is read from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.training.test_collateral_holdout import RECIPE, days_after, rows_around
from training.collateral_card import _careful_lines, read_shortfall_ratio
from training.collateral_holdout import HeldOut, hold_out


@pytest.fixture(scope="module")
def held_out() -> HeldOut:
    found = hold_out(rows_around(60), RECIPE, days_after(60))
    assert found is not None
    return found


def covered(held_out: HeldOut, low: float) -> HeldOut:
    return replace(held_out, drawdowns=tuple(replace(r, coverage=(0.995, low, 1.0)) for r in held_out.drawdowns))


def test_careful_lines__coverage_surely_above_99_percent__names_the_classes(held_out: HeldOut) -> None:
    assert _careful_lines(covered(held_out, 0.991))[0].startswith(
        "Wider than it should be for: all, majors, stablecoins."
    )


def test_careful_lines__coverage_that_may_be_right__says_nothing(held_out: HeldOut) -> None:
    assert _careful_lines(covered(held_out, 0.989)) == []


def test_read_shortfall_ratio__stated_unknown_or_absent__is_it_or_none() -> None:
    line = "`drawdownBps` times {} is the expected shortfall beyond it."

    assert read_shortfall_ratio(f"a\n{line.format('1.254')}\nb") == 1.254
    assert read_shortfall_ratio(line.format("nan")) is None
    assert read_shortfall_ratio("nothing of the kind") is None
