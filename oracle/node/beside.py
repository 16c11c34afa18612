"""What runs beside the protocol on every chain: the comparison of imported rows, answers to demands, and the contracts that are kept in step.

All of it sends through the one sender that the chain's reports go through, so that nonces are taken in order and fees count towards one cap.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oracle.chain.reader import ChainReader
from oracle.delivery.keeping import Target, TargetKind
from oracle.delivery.transactions import TransactionSender
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, parse_address
from oracle.domain.units import ChainId, NodeId
from oracle.node.demands import DemandWatch
from oracle.node.gateway import RpcGateway
from oracle.node.keeper import Keeper, Office
from oracle.node.settings import ChainSettings, LocalSettings
from oracle.node.snapshot_audit import SnapshotAudit
from oracle.node.status import NodeStatus
from oracle.node.stores import Stores

POLL_S = 30.0

type Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One chain that this node sends to: everything on it goes through one sender."""

    chain: ChainSettings
    gateway: RpcGateway
    sender: TransactionSender

    @property
    def oracle(self) -> Address:
        """Return the chain's oracle contract."""
        return parse_address(self.chain.risk_oracle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The node that it runs beside."""

    settings: LocalSettings
    config: CommitteeConfig
    node_id: NodeId
    account: Address
    stores: Stores
    status: NodeStatus
    destinations: Mapping[ChainId, Destination]


def make_beside(node: Surroundings, readers: Iterable[ChainReader]) -> list[Work]:
    """Return everything that runs until the node stops."""
    work: list[Work] = [SnapshotAudit(reader, node.stores.rows, node.status).run for reader in readers]
    for destination in node.destinations.values():
        if node.settings.delivery.answer_demands:
            work.append(_make_demand_watch(node, destination).run)
        if destination.chain.keeper:
            work.append(_make_keeper(node, destination).run)
    return work


def _make_demand_watch(node: Surroundings, destination: Destination) -> DemandWatch:
    return DemandWatch(
        gateway=destination.gateway,
        oracle=destination.oracle,
        sender=destination.sender,
        scores=node.stores.scores,
        demands=node.stores.demands,
        node_id=node.node_id,
        members_count=node.config.n,
        status=node.status,
        poll_s=min(POLL_S, node.config.params.epoch_seconds),
    )


def _make_keeper(node: Surroundings, destination: Destination) -> Keeper:
    targets = tuple(
        Target(kind=TargetKind(t.kind), address=parse_address(t.address), asset=parse_address(t.asset))
        for t in destination.chain.keeper
    )
    office = Office(
        oracle=destination.oracle, targets=targets, account=node.account, node_id=node.node_id,
        members_count=node.config.n, params=node.config.params,
    )  # fmt: skip
    return Keeper(
        gateway=destination.gateway,
        sender=destination.sender,
        office=office,
        scores=node.stores.scores,
        calls=node.stores.keeping,
        status=node.status,
        poll_s=min(POLL_S, node.config.params.epoch_seconds / 4),
    )
