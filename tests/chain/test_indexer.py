"""The indexer: every finalised log once, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.chain.checked import CheckedChain
from oracle.chain.indexer import Indexer
from oracle.chain.logs import RangeSize
from oracle.chain.rows import LogRow, Mark, MemoryRows, RowTuple
from oracle.domain.units import ChainId
from oracle.errors import ChangedBlockError, EndpointDisagreementError, PastFinalityReorgError, TooFewEndpointsError
from tests.chain.aave_logs import a_token_of, answer, borrow, market_opened, mint, opened_loan
from tests.chain.fake_endpoint import CHAIN_ID, WETH, FakeChain, FakeEndpoint, address_of, make_params

pytestmark = pytest.mark.anyio


class KilledError(Exception):
    """The process dies here."""


class FragileRows(MemoryRows):
    """Rows whose process is killed right before or right after the n-th write."""

    def __init__(self) -> None:
        super().__init__()
        self.lives_writes = -1
        self.dies_before = False

    def append(self, chain_id: ChainId, rows: Sequence[RowTuple], *, mark: Mark, filter_hash: bytes) -> None:
        if self.lives_writes == 0 and self.dies_before:
            raise KilledError
        super().append(chain_id, rows, mark=mark, filter_hash=filter_hash)
        if self.lives_writes == 0:
            raise KilledError
        self.lives_writes -= 1


def make_chain(blocks: int = 30) -> FakeChain:
    """Return a chain whose market opens in block 2 and where someone acts in every third block."""
    chain = FakeChain()
    chain.mine(12)
    chain.mine(24, market_opened())
    for number in range(3, blocks + 1):
        borrower = address_of(f"borrower {number}")
        chain.mine(12 * number, opened_loan(borrower, collateral=10**18, debt=10**6) if number % 3 == 0 else [])
    return chain


def make_indexer(chain: FakeChain, rows: MemoryRows, *, range_blocks: int = 7, start_block: int = 0) -> Indexer:
    endpoints = [FakeEndpoint("a", chain), FakeEndpoint("b", chain)]
    size = RangeSize(range_blocks, range_blocks)
    return Indexer(make_params(start_block=start_block), CheckedChain(CHAIN_ID, endpoints), rows, range_size=size)


def stored(rows: MemoryRows) -> list[LogRow]:
    return [LogRow._make(row) for row in rows.load_rows(CHAIN_ID, 0, 10**9)]


def emitted(chain: FakeChain, last_block: int) -> list[tuple[int, int]]:
    return [(n, i) for n, b in enumerate(chain.blocks[: last_block + 1]) for i in range(len(b.logs))]


async def test_sync__whole_chain__stores_every_log_with_hash_and_time() -> None:
    chain, rows = make_chain(), MemoryRows()

    head = await make_indexer(chain, rows).sync()

    found = stored(rows)
    assert head.number == 30
    assert [(row.block_number, row.log_index) for row in found] == emitted(chain, 30)
    assert all(row.block_hash == chain.blocks[row.block_number].block_hash for row in found)
    assert all(row.time_s == chain.blocks[row.block_number].time_s for row in found)


@pytest.mark.parametrize(
    ("gives_times", "late_s", "headers_are_read"), [(True, 0, False), (True, 1, True), (False, 0, True)]
)
async def test_sync__times_come_with_the_logs__headers_are_read_only_where_two_do_not_agree(
    gives_times: bool, late_s: int, headers_are_read: bool
) -> None:
    chain, rows = make_chain(), MemoryRows()
    endpoints = [FakeEndpoint("a", chain), FakeEndpoint("b", chain)]
    endpoints[0].gives_times, endpoints[1].gives_times = True, gives_times
    endpoints[1].late_s = late_s

    await Indexer(make_params(), CheckedChain(CHAIN_ID, endpoints), rows, range_size=RangeSize(7, 7)).sync()

    found = stored(rows)
    assert [(row.block_number, row.log_index) for row in found] == emitted(chain, 30)
    assert all(row.time_s == chain.blocks[row.block_number].time_s for row in found)
    assert (set(endpoints[0].asked_headers) >= {row.block_number for row in found}) == headers_are_read


async def test_sync__reserve_initialised_inside_a_range__its_tokens_are_read_in_that_range() -> None:
    chain, rows = FakeChain(), MemoryRows()
    chain.mine(12, [*market_opened(), mint(WETH, address_of("supplier"), 5)])

    await make_indexer(chain, rows, range_blocks=100).sync()

    assert a_token_of(WETH) in {row.address for row in stored(rows)}


async def test_sync__unfinalised_blocks__are_left_alone_until_final() -> None:
    chain, rows = make_chain(), MemoryRows()
    chain.unfinalised_blocks = 10
    indexer = make_indexer(chain, rows)

    await indexer.sync()
    assert indexer.indexed_block == 20
    assert max(row.block_number for row in stored(rows)) <= 20

    chain.unfinalised_blocks = 0
    await indexer.sync()
    assert [(row.block_number, row.log_index) for row in stored(rows)] == emitted(chain, 30)


async def test_sync__start_block__is_the_first_one_read() -> None:
    chain, rows = make_chain(), MemoryRows()

    await make_indexer(chain, rows, start_block=2).sync()

    assert min(row.block_number for row in stored(rows)) == 2


async def test_sync__endpoint_refuses_large_ranges__asks_for_less_and_finishes() -> None:
    chain, rows = make_chain(), MemoryRows()
    limited, free = FakeEndpoint("limited", chain), FakeEndpoint("free", chain)
    limited.largest_range = 3
    indexer = Indexer(make_params(), CheckedChain(CHAIN_ID, [limited, free]), rows, range_size=RangeSize(1_000))

    await indexer.sync()

    assert [(row.block_number, row.log_index) for row in stored(rows)] == emitted(chain, 30)


async def test_sync__endpoint_refuses_one_block__gives_up_with_what_it_has() -> None:
    chain, rows = make_chain(), MemoryRows()
    limited, free = FakeEndpoint("limited", chain), FakeEndpoint("free", chain)
    limited.largest_range = 0

    with pytest.raises(TooFewEndpointsError):
        await Indexer(make_params(), CheckedChain(CHAIN_ID, [limited, free]), rows).sync()

    assert stored(rows) == []


async def test_sync__one_endpoint_truncates__stores_nothing_and_goes_on_when_repaired() -> None:
    chain, rows = make_chain(), MemoryRows()
    honest, truncating = FakeEndpoint("honest", chain), FakeEndpoint("truncating", chain)
    truncating.truncated_to = 1
    indexer = Indexer(make_params(), CheckedChain(CHAIN_ID, [honest, truncating]), rows)

    with pytest.raises(EndpointDisagreementError):
        await indexer.sync()
    assert stored(rows) == []

    truncating.truncated_to = None
    await indexer.sync()
    assert [(row.block_number, row.log_index) for row in stored(rows)] == emitted(chain, 30)


@settings(max_examples=40)
@given(
    kills=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=6),
    ranges=st.lists(st.integers(1, 40), min_size=7, max_size=7),
)
def test_sync__killed_between_any_ranges__ends_with_the_same_rows(
    kills: list[tuple[int, bool]], ranges: list[int]
) -> None:
    chain, rows = make_chain(), FragileRows()

    for (writes, dies_before), range_blocks in zip(kills, ranges, strict=False):
        rows.lives_writes, rows.dies_before = writes, dies_before
        try:
            asyncio.run(make_indexer(chain, rows, range_blocks=range_blocks).sync())
        except KilledError:
            continue
    rows.lives_writes = -1
    asyncio.run(make_indexer(chain, rows, range_blocks=ranges[-1]).sync())

    assert [(row.block_number, row.log_index) for row in stored(rows)] == emitted(chain, 30)


async def test_sync__finalised_block_replaced__rolls_back_to_the_common_mark_and_alarms() -> None:
    chain, rows = make_chain(), MemoryRows()
    indexer = make_indexer(chain, rows, range_blocks=7)
    await indexer.sync()
    chain.reorganise(16)

    with pytest.raises(PastFinalityReorgError) as caught:
        await indexer.sync()

    assert not caught.value.retryable
    assert (caught.value.block_number, caught.value.common_block_number) == (30, 13)
    assert max(row.block_number for row in stored(rows)) <= 13

    chain.mine(1_000, [borrow(WETH, address_of("late borrower"), 1)])
    await indexer.sync()
    found = stored(rows)
    assert [(row.block_number, row.log_index) for row in found] == emitted(chain, 31)
    assert all(row.block_hash == chain.blocks[row.block_number].block_hash for row in found)


class TurningEndpoint(FakeEndpoint):
    """An endpoint whose chain replaces finalised blocks right before, or right after, it answers for logs."""

    turns_at: int | None = None
    turns_after = False

    def _logs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        if self.turns_after:
            logs = super()._logs(query)
            self._turn()
            return logs
        self._turn()
        return super()._logs(query)

    def _turn(self) -> None:
        if self.turns_at is not None:
            self.chain.reorganise(self.turns_at)
            self.turns_at = None


@pytest.mark.parametrize("gives_times", [False, True])
@pytest.mark.parametrize("turns_after", [False, True])
async def test_sync__finalised_block_replaced_while_it_reads__is_never_hidden_by_a_newer_mark(
    turns_after: bool, gives_times: bool
) -> None:
    chain, rows = make_chain(), MemoryRows()
    endpoints = [FakeEndpoint("a", chain), TurningEndpoint("b", chain)]
    for endpoint in endpoints:
        endpoint.gives_times = gives_times
    turning = endpoints[1]
    assert isinstance(turning, TurningEndpoint)
    indexer = Indexer(make_params(), CheckedChain(CHAIN_ID, endpoints), rows)
    await indexer.sync()
    chain.mine(1_000)
    turning.turns_at, turning.turns_after = 16, turns_after

    with pytest.raises(ChangedBlockError) as caught:
        await indexer.sync()
    assert caught.value.retryable

    with pytest.raises(PastFinalityReorgError):
        await indexer.sync()
    await indexer.sync()
    assert all(row.block_hash == chain.blocks[row.block_number].block_hash for row in stored(rows))


async def test_sync__head_replaced_while_its_logs_are_read__is_read_again() -> None:
    chain, rows = make_chain(), MemoryRows()
    turning = TurningEndpoint("b", chain)
    turning.turns_at, turning.turns_after = 29, True
    indexer = Indexer(make_params(), CheckedChain(CHAIN_ID, [FakeEndpoint("a", chain), turning]), rows)
    chain.mine(1_000)

    with pytest.raises(ChangedBlockError):
        await indexer.sync()

    assert stored(rows) == []


async def test_sync__every_mark_replaced__starts_over() -> None:
    chain, rows = make_chain(), MemoryRows()
    indexer = make_indexer(chain, rows)
    await indexer.sync()
    chain.reorganise(1)

    with pytest.raises(PastFinalityReorgError) as caught:
        await indexer.sync()

    assert caught.value.common_block_number == -1
    assert stored(rows) == []


async def test_sync__configuration_changed__reads_the_chain_again() -> None:
    chain, rows = make_chain(), MemoryRows()
    chain.blocks[1].logs.append(answer(WETH, 5))
    await make_indexer(chain, rows, start_block=2).sync()

    await make_indexer(chain, rows, start_block=0).sync()

    assert [(row.block_number, row.log_index) for row in stored(rows)] == emitted(chain, 30)
