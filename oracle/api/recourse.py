"""What it takes to get terms in a market: `oracle.terms.recourse` with the market's limits on debt above the floor.

A repayment lowers the borrower's own debt above the floor, so both limits leave one number: the borrower's, or what the market's cap leaves beside all others.
"""

from __future__ import annotations

from oracle.api.loans import Standing, has_no_score, pair_of, policy_of
from oracle.api.markets import MarketState
from oracle.scoring.model import BorrowerTables
from oracle.terms.recourse import Goal, Recourse, compute_recourse


def compute_what_if(
    state: MarketState, standing: Standing, amount: int, goal: Goal, tables: BorrowerTables
) -> Recourse | None:
    """Return what it takes for the debt with `amount` on top; None where only repaying everything helps.

    Cash is left out: it bounds what is lent, not what a position is worth.

    Raises:
        ValueError: if the market refuses its price; the caller says so to the user.
    """
    books, constants = state.borrower, state.constants
    if books.collateral_value_amount is None:
        raise ValueError(books.price_refusal)
    if has_no_score(state):
        return None
    others_amount = state.total_exposure_amount - books.exposure_amount
    cap_left_amount = max(0, state.exposure_cap_amount - others_amount)
    return compute_recourse(
        pair_of(state.collateral),
        tables,
        standing.rated_margin,
        goal,
        policy_of(state),
        debt_amount=books.debt_amount + amount,
        value_amount=books.collateral_value_amount,
        floor_excess_limit_amount=min(constants.borrower_limit_amount, cap_left_amount),
    )
