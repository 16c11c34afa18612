"""Markets, and what a loan would get in one of them now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from oracle.api.answers import answer, fresh_answer
from oracle.api.deps import ApiDeps, Deps, load_symbols
from oracle.api.inputs import parse_address_parameter, parse_amount_parameter
from oracle.api.loans import MAX_AMOUNT
from oracle.api.markets import MarketListing
from oracle.api.quote_views import build_quote, market_view, require_collateral
from oracle.api.schemas.quotes import MarketsAnswer, MarketView, QuoteAnswer, WhatIfAnswer
from oracle.api.views import report_ref
from oracle.api.what_if_views import build_what_if
from oracle.domain.ids import Address, to_hex
from oracle.domain.units import Bps
from oracle.errors import AmbiguousMarketError, ChainError, MarketNotFoundError, MarketReadError
from oracle.terms.recourse import Goal

router = APIRouter(prefix="/v1", tags=["terms"], dependencies=[Depends(load_symbols)])

_ADDRESS = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
BorrowerQuery = Annotated[str, Query(description="Who asks for the loan.", examples=[_ADDRESS])]
MarketQuery = Annotated[
    str, Query(description="Address of the market; GET /v1/markets lists them.", examples=[_ADDRESS])
]
AmountQuery = Annotated[
    str, Query(description="Loan asked for, in the loan token's smallest unit.", examples=["1500000000"], max_length=80)
]
CollateralQuery = Annotated[
    str | None,
    Query(
        description="Checked against the market's: its token's address, its subject id, symbol or pair name. May be left out.",
        max_length=80,
    ),
]
ChainQuery = Annotated[
    int | None, Query(ge=1, le=2**53 - 1, description="Needed where one address is a market on several chains.")
]
ProofQuery = Annotated[bool, Query(description="False shows the terms without presenting the borrower's score.")]

AddedAmountQuery = Annotated[
    str | None,
    Query(
        description="Loan on top of what is owed; left out, the position as it is.",
        examples=["1500000000"],
        max_length=80,
    ),
]
PremiumQuery = Annotated[
    int | None,
    Query(ge=0, le=2**32 - 1, description="Premium to reach, in bps a year; left out, being granted is enough."),
]
LtvQuery = Annotated[
    int | None,
    Query(ge=0, le=10_000, description="Highest step of the menu to reach, in bps; left out, any that is granted."),
]


@router.get("/markets", response_model=MarketsAnswer, summary="Markets that quotes are answered for")
async def get_markets(request: Request, deps: Deps) -> Response:
    """Each market with its pair, constants and limits."""
    views: list[MarketView] = []
    unreachable: list[str] = []
    for listing in deps.listings:
        try:
            views.append(market_view(deps, listing, await deps.markets.fetch_constants(listing)))
        except (ChainError, MarketReadError):
            unreachable.append(f"{listing.chain_id}:{to_hex(listing.market)}")
    reports = await run_in_threadpool(deps.scores.latest_reports, 1)
    ref = await run_in_threadpool(report_ref, deps, reports[0]) if reports else None
    return answer(request, deps, MarketsAnswer(report=ref, markets=views, unreachable=unreachable))


@router.get("/quote", response_model=QuoteAnswer, summary="Terms of a loan")
async def get_quote(
    deps: Deps,
    borrower: BorrowerQuery,
    market: MarketQuery,
    amount: AmountQuery,
    collateral: CollateralQuery = None,
    chain_id: ChainQuery = None,
    proof: ProofQuery = True,
) -> Response:
    """What `LendingMarket.borrow` would grant at the market's newest block, worked out by the Python terms policy: equal to the contract's `quote`.

    A refused loan answers 200 with `allowed: false`, the reason and the menu. The score presented is the one that the market's chain accepts now,
    which can be an epoch older than the newest report; `proof_epoch` names it.
    """
    account = parse_address_parameter("borrower", borrower)
    listing = _find_listing(deps, parse_address_parameter("market", market), chain_id)
    asked = parse_amount_parameter(amount, MAX_AMOUNT)
    constants = await deps.markets.fetch_constants(listing)
    require_collateral(deps, listing, constants, collateral)
    state = await deps.markets.fetch_state(listing, account)
    return fresh_answer(await run_in_threadpool(build_quote, deps, state, account, asked, with_proof=proof))


@router.get("/what-if", response_model=WhatIfAnswer, summary="What it takes to get terms")
async def get_what_if(
    deps: Deps,
    borrower: BorrowerQuery,
    market: MarketQuery,
    amount: AddedAmountQuery = None,
    max_premium_bps: PremiumQuery = None,
    max_ltv_bps: LtvQuery = None,
    chain_id: ChainQuery = None,
    proof: ProofQuery = True,
) -> Response:
    """The smallest repayment and the smallest addition of collateral after which the market's `quote` grants the terms, each by itself.

    Both are exact at the block named: one unit less is refused, or costs more. The borrower's limit and the market's cap above the floor count.
    """
    account = parse_address_parameter("borrower", borrower)
    listing = _find_listing(deps, parse_address_parameter("market", market), chain_id)
    added = 0 if amount is None else parse_amount_parameter(amount, MAX_AMOUNT)
    goal = Goal(
        premium_bps=None if max_premium_bps is None else Bps(max_premium_bps),
        ltv_bps=None if max_ltv_bps is None else Bps(max_ltv_bps),
    )
    state = await deps.markets.fetch_state(listing, account)
    return fresh_answer(await run_in_threadpool(build_what_if, deps, state, account, added, goal, with_proof=proof))


def _find_listing(deps: ApiDeps, market: Address, chain_id: int | None) -> MarketListing:
    found = [item for item in deps.listings if item.market == market and chain_id in (None, item.chain_id)]
    if not found:
        raise MarketNotFoundError(to_hex(market), chain_id)
    if len(found) > 1:
        raise AmbiguousMarketError(to_hex(market), tuple(item.chain_id for item in found))
    return found[0]
