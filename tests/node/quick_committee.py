"""Four whole nodes in one process: real protocol, signatures and databases; chains, scores, network and delivery in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from oracle.chain.histories import Histories
from oracle.chain.reader import ChainReader
from oracle.consensus.committee import Timing, committee_of
from oracle.consensus.events import Attested, Event, LandedOnChain, Transmit
from oracle.consensus.messages import encode_batch
from oracle.consensus.recovery import restore
from oracle.consensus.state import NodeState, new_node
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import keccak256
from oracle.domain.report import ChainCut, Cut, Report
from oracle.domain.score import Score
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId, TimestampS
from oracle.node.authentication import Authenticator, DropCounters
from oracle.node.bookkeeping import Bookkeeper
from oracle.node.clock import SystemClock
from oracle.node.effects import Effects
from oracle.node.faults import Behaviour
from oracle.node.landing import DeliveryDesk
from oracle.node.observe import Observed, Observer
from oracle.node.runtime import Runtime
from oracle.node.status import NodeStatus
from oracle.node.stores import Stores
from oracle.node.transport import PeerSender
from tests.delivery.conftest import borrower_score, collateral_score
from tests.node.committee import SIGNERS, quick_config

TIMING = Timing(view_timeout_ms=3_000, grace_ms=100, fetch_ms=100, resend_ms=300, stage_ms=100, stall_ms=30_000)
_SCORES: tuple[Score, ...] = (*(borrower_score(n) for n in range(1, 9)), collateral_score())
SCORES = tuple(sorted(_SCORES, key=lambda score: score.subject))


class FakeReader:
    """A chain whose every boundary has a block."""

    def __init__(self, chain_id: ChainId) -> None:
        self.chain_id = chain_id

    async def derive_cut(self, boundary_s: TimestampS) -> ChainCut:
        block_hash = keccak256(b"%d %d" % (self.chain_id, boundary_s))
        return ChainCut(chain_id=self.chain_id, block_number=BlockNumber(boundary_s), block_hash=block_hash)

    async def sync(self) -> Any:
        @dataclass
        class Head:
            number: BlockNumber = BlockNumber(1)
            time_s: TimestampS = TimestampS(1)

        return Head()


class FakeObserver:
    """Scores that do not depend on the cut."""

    async def observe(self, cut: Cut) -> Observed:
        empty = Histories(borrowers=(), collaterals=(), accounts={})
        return Observed(cut=cut, scores=SCORES, vectors={}, accounts={}, histories=empty, timings_ms={})


@dataclass
class FakeDesk:
    """Lands every report at once and remembers it."""

    chain_id: ChainId
    landed: list[Transmit]
    post: Callable[[Event], None]

    async def deliver(self, effect: Transmit) -> None:
        self.landed.append(effect)
        self.post(LandedOnChain(chain_id=self.chain_id, epoch=effect.report.epoch))

    async def watch(self, effect: Attested) -> None:
        return


@dataclass
class DirectPeer:
    """Hands a message to another node as its server would; a message to a node that is down is lost."""

    network: QuickCommittee
    to: NodeId
    wires: list[bytes] = field(default_factory=list)

    def put(self, wire: bytes) -> None:
        node = self.network.nodes.get(self.to)
        if node is not None:
            asyncio.get_running_loop().call_soon(node.runtime.on_batch, encode_batch([wire]))


@dataclass
class QuickNode:
    runtime: Runtime
    stores: Stores
    status: NodeStatus
    drops: DropCounters
    bookkeeper: Bookkeeper
    task: asyncio.Task[None] | None = None


class QuickCommittee:
    """Starts, kills and restarts nodes on their own databases."""

    def __init__(self, folder: Path, behaviours: Mapping[int, Behaviour] | None = None, epoch_seconds: int = 1) -> None:
        self.config: CommitteeConfig = quick_config(epoch_seconds)
        self.chain_ids = tuple(chain.chain_id for chain in self.config.params.chains)
        self.folder = folder
        self.behaviours = behaviours or {}
        self.nodes: dict[NodeId, QuickNode] = {}
        self.landed: list[Transmit] = []
        self.observers: dict[int, FakeObserver] = {}
        """Observers of nodes that are not to see what the others see."""
        self.make_reader: type[FakeReader] = FakeReader
        self.clocks: dict[int, SystemClock] = {}
        """Clocks of nodes that are not to have the machine's."""

    def start(self, number: int) -> QuickNode:
        """Start a node on its database, going on from its votes."""
        stores = Stores.open(self.folder / f"node-{number}.db", hold=True)
        status, drops = NodeStatus(self.chain_ids), DropCounters()
        clock = self.clocks.get(number, SystemClock())
        bookkeeper = Bookkeeper(stores, clock, status, kept_epochs=8)
        behaviour = self.behaviours.get(number, Behaviour())
        desks: dict[ChainId, DeliveryDesk] = {}
        runtime = Runtime(
            config=self.config,
            state=self._restored_state(NodeId(number), stores),
            readers={c: cast("ChainReader", self.make_reader(c)) for c in self.chain_ids},
            observer=cast("Observer", self.observers.get(number, FakeObserver())),
            authenticator=Authenticator(self.config),
            drops=drops,
            desks=desks,
            bookkeeper=bookkeeper,
            behaviour=behaviour,
            clock=clock,
            status=status,
            poll_ms=20,
        )
        desks.update({c: cast("DeliveryDesk", FakeDesk(c, self.landed, runtime.post)) for c in self.chain_ids})
        node = QuickNode(runtime=runtime, stores=stores, status=status, drops=drops, bookkeeper=bookkeeper)
        runtime.effects = self._effects(NodeId(number), node, behaviour, clock)
        self.nodes[NodeId(number)] = node
        node.task = asyncio.create_task(runtime.run())
        return node

    def _restored_state(self, node_id: NodeId, stores: Stores) -> NodeState:
        state = new_node(committee_of(self.config), node_id, TIMING)
        newest = stores.votes.newest_epoch()
        if newest is None:
            return state
        oldest = Epoch(newest - 1)
        return restore(state, stores.votes.since(oldest), stores.votes.outcomes_since(oldest))

    def _effects(self, node_id: NodeId, node: QuickNode, behaviour: Behaviour, clock: SystemClock) -> Effects:
        return Effects(
            node=node_id,
            signer=SIGNERS[node_id],
            votes=node.stores.votes,
            peers={p: cast("PeerSender", DirectPeer(self, p)) for p in map(NodeId, range(4)) if p != node_id},
            behaviour=behaviour,
            clock=clock,
            status=node.status,
            bookkeeper=node.bookkeeper,
            post=node.runtime.post,
            request_cut=node.runtime.request_cut,
            request_stalled_cut=node.runtime.request_stalled_cut,
            check_cut=node.runtime.check_cut,
            request_observation=node.runtime.request_observation,
            deliver=node.runtime.deliver,
            watch_landing=node.runtime.watch_landing,
        )

    async def stop(self, number: int) -> None:
        """Cancel a node between two events: what is on its disk is all that it keeps."""
        node = self.nodes.pop(NodeId(number))
        assert node.task is not None
        node.task.cancel()
        await asyncio.gather(node.task, return_exceptions=True)
        node.bookkeeper.close()
        node.stores.database.close()

    async def stop_all(self) -> None:
        for number in list(self.nodes):
            await self.stop(number)

    async def wait_for_agreement(self, number: int, *, after: int = 0) -> Epoch:
        """Return the first epoch above `after` that a node agreed on."""
        async with asyncio.timeout(40):
            while True:
                agreed = self.nodes[NodeId(number)].status.agreed_epoch
                if agreed is not None and agreed > after:
                    return agreed
                await asyncio.sleep(0.02)

    async def wait_for_landing(self, number: int) -> Report:
        """Return the first report that landed and that a node has written down, which it does beside its work."""
        reports = self.nodes[NodeId(number)].stores.reports
        async with asyncio.timeout(40):
            while True:
                for effect in self.landed:
                    report = reports.report(effect.report.epoch)
                    if report is not None:
                        return report
                await asyncio.sleep(0.02)

    async def wait_for_blame(self, number: int) -> None:
        """Wait until a node has caught another, which it may do some epochs after the first agreement."""
        async with asyncio.timeout(40):
            while True:
                if self.nodes[NodeId(number)].status.blames_count:
                    return
                await asyncio.sleep(0.02)
