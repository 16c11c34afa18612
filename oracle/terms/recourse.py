"""Recourse: the smallest repayment, and the smallest addition of collateral, after which a debt gets the terms asked for. Pure.

`compute_terms` sees a debt D on collateral worth V as the ask ceil(D * 10^4 / V). Along the menu terms only get worse, so there is a largest ask A that
reaches the goal, and with it the largest debt floor(A * V / 10^4) and the least value ceil(D * 10^4 / A); one unit less of either action leaves the ask above A.
A limit X on debt above the floor F adds D - floor(V * F / 10^4) <= X. Both answers are exact: amounts in loan tokens, as `LendingMarket` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.domain.score import CollateralScore
from oracle.domain.units import BPS, Bps, Margin, mul_div_down, mul_div_up
from oracle.errors import RangeError
from oracle.terms.expected_loss import BorrowerTables, MarketPolicy
from oracle.terms.policy import STEP_BPS, compute_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Terms to reach: granted, at no more than a premium and on no higher step of the menu; None asks for nothing more than being granted."""

    premium_bps: Bps | None = None
    ltv_bps: Bps | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recourse:
    """The largest ask that reaches the goal, and each way there by itself; 0 where nothing is needed, no top-up where none suffices (a floor of 0)."""

    ask_bps: Bps
    repay_amount: int
    top_up_value_amount: int | None


def compute_recourse(
    collateral: CollateralScore | None,
    tables: BorrowerTables,
    behaviour_margin: Margin | None,
    goal: Goal,
    market: MarketPolicy,
    *,
    debt_amount: int,
    value_amount: int,
    floor_excess_limit_amount: int | None = None,
) -> Recourse | None:
    """Return what it takes; None where only repaying everything helps: without a collateral score, or where even the floor costs more than the goal.

    `floor_excess_limit_amount` is what may be owed above the floor, None without such a limit.

    Raises:
        RangeError: if an amount is negative.
    """
    for name, amount in (
        ("debt", debt_amount),
        ("collateral value", value_amount),
        ("limit above the floor", floor_excess_limit_amount or 0),
    ):
        if amount < 0:
            raise RangeError(name, amount, 0, 2**128 - 1)
    ask_bps = compute_largest_ask(collateral, tables, behaviour_margin, goal, market)
    if collateral is None or not ask_bps:
        return None
    most_debt = mul_div_down(ask_bps, value_amount, BPS)
    least_value = mul_div_up(debt_amount, BPS, ask_bps)
    is_within_reach = True
    if floor_excess_limit_amount is not None:
        floor_bps, excess = collateral.ltv_floor_bps, max(0, debt_amount - floor_excess_limit_amount)
        most_debt = min(most_debt, mul_div_down(value_amount, floor_bps, BPS) + floor_excess_limit_amount)
        if floor_bps > 0:
            least_value = max(least_value, mul_div_up(excess, BPS, floor_bps))
        else:
            is_within_reach = excess == 0
    return Recourse(
        ask_bps=ask_bps,
        repay_amount=max(0, debt_amount - most_debt),
        top_up_value_amount=max(0, least_value - value_amount) if is_within_reach else None,
    )


def compute_largest_ask(
    collateral: CollateralScore | None,
    tables: BorrowerTables,
    behaviour_margin: Margin | None,
    goal: Goal,
    market: MarketPolicy,
) -> Bps | None:
    """Return the highest step of the menu that reaches the goal, None if no step does; every lower ask reaches it as well.

    Between steps an ask rounds up, so the highest step is the largest ask.
    """
    if collateral is None:
        return None
    low, high = 0, (collateral.ltv_ceiling_bps - collateral.ltv_floor_bps) // STEP_BPS

    def reaches(step: int) -> bool:
        ask_bps = Bps(collateral.ltv_floor_bps + step * STEP_BPS)
        terms = compute_terms(collateral, tables, behaviour_margin, ask_bps, market)
        is_cheap = goal.premium_bps is None or terms.premium_bps <= goal.premium_bps
        is_low = goal.ltv_bps is None or terms.ltv_bps <= goal.ltv_bps
        return terms.is_granted and is_cheap and is_low

    if not reaches(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if reaches(middle):
            low = middle
        else:
            high = middle - 1
    return Bps(collateral.ltv_floor_bps + low * STEP_BPS)
