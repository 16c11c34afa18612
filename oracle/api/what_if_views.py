"""A what-if put together: the borrower's standing, the goal, and the two ways to reach it."""

from __future__ import annotations

from oracle.api.deps import ApiDeps
from oracle.api.markets import MarketState
from oracle.api.quote_views import BASES, block_ref, present, require_tables
from oracle.api.recourse import compute_what_if
from oracle.api.schemas.quotes import WhatIfAnswer
from oracle.api.views import report_ref
from oracle.domain.ids import Address, to_checksum, to_hex
from oracle.errors import UnusablePriceError
from oracle.terms.recourse import Goal


def build_what_if(
    deps: ApiDeps, state: MarketState, account: Address, amount: int, goal: Goal, *, with_proof: bool
) -> WhatIfAnswer:
    """Return the answer for a debt that `amount` is added to.

    Raises:
        UnusablePriceError: if the market refuses its price.
        MarketReadError: if the market prices with other tables than the committee's model.
        RootConflictError: if the chain's newest report is not the one that this node saw.
    """
    tables = require_tables(deps, state)
    presented, standing = present(deps, state, account, with_proof=with_proof)
    try:
        found = compute_what_if(state, standing, amount, goal, tables)
    except ValueError as error:
        raise UnusablePriceError(to_hex(state.market), str(error)) from None
    books = state.borrower
    debt = books.debt_amount + amount
    repay = debt if found is None else found.repay_amount
    top_up = None if found is None else found.top_up_value_amount
    basis, basis_text = BASES[standing.basis]
    return WhatIfAnswer(
        report=None if presented.report is None else report_ref(deps, presented.report),
        block=block_ref(state),
        market=to_checksum(state.market),
        borrower=to_checksum(account),
        amount=str(amount),
        loan_symbol=state.constants.loan_symbol,
        loan_decimals=state.constants.loan_decimals,
        basis=basis,
        basis_text=basis_text,
        proof_epoch=presented.epoch if presented.score is not None else None,
        max_premium_bps=goal.premium_bps,
        max_ltv_bps=goal.ltv_bps,
        debt=str(debt),
        collateral_value=str(books.collateral_value_amount),
        reached=repay == 0,
        ask_bps=0 if found is None else found.ask_bps,
        repay=str(repay),
        top_up_value=None if top_up is None else str(top_up),
        notes=[*presented.notes, *_notes(debt, found is None, top_up is None)],
    )


def _notes(debt: int, is_out_of_reach: bool, has_no_top_up: bool) -> tuple[str, ...]:
    if debt == 0:
        return ("There is no debt: ask with an amount to see what a loan would need.",)
    if is_out_of_reach:
        return ("No repayment short of the whole debt, and no collateral, reaches these terms.",)
    return ("No addition of collateral reaches these terms.",) if has_no_top_up else ()
