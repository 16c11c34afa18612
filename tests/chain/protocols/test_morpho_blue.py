"""The Morpho Blue adapter: shares, interest and health factors from logs, against numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.chain.protocols.morpho_blue.adapter import fetch_anchors
from oracle.chain.protocols.morpho_blue.state import compute_balances
from oracle.domain.event import EventKind
from oracle.domain.ids import Address
from oracle.domain.units import WAD, TimestampS
from oracle.errors import ConfigurationError, InconsistentLedgerError, UndecodableLogError
from tests.chain import morpho_logs as logs
from tests.chain.aave_logs import to_rows
from tests.chain.fake_endpoint import CHAIN_ID, USDC, WETH, FakeLog, address_of
from tests.chain.morpho_logs import BITCOIN_MARKET, ETHER_MARKET, MODEL, MORPHO, SHARES, label_of
from tests.chain.morpho_market import PRICES, apply, debt_of, make_market, states_of

pytestmark = pytest.mark.anyio
BORROWER, OTHER, LIQUIDATOR, LENDER = map(address_of, ("borrower", "other", "liquidator", "lender"))
ETHER, DOLLAR = 10**18, 10**6
UNKNOWN = address_of("a token of nobody")
NEVER_CREATED = logs.market_id_of(WETH, USDC)
RATE, PERIOD_S = 10**10, 10**7
"""Together 0.1: a factor of 0.1 + 0.005 + 0.000166666666666666, the terms rounded down."""


def test_compute_states__one_loan__has_the_health_factor_of_its_market() -> None:
    market = make_market(*logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR))

    (state,) = states_of(market, BORROWER)

    # 2,000 dollars at 86 % against 1,000 dollars.
    assert state.health_factor_wad == WAD * 172 // 100
    assert (state.position.collateral_usd_e8, state.position.debt_usd_e8) == (2_000 * 10**8, 1_000 * 10**8)
    assert (state.position.debts[0].token, state.position.collaterals[0].token) == (USDC, WETH)
    assert state.position.collaterals[0].liquidation_threshold_bps == 8_600
    assert (state.position.chain_id, state.position.protocol) == (CHAIN_ID, "morpho_blue")
    assert state.position.market == ETHER_MARKET[:20]


def test_compute_states__debt_at_the_very_limit__is_a_health_factor_of_one() -> None:
    market = make_market(*logs.opened_loan(BORROWER, collateral=ETHER, debt=1_720 * DOLLAR))
    beyond = make_market(*logs.opened_loan(BORROWER, collateral=ETHER, debt=1_720 * DOLLAR + 1))

    assert states_of(market, BORROWER)[0].health_factor_wad == WAD
    assert states_of(beyond, BORROWER)[0].health_factor_wad == WAD * 1_720 * DOLLAR // (1_720 * DOLLAR + 1)


def test_compute_states__liquidation_ltv_of_many_digits__is_exact_and_shown_rounded_down() -> None:
    lltv = 861_119_999_999_999_999
    market_id = logs.market_id_of(USDC, WETH, lltv_wad=lltv)
    market = make_market(
        logs.market_created(USDC, WETH, lltv_wad=lltv),
        logs.collateral_supplied(market_id, BORROWER, 10**9 * ETHER),
        logs.borrowed(market_id, BORROWER, 10**12 * DOLLAR, 10**12 * DOLLAR * SHARES),
    )

    (state,) = states_of(market, BORROWER)

    # 2 * 10^18 units of collateral times the LLTV, rounded down, over 10^18.
    assert state.health_factor_wad == 2 * lltv
    assert state.position.collaterals[0].liquidation_threshold_bps == 8_611


def test_compute_states__no_accrual_yet__compounds_the_rate_that_the_model_announced() -> None:
    market = make_market(
        logs.rate_announced(ETHER_MARKET, RATE),
        *logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR),
    )

    # 10^9 + 105166666 in all, and a share less than the virtual ones makes 1105166665.89, rounded up.
    assert debt_of(market, BORROWER, PERIOD_S) == 1_105_166_666
    assert debt_of(market, BORROWER, 0) == 1_000_000_000


def test_compute_states__after_an_accrual__compounds_the_logged_rate_from_then_on() -> None:
    market = make_market(*logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR))
    apply(market, logs.accrued(ETHER_MARKET, RATE, 200 * DOLLAR), time_s=5_000)

    # (1200 + 1200 * 0.105166666...) dollars of 10^15 shares and 10^6 virtual ones, rounded up.
    assert debt_of(market, BORROWER, 5_000) == 1_200 * DOLLAR
    assert debt_of(market, BORROWER, 5_000 + PERIOD_S) == 1_326_199_999


def test_compute_states__rate_announced_before_the_market__counts_from_its_creation() -> None:
    market_id = logs.market_id_of(USDC, WETH, lltv_wad=WAD // 2)
    market = make_market(
        logs.rate_announced(market_id, RATE),
        logs.market_created(USDC, WETH, lltv_wad=WAD // 2),
        logs.collateral_supplied(market_id, BORROWER, ETHER),
        logs.borrowed(market_id, BORROWER, 1_000 * DOLLAR, 1_000 * DOLLAR * SHARES),
    )

    assert debt_of(market, BORROWER, PERIOD_S) == 1_105_166_666


def test_compute_states__rate_of_another_model_or_of_the_singleton__counts_nothing() -> None:
    stranger = address_of("another model")
    market = make_market(
        logs.model_enabled(stranger),
        logs.rate_announced(ETHER_MARKET, RATE, model=stranger),
        logs.rate_announced(ETHER_MARKET, RATE, model=MORPHO),
        *logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR),
    )

    assert debt_of(market, BORROWER, PERIOD_S) == 1_000 * DOLLAR


def test_compute_states__market_without_a_model__bears_no_interest() -> None:
    nobody = Address(bytes(20))
    market_id = logs.market_id_of(USDC, WETH, model=nobody)
    market = make_market(
        logs.market_created(USDC, WETH, model=nobody),
        logs.collateral_supplied(market_id, BORROWER, ETHER),
        logs.borrowed(market_id, BORROWER, 1_000 * DOLLAR, 1_000 * DOLLAR * SHARES),
    )

    assert debt_of(market, BORROWER, PERIOD_S) == 1_000 * DOLLAR


def test_compute_balances__market_with_a_fee__mints_its_shares_at_the_price_before_it() -> None:
    market = make_market(
        logs.fee_set(ETHER_MARKET, WAD // 10),
        logs.rate_announced(ETHER_MARKET, RATE),
        *logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR),
    )

    balances = compute_balances(market.markets[ETHER_MARKET], TimestampS(PERIOD_S))

    # Interest 105166666; a tenth, 10516666, buys (2*10^15 + 10^6) / (2105166666 - 10516666 + 1) shares a unit.
    assert balances.borrowed_amount == 1_105_166_666
    assert balances.supplied_amount == 2_105_166_666
    assert balances.supplied_shares == 2 * 10**15 + 10_041_454_181_116
    assert balances.borrowed_shares == 10**15


def test_compute_states__two_markets_of_one_account__are_two_positions() -> None:
    market = make_market(
        *logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR),
        logs.collateral_supplied(BITCOIN_MARKET, BORROWER, 10**8),
        logs.borrowed(BITCOIN_MARKET, BORROWER, 30_000 * DOLLAR, 30_000 * DOLLAR * SHARES),
    )

    found = {s.position.market: s.health_factor_wad for s in states_of(market, BORROWER)}
    samples = {s.market: s.health_factor_wad for account, s in market.sample(PRICES, TimestampS(0)) if account}

    # Isolated: neither collateral helps the other. 60,000 dollars at 86 % against 30,000.
    assert found == {label_of(ETHER_MARKET): WAD * 172 // 100, label_of(BITCOIN_MARKET): WAD * 172 // 100}
    assert samples == found
    assert [s.position.market for s in market.compute_states(PRICES, TimestampS(0))] == sorted(found)


@pytest.mark.parametrize(("loan", "collateral"), [(USDC, UNKNOWN), (UNKNOWN, WETH)])
def test_compute_states__token_without_a_price__is_unvalued_until_it_is_repaid(
    loan: Address, collateral: Address
) -> None:
    market_id = logs.market_id_of(loan, collateral)
    market = make_market(
        logs.market_created(loan, collateral),
        logs.collateral_supplied(market_id, BORROWER, ETHER),
        logs.borrowed(market_id, BORROWER, DOLLAR, DOLLAR * SHARES),
        *logs.opened_loan(OTHER, collateral=ETHER, debt=1_000 * DOLLAR),
    )

    assert states_of(market, BORROWER) == []
    assert market.has_unvalued_debt(BORROWER, PRICES)
    assert not market.has_unvalued_debt(OTHER, PRICES)
    assert not market.has_unvalued_debt(address_of("nobody"), PRICES)
    apply(market, logs.repaid(market_id, BORROWER, DOLLAR, DOLLAR * SHARES))
    assert not market.has_unvalued_debt(BORROWER, PRICES)


def test_apply__repaid_by_one_unit_more_than_the_total__leaves_nothing() -> None:
    market = make_market(*logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR))

    apply(market, logs.repaid(ETHER_MARKET, BORROWER, 1_000 * DOLLAR + 1, 1_000 * DOLLAR * SHARES))

    assert states_of(market, BORROWER) == []
    assert market.markets[ETHER_MARKET].borrowed_amount == 0
    assert market.markets[ETHER_MARKET].debts == {}


def test_apply__liquidation_with_bad_debt__closes_the_position_and_no_other() -> None:
    market = make_market(
        *logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR),
        *logs.opened_loan(OTHER, collateral=ETHER, debt=500 * DOLLAR),
    )
    repaid, bad = 700 * DOLLAR, 300 * DOLLAR

    (event,) = apply(
        market,
        logs.liquidated(ETHER_MARKET, BORROWER, LIQUIDATOR, repaid, repaid * SHARES, ETHER, bad, bad * SHARES),
    )

    assert states_of(market, BORROWER) == []
    assert debt_of(market, OTHER) == 500 * DOLLAR
    assert market.markets[ETHER_MARKET].supplied_amount == 1_700 * DOLLAR
    assert (event.kind, event.account, event.caller) == (EventKind.LIQUIDATION, BORROWER, LIQUIDATOR)
    assert (event.token, event.amount, event.value_usd_e8) == (USDC, repaid, 700 * 10**8)
    assert (event.seized_token, event.seized_amount, event.seized_value_usd_e8) == (WETH, ETHER, 2_000 * 10**8)
    assert event.market == label_of(ETHER_MARKET)


def test_apply__acts_of_an_account__name_who_acted_and_what_they_are_worth() -> None:
    bundler = address_of("bundler")
    market = make_market()

    found = apply(
        market,
        logs.collateral_supplied(ETHER_MARKET, BORROWER, 2 * ETHER, caller=OTHER),
        logs.borrowed(ETHER_MARKET, BORROWER, 400 * DOLLAR, 400 * DOLLAR * SHARES, caller=bundler),
        logs.repaid(ETHER_MARKET, BORROWER, 400 * DOLLAR, 400 * DOLLAR * SHARES, caller=OTHER),
        logs.collateral_withdrawn(ETHER_MARKET, BORROWER, ETHER),
    )

    assert [(e.kind, e.account, e.caller, e.token, e.amount, e.value_usd_e8) for e in found] == [
        (EventKind.SUPPLY, BORROWER, OTHER, WETH, 2 * ETHER, 4_000 * 10**8),
        (EventKind.BORROW, BORROWER, bundler, USDC, 400 * DOLLAR, 400 * 10**8),
        (EventKind.REPAY, BORROWER, OTHER, USDC, 400 * DOLLAR, 400 * 10**8),
        (EventKind.WITHDRAW, BORROWER, BORROWER, WETH, ETHER, 2_000 * 10**8),
    ]


def test_apply__lending_to_a_market__is_no_event_of_a_position() -> None:
    market = make_market()

    found = apply(
        market,
        logs.supplied(ETHER_MARKET, LENDER, 10 * DOLLAR, 10 * DOLLAR * SHARES),
        logs.withdrawn(ETHER_MARKET, LENDER, 30 * DOLLAR, 30 * DOLLAR * SHARES),
    )

    assert found == []
    assert market.markets[ETHER_MARKET].supplied_amount == 1_980 * DOLLAR
    assert market.markets[ETHER_MARKET].supplied_shares == 1_980 * DOLLAR * SHARES


@pytest.mark.parametrize(
    "broken",
    [
        logs.repaid(ETHER_MARKET, BORROWER, DOLLAR, DOLLAR * SHARES),
        logs.collateral_withdrawn(ETHER_MARKET, BORROWER, 1),
        logs.collateral_supplied(NEVER_CREATED, BORROWER, 1),
    ],
)
def test_apply__rows_are_missing__is_refused(broken: FakeLog) -> None:
    market = make_market(listed=(ETHER_MARKET, BITCOIN_MARKET, NEVER_CREATED))

    with pytest.raises(InconsistentLedgerError):
        apply(market, broken)


@pytest.mark.parametrize(
    "broken",
    [
        replace(logs.fee_set(ETHER_MARKET, 1), data=b""),
        replace(logs.accrued(ETHER_MARKET, 1, 1), data=bytes(95)),
        replace(logs.rate_announced(ETHER_MARKET, 1), data=bytes(64)),
        replace(logs.model_enabled(), topics=logs.model_enabled().topics[:32]),
    ],
)
def test_apply__log_of_another_shape__is_undecodable(broken: FakeLog) -> None:
    with pytest.raises(UndecodableLogError):
        apply(make_market(), broken)


def test_discover__models__are_known_once_the_singleton_enables_them() -> None:
    market = make_market()
    later, stranger = address_of("later model"), address_of("model of a stranger")
    enabled_elsewhere = replace(logs.model_enabled(stranger), address=MODEL)

    for row in to_rows([logs.model_enabled(later), enabled_elsewhere]):
        market.discover(row)

    assert market.addresses == {MORPHO, MODEL, later}


async def test_fetch_anchors__contract_that_is_no_singleton__says_so() -> None:
    async def answer_nothing(to: Address, data: bytes) -> bytes:
        return b""

    async def answer_an_address(to: Address, data: bytes) -> bytes:
        return bytes(32)

    with pytest.raises(ConfigurationError, match="no Morpho Blue"):
        await fetch_anchors(MORPHO, answer_nothing)
    assert await fetch_anchors(MORPHO, answer_an_address) == ()
