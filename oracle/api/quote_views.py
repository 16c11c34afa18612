"""A quote put together: which score the market's chain would accept, what it is worth there, and the answer's words."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.api.collateral_views import find_pair, pair_view
from oracle.api.deps import ApiDeps
from oracle.api.loans import (
    LoanQuote,
    MenuStep,
    Standing,
    compute_menu,
    compute_quote,
    compute_standing,
    has_no_score,
)
from oracle.api.lookups import borrower_score, choose_leaf
from oracle.api.markets import MarketConstants, MarketListing, MarketState
from oracle.api.schemas.collaterals import PairView
from oracle.api.schemas.quotes import (
    BasisName,
    BlockRef,
    MarketView,
    MenuStepView,
    QuoteAnswer,
    QuoteView,
    RefusalName,
)
from oracle.api.views import report_ref
from oracle.domain.ids import Address, keccak256, to_checksum, to_hex
from oracle.domain.loan import Basis, Refusal
from oracle.domain.report import Report
from oracle.domain.score import BorrowerScore
from oracle.domain.units import Epoch
from oracle.errors import CollateralMismatchError, MarketReadError, RootConflictError, UnusablePriceError
from oracle.scoring.model import BorrowerTables

BASES: dict[Basis, tuple[BasisName, str]] = {
    Basis.NO_PROOF: ("no_proof", "No score is presented: floor terms."),
    Basis.EXPIRED: ("expired", "The score is past its validity or the grace of its successor: floor terms."),
    Basis.SUPERSEDED: ("superseded", "The chain stores a newer, riskier score of this borrower: floor terms."),
    Basis.UNRATED: ("unrated", "The borrower is unrated: floor terms."),
    Basis.RATED: ("rated", "The borrower's score is presented."),
}
REFUSALS: dict[Refusal, tuple[RefusalName, str | None]] = {
    Refusal.NONE: ("none", None),
    Refusal.NO_COLLATERAL: ("no_collateral", "The borrower has no collateral in this market: supply some first."),
    Refusal.COLLATERAL_UNSCORED: (
        "collateral_unscored",
        "The pair has no unexpired rated score on this chain: nothing new is lent until one is posted.",
    ),
    Refusal.ABOVE_FLOOR: ("above_floor", "Above the floor a rated score is needed: ask for less, or present a proof."),
    Refusal.ABOVE_CEILING: ("above_ceiling", "Above what the pair allows anyone: ask for less, or add collateral."),
    Refusal.OVER_BUDGET: ("over_budget", "The expected loss at this LTV is over the market's budget: see the menu."),
    Refusal.OVER_BORROWER_LIMIT: ("over_borrower_limit", "Over what one borrower may owe above the floor."),
    Refusal.OVER_EXPOSURE_CAP: ("over_exposure_cap", "Over what all borrowers together may owe above the floor."),
    Refusal.NOT_ENOUGH_CASH: ("not_enough_cash", "The market has not that much to lend now."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """The score that would be presented, if there is one, and what to tell about the choice."""

    report: Report | None
    epoch: Epoch
    score: BorrowerScore | None
    notes: tuple[str, ...]


def build_quote(deps: ApiDeps, state: MarketState, account: Address, amount: int, *, with_proof: bool) -> QuoteAnswer:
    """Return the answer for a loan.

    Raises:
        UnusablePriceError: if the market refuses its price.
        MarketReadError: if the market prices with other tables than the committee's model.
        RootConflictError: if the chain's newest report is not the one that this node saw.
    """
    tables = require_tables(deps, state)
    presented, standing = present(deps, state, account, with_proof=with_proof)
    try:
        quote = compute_quote(state, standing, amount, tables)
    except ValueError as error:
        raise UnusablePriceError(to_hex(state.market), str(error)) from None
    return _answer(deps, state, account, amount, presented, standing, quote, compute_menu(state, standing, tables))


def require_tables(deps: ApiDeps, state: MarketState) -> BorrowerTables:
    """Return the borrower tables; raises MarketReadError if the market prices with others than the committee's model."""
    if state.constants.tables_hash != keccak256(deps.borrower_bundle.tables_bytes):
        raise MarketReadError(to_hex(state.market), "it prices with other borrower tables than the committee's model")
    return deps.borrower_bundle.model.borrower_tables


def present(deps: ApiDeps, state: MarketState, account: Address, *, with_proof: bool) -> tuple[Presented, Standing]:
    """Return the score that the market's chain accepts now, and what it is worth there.

    Raises:
        RootConflictError: if the chain's newest report is not the one that this node saw.
    """
    presented = (
        _presented(deps, state, account) if with_proof else _not_presented("No score was asked to be presented.")
    )
    return presented, compute_standing(state, presented.epoch, presented.score)


def market_view(deps: ApiDeps, listing: MarketListing, constants: MarketConstants) -> MarketView:
    """Return a market as listed."""
    pair = _pair(deps, listing.market, constants)
    return MarketView(
        chain_id=listing.chain_id,
        market=to_checksum(listing.market),
        name=f"{constants.loan_symbol} against {pair.token_symbol or pair.token}",
        loan_token=to_checksum(constants.loan_token),
        loan_symbol=constants.loan_symbol,
        loan_decimals=constants.loan_decimals,
        pair=pair,
        oracle=to_checksum(constants.oracle),
        severity_bps=constants.severity_bps,
        budget_ppm=constants.budget_ppm,
        floor_premium_bps=constants.floor_premium_bps,
        borrower_limit=str(constants.borrower_limit_amount),
        exposure_cap=str(constants.exposure_cap_amount),
    )


def require_collateral(deps: ApiDeps, listing: MarketListing, constants: MarketConstants, given: str | None) -> None:
    """Raise CollateralMismatchError unless `given` names the market's collateral in some way; None names it."""
    pair = _pair(deps, listing.market, constants)
    names = {pair.subject, pair.token.lower(), pair.name.lower(), (pair.token_symbol or pair.name).lower()}
    if given is not None and given.lower() not in names:
        raise CollateralMismatchError(given, f"{pair.name} ({pair.token})")


def _pair(deps: ApiDeps, market: Address, constants: MarketConstants) -> PairView:
    pair = find_pair(deps, constants.collateral_subject)
    if pair is None:
        raise MarketReadError(to_hex(market), "its collateral is not in the committee's configuration")
    return pair_view(deps, pair)


def _presented(deps: ApiDeps, state: MarketState, account: Address) -> Presented:
    """Choose the newest epoch that the chain accepts and whose scores are here."""
    head = state.head
    if head.epoch == 0:
        return _not_presented("No report has landed on this chain yet.")
    kept = deps.scores.kept_epochs()
    usable = [e for e in (head.epoch, head.previous_epoch) if head.is_usable(e, state.block_time_s)]
    epoch = next((e for e in usable if e in kept), head.epoch)
    report = deps.scores.report(epoch)
    if report is not None and epoch == head.epoch and report.scores_root != head.scores_root:
        raise RootConflictError(state.chain_id, epoch)
    if epoch not in kept:
        return _not_presented(f"This node does not hold the scores of epoch {epoch}, the one that the chain accepts.")
    row, _ = choose_leaf(deps, epoch, account, state.chain_id)
    if row is None:
        return _not_presented(f"The borrower is not listed in epoch {epoch}: there is no score to present.")
    return Presented(report=report, epoch=epoch, score=borrower_score(row), notes=())


def _not_presented(note: str) -> Presented:
    return Presented(report=None, epoch=Epoch(0), score=None, notes=(note,))


def _answer(
    deps: ApiDeps,
    state: MarketState,
    account: Address,
    amount: int,
    presented: Presented,
    standing: Standing,
    quote: LoanQuote,
    menu: tuple[MenuStep, ...],
) -> QuoteAnswer:
    constants, books, posted = state.constants, state.borrower, state.collateral
    allowed_ltvs = [step.ltv_bps for step in menu if step.is_allowed]
    value = books.collateral_value_amount
    return QuoteAnswer(
        report=None if presented.report is None else report_ref(deps, presented.report),
        block=block_ref(state),
        market=to_checksum(state.market),
        borrower=to_checksum(account),
        amount=str(amount),
        loan_symbol=constants.loan_symbol,
        loan_decimals=constants.loan_decimals,
        pair=_pair(deps, state.market, constants),
        quote=_quote_view(quote),
        proof_epoch=presented.epoch if presented.score is not None else None,
        behaviour_margin=standing.rated_margin,
        debt_before=str(books.debt_amount),
        collateral_value=None if value is None else str(value),
        base_rate_wad=str(state.base_rate_wad),
        liquidation_threshold_bps=posted.liquidation_threshold_bps,
        ltv_floor_bps=posted.ltv_floor_bps,
        ltv_ceiling_bps=posted.ltv_ceiling_bps,
        max_ltv_bps=max(allowed_ltvs, default=0),
        # Without collateral every step would be a debt of nothing.
        menu=[_menu_view(step) for step in menu if value],
        notes=[
            *presented.notes,
            *(("The pair's score has expired, is unrated, or was voided.",) if has_no_score(state) else ()),
        ],
    )


def block_ref(state: MarketState) -> BlockRef:
    """Return the block that a market was read at."""
    return BlockRef(
        chain_id=state.chain_id,
        block_number=state.block_number,
        block_hash=to_hex(state.block_hash),
        timestamp=state.block_time_s,
    )


def _quote_view(quote: LoanQuote) -> QuoteView:
    basis, basis_text = BASES[quote.basis]
    refusal, refusal_text = REFUSALS[quote.refusal]
    return QuoteView(
        allowed=quote.is_allowed,
        refusal=refusal,
        refusal_text=refusal_text,
        basis=basis,
        basis_text=basis_text,
        ask_bps=str(quote.ask_bps),
        ltv_bps=quote.ltv_bps,
        premium_bps=quote.premium_bps,
        el_ppm=quote.el_ppm,
        debt_after=str(quote.debt_after_amount),
        exposure_after=str(quote.exposure_after_amount),
        given=str(quote.given_amount),
        limit=str(quote.limit_amount),
    )


def _menu_view(step: MenuStep) -> MenuStepView:
    return MenuStepView(
        ltv_bps=step.ltv_bps,
        debt=str(step.debt_amount),
        el_ppm=step.el_ppm,
        premium_bps=step.premium_bps,
        is_allowed=step.is_allowed,
    )
