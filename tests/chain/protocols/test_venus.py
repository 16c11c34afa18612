"""The Venus adapter: shares, stored interest and account liquidity from logs, against numbers worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.chain.protocols.venus import events
from oracle.domain.units import WAD, TimestampS
from tests.chain import venus_logs as logs
from tests.chain.aave_logs import make_log
from tests.chain.fake_endpoint import CHAIN_ID, USDC, WETH, FakeLog, address_of
from tests.chain.venus_logs import COMPTROLLER, DOLLAR, ETHER, SHARE, V_USDC, V_WETH
from tests.chain.venus_market import BORROWER, OTHER, PRICES, apply, make_market, state_of, supplied_usdc


def test_compute_states__one_loan__has_threshold_weighted_collateral_over_debt() -> None:
    market = make_market(*logs.opened_loan(BORROWER, debt=1_000 * DOLLAR))

    state = state_of(market, BORROWER)

    # 2,000 dollars at 80 % against 1,000 dollars.
    assert state is not None
    assert state.health_factor_wad == WAD * 16 // 10
    assert (state.position.collateral_usd_e8, state.position.debt_usd_e8) == (2_000 * 10**8, 1_000 * 10**8)
    assert (state.position.collaterals[0].amount, state.position.collaterals[0].liquidation_threshold_bps) == (
        ETHER,
        8_000,
    )
    assert (state.position.chain_id, state.position.market, state.position.protocol) == (CHAIN_ID, COMPTROLLER, "venus")


def test_compute_states__index_grows__debt_follows_from_its_own_index_rounded_down() -> None:
    market = make_market(*logs.opened_loan(BORROWER, debt=1_000 * DOLLAR))
    apply(
        market,
        logs.accrued(V_USDC, cash=9_000 * DOLLAR, interest=100 * DOLLAR, index=WAD * 11 // 10, borrows=1_100 * DOLLAR),
        logs.borrowed(V_USDC, OTHER, 7, owed=7, borrows=1_100 * DOLLAR + 7),
        block_number=2,
    )
    apply(market, logs.accrued(V_USDC, cash=0, interest=0, index=WAD * 12 // 10, borrows=0), block_number=3)

    debts = {s.position.account: s.position.debts[0].amount for s in market.compute_states(PRICES, TimestampS(0))}

    # 1000 * 1.2 / 1; 7 * 1.2 / 1.1 = 7.63.
    assert debts == {BORROWER: 1_200 * DOLLAR, OTHER: 7}


def test_compute_states__interest__belongs_to_suppliers_less_the_reserve_factor() -> None:
    market = make_market(
        logs.reserve_factor(V_USDC, 0, WAD // 5), *logs.opened_loan(BORROWER, debt=1_000 * DOLLAR)
    )  # fmt: skip
    interest = logs.accrued(V_USDC, cash=9_000 * DOLLAR, interest=100 * DOLLAR, index=WAD, borrows=1_100 * DOLLAR)
    apply(market, interest, block_number=2)

    # 9,000 cash + 1,100 lent - 20 reserves for the lender's 500,000 shares.
    assert supplied_usdc(market) == 10_080 * DOLLAR


@pytest.mark.parametrize("is_inside_accrual", [True, False])
def test_compute_states__reserves_paid_in_or_after_an_accrual__leave_the_suppliers_theirs(
    is_inside_accrual: bool,
) -> None:
    market = make_market(
        logs.reserve_factor(V_USDC, 0, WAD // 5), *logs.opened_loan(BORROWER, debt=1_000 * DOLLAR)
    )  # fmt: skip
    interest = logs.accrued(V_USDC, cash=9_000 * DOLLAR, interest=100 * DOLLAR, index=WAD, borrows=1_100 * DOLLAR)
    payment = logs.reserves_reduced(V_USDC, 15 * DOLLAR, 5 * DOLLAR)
    apply(market, *((payment, interest) if is_inside_accrual else (interest, payment)), block_number=2)

    # 9,000 - 15 cash + 1,100 lent - 5 reserves.
    assert supplied_usdc(market) == 10_080 * DOLLAR


@pytest.mark.parametrize(
    ("log", "supplied"),
    [
        # What is added to the reserves comes as cash: nothing changes for the suppliers.
        (make_log(V_USDC, events.RESERVES_ADDED, (), OTHER, 700 * DOLLAR, 700 * DOLLAR), 10_000 * DOLLAR),
        (make_log(V_USDC, events.CASH_SYNCED, (), 10_000 * DOLLAR, 10_500 * DOLLAR), 10_500 * DOLLAR),
        (make_log(V_USDC, events.REDEEM_FEE, (), OTHER, 20 * DOLLAR, 1), 9_980 * DOLLAR),
    ],
    ids=["reserves added", "donation synced", "redemption fee"],
)
def test_compute_states__cash_that_moves_without_an_account__is_counted(log: FakeLog, supplied: int) -> None:
    market = make_market(log)

    assert supplied_usdc(market) == supplied


def test_compute_states__flash_loan_with_its_fee_unpaid__is_debt_without_cash() -> None:
    market = make_market()
    loan = make_log(V_USDC, events.FLASH_LOAN_OUT, (), USDC, OTHER, 4_000 * DOLLAR)
    back = make_log(V_USDC, events.FLASH_LOAN_IN, (USDC, OTHER), 4_000 * DOLLAR, 40 * DOLLAR, 10 * DOLLAR)
    debt = logs.borrowed(V_USDC, BORROWER, 40 * DOLLAR, owed=40 * DOLLAR, borrows=40 * DOLLAR)

    apply(market, loan)
    # While it is out it counts as cash.
    assert supplied_usdc(market) == 10_000 * DOLLAR

    apply(market, back, debt)
    # The fee is owed, a quarter of it went to the protocol out of cash.
    assert supplied_usdc(market) == 10_030 * DOLLAR


def test_compute_states__vtokens_sent_to_the_vtoken_itself__are_lost_and_not_redeemed() -> None:
    market = make_market(*logs.opened_loan(BORROWER, debt=1_000 * DOLLAR))
    apply(market, logs.transfer(V_WETH, BORROWER, V_WETH, 25 * SHARE))

    state = state_of(market, BORROWER)

    # The exchange rate stands, since no WETH left and the supply of shares is the same.
    assert state is not None
    assert state.position.collaterals[0].amount == ETHER // 2


def test_compute_states__market_exited_or_unlisted__collateral_does_not_count() -> None:
    left = make_market(*logs.opened_loan(BORROWER, debt=1_000 * DOLLAR), logs.exited(V_WETH, BORROWER))
    unlisted = make_market(
        *logs.opened_loan(BORROWER, debt=1_000 * DOLLAR), make_log(COMPTROLLER, events.MARKET_UNLISTED, (V_WETH,))
    )

    for market in (left, unlisted):
        state = state_of(market, BORROWER)
        assert state is not None
        assert (state.position.collaterals, state.health_factor_wad) == ((), 0)


def test_compute_states__debt_repaid_in_full__is_no_position() -> None:
    market = make_market(*logs.opened_loan(BORROWER, debt=1_000 * DOLLAR))
    apply(market, logs.repaid(V_USDC, BORROWER, BORROWER, 1_000 * DOLLAR, owed=0, borrows=0))

    assert state_of(market, BORROWER) is None
    assert list(market.sample(PRICES, TimestampS(0))) == []


def test_compute_states__pool__has_its_own_threshold_while_it_is_active() -> None:
    market = make_market(
        *logs.opened_loan(BORROWER, debt=1_000 * DOLLAR),
        make_log(COMPTROLLER, events.POOL_MARKET_INITIALIZED, (1, V_WETH)),
        logs.threshold(V_WETH, WAD * 95 // 100, pool=1),
        make_log(COMPTROLLER, events.POOL_SELECTED, (BORROWER, 1), 0),
    )
    of_pool = state_of(market, BORROWER)
    apply(market, make_log(COMPTROLLER, events.POOL_MARKET_REMOVED, (1, V_WETH)))
    of_nothing = state_of(market, BORROWER)
    apply(market, make_log(COMPTROLLER, events.POOL_FALLBACK_STATUS_UPDATED, (1,), 0, 1))
    fallen_back = state_of(market, BORROWER)
    apply(market, make_log(COMPTROLLER, events.POOL_FALLBACK_STATUS_UPDATED, (1,), 1, 0))
    apply(market, make_log(COMPTROLLER, events.POOL_ACTIVE_STATUS_UPDATED, (1,), 1, 0))
    inactive = state_of(market, BORROWER)

    found = [s.health_factor_wad for s in (of_pool, of_nothing, fallen_back, inactive) if s is not None]
    assert found == [WAD * 19 // 10, 0, WAD * 16 // 10, WAD * 16 // 10]


def test_has_unvalued_debt__vai_or_a_token_without_price__leaves_the_account_out() -> None:
    market = make_market(*logs.opened_loan(BORROWER, debt=1_000 * DOLLAR))
    apply(
        market,
        make_log(COMPTROLLER, events.NEW_VAI_CONTROLLER, (), address_of("nobody"), logs.VAI_CONTROLLER),
        make_log(logs.VAI_CONTROLLER, events.MINT_VAI, (), OTHER, ETHER),
        logs.borrowed(V_USDC, OTHER, DOLLAR, owed=DOLLAR, borrows=1_001 * DOLLAR),
    )

    assert market.has_unvalued_debt(OTHER, PRICES)
    assert not market.has_unvalued_debt(BORROWER, PRICES)
    assert market.has_unvalued_debt(BORROWER, {WETH: PRICES[WETH]})
    assert [s.position.account for s in market.compute_states(PRICES, TimestampS(0))] == [BORROWER]
    assert list(market.compute_states({WETH: PRICES[WETH]}, TimestampS(0))) == []
    assert logs.VAI_CONTROLLER in market.addresses


@given(moves=st.lists(st.tuples(st.sampled_from("mrt"), st.integers(1, 10**12), st.booleans()), max_size=30))
def test_apply__any_mints_redeems_and_transfers__shares_are_those_of_the_accounts(
    moves: list[tuple[str, int, bool]],
) -> None:
    market = make_market()
    held = {BORROWER: 0, OTHER: 0}
    for kind, shares, is_other in moves:
        account, partner = (OTHER, BORROWER) if is_other else (BORROWER, OTHER)
        part = min(shares, held[account])
        if kind == "m":
            apply(market, *logs.minted(V_WETH, account, 10**10 * shares // 5, shares, held_before=held[account]))
            held[account] += shares
        elif kind == "r" and part:
            held[account] -= part
            apply(market, *logs.redeemed(V_WETH, account, 10**10 * part // 5, part, held_after=held[account]))
        elif kind == "t" and part:
            held[account], held[partner] = held[account] - part, held[partner] + part
            apply(market, logs.transfer(V_WETH, account, partner, part))
    for account in held:
        apply(
            market,
            logs.entered(V_WETH, account),
            logs.borrowed(V_USDC, account, DOLLAR, owed=DOLLAR, borrows=2 * DOLLAR),
        )

    amounts = {
        s.position.account: sum(c.amount for c in s.position.collaterals)
        for s in market.compute_states(PRICES, TimestampS(0))
    }

    # A share is worth 2 * 10^9 wei throughout: mints and redeems are at that rate.
    assert amounts == {account: 2 * 10**9 * shares for account, shares in held.items()}
