"""Recourse: what it names suffices, one unit less does not, by asking the policy itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from oracle.domain.score import CollateralScore
from oracle.domain.units import Bps, Margin
from oracle.errors import RangeError
from oracle.terms.expected_loss import MarketPolicy
from oracle.terms.policy import compute_terms
from oracle.terms.recourse import Goal, Recourse, compute_recourse
from tests.terms.test_policy import PlainTables, collateral_of, margins, market_of, markets, pairs, tables

__all__ = ["tables"]

PAIR = {
    "ltvFloorBps": 4_000,
    "ltvCeilingBps": 7_000,
    "liquidationThresholdBps": 7_500,
    "gapPpm": 0,
    "volatilityPpm": 800_000,
}
MARKET = {"severityBps": 1_000, "budgetPpm": 300, "floorPremiumBps": 300}

# `pairs` have a floor; a pair without one lends on a rated proof alone.
pairs_without_floor = pairs | pairs.map(lambda pair: pair | {"ltvFloorBps": 0})
goals = st.builds(
    lambda premium, ltv: Goal(premium_bps=premium, ltv_bps=ltv),
    st.none() | st.integers(0, 2_500).map(Bps),
    st.none() | st.integers(0, 10_000).map(Bps),
)


class Setting:
    """One borrower in one market; `suffices` asks the policy about a debt and a value."""

    def __init__(
        self, tables: PlainTables, pair: dict[str, int], market: dict[str, int], margin: int | None, goal: Goal
    ) -> None:
        self.collateral: CollateralScore = collateral_of(pair)
        self.policy: MarketPolicy = market_of(market)
        self.tables, self.goal, self.floor_bps = tables, goal, pair["ltvFloorBps"]
        self.margin = None if margin is None else Margin(margin)

    def suffices(self, debt: int, value: int, limit: int | None) -> bool:
        if debt == 0:
            return True
        if value == 0:
            return False
        ask = Bps((debt * 10_000 + value - 1) // value)
        terms = compute_terms(self.collateral, self.tables, self.margin, ask, self.policy)
        is_cheap = self.goal.premium_bps is None or terms.premium_bps <= self.goal.premium_bps
        is_low = self.goal.ltv_bps is None or terms.ltv_bps <= self.goal.ltv_bps
        is_within = limit is None or debt - value * self.floor_bps // 10_000 <= limit
        return terms.is_granted and is_cheap and is_low and is_within

    def recourse(self, debt: int, value: int, limit: int | None) -> Recourse | None:
        return compute_recourse(
            self.collateral,
            self.tables,
            self.margin,
            self.goal,
            self.policy,
            debt_amount=debt,
            value_amount=value,
            floor_excess_limit_amount=limit,
        )


@given(
    pair=pairs_without_floor,
    market=markets,
    margin=st.none() | margins,
    goal=goals,
    debt=st.integers(1, 10**12),
    value=st.integers(0, 10**12),
    limit=st.none() | st.integers(0, 10**11),
)
@example(pair=PAIR, market=MARKET, margin=0, goal=Goal(), debt=3, value=4, limit=None)
def test_compute_recourse__either_way__suffices_and_one_unit_less_does_not(
    tables: PlainTables,
    pair: dict[str, int],
    market: dict[str, int],
    margin: int | None,
    goal: Goal,
    debt: int,
    value: int,
    limit: int | None,
) -> None:
    """T-06."""
    setting = Setting(tables, pair, market, margin, goal)

    found = setting.recourse(debt, value, limit)

    assume(found is not None)
    assert found is not None
    assert setting.suffices(debt - found.repay_amount, value, limit)
    if found.repay_amount:
        assert not setting.suffices(debt - found.repay_amount + 1, value, limit)
    if found.top_up_value_amount is None:
        assert not any(setting.suffices(debt, value + 10**power, limit) for power in range(0, 40, 4))
        return
    assert setting.suffices(debt, value + found.top_up_value_amount, limit)
    if found.top_up_value_amount:
        assert not setting.suffices(debt, value + found.top_up_value_amount - 1, limit)


@given(pair=pairs, market=markets, margin=st.none() | margins, goal=goals, debt=st.integers(1, 3_000))
def test_compute_recourse__none__no_debt_at_all_reaches_the_goal(
    tables: PlainTables, pair: dict[str, int], market: dict[str, int], margin: int | None, goal: Goal, debt: int
) -> None:
    setting = Setting(tables, pair, market, margin, goal)

    assume(setting.recourse(debt, 10_000, None) is None)

    assert not any(setting.suffices(left, 10_000, None) for left in range(1, debt + 1))


def test_compute_recourse__hand_worked__unrated_borrower_above_the_floor(tables: PlainTables) -> None:
    # Floor 40 %: of 1,001 at most 400.4 may be owed, and 500 needs 1,250.
    found = Setting(tables, PAIR, MARKET, None, Goal()).recourse(500, 1_001, None)

    assert found == Recourse(ask_bps=Bps(4_000), repay_amount=100, top_up_value_amount=249)


def test_compute_recourse__hand_worked__without_risk_the_ceiling_is_reached(tables: PlainTables) -> None:
    # No gap, no expected loss: the ceiling, 70 %. 800 of 1,000 is 100 too much, and needs 1,142.86.
    found = Setting(tables, PAIR, MARKET, 0, Goal()).recourse(800, 1_000, None)

    assert found == Recourse(ask_bps=Bps(7_000), repay_amount=100, top_up_value_amount=143)


def test_compute_recourse__hand_worked__limit_above_the_floor_binds(tables: PlainTables) -> None:
    # The floor of 1,000 is 400; 50 above it leave 450 of 600. By collateral: (600 - 50) / 0.4 = 1,375.
    found = Setting(tables, PAIR, MARKET, 0, Goal()).recourse(600, 1_000, 50)

    assert found == Recourse(ask_bps=Bps(7_000), repay_amount=150, top_up_value_amount=375)


def test_compute_recourse__terms_reached_already__needs_nothing(tables: PlainTables) -> None:
    found = Setting(tables, PAIR, MARKET, None, Goal(premium_bps=Bps(300))).recourse(400, 1_000, None)

    assert found == Recourse(ask_bps=Bps(4_000), repay_amount=0, top_up_value_amount=0)


def test_compute_recourse__premium_below_the_floors__only_repaying_all_helps(tables: PlainTables) -> None:
    assert Setting(tables, PAIR, MARKET, None, Goal(premium_bps=Bps(299))).recourse(1, 10_000, None) is None


def test_compute_recourse__unrated_collateral__only_repaying_all_helps(tables: PlainTables) -> None:
    unrated: dict[str, Any] = PAIR | {"isCollateralRated": False}

    assert Setting(tables, unrated, MARKET, 0, Goal()).recourse(1, 10_000, None) is None


@pytest.mark.parametrize(("debt", "value", "limit"), [(-1, 1, None), (1, -1, None), (1, 1, -1)])
def test_compute_recourse__negative_amount__is_refused(
    tables: PlainTables, debt: int, value: int, limit: int | None
) -> None:
    with pytest.raises(RangeError, match="must lie in"):
        Setting(tables, PAIR, MARKET, 0, Goal()).recourse(debt, value, limit)


def test_compute_recourse__frozen_vectors__reach_their_own_max_ltv(vectors_dir: Path, tables: PlainTables) -> None:
    for case in json.loads((vectors_dir / "terms.json").read_text())["cases"]:
        if case["reason"] == "collateral":
            continue
        margin = int(case["behaviourMargin"]) if case["proof"] == "rated" else None
        setting = Setting(tables, case, case, margin, Goal())

        found = setting.recourse(10_000, 10_000, None)

        # On a value of 10,000 a debt is its own LTV in bps.
        if case["maxLtvBps"] == 0:
            assert found is None
            continue
        assert found is not None
        assert found.ask_bps == case["maxLtvBps"], case
        assert found.repay_amount == 10_000 - case["maxLtvBps"]
