"""What the API needs from the node that it runs in: ports, and the one value that holds them.

`node` (or a test) builds `ApiDeps` and passes it to `create_app`; nothing here reads the environment. Ports are read-only: no request changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol, cast

from fastapi import Depends, Request

from oracle.api.markets import MarketListing, MarketReader
from oracle.api.symbols import FixedSymbols, Symbols
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, Hash32, SubjectId
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Cut, Report
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId
from oracle.scoring.bundle import Bundle
from oracle.storage.records import Blame
from oracle.storage.reports import Landing
from oracle.storage.scores import StoredScore


class ScoreReader(Protocol):
    """Committed reports and what is kept of them. `stored.StoredReports` is one, over a node's database.

    Raises (every method): StorageError if the database fails.
    """

    def latest_reports(self, count: int) -> Sequence[Report]:
        """Return the newest reports, newest first."""
        ...

    def report(self, epoch: Epoch) -> Report | None:
        """Return the report of an epoch."""
        ...

    def cut(self, epoch: Epoch) -> Cut | None:
        """Return the blocks of an epoch's report, None if this node was away or scored others."""
        ...

    def attestations(self, epoch: Epoch) -> Mapping[NodeId, bytes]:
        """Return the signatures over the report of an epoch."""
        ...

    def landings(self, epoch: Epoch) -> Sequence[Landing]:
        """Return where the report of an epoch landed."""
        ...

    def kept_epochs(self) -> Sequence[Epoch]:
        """Return the epochs whose scores are kept, ascending."""
        ...

    def score(self, epoch: Epoch, subject: SubjectId) -> StoredScore | None:
        """Return one subject's leaf."""
        ...

    def by_account(self, epoch: Epoch, account: Address) -> Sequence[StoredScore]:
        """Return the leaves of an address: one, or one per chain if it has code."""
        ...

    def by_leaf(self, leaf: Hash32) -> StoredScore | None:
        """Return the newest leaf with this hash."""
        ...

    def scores(self, epoch: Epoch) -> Sequence[StoredScore]:
        """Return every leaf of an epoch, ascending by subject."""
        ...

    def tree(self, epoch: Epoch) -> MerkleTree | None:
        """Return the tree over the leaves of an epoch, None if none is kept."""
        ...

    def blames(self, count: int) -> Sequence[Blame]:
        """Return who was caught at what, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One reason for which a node is not ready; `code` is stable, `detail` is for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatus:
    """How far this node has read a chain."""

    chain_id: ChainId
    indexed_block_number: BlockNumber | None
    endpoints_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """How the node sees itself; `node` is None where the API serves a database without taking part."""

    node: NodeId | None
    version: str
    troubles: tuple[Trouble, ...] = ()
    chains: tuple[ChainStatus, ...] = ()


class NodeStatusReader(Protocol):
    """The node's own view of its health: endpoints that disagree, a disk that is full, a reorg past finality."""

    def status(self) -> NodeStatus:
        """Return the present state; cheap, it is asked every few seconds."""
        ...


class Clock(Protocol):
    """The time, so that tests need not wait."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970, UTC."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Requests a client may make at once, and how fast they come back."""

    burst_count: int = 120
    window_s: int = 60


@dataclass(frozen=True, kw_only=True)
class ApiDeps:
    """Everything that requests are answered from. `symbols` names tokens for people; a missing one shows its address."""

    config: CommitteeConfig
    borrower_bundle: Bundle
    collateral_bundle: Bundle
    scores: ScoreReader
    markets: MarketReader
    status: NodeStatusReader
    clock: Clock
    listings: tuple[MarketListing, ...] = ()
    symbols: Symbols = field(default_factory=FixedSymbols)
    rate_limit: RateLimit = RateLimit()
    allowed_origins: tuple[str, ...] = ("*",)

    def now_s(self) -> int:
        """Return seconds since 1970, UTC."""
        return self.clock.now_ms() // 1_000

    def current_epoch(self) -> Epoch:
        """Return the epoch that the clock is in."""
        return Epoch(self.now_s() // self.config.params.epoch_seconds)

    def seconds_to_boundary(self) -> int:
        """Return how long until the next epoch begins, at least one."""
        epoch_s = self.config.params.epoch_seconds
        return max(1, epoch_s - self.now_s() % epoch_s)


def get_deps(request: Request) -> ApiDeps:
    """Return what `create_app` was given."""
    return cast("ApiDeps", request.app.state.deps)


Deps = Annotated[ApiDeps, Depends(get_deps)]


async def load_symbols(deps: Deps) -> None:
    """Have the names of tokens ready before a route that shows them."""
    await deps.symbols.load()
