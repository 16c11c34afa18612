"""A running node and the contracts that it keeps in step: in its turn, once an epoch, tried out first, inside the bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from eth_abi.abi import encode

from oracle.delivery import keeping
from oracle.delivery.codec import decode_answer, selector
from oracle.delivery.keeping import Simulated, Target, TargetKind
from oracle.delivery.ports import BlockTip, Log, Receipt
from oracle.domain.ids import Address, Hash32, keccak256
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId, TimestampS
from oracle.errors import CallRevertedError, SpendingCapError
from oracle.node.clock import SystemClock
from oracle.node.health import Health
from oracle.node.keeper import Keeper, Office
from oracle.node.status import NodeStatus
from oracle.node.stores import Stores
from tests.delivery.conftest import borrower_score, collateral_score
from tests.node.committee import quick_config

pytestmark = pytest.mark.anyio
CHAIN = ChainId(31_337)
ORACLE, GATE_AT, STEWARD_AT, ASSET, ACCOUNT = (Address(bytes([i]) * 20) for i in (0x0C, 0x0D, 0x0E, 0xAA, 0xBB))
GATE = Target(kind=TargetKind.GATE, address=GATE_AT, asset=Address(bytes(20)))
STEWARD = Target(kind=TargetKind.STEWARD, address=STEWARD_AT, asset=ASSET)
CONFIG = quick_config(epoch_seconds=100)
PAIR, FINAL_EPOCH, LANDED_S, MEMBERS = collateral_score(), Epoch(97), TimestampS(10_000), 4
SCORES = (borrower_score(1), PAIR)
POST = selector("post(uint64,bytes[],bytes32[],bool[])")
RECEIPT = Receipt(
    transaction_hash=keccak256(b"tx"),
    block_number=BlockNumber(7),
    is_success=True,
    gas_used=50_000,
    is_confirmed=True,
    fee_wei=1,
)


def first_node(target: Target) -> NodeId:
    """The member whose turn is first in the period of the landing."""
    ranks = [keeping.rank_of(target.address, LANDED_S // 100, node, MEMBERS) for node in range(MEMBERS)]
    return NodeId(ranks.index(0))


class FakeChain:
    """Gateway and sender of a chain with an oracle, a gate and a steward."""

    chain_id = CHAIN

    def __init__(self) -> None:
        self.now_s = LANDED_S
        self.head_epoch = 100
        self.heading_e4 = 80_000_000
        self.final_stored_epoch = 0
        self.simulated: dict[Address, Simulated] = {}
        self.simulation_failure: Exception | None = None
        self.sent: list[tuple[Address, bytes]] = []
        self.failure: Exception | None = None

    async def tip(self) -> BlockTip:
        return BlockTip(number=BlockNumber(9_000), time_s=self.now_s, base_fee_wei=0)

    async def call(self, calls: Sequence[tuple[Address, bytes]]) -> list[bytes]:
        return [self._view(data[:4]) for _, data in calls]

    def _view(self, name: bytes) -> bytes:
        if name == selector("head()"):
            types = ("uint64", "uint64", "uint64", "uint64", "uint64", "bytes32")
            return encode(types, (self.head_epoch, 0, 0, LANDED_S, 99, bytes(32)))
        if name == selector("finalised()"):
            return encode(("uint64", "uint64", "uint64", "bytes32"), (FINAL_EPOCH, 0, 0, bytes(32)))
        if name == selector("policyOf(address)"):
            return bytes(12) + ASSET + PAIR.subject + bytes(12 * 32)
        assert name == selector("finalisedCollateralScore(bytes32)")
        return encode(("uint256",) * 9, (self.final_stored_epoch, 0, 0, 0, 1, 0, 0, 0, 1))

    async def logs(self, address: Address, topic: Hash32, first: BlockNumber, last: BlockNumber) -> list[Log]:
        return [levels(self.heading_e4)]

    async def simulate_logs(self, sender: Address, to: Address, data: bytes) -> Simulated:
        assert sender == ACCOUNT
        if self.simulation_failure is not None:
            raise self.simulation_failure
        return self.simulated.get(to, Simulated(logs=(), gas=30_000, refusal=""))

    async def send(self, to: Address, data: bytes, *, what: str) -> Receipt:
        if self.failure is not None:
            raise self.failure
        self.sent.append((to, data))
        return RECEIPT


def levels(threshold_e4: int) -> Log:
    types = ("uint256", "uint16", "uint16", "uint32", "uint32")
    topics = (keeping.LEVELS_MOVED_TOPIC, Hash32(bytes(32)))
    data = encode(types, (threshold_e4, 7_000, 5_000, 600_000, 300))
    return Log(block_number=BlockNumber(1), transaction_hash=Hash32(bytes(32)), topics=topics, data=data)


def falling(gas: int = 60_000) -> Simulated:
    return Simulated(logs=(levels(78_000_000),), gas=gas, refusal="")


class Kept:
    """Keepers over a fake chain and a real database."""

    def __init__(self, folder: Path) -> None:
        self.stores = Stores.open(folder / "node.db", hold=False)
        self.status = NodeStatus((CHAIN,))
        self.chain = FakeChain()
        self.health = Health(CONFIG, self.status, SystemClock(), folder / "node.db")

    def keeper(self, *targets: Target, node: NodeId | None = None) -> Keeper:
        office = Office(
            oracle=ORACLE,
            targets=targets,
            account=ACCOUNT,
            node_id=first_node(targets[0]) if node is None else node,
            members_count=MEMBERS,
            params=CONFIG.params,
        )
        return Keeper(
            gateway=cast("Any", self.chain),
            sender=cast("Any", self.chain),
            office=office,
            scores=self.stores.scores,
            calls=self.stores.keeping,
            status=self.status,
            poll_s=0.01,
        )


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.stores.database.close()


async def test_look__threshold_must_fall__refreshes_the_gate_once_an_epoch(kept: Kept) -> None:
    kept.chain.simulated[GATE_AT] = falling()
    keeper = kept.keeper(GATE)

    assert await keeper.look() == ""
    await keeper.look()
    await kept.keeper(GATE).look()  # as after a restart
    assert kept.chain.sent == [(GATE_AT, selector("refresh()"))]

    kept.chain.now_s = TimestampS(LANDED_S + 100)
    await keeper.look()
    assert len(kept.chain.sent) == 2
    assert kept.stores.keeping.calls_count(CHAIN) == 2


async def test_look__nothing_would_move__pays_nothing(kept: Kept) -> None:
    kept.chain.heading_e4 = 78_000_000
    kept.chain.simulated[GATE_AT] = falling()

    assert await kept.keeper(GATE).look() == ""

    assert kept.chain.sent == []


async def test_look__turn_of_another__comes_in_later(kept: Kept) -> None:
    kept.chain.simulated[GATE_AT] = falling()
    ranks = [keeping.rank_of(GATE_AT, LANDED_S // 100, node, MEMBERS) for node in range(MEMBERS)]
    keeper = kept.keeper(GATE, node=NodeId(ranks.index(2)))

    await keeper.look()
    assert kept.chain.sent == []
    kept.chain.now_s = TimestampS(LANDED_S + 2 * 100 // 8)
    await keeper.look()

    assert len(kept.chain.sent) == 1


async def test_look__nothing_landed__looks_at_nothing(kept: Kept) -> None:
    kept.chain.head_epoch = 0
    kept.chain.simulated[GATE_AT] = falling()

    assert await kept.keeper(GATE).look() == ""

    assert kept.chain.sent == []


async def test_look__more_gas_than_any_needs__is_not_called_and_told(kept: Kept) -> None:
    kept.chain.simulated[GATE_AT] = falling(gas=keeping.MOST_GAS + 1)

    assert "it is not called" in await kept.keeper(GATE).look()

    assert kept.chain.sent == []


async def test_look__endpoint_cannot_simulate__is_told_and_the_others_are_kept(kept: Kept) -> None:
    kept.chain.simulation_failure = CallRevertedError(CHAIN, "a simulation", "the method eth_simulateV1 does not exist")

    trouble = await kept.keeper(GATE, STEWARD).look()

    assert "eth_simulateV1" in trouble
    assert kept.chain.sent == []


async def test_look__cap_reached__is_in_health_and_waits_for_the_next_epoch(kept: Kept) -> None:
    kept.chain.simulated[GATE_AT] = falling()
    kept.chain.failure = SpendingCapError(CHAIN, 990, 20, 1_000, 1_700_000_000)
    keeper = kept.keeper(GATE)

    kept.status.chains[CHAIN].keeper_error = await keeper.look()
    (trouble,) = [t for t in kept.health.troubles() if t.code == "keeper"]
    kept.chain.failure = None
    await keeper.look()

    assert "daily_cap_wei" in trouble.detail
    assert kept.chain.sent == []


async def test_look__steward_without_a_final_score__posts_it_first_and_once(kept: Kept) -> None:
    kept.stores.scores.save(FINAL_EPOCH, SCORES, vectors={}, accounts={})
    moved = Log(
        block_number=BlockNumber(1),
        transaction_hash=Hash32(bytes(32)),
        topics=(keeping.TERMS_MOVED_TOPIC, Hash32(bytes(32))),
        data=b"",
    )
    kept.chain.simulated[STEWARD_AT] = Simulated(logs=(moved,), gas=149_000, refusal="")
    keeper = kept.keeper(STEWARD)

    await keeper.look()
    kept.chain.final_stored_epoch = FINAL_EPOCH
    await keeper.look()

    (posted_to, post), call = kept.chain.sent
    epoch, entries, _, _ = decode_answer("post", ("uint64", "bytes[]", "bytes32[]", "bool[]"), post[4:])
    assert (posted_to, post[:4], epoch, entries) == (ORACLE, POST, FINAL_EPOCH, (PAIR.encoded,))
    assert call == (STEWARD_AT, STEWARD.call)


async def test_look__final_report_not_kept__posts_nothing_and_still_calls(kept: Kept) -> None:
    kept.chain.simulated[STEWARD_AT] = replace(falling(), logs=())

    assert await kept.keeper(STEWARD).look() == ""

    assert kept.chain.sent == []
