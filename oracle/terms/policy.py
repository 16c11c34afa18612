"""The one policy that turns scores into terms: a menu rising in LTV, each step allowed if its expected loss is inside the budget.

L(k) = floor + 50k up to the ceiling; an ask rounds up. Up to the floor anyone borrows, at the floor premium, and a rated proof can only lower it.
No proof, an unrated borrower and an expired score are the same: the floor. A score never moves the liquidation threshold.
Source: `tests/vectors/FORMATS.md`, section 9; twin of `contracts/src/libraries/TermsLib.sol`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum

from oracle.domain.score import Binding, CollateralScore
from oracle.domain.units import Bps, Margin, mul_div_up
from oracle.terms.expected_loss import BorrowerTables, LoanRisk, MarketPolicy, compute_loan_risk

STEP_BPS = 50
_NOTHING = Bps(0)


class Decision(StrEnum):
    """Why an ask was granted or refused."""

    GRANTED = "granted"
    NO_COLLATERAL_SCORE = "collateral"
    ABOVE_CEILING = "ceiling"
    NEEDS_PROOF = "proof"
    OVER_BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an ask gets; `ltv_bps` and `premium_bps` are 0 if it is refused, `risk` is None where no rated proof was priced."""

    decision: Decision
    ltv_bps: Bps
    premium_bps: Bps
    max_ltv_bps: Bps
    liquidation_threshold_bps: Bps
    risk: LoanRisk | None

    @property
    def is_granted(self) -> bool:
        """Return whether the loan is allowed."""
        return self.decision is Decision.GRANTED


def compute_terms(
    collateral: CollateralScore | None,
    tables: BorrowerTables,
    behaviour_margin: Margin | None,
    ask_ltv_bps: Bps,
    market: MarketPolicy,
) -> Terms:
    """Return the terms of a position that would stand at `ask_ltv_bps`.

    `collateral` is None without an unexpired score; `behaviour_margin` is None without an unexpired, rated proof.
    """
    # A volatility of 0 is a price that never moved or was never seen; it must not pass for calm.
    if collateral is None or collateral.binding is Binding.UNRATED or collateral.volatility_ppm == 0:
        return _refused(Decision.NO_COLLATERAL_SCORE, collateral, _NOTHING)
    floor, ceiling = collateral.ltv_floor_bps, collateral.ltv_ceiling_bps
    max_ltv_bps = compute_max_ltv(collateral, tables, behaviour_margin, market)
    ltv_bps = menu_step(collateral, ask_ltv_bps)
    if ltv_bps > ceiling:
        return _refused(Decision.ABOVE_CEILING, collateral, max_ltv_bps)
    risk = None
    if behaviour_margin is not None:
        risk = compute_loan_risk(collateral, tables, behaviour_margin, ltv_bps, market)
    is_in_budget = risk is not None and risk.el_ppm <= market.budget_ppm
    if ask_ltv_bps > floor and risk is None:
        return _refused(Decision.NEEDS_PROOF, collateral, max_ltv_bps)
    if ask_ltv_bps > floor and not is_in_budget:
        return _refused(Decision.OVER_BUDGET, collateral, max_ltv_bps, risk)
    premium_bps = market.floor_premium_bps
    if risk is not None and ask_ltv_bps > floor:
        premium_bps = risk.premium_bps
    elif risk is not None and is_in_budget:
        premium_bps = min(risk.premium_bps, premium_bps)
    return Terms(
        decision=Decision.GRANTED,
        ltv_bps=ltv_bps,
        premium_bps=premium_bps,
        max_ltv_bps=max_ltv_bps,
        liquidation_threshold_bps=collateral.liquidation_threshold_bps,
        risk=risk,
    )


def menu_step(collateral: CollateralScore, ask_ltv_bps: Bps) -> Bps:
    """Return the smallest step of the menu at or above the ask; it may lie above the ceiling."""
    floor = collateral.ltv_floor_bps
    if ask_ltv_bps <= floor:
        return floor
    return Bps(floor + mul_div_up(ask_ltv_bps - floor, 1, STEP_BPS) * STEP_BPS)


def compute_max_ltv(
    collateral: CollateralScore, tables: BorrowerTables, behaviour_margin: Margin | None, market: MarketPolicy
) -> Bps:
    """Return the largest step inside the budget, the floor if none or without a rated proof; losses rise along the menu."""
    floor, ceiling = collateral.ltv_floor_bps, collateral.ltv_ceiling_bps
    if behaviour_margin is None:
        return floor
    steps = range(floor, ceiling + 1, STEP_BPS)
    allowed_count = bisect_right(
        steps,
        market.budget_ppm,
        key=lambda ltv: compute_loan_risk(collateral, tables, behaviour_margin, Bps(ltv), market).el_ppm,
    )
    return Bps(steps[max(0, allowed_count - 1)])


def _refused(
    decision: Decision, collateral: CollateralScore | None, max_ltv_bps: Bps, risk: LoanRisk | None = None
) -> Terms:
    threshold = _NOTHING if collateral is None else collateral.liquidation_threshold_bps
    return Terms(
        decision=decision,
        ltv_bps=_NOTHING,
        premium_bps=_NOTHING,
        max_ltv_bps=max_ltv_bps,
        liquidation_threshold_bps=threshold,
        risk=risk,
    )
