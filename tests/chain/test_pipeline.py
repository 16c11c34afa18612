"""The pipeline: the next range is fetched while one is stored, and nothing is lost or left behind by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from oracle.chain.checked import CheckedChain
from oracle.chain.indexer import Indexer
from oracle.chain.logs import LogQuery, RangeSize
from oracle.chain.pipeline import FetchAhead, RowWriter
from oracle.chain.rows import Mark, MemoryRows, RowTuple
from oracle.domain.ids import Hash32
from oracle.domain.units import BlockNumber, ChainId
from oracle.errors import DatabaseWriteError
from tests.chain.fake_endpoint import CHAIN_ID, FakeEndpoint, make_params
from tests.chain.test_indexer import make_chain

pytestmark = pytest.mark.anyio
NO_HASH = Hash32(bytes(32))


class LoggedRows(MemoryRows):
    """Rows that write down when a range is stored, and take their time for it."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__()
        self.steps = steps

    def append(self, chain_id: ChainId, rows: Sequence[RowTuple], *, mark: Mark, filter_hash: bytes) -> None:
        time.sleep(0.02)
        super().append(chain_id, rows, mark=mark, filter_hash=filter_hash)
        self.steps.append(f"stored {mark[0]}")


class LoggedEndpoint(FakeEndpoint):
    """An endpoint that writes down which range is asked for."""

    steps: list[str]

    def _logs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        self.steps.append(f"asked {int(query['toBlock'], 16)}")
        return super()._logs(query)


async def test_sync__several_ranges__each_is_asked_for_before_the_one_before_it_is_stored() -> None:
    chain = make_chain()
    rows = LoggedRows([])
    endpoints = [LoggedEndpoint("a", chain), FakeEndpoint("b", chain)]
    assert isinstance(endpoints[0], LoggedEndpoint)
    endpoints[0].steps = rows.steps

    await Indexer(make_params(), CheckedChain(CHAIN_ID, endpoints), rows, range_size=RangeSize(10, 10)).sync()

    stored_steps = [step for step in rows.steps if step.startswith("stored")]
    assert stored_steps == ["stored 9", "stored 19", "stored 29", "stored 30"]
    for asked, stored_before in (("asked 19", "stored 9"), ("asked 29", "stored 19"), ("asked 30", "stored 29")):
        assert rows.steps.index(asked) < rows.steps.index(stored_before)


class FullDisk(MemoryRows):
    """Rows on a disk that is full."""

    def append(self, chain_id: ChainId, rows: Sequence[RowTuple], *, mark: Mark, filter_hash: bytes) -> None:
        raise DatabaseWriteError("rows", "the disk is full")


async def test_row_writer__disk_is_full__says_so_at_the_latest_when_the_block_ends() -> None:
    with pytest.raises(DatabaseWriteError):
        async with RowWriter(FullDisk(), CHAIN_ID) as writer:
            await writer.append([], (1, b""), NO_HASH)


async def test_row_writer__caller_is_cancelled__leaves_no_write_behind() -> None:
    rows = LoggedRows([])

    async def work() -> None:
        async with RowWriter(rows, CHAIN_ID) as writer:
            await writer.append([], (1, b""), NO_HASH)
            await asyncio.sleep(60)

    working = asyncio.create_task(work())
    await asyncio.sleep(0.005)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    assert rows.steps == ["stored 1"]


def query_to(last_block: int) -> LogQuery:
    last = BlockNumber(last_block)
    return LogQuery(first_block=BlockNumber(0), last_block=last, addresses=frozenset(), topics=frozenset())


async def answer_to(query: LogQuery) -> int:
    await asyncio.sleep(0)
    return query.last_block


async def test_fetch_ahead__same_query_and_another__takes_the_one_and_gives_up_the_other() -> None:
    given_up: list[int] = []

    async def never(number: int) -> int:
        try:
            await asyncio.sleep(60)
        finally:
            given_up.append(number)
        return 0

    async with FetchAhead[int]() as ahead:
        ahead.begin(query_to(1), answer_to(query_to(7)))
        first = await ahead.take(query_to(1), answer_to)
        ahead.begin(query_to(2), never(2))
        await asyncio.sleep(0)
        second = await ahead.take(query_to(3), answer_to)
        ahead.begin(query_to(4), never(4))
        await asyncio.sleep(0)

    assert (first, second) == (7, 3)
    assert given_up == [2, 4]
