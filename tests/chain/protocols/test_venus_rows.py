"""Rows of a Venus market: the events they stand for, what they must agree on, and the anchors that no row names."""

from __future__ import annotations

import pytest

from oracle.chain.protocols.venus import events
from oracle.chain.protocols.venus.adapter import VenusAdapter, fetch_anchors
from oracle.domain.committee import MarketParams
from oracle.domain.event import EventKind
from oracle.domain.ids import Address, address_word, uint_word
from oracle.domain.units import WAD, BlockNumber, ChainId
from oracle.errors import (
    ConfigurationError,
    EndpointRefusalError,
    InconsistentLedgerError,
    MissingAnchorError,
    OracleError,
    TooFewEndpointsError,
    UndecodableLogError,
)
from tests.chain import venus_logs as logs
from tests.chain.aave_logs import make_log
from tests.chain.fake_endpoint import USDC, WETH, FakeLog, make_params
from tests.chain.venus_logs import ANCHORS, COMPTROLLER, DOLLAR, ETHER, SHARE, V_USDC, V_WETH
from tests.chain.venus_market import BORROWER, LIQUIDATOR, OTHER, apply, make_market, state_of

pytestmark = pytest.mark.anyio


def test_apply__liquidation__is_a_repayment_by_another_and_a_liquidation_in_underlying_tokens() -> None:
    market = make_market(*logs.opened_loan(BORROWER, debt=1_000 * DOLLAR))

    repayment, liquidation = apply(
        market,
        logs.repaid(V_USDC, LIQUIDATOR, BORROWER, 500 * DOLLAR, owed=500 * DOLLAR, borrows=500 * DOLLAR),
        logs.transfer(V_WETH, BORROWER, LIQUIDATOR, 10 * SHARE),
        logs.liquidated(V_USDC, LIQUIDATOR, BORROWER, 500 * DOLLAR, collateral=V_WETH, shares=10 * SHARE),
    )

    # 10 of 50 shares are a fifth of a WETH.
    assert (repayment.kind, repayment.by_account) == (EventKind.REPAY, False)
    assert (liquidation.kind, liquidation.account, liquidation.caller) == (EventKind.LIQUIDATION, BORROWER, LIQUIDATOR)
    assert (liquidation.token, liquidation.amount, liquidation.value_usd_e8) == (USDC, 500 * DOLLAR, 500 * 10**8)
    assert (liquidation.seized_token, liquidation.seized_amount) == (WETH, ETHER // 5)
    assert (liquidation.seized_value_usd_e8, liquidation.market) == (400 * 10**8, COMPTROLLER)
    state = state_of(market, BORROWER)
    assert state is not None
    assert (state.position.collaterals[0].amount, state.position.debts[0].amount) == (4 * ETHER // 5, 500 * DOLLAR)


def test_apply__supply_for_another_and_redeem__name_account_and_caller() -> None:
    behalf = make_log(V_WETH, events.MINT_BEHALF, (), OTHER, BORROWER, ETHER, 50 * SHARE, 50 * SHARE)
    market = make_market()

    supply, withdrawal = apply(
        market,
        behalf,
        logs.transfer(V_WETH, V_WETH, BORROWER, 50 * SHARE),
        *logs.redeemed(V_WETH, BORROWER, ETHER // 2, 25 * SHARE, held_after=25 * SHARE),
    )

    assert (supply.kind, supply.account, supply.caller, supply.amount) == (EventKind.SUPPLY, BORROWER, OTHER, ETHER)
    assert (withdrawal.kind, withdrawal.account, withdrawal.value_usd_e8) == (
        EventKind.WITHDRAW,
        BORROWER,
        1_000 * 10**8,
    )


def test_apply__log_before_the_listing__does_not_count() -> None:
    adapter = VenusAdapter(
        make_params(), MarketParams(protocol="venus", market=COMPTROLLER, start_block=BlockNumber(0)), ANCHORS
    )

    found = apply(adapter, *logs.minted(V_WETH, BORROWER, ETHER, 50 * SHARE))

    assert found == []
    assert adapter.addresses == {COMPTROLLER}


@pytest.mark.parametrize(
    "log",
    [
        logs.transfer(V_WETH, BORROWER, OTHER, 51 * SHARE),
        logs.minted(V_WETH, BORROWER, ETHER, 50 * SHARE, held_before=49 * SHARE)[0],
        logs.redeemed(V_WETH, BORROWER, ETHER, 1, held_after=7)[1],
        logs.reserve_factor(V_WETH, WAD // 10, WAD // 5),
        logs.liquidated(V_USDC, LIQUIDATOR, BORROWER, DOLLAR, collateral=OTHER, shares=1),
        make_log(COMPTROLLER, events.MARKET_UNLISTED, (OTHER,)),
    ],
    ids=["shares below zero", "mint", "redeem", "factor before listing", "seized vToken", "unlisted vToken"],
)
def test_apply__rows_that_do_not_add_up__stop_the_ledger(log: FakeLog) -> None:
    market = make_market(*logs.opened_loan(BORROWER, debt=1_000 * DOLLAR))

    with pytest.raises(InconsistentLedgerError):
        apply(market, log)


def test_apply__log_of_another_shape__is_refused() -> None:
    with pytest.raises(UndecodableLogError):
        make_market(make_log(V_WETH, events.MINT, (), BORROWER, 1, 2))


def test_apply__listing_that_the_anchors_do_not_know__asks_for_new_ones() -> None:
    with pytest.raises(MissingAnchorError):
        make_market(logs.listed(OTHER))


async def test_fetch_anchors__comptroller__gives_each_vtoken_with_its_underlying_token() -> None:
    answers = {
        COMPTROLLER: uint_word(32) + uint_word(2) + address_word(V_WETH) + address_word(V_USDC),
        V_WETH: address_word(WETH),
        V_USDC: address_word(USDC),
    }

    async def call(to: Address, data: bytes) -> bytes:
        return answers[to]

    assert await fetch_anchors(COMPTROLLER, call) == ANCHORS


@pytest.mark.parametrize("answer", [b"", uint_word(32), uint_word(32) + uint_word(2) + address_word(V_WETH)])
async def test_fetch_anchors__no_comptroller__says_so(answer: bytes) -> None:
    async def call(to: Address, data: bytes) -> bytes:
        return answer

    with pytest.raises(ConfigurationError, match="no Venus Comptroller"):
        await fetch_anchors(COMPTROLLER, call)


@pytest.mark.parametrize(
    ("words", "expected"), [("execution reverted", ConfigurationError), ("busy", TooFewEndpointsError)]
)
async def test_fetch_anchors__vtoken_without_underlying__is_named_where_the_call_reverts(
    words: str, expected: type[OracleError]
) -> None:
    async def call(to: Address, data: bytes) -> bytes:
        if to == COMPTROLLER:
            return uint_word(32) + uint_word(1) + address_word(V_WETH)
        raise TooFewEndpointsError(ChainId(56), "a call", tuple(EndpointRefusalError(e, words) for e in "ab"))

    with pytest.raises(expected) as caught:
        await fetch_anchors(COMPTROLLER, call)

    assert caught.value.retryable == (expected is TooFewEndpointsError)
    assert (V_WETH.hex() in str(caught.value)) == (expected is ConfigurationError)
