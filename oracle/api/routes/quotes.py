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
from oracle.api.schemas.quotes import MarketsAnswer, MarketView, QuoteAnswer
from oracle.api.views import report_ref
from oracle.domain.ids import Address, to_hex
from oracle.errors import AmbiguousMarketError, ChainError, MarketNotFoundError, MarketReadError

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


def _find_listing(deps: ApiDeps, market: Address, chain_id: int | None) -> MarketListing:
    found = [item for item in deps.listings if item.market == market and chain_id in (None, item.chain_id)]
    if not found:
        raise MarketNotFoundError(to_hex(market), chain_id)
    if len(found) > 1:
        raise AmbiguousMarketError(to_hex(market), tuple(item.chain_id for item in found))
    return found[0]
