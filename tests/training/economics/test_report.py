"""The words of the replay: a figure with its interval, and what it does not show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.economics.offers import OURS_RATED, RULES, SMART_LTV, STATIC, STATIC_BUFFERED, ZERO_BAD_DEBT
from training.economics.report import END, FIRST, describe_replay, render
from training.releases import PROFILES
from training.rows import CollateralRows


def section(static_bad_debt_ppm: float, gain: tuple[float, float, float] | None) -> dict[str, Any]:
    rule = {"loans": 10, "debt_per_collateral": 0.5, "liquidated_share_of_debt": 0.25, "bad_debt_ppm_of_debt": 40.0}
    compared = {"capacity_gain_at_equal_bad_debt": gain}
    others = (STATIC, STATIC_BUFFERED, SMART_LTV, ZERO_BAD_DEBT)
    return {
        "rules": {r: {**rule, **({"bad_debt_ppm_of_debt": static_bad_debt_ppm} if r == STATIC else {})} for r in RULES},
        "comparisons": {f"{OURS_RATED} against {other}": compared for other in others},
    }


def test_render__figures__stand_beside_their_interval_and_limits() -> None:
    report = {
        "headline": section(250.0, (0.2, 0.1, 0.3)),
        "recorded parameters only": section(0.0, None),
        "majors only": section(250.0, None),
    }

    lines = render(report)

    assert "| ours, rated | 0.500 | 25.0% | 40 | +20.0% (+10.0% to +30.0%) |" in lines
    assert "on majors alone not comparable" in lines[-2]
    assert "static loses 0 ppm" in lines[-1]


def test_study__dates__begin_after_a_year_of_prices_and_end_with_them() -> None:
    assert (str(FIRST), str(END)) == ("2022-01-01", "2025-01-01")


def test_describe_replay__folder_without_parameters__says_what_is_missing(tmp_path: Path) -> None:
    empty = np.zeros(0, dtype=np.int64)
    rows = CollateralRows(
        vectors=empty.reshape(0, 12), falls_bps=empty, hour_falls_bps=empty, clusters=empty, as_of_s=empty
    )

    lines = describe_replay(tmp_path, rows, PROFILES["full"].collateral_recipe, lambda _: None)

    assert lines[0] == "## A market replayed"
    assert "aave_reserve_params" in lines[1]
