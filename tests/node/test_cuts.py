"""Cuts: all chains, or what can be scored without one that stalls; another node's stalled cut against our own blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from oracle.consensus.events import CutChecked, CutDerived, Event, StalledCutFound
from oracle.domain.ids import keccak256
from oracle.domain.report import ChainCut, Cut, boundary_s
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.errors import EndpointDisagreementError, PastFinalityReorgError
from oracle.node.clock import SystemClock
from oracle.node.cuts import CutFinder
from oracle.node.status import NodeStatus
from tests.node.committee import quick_config

pytestmark = pytest.mark.anyio
CONFIG = quick_config(epoch_seconds=12)
FIRST, SECOND = (chain.chain_id for chain in CONFIG.params.chains)
EPOCH = Epoch(1_000)
BOUNDARY_S = boundary_s(EPOCH, 12)


@dataclass
class Header:
    number: BlockNumber
    time_s: TimestampS
    block_hash: bytes


class FakeReader:
    """A chain with a block every two seconds up to its finalised head."""

    def __init__(self, chain_id: ChainId, head_s: int) -> None:
        self.chain_id = chain_id
        self.head_s = head_s
        self.failures: list[Exception] = []
        self.chain = self

    def block(self, time_s: int) -> ChainCut:
        number = BlockNumber(time_s // 2)
        return ChainCut(
            chain_id=self.chain_id, block_number=number, block_hash=keccak256(b"%d %d" % (self.chain_id, number))
        )

    async def derive_cut(self, boundary: TimestampS) -> ChainCut | None:
        if self.failures:
            raise self.failures.pop(0)
        return self.block(boundary) if self.head_s > boundary else None

    async def sync(self) -> Header:
        return await self.fetch_finalised_head()

    async def fetch_finalised_head(self) -> Header:
        block = self.block(self.head_s)
        return Header(number=block.block_number, time_s=TimestampS(self.head_s), block_hash=block.block_hash)


class Chains:
    """Two chains, the finder over them, and what it posted. Looking again moves every chain by `step_s`."""

    def __init__(self, first_s: int, second_s: int) -> None:
        self.readers = {
            FIRST: FakeReader(FIRST, BOUNDARY_S + first_s),
            SECOND: FakeReader(SECOND, BOUNDARY_S + second_s),
        }
        self.status = NodeStatus((FIRST, SECOND))
        self.status.begin(EPOCH)
        self.events: list[Event] = []
        self.finder = CutFinder(
            CONFIG, cast("Any", self.readers), SystemClock(), self.status, poll_ms=1, post=self.events.append
        )

    def stalled_cut(self) -> Cut:
        """Return the cut without the second chain."""
        last = self.readers[SECOND].block(self.readers[SECOND].head_s)
        return Cut(epoch=EPOCH, chains=(self.readers[FIRST].block(BOUNDARY_S), last), stalled_chains=0b10)


async def test_derive__every_chain_past_the_boundary__is_the_last_block_before_it() -> None:
    chains = Chains(4, 6)

    await chains.finder.derive(EPOCH)

    expected = tuple(chains.readers[c].block(BOUNDARY_S) for c in (FIRST, SECOND))
    assert chains.events == [CutDerived(cut=Cut(epoch=EPOCH, chains=expected))]


async def test_derive__a_chain_never_gets_there__says_nothing() -> None:
    chains = Chains(4, -2)
    chains.status.begin(Epoch(EPOCH + 2))

    await chains.finder.derive(EPOCH)

    assert chains.events == []


async def test_derive__endpoints_disagree_at_first__tries_again_and_clears_the_trouble() -> None:
    chains = Chains(4, 6)
    chains.readers[FIRST].failures = [EndpointDisagreementError(FIRST, "block 7", {"a": "1", "b": "2"})]

    await chains.finder.derive(EPOCH)

    assert len(chains.events) == 1
    assert chains.status.chains[FIRST].failures_count == 1
    assert not chains.status.chains[FIRST].is_disagreeing


async def test_derive__reorg_past_finality__halts() -> None:
    chains = Chains(4, 6)
    chains.readers[SECOND].failures = [PastFinalityReorgError(SECOND, 9, 7)]

    await chains.finder.derive(EPOCH)

    assert "finalised block 9 was replaced" in chains.status.halted


async def test_find_stalled__one_chain_behind__marks_it_and_takes_its_head() -> None:
    chains = Chains(4, -2)

    await chains.finder.find_stalled(EPOCH)

    assert chains.events == [StalledCutFound(cut=chains.stalled_cut())]


async def test_find_stalled__every_chain_has_its_cut__says_nothing() -> None:
    chains = Chains(4, 6)

    await chains.finder.find_stalled(EPOCH)

    assert chains.events == []


async def test_check__same_blocks__is_confirmed() -> None:
    chains = Chains(4, -2)

    await chains.finder.check(chains.stalled_cut())

    assert chains.events == [CutChecked(cut=chains.stalled_cut(), is_confirmed=True)]


@pytest.mark.parametrize("case", ["went on", "higher head", "other block", "other cut", "other chains"])
async def test_check__blocks_that_say_otherwise__is_refused(case: str) -> None:
    chains = Chains(4, -4)
    cut = chains.stalled_cut()
    first, second = cut.chains
    if case == "went on":
        chains.readers[SECOND].head_s = BOUNDARY_S + 2
    elif case == "higher head":
        chains.readers[SECOND].head_s = BOUNDARY_S - 2
    elif case == "other block":
        cut = replace(cut, chains=(first, replace(second, block_hash=keccak256(b"fork"))))
    elif case == "other cut":
        cut = replace(cut, chains=(replace(first, block_hash=keccak256(b"fork")), second))
    else:
        cut = replace(cut, chains=(first,))

    await chains.finder.check(cut)

    assert chains.events == [CutChecked(cut=cut, is_confirmed=False)]


async def test_check__block_not_final_here_yet__waits_for_it() -> None:
    chains = Chains(4, -2)
    cut = chains.stalled_cut()
    reader = chains.readers[SECOND]
    reader.head_s -= 4
    looks = 0

    async def catch_up(boundary: TimestampS) -> ChainCut | None:
        nonlocal looks
        looks += 1
        reader.head_s = min(reader.head_s + 2, BOUNDARY_S - 2)
        return None

    reader.derive_cut = catch_up  # type: ignore[method-assign]

    await chains.finder.check(cut)

    assert chains.events == [CutChecked(cut=cut, is_confirmed=True)]
    assert looks == 2
