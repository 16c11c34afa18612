"""The Aave v3 adapter: scaled balances, interest and account data from logs, against numbers worked by hand."""

from __future__ import annotations

import pytest

from oracle.chain.abi import events
from oracle.chain.adapter import PositionState
from oracle.chain.protocols.aave_v3.adapter import AaveV3Adapter, fetch_anchors
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import RAY, WAD, YEAR_S, TimestampS, UsdE8
from oracle.errors import ConfigurationError, InconsistentLedgerError, UndecodableLogError
from tests.chain import aave_logs as logs
from tests.chain.fake_endpoint import CHAIN_ID, CONFIGURATOR, POOL, USDC, WBTC, WETH, FakeLog, address_of, make_params

pytestmark = pytest.mark.anyio
BORROWER = address_of("borrower")
OTHER = address_of("other")
PRICES = {WETH: UsdE8(2_000 * 10**8), USDC: UsdE8(10**8), WBTC: UsdE8(60_000 * 10**8)}
ETHER = 10**18
DOLLAR = 10**6


def make_market(*emitted: FakeLog, time_s: int = 0) -> AaveV3Adapter:
    """Return a market of priced reserves after `emitted`, all in one block at `time_s`."""
    params = make_params()
    adapter = AaveV3Adapter(params, params.markets[0], (CONFIGURATOR,))
    opening = [log for log in logs.market_opened() if log.address == CONFIGURATOR]
    apply(adapter, *opening, *emitted, time_s=time_s)
    return adapter


def apply(adapter: AaveV3Adapter, *emitted: FakeLog, time_s: int = 0) -> list[LendingEvent]:
    found = [adapter.apply(row, PRICES) for row in logs.to_rows(list(emitted), time_s=time_s)]
    return [event for event in found if event is not None]


def state_of(adapter: AaveV3Adapter, account: Address, time_s: int = 0) -> PositionState | None:
    states = {s.position.account: s for s in adapter.compute_states(PRICES, TimestampS(time_s))}
    return states.get(account)


def supplied(adapter: AaveV3Adapter, account: Address, token: Address) -> int:
    """Return an account's collateral in a token, with a cent of debt added so that it is a position."""
    apply(adapter, logs.mint(USDC, account, DOLLAR, debt=True), logs.collateral_enabled(token, account))
    state = state_of(adapter, account)
    assert state is not None
    return sum(c.amount for c in state.position.collaterals if c.token == token)


def test_compute_states__one_loan__has_the_pools_health_factor() -> None:
    market = make_market(*logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR))

    state = state_of(market, BORROWER)

    # 2,000 dollars at 83 % against 1,000 dollars.
    assert state is not None
    assert state.position.collateral_usd_e8 == 2_000 * 10**8
    assert state.position.debt_usd_e8 == 1_000 * 10**8
    assert state.health_factor_wad == WAD * 166 // 100
    assert state.position.collaterals[0].liquidation_threshold_bps == 8_300
    assert (state.position.chain_id, state.position.market) == (CHAIN_ID, POOL)


def test_compute_states__two_collaterals__average_threshold_is_rounded_down_as_the_pool_does() -> None:
    market = make_market(
        *logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR),
        logs.mint(USDC, BORROWER, 1_000 * DOLLAR),
        logs.collateral_enabled(USDC, BORROWER),
    )

    state = state_of(market, BORROWER)

    # (2000 * 8300 + 1000 * 7800) / 3000 = 8133.33 -> 8133; 3000 * 0.8133 / 1000 = 2.4399.
    assert state is not None
    assert state.health_factor_wad == 24_399 * 10**14


def test_compute_states__collateral_switched_off__does_not_count() -> None:
    loan = logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR)
    market = make_market(*loan, logs.collateral_disabled(WETH, BORROWER))

    state = state_of(market, BORROWER)

    assert state is not None
    assert (state.position.collaterals, state.health_factor_wad) == ((), 0)


def test_compute_states__interest__accrues_linearly_for_supply_and_compounded_for_debt() -> None:
    ten_percent = RAY // 10
    market = make_market(
        logs.reserve_data(WETH, supply_rate=ten_percent),
        logs.reserve_data(USDC, debt_rate=ten_percent),
        *logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR),
        time_s=1_000,
    )

    state = state_of(market, BORROWER, 1_000 + YEAR_S)

    # Debt factor of ten percent over a year: 1.105162042..., see test_rays.
    assert state is not None
    assert state.position.collaterals[0].amount == 11 * ETHER // 10
    assert state.position.debts[0].amount == 1_105_162_043
    assert state.position.debt_usd_e8 == 110_516_204_300


def test_compute_states__no_debt__is_no_position() -> None:
    market = make_market(logs.mint(WETH, BORROWER, ETHER), logs.collateral_enabled(WETH, BORROWER))

    assert state_of(market, BORROWER) is None


def test_compute_states__debt_repaid_in_full__is_gone() -> None:
    loan = logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR)
    market = make_market(*loan, logs.burn(USDC, BORROWER, 1_000 * DOLLAR, debt=True))

    assert state_of(market, BORROWER) is None


def test_mint__above_index_one__is_scaled_down_half_up() -> None:
    # 100 / 1.5 = 66.67 -> 67 scaled; 67 * 1.5 = 100.5 -> 101 at the same index.
    index = 3 * RAY // 2
    market = make_market(logs.reserve_data(WETH, supply_index=index), logs.mint(WETH, BORROWER, 100, index=index))

    assert supplied(market, BORROWER, WETH) == 101


def test_mint__second_one_with_interest__counts_only_what_was_added() -> None:
    # 100 at index 1, then 50 at index 2: the log says 150, of which 100 is interest. Scaled 100 + 25, worth 250.
    market = make_market(
        logs.mint(WETH, BORROWER, 100),
        logs.reserve_data(WETH, supply_index=2 * RAY),
        logs.mint(WETH, BORROWER, 150, interest=100, index=2 * RAY),
    )

    assert supplied(market, BORROWER, WETH) == 250


def test_mint__emitted_by_a_burn_of_less_than_the_interest__takes_away() -> None:
    # 100 at index 1 is worth 200 at index 2; burning 40 logs a mint of 100 - 40 = 60 with interest 100. Worth 160 after.
    market = make_market(
        logs.mint(WETH, BORROWER, 100),
        logs.reserve_data(WETH, supply_index=2 * RAY),
        logs.mint(WETH, BORROWER, 60, interest=100, index=2 * RAY),
    )

    assert supplied(market, BORROWER, WETH) == 160


def test_burn__with_interest__takes_away_value_and_interest() -> None:
    # 100 at index 1; burning 150 at index 2 logs a burn of 150 - 100 = 50 with interest 100. Worth 50 after.
    market = make_market(
        logs.mint(WETH, BORROWER, 100),
        logs.reserve_data(WETH, supply_index=2 * RAY),
        logs.burn(WETH, BORROWER, 50, interest=100, index=2 * RAY),
    )

    assert supplied(market, BORROWER, WETH) == 50


def test_balance_transfer__with_interest_mints__moves_the_scaled_amount_only() -> None:
    # A transfer of 60 at index 2 logs the interest of both sides as mints that add nothing, then 30 scaled.
    market = make_market(
        logs.mint(WETH, BORROWER, 100),
        logs.mint(WETH, OTHER, 10),
        logs.reserve_data(WETH, supply_index=2 * RAY),
        logs.mint(WETH, BORROWER, 100, interest=100, index=2 * RAY),
        logs.mint(WETH, OTHER, 10, interest=10, index=2 * RAY),
        logs.balance_transfer(WETH, BORROWER, OTHER, 30, index=2 * RAY),
    )

    assert supplied(market, BORROWER, WETH) == 140
    assert supplied(market, OTHER, WETH) == 80


def test_balance_transfer__to_itself__changes_nothing() -> None:
    market = make_market(logs.mint(WETH, BORROWER, 100), logs.balance_transfer(WETH, BORROWER, BORROWER, 100))

    assert supplied(market, BORROWER, WETH) == 100


def test_emode__account_and_asset_in_one_category__uses_its_threshold() -> None:
    category = logs.make_log(CONFIGURATOR, events.EMODE_CATEGORY_ADDED, (7,), 9_000, 9_300, 10_100, bytes(20), 160, 0)
    asset = logs.make_log(CONFIGURATOR, events.EMODE_ASSET_CATEGORY_CHANGED, (WETH,), 0, 7)
    choice = logs.make_log(POOL, events.USER_EMODE_SET, (BORROWER,), 7)
    loan = logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR)
    inside = make_market(category, asset, choice, *loan)
    outside = make_market(category, asset, *loan)

    first, second = state_of(inside, BORROWER), state_of(outside, BORROWER)

    assert first is not None
    assert second is not None
    assert first.health_factor_wad == WAD * 186 // 100
    assert second.health_factor_wad == WAD * 166 // 100


def test_sample__position_with_debt__equals_its_state() -> None:
    market = make_market(*logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR))

    ((account, sample),) = market.sample(PRICES, TimestampS(86_400))

    assert account == BORROWER
    assert (sample.time_s, sample.health_factor_wad, sample.debt_usd_e8) == (86_400, WAD * 166 // 100, 1_000 * 10**8)


def test_stable_rate_debt__not_indexed__leaves_the_account_out() -> None:
    loan = logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR)
    market = make_market(*loan, logs.borrow(USDC, BORROWER, 5, rate_mode=1))

    assert state_of(market, BORROWER) is None
    assert market.has_unvalued_debt(BORROWER, PRICES)


def test_stable_rate_debt__swapped_from_a_variable_one__leaves_the_account_out() -> None:
    market = make_market(
        *logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR),
        logs.burn(USDC, BORROWER, 1_000 * DOLLAR, debt=True),
        logs.rate_mode_swapped(USDC, BORROWER, left_mode=2),
    )

    assert state_of(market, BORROWER) is None
    assert market.has_unvalued_debt(BORROWER, PRICES)


@pytest.mark.parametrize("answer", [b"", bytes(32), b"\x01" * 31, b"\xff" * 32, b"\0" * 12 + b"\x01" * 20 + bytes(32)])
async def test_fetch_anchors__contract_that_is_no_pool__names_the_market(answer: bytes) -> None:
    async def call(to: Address, data: bytes) -> bytes:
        return answer

    with pytest.raises(ConfigurationError, match=POOL.hex()):
        await fetch_anchors(POOL, call)


def test_debt_without_price__cannot_be_valued__leaves_the_account_out() -> None:
    loan = logs.opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR)
    unknown = address_of("token that no committee prices")
    market = make_market(*loan, logs.reserve_initialised(unknown), logs.mint(unknown, BORROWER, 1, debt=True))

    assert state_of(market, BORROWER) is None
    assert market.has_unvalued_debt(BORROWER, PRICES)
    assert not market.has_unvalued_debt(OTHER, PRICES)


def test_balance__below_zero__says_that_logs_are_missing() -> None:
    with pytest.raises(InconsistentLedgerError):
        make_market(logs.burn(WETH, BORROWER, 1))


def test_apply__body_of_the_wrong_size__is_undecodable() -> None:
    good = logs.mint(WETH, BORROWER, 1)
    with pytest.raises(UndecodableLogError):
        make_market(FakeLog(address=good.address, topics=good.topics, data=good.data[:-32]))


def test_events__supply_for_another__account_and_caller_differ() -> None:
    market = make_market()

    (event,) = apply(market, logs.supply(WETH, BORROWER, ETHER // 2, caller=OTHER))

    assert (event.kind, event.account, event.caller) == (EventKind.SUPPLY, BORROWER, OTHER)
    assert (event.token, event.amount, event.value_usd_e8) == (WETH, ETHER // 2, 1_000 * 10**8)
    assert not event.by_account


def test_events__repay_by_another__caller_is_the_repayer() -> None:
    (event,) = apply(make_market(), logs.repay(USDC, BORROWER, 3 * DOLLAR, caller=OTHER))

    assert (event.kind, event.account, event.caller) == (EventKind.REPAY, BORROWER, OTHER)
    assert event.value_usd_e8 == 3 * 10**8


def test_events__liquidation__names_both_sides() -> None:
    log = logs.liquidation(WETH, USDC, BORROWER, 100 * DOLLAR, ETHER // 20, caller=OTHER)

    (event,) = apply(make_market(), log)

    assert (event.kind, event.account, event.caller) == (EventKind.LIQUIDATION, BORROWER, OTHER)
    assert (event.token, event.amount, event.value_usd_e8) == (USDC, 100 * DOLLAR, 100 * 10**8)
    assert (event.seized_token, event.seized_amount, event.seized_value_usd_e8) == (WETH, ETHER // 20, 100 * 10**8)


def test_events__token_without_price__have_no_value() -> None:
    (event,) = apply(make_market(), logs.supply(address_of("unpriced"), BORROWER, 7))

    assert (event.amount, event.value_usd_e8) == (7, 0)
