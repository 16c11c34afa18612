"""The part of a node that reads one chain, through relays of a real anvil that can be made to lie: cuts, scores, health. It signs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from oracle.chain.checked import CheckedChain
from oracle.chain.reader import ChainReader
from oracle.chain.rows import MemoryRows, RowStore
from oracle.chain.rpc import RpcEndpoint
from oracle.consensus.events import CutDerived, Event
from oracle.domain.report import Cut
from oracle.domain.units import Epoch, TimestampS
from oracle.node.clock import ChainClock
from oracle.node.cuts import CutFinder
from oracle.node.endpoints import EndpointWatch
from oracle.node.health import Health
from oracle.node.observe import Observed, Observer, Scorers
from oracle.node.status import NodeStatus
from oracle.sandbox.manifest import ChainEntry
from oracle.sandbox.relay import Relay
from oracle.sandbox.world import World
from oracle.scoring.bundle import load_bundle
from oracle.scoring.session import Scorer
from tests.integration.chain_world import EPOCH_S, make_config, params_of

PATIENCE_S = 30.0
TIMEOUT_S = 0.7
POLL_S = 0.02


def load_sandbox_scorers() -> Scorers:
    borrower, collateral = (load_bundle(name, allow_sandbox=True) for name in ("borrower-sandbox-1", "collateral-1"))
    return Scorers(borrower=Scorer(borrower), collateral=Scorer(collateral))


class WatchingNode:
    """Reads the first chain of a world; `relays` stand for its providers."""

    def __init__(
        self, entry: ChainEntry, relays: Sequence[Relay], folder: Path, rows: RowStore, scorers: Scorers
    ) -> None:
        params = params_of(entry)
        self.relays = list(relays)
        self.endpoints = tuple(RpcEndpoint(relay.url, params.chain_id, timeout_s=TIMEOUT_S) for relay in relays)
        self.chain = CheckedChain(params.chain_id, self.endpoints)
        self.chain_id = params.chain_id
        self.reader = ChainReader(params, self.chain, rows)
        self.config = make_config([params])
        self.status = NodeStatus((params.chain_id,))
        self.events: list[Event] = []
        clock = ChainClock()
        readers = {params.chain_id: self.reader}
        self.cuts = CutFinder(self.config, readers, clock, self.status, poll_ms=50, post=self.events.append)
        self.watch = EndpointWatch({params.chain_id: self.chain}, {params.chain_id: self.endpoints})
        self.health = Health(self.config, self.status, clock, folder / "node.db", self.watch)
        self.observer = Observer(self.config, readers, scorers)

    def begin(self, boundary_s: TimestampS) -> asyncio.Task[None]:
        """Look for the cut of a boundary, as a node does when an epoch begins."""
        return asyncio.create_task(self.cuts.derive(Epoch(boundary_s // EPOCH_S)))

    async def derive(self, boundary_s: TimestampS) -> Cut:
        """Return the cut of a boundary once it is found."""
        await asyncio.wait_for(self.begin(boundary_s), PATIENCE_S)
        (event,) = self.events
        assert isinstance(event, CutDerived)
        return event.cut

    async def observe(self, boundary_s: TimestampS) -> Observed:
        """Return the scores at the cut of a boundary."""
        return await self.observer.observe(await self.derive(boundary_s))

    async def wait_for_trouble(self, code: str, words: str) -> str:
        """Return the trouble with this code and these words in it, once health shows it."""

        def look() -> str | None:
            found = [t.detail for t in self.health.troubles() if t.code == code and words in t.detail]
            return found[0] if found else None

        return await wait_for(look, lambda: f"no {code} with {words!r}, only {self.health.troubles()}")

    async def close(self) -> None:
        for endpoint in self.endpoints:
            await endpoint.close()


async def wait_for[T](look: Callable[[], T | None], describe: Callable[[], str]) -> T:
    """Return what `look` finds, as soon as it finds something."""
    for _ in range(int(PATIENCE_S / POLL_S)):
        if (found := look()) is not None:
            return found
        await asyncio.sleep(POLL_S)
    raise AssertionError(describe())


@asynccontextmanager
async def watching(
    world: World, folder: Path, scorers: Scorers, *, endpoints: int = 2, rows: RowStore | None = None
) -> AsyncIterator[WatchingNode]:
    """Yield a node that reads the world's first chain through so many relays."""
    entry = world.manifest.chains[0]
    relays = [Relay(world.chain(entry.chain_id).url) for _ in range(endpoints)]
    for relay in relays:
        await relay.start()
    node = WatchingNode(entry, relays, folder, rows or MemoryRows(), scorers)
    try:
        yield node
    finally:
        await node.close()
        for relay in relays:
            await relay.stop()
