"""The ledger: the state after every row at or before a moment, never past the cut, the same however it got there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.chain.ledger import Ledger
from oracle.chain.rows import LogRow, MemoryRows, RowTuple
from oracle.domain.event import EventKind
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.units import DAY_S, HOUR_S, WAD, BlockNumber, ChainId, TimestampS
from oracle.errors import InconsistentLedgerError, NotIndexedError
from tests.chain.aave_logs import answer, burn, market_opened, opened_loan, repay, to_rows
from tests.chain.fake_endpoint import CHAIN_ID, CONFIGURATOR, POOL, USDC, WETH, FakeLog, address_of, make_params

BORROWER = address_of("borrower")
LATECOMER = address_of("latecomer")
ETHER, DOLLAR = 10**18, 10**6
MIDNIGHT_S = 20_000 * DAY_S


def store(rows: MemoryRows, number: int, time_s: int, emitted: Sequence[FakeLog]) -> None:
    """Index one block."""
    block = to_rows(list(emitted), block_number=number, time_s=time_s)
    rows.append(CHAIN_ID, block, mark=(number, keccak256(b"block %d" % number)), filter_hash=b"")


def make_ledger(rows: MemoryRows) -> Ledger:
    return Ledger(make_params(), {POOL: (CONFIGURATOR,)}, rows)


def advance(ledger: Ledger, number: int, time_s: int, settle_s: int | None = None) -> None:
    block_hash = Hash32(keccak256(b"block %d" % number))
    ledger.advance(
        BlockNumber(number), block_hash, TimestampS(time_s), TimestampS(time_s if settle_s is None else settle_s)
    )


def make_rows() -> MemoryRows:
    """Three blocks: an hour before midnight a loan, at midnight a price of half, two days later a repayment."""
    rows = MemoryRows()
    store(rows, 1, MIDNIGHT_S - 2 * HOUR_S, market_opened())
    store(rows, 2, MIDNIGHT_S - HOUR_S, opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR))
    store(rows, 3, MIDNIGHT_S, [answer(WETH, 1_500 * 10**8)])
    closing = [burn(USDC, BORROWER, 1_000 * DOLLAR, debt=True), repay(USDC, BORROWER, 1_000 * DOLLAR, caller=BORROWER)]
    store(rows, 4, MIDNIGHT_S + 2 * DAY_S + 5, closing)
    return rows


def test_samples__at_midnight__are_after_the_block_of_that_second_and_daily_while_in_debt() -> None:
    ledger = make_ledger(make_rows())
    advance(ledger, 4, MIDNIGHT_S + 2 * DAY_S + 5, MIDNIGHT_S + 4 * DAY_S)

    samples = ledger.get_samples(BORROWER)

    # 1,500 dollars at 83 % against 1,000 dollars, at the first three midnights; repaid before the fourth.
    assert [s.time_s for s in samples] == [MIDNIGHT_S, MIDNIGHT_S + DAY_S, MIDNIGHT_S + 2 * DAY_S]
    assert {s.health_factor_wad for s in samples} == {WAD * 1245 // 1000}
    assert {s.collateral_usd_e8 for s in samples} == {1_500 * 10**8}


def test_advance__to_a_cut__knows_nothing_later() -> None:
    ledger = make_ledger(make_rows())
    advance(ledger, 2, MIDNIGHT_S - HOUR_S, MIDNIGHT_S - 1)

    (state,) = ledger.compute_states()
    assert state.health_factor_wad == WAD * 166 // 100
    assert [e.kind for e in ledger.get_events(BORROWER)] == [EventKind.SUPPLY, EventKind.BORROW]
    assert max(e.time_s for e in ledger.get_events(BORROWER)) <= MIDNIGHT_S - HOUR_S
    assert ledger.get_samples(BORROWER) == ()
    series = ledger.prices.get_series(WETH)
    assert series is not None
    assert (series.last_hour_s, series.prices_e8[-1]) == (MIDNIGHT_S - HOUR_S, 2_000 * 10**8)


def test_advance__stalled_chain__closes_no_hour_after_its_block() -> None:
    rows = make_rows()
    ledger = make_ledger(rows)
    advance(ledger, 2, MIDNIGHT_S - HOUR_S, MIDNIGHT_S - HOUR_S)
    # The chain goes on; block 3 turns out to lie before what was the boundary then.
    advance(ledger, 4, MIDNIGHT_S + 2 * DAY_S + 5)
    fresh = make_ledger(rows)
    advance(fresh, 4, MIDNIGHT_S + 2 * DAY_S + 5)

    assert ledger.get_samples(BORROWER) == fresh.get_samples(BORROWER)
    assert ledger.prices.get_series(WETH) == fresh.prices.get_series(WETH)


def test_advance__block_not_indexed__is_refused() -> None:
    with pytest.raises(NotIndexedError) as caught:
        advance(make_ledger(make_rows()), 5, MIDNIGHT_S + 9 * DAY_S)

    assert caught.value.retryable


def test_advance__rows_rolled_back__starts_over_from_the_new_ones() -> None:
    rows = make_rows()
    ledger = make_ledger(rows)
    advance(ledger, 3, MIDNIGHT_S)
    rows.roll_back(CHAIN_ID, 1)
    store(rows, 2, MIDNIGHT_S - HOUR_S, opened_loan(LATECOMER, collateral=ETHER, debt=500 * DOLLAR))
    store(rows, 3, MIDNIGHT_S, [])

    advance(ledger, 3, MIDNIGHT_S)

    assert [s.position.account for s in ledger.compute_states()] == [LATECOMER]
    assert ledger.get_events(BORROWER) == ()


def test_advance__fails_on_the_way__counts_nothing_twice_afterwards() -> None:
    boundary_s = MIDNIGHT_S + 3 * DAY_S
    rows, fresh = make_rows(), make_ledger(make_rows())
    store(rows, 5, boundary_s + 1, [burn(USDC, BORROWER, DOLLAR, debt=True)])
    ledger = make_ledger(rows)

    with pytest.raises(InconsistentLedgerError):
        advance(ledger, 5, boundary_s + 1)
    for each in (ledger, fresh):
        advance(each, 4, MIDNIGHT_S + 2 * DAY_S + 5, boundary_s)

    assert ledger.get_events(BORROWER) == fresh.get_events(BORROWER)
    assert ledger.get_samples(BORROWER) == fresh.get_samples(BORROWER)


class VanishingRows(MemoryRows):
    """Rows that are rolled back by another thread right before they are read."""

    def load_rows(self, chain_id: ChainId, first_block: int, last_block: int) -> Iterable[RowTuple]:
        self.roll_back(chain_id, 1)
        return super().load_rows(chain_id, first_block, last_block)


def test_advance__rows_rolled_back_meanwhile__is_refused_instead_of_half_empty() -> None:
    rows = VanishingRows()
    store(rows, 1, MIDNIGHT_S - 2 * HOUR_S, market_opened())
    store(rows, 2, MIDNIGHT_S - HOUR_S, opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR))

    with pytest.raises(NotIndexedError) as caught:
        advance(make_ledger(rows), 2, MIDNIGHT_S - HOUR_S)

    assert caught.value.retryable


class BrokenRows(MemoryRows):
    """Rows that stop coming half-way, once, for a reason that is none of the project's errors."""

    def __init__(self) -> None:
        super().__init__()
        self.given_rows: int | None = None

    def load_rows(self, chain_id: ChainId, first_block: int, last_block: int) -> Iterable[RowTuple]:
        for position, row in enumerate(super().load_rows(chain_id, first_block, last_block)):
            if position == self.given_rows:
                self.given_rows = None
                raise ValueError(position)
            yield row


@pytest.mark.parametrize("given_rows", [1, 15, 17])
def test_advance__any_error_on_the_way__counts_nothing_twice_afterwards(given_rows: int) -> None:
    rows, fresh = BrokenRows(), make_ledger(make_rows())
    for number in (1, 2, 3, 4):
        block = list(make_rows().load_rows(CHAIN_ID, number, number))
        rows.append(CHAIN_ID, block, mark=(number, keccak256(b"block %d" % number)), filter_hash=b"")
    ledger = make_ledger(rows)
    rows.given_rows = given_rows

    with pytest.raises(ValueError, match=str(given_rows)):
        advance(ledger, 3, MIDNIGHT_S)
    for each in (ledger, fresh):
        advance(each, 3, MIDNIGHT_S)

    assert ledger.compute_states() == fresh.compute_states()
    assert ledger.get_events(BORROWER) == fresh.get_events(BORROWER)


def test_advance__hours_cannot_be_closed__starts_over_at_the_next_call() -> None:
    rows = MemoryRows()
    store(rows, 1, 0, [*market_opened(), answer(WETH, 1_500 * 10**8)])
    ledger, fresh = make_ledger(rows), make_ledger(rows)

    with pytest.raises(OverflowError):
        advance(ledger, 1, 0, 2**80)
    for each in (ledger, fresh):
        advance(each, 1, 0, HOUR_S)

    assert ledger.prices.get_series(WETH) == fresh.prices.get_series(WETH)


@given(stops=st.lists(st.integers(1, 4), max_size=6))
def test_advance__any_stops_on_the_way__end_in_the_same_state(stops: list[int]) -> None:
    rows = make_rows()
    times = {row[0]: row[2] for row in rows.load_rows(CHAIN_ID, 0, 99)}
    ledger, fresh = make_ledger(rows), make_ledger(rows)
    for number in stops:
        advance(ledger, number, times[number])
    for each in (ledger, fresh):
        advance(each, 4, times[4], times[4] + DAY_S)

    assert ledger.compute_states() == fresh.compute_states()
    assert ledger.get_events(BORROWER) == fresh.get_events(BORROWER)
    assert ledger.get_samples(BORROWER) == fresh.get_samples(BORROWER)
    assert ledger.prices.get_series(USDC) == fresh.prices.get_series(USDC)


def test_events__price_moves_within_a_block__value_is_of_the_answer_before() -> None:
    rows = MemoryRows()
    loan = opened_loan(BORROWER, collateral=ETHER, debt=DOLLAR)
    store(rows, 1, MIDNIGHT_S, [*market_opened(), *loan, answer(WETH, 10**8), *loan])
    ledger = make_ledger(rows)
    advance(ledger, 1, MIDNIGHT_S)

    values = [e.value_usd_e8 for e in ledger.get_events(BORROWER) if e.kind is EventKind.SUPPLY]

    assert values == [2_000 * 10**8, 10**8]


def test_rows__kept_as_tuples__come_back_as_rows() -> None:
    (first, *_) = make_rows().load_rows(CHAIN_ID, 2, 2)

    assert LogRow._make(first).topic == first[5][:32]


def test_advance__rows_that_fit_no_adapter__are_passed_over() -> None:
    """All addresses and all topics are asked for together, and a range is read again once a token is known in it."""
    foreign = FakeLog(address=POOL, topics=keccak256(b"Mint(address,uint256,uint256)"), data=b"")
    answer_of_pool = FakeLog(address=POOL, topics=answer(WETH, 1).topics, data=answer(WETH, 1).data)
    too_early = burn(USDC, BORROWER, DOLLAR, debt=True)
    rows = MemoryRows()
    store(rows, 1, MIDNIGHT_S - HOUR_S, [too_early, *market_opened(), foreign, answer_of_pool])
    store(rows, 2, MIDNIGHT_S, opened_loan(BORROWER, collateral=ETHER, debt=1_000 * DOLLAR))
    ledger = make_ledger(rows)

    advance(ledger, 2, MIDNIGHT_S)

    (state,) = ledger.compute_states()
    assert (state.position.debt_usd_e8, state.position.collateral_usd_e8) == (1_000 * 10**8, 2_000 * 10**8)
