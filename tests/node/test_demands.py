"""A running node and demands of vectors: each member answers in its turn, once, and says so when it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from eth_abi.abi import decode, encode

from oracle.delivery.codec import selector
from oracle.delivery.dispute_codec import VECTOR_DEMANDED_TOPIC, Standing
from oracle.delivery.ports import BlockTip, Log, Receipt
from oracle.domain.ids import Address, Hash32, keccak256, uint_word
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId, TimestampS
from oracle.errors import SpendingCapError
from oracle.node.clock import SystemClock
from oracle.node.demands import DemandWatch, turn_of, turn_s
from oracle.node.health import Health
from oracle.node.status import NodeStatus
from oracle.node.stores import Stores
from oracle.storage.demands import Ending, StoredDemand
from tests.delivery.conftest import borrower_score
from tests.node.committee import quick_config

pytestmark = pytest.mark.anyio
CHAIN = ChainId(31_337)
ORACLE, COURT, NOBODY = Address(b"\x0c" * 20), Address(b"\x0e" * 20), Address(bytes(20))
VECTOR = b"\0\1\0\2"
SCORE = replace(borrower_score(1), features_hash=keccak256(VECTOR))
EPOCH = Epoch(100)
NOW_S, WINDOW_S, MEMBERS = TimestampS(10_000), 600, 4
FIRST = NodeId(-int.from_bytes(SCORE.leaf, "big") % MEMBERS)
"""The member whose turn is first."""
RECEIPT = Receipt(
    transaction_hash=keccak256(b"tx"),
    block_number=BlockNumber(7),
    is_success=True,
    gas_used=58_000,
    is_confirmed=True,
    fee_wei=1,
)


class FakeChain:
    """Gateway and sender of one chain: one demand, made now."""

    chain_id = CHAIN

    def __init__(self) -> None:
        self.court = COURT
        self.window_s = WINDOW_S
        self.standing = Standing.OPEN
        self.now_s = NOW_S
        self.block = BlockNumber(9_000)
        self.ranges: list[tuple[int, int]] = []
        self.sent: list[bytes] = []
        self.failure: Exception | None = None

    async def tip(self) -> BlockTip:
        return BlockTip(number=self.block, time_s=self.now_s, base_fee_wei=0)

    async def call(self, calls: Sequence[tuple[Address, bytes]]) -> list[bytes]:
        return [self._view(data[:4]) for _, data in calls]

    def _view(self, name: bytes) -> bytes:
        if name == selector("dispute()"):
            return bytes(12) + self.court
        if name == selector("demandSeconds()"):
            return uint_word(self.window_s)
        return encode(("address", "uint40", "uint8"), ("0x" + "ab" * 20, NOW_S + WINDOW_S, int(self.standing)))

    async def logs(self, address: Address, topic: Hash32, first: BlockNumber, last: BlockNumber) -> list[Log]:
        assert (address, topic) == (COURT, VECTOR_DEMANDED_TOPIC)
        self.ranges.append((first, last))
        if not first <= 8_999 <= last:
            return []
        topics = (topic, Hash32(uint_word(EPOCH)), SCORE.leaf, Hash32(bytes(32)))
        data = uint_word(NOW_S + WINDOW_S)
        return [Log(block_number=BlockNumber(8_999), transaction_hash=Hash32(bytes(32)), topics=topics, data=data)]

    async def send(self, to: Address, data: bytes, *, what: str) -> Receipt:
        if self.failure is not None:
            raise self.failure
        assert to == COURT
        self.sent.append(data)
        self.standing = Standing.ANSWERED
        return RECEIPT


class Watched:
    """A watch over fakes and a real database."""

    def __init__(self, folder: Path) -> None:
        self.stores = Stores.open(folder / "node.db", hold=False)
        self.status = NodeStatus((CHAIN,))
        self.chain = FakeChain()

    def watch(self, node_id: NodeId = FIRST) -> DemandWatch:
        return DemandWatch(
            gateway=cast("Any", self.chain),
            oracle=ORACLE,
            sender=cast("Any", self.chain),
            scores=self.stores.scores,
            demands=self.stores.demands,
            node_id=node_id,
            members_count=MEMBERS,
            status=self.status,
            poll_s=0.01,
        )

    def keep(self, vector: bytes = VECTOR) -> None:
        self.stores.scores.save(EPOCH, [SCORE], vectors={SCORE.subject: vector}, accounts={})

    @property
    def endings(self) -> dict[Ending, int]:
        return {ending: n for ending, n in self.stores.demands.counts(CHAIN).items() if n}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.stores.database.close()


async def test_look__its_turn__shows_the_vector_once(watched: Watched) -> None:
    watched.keep()
    watch = watched.watch()

    await watch.look()
    await watch.look()

    (data,) = watched.chain.sent
    assert data[:4] == selector("showVector(uint64,bytes,bytes)")
    assert decode(("uint64", "bytes", "bytes"), data[4:]) == (EPOCH, SCORE.encoded, VECTOR)
    assert watched.endings == {Ending.SHOWN: 1}
    assert watched.status.chains[CHAIN].demand_error == ""


async def test_look__turn_of_another__waits_and_answers_if_that_one_does_not(watched: Watched) -> None:
    """The second of four comes in an eighth of the window later."""
    watched.keep()
    watch = watched.watch(NodeId((FIRST + 1) % MEMBERS))

    await watch.look()
    assert watched.chain.sent == []
    watched.chain.now_s = TimestampS(NOW_S + WINDOW_S // 8)
    await watch.look()

    assert len(watched.chain.sent) == 1


async def test_look__answered_by_another__pays_nothing(watched: Watched) -> None:
    watched.keep()
    watched.chain.standing = Standing.ANSWERED

    await watched.watch().look()

    assert watched.chain.sent == []
    assert watched.endings == {Ending.ELSEWHERE: 1}


async def test_look__vector_not_kept__health_says_so_until_it_ended(watched: Watched, tmp_path: Path) -> None:
    watched.keep(b"\0\7")
    health = Health(quick_config(), watched.status, SystemClock(), tmp_path / "node.db")
    watch = watched.watch()

    await watch.look()
    (trouble,) = [t for t in health.troubles() if t.code == "vector_demanded"]
    watched.chain.standing = Standing.ANSWERED
    await watch.look()

    assert "has not got it" in trouble.detail
    assert watched.chain.sent == []
    assert [t for t in health.troubles() if t.code == "vector_demanded"] == []


async def test_look__cannot_be_sent__is_told_and_tried_again(watched: Watched) -> None:
    watched.keep()
    watch = watched.watch()
    watched.chain.failure = SpendingCapError(CHAIN, 990, 20, 1_000, 1_700_000_000)

    await watch.look()
    told = watched.status.chains[CHAIN].demand_error
    watched.chain.failure = None
    await watch.look()

    assert "could not be shown" in told
    assert len(watched.chain.sent) == 1
    assert watched.status.chains[CHAIN].demand_error == ""


async def test_look__window_over_and_nobody_answered__counts_as_missed(watched: Watched) -> None:
    watched.keep()
    watched.chain.now_s = TimestampS(NOW_S + WINDOW_S + 1)

    await watched.watch().look()

    assert watched.chain.sent == []
    assert watched.endings == {Ending.MISSED: 1}


async def test_look__after_a_restart__goes_on_where_it_was_and_rereads_what_is_not_final(watched: Watched) -> None:
    await watched.watch().look()
    watched.chain.block = BlockNumber(9_010)
    watched.keep()

    await watched.watch().look()

    assert watched.chain.ranges == [(4_000, 8_999), (9_000, 9_000), (8_873, 9_010)]
    assert len(watched.chain.sent) == 1


@pytest.mark.parametrize(("court", "window_s"), [(NOBODY, WINDOW_S), (COURT, 0)])
async def test_look__no_contract_that_takes_demands__does_nothing(
    watched: Watched, court: Address, window_s: int
) -> None:
    watched.chain.court, watched.chain.window_s = court, window_s

    await watched.watch().look()

    assert watched.chain.ranges == []


def test_turn_of__every_leaf__is_first_for_one_member_and_last_for_another() -> None:
    demand = StoredDemand(epoch=EPOCH, leaf=SCORE.leaf, answer_by_s=TimestampS(600))

    ranks = [turn_of(demand, NodeId(node), MEMBERS) for node in range(MEMBERS)]

    assert sorted(ranks) == [0, 1, 2, 3]
    assert [turn_s(TimestampS(600), 600, rank, MEMBERS) for rank in range(MEMBERS)] == [0, 75, 150, 225]
