"""The composition root: settings in, a node out. Every port of every room is wired here or in `wiring`, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from oracle.consensus.committee import committee_of
from oracle.consensus.machine import RETAINED_EPOCHS
from oracle.consensus.recovery import restore
from oracle.consensus.state import NodeState, new_node
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import to_hex
from oracle.domain.units import ChainId, Epoch, NodeId
from oracle.errors import OracleError
from oracle.node.authentication import Authenticator, DropCounters
from oracle.node.beside import Destination, Surroundings, make_beside
from oracle.node.bookkeeping import Bookkeeper
from oracle.node.clock import Clock
from oracle.node.committee_file import read_committee
from oracle.node.effects import Effects
from oracle.node.endpoints import EndpointWatch
from oracle.node.faults import Behaviour, FaultKind, make_behaviour
from oracle.node.gateway import RpcGateway
from oracle.node.health import Health
from oracle.node.landing import DeliveryDesk
from oracle.node.metrics import MetricsSource, make_exposition
from oracle.node.model_watch import ModelWatch
from oracle.node.observe import Observer, Scorers
from oracle.node.purse import Purse
from oracle.node.runtime import Runtime
from oracle.node.settings import LocalSettings
from oracle.node.status import NodeStatus
from oracle.node.stores import Stores
from oracle.node.transport import MessageServer, PeerSender
from oracle.node.wiring import (
    ChainAccess,
    chain_settings,
    delivery_policy,
    find_member,
    load_scorers,
    make_clock,
    make_peers,
    make_sender,
    make_submitter,
    open_chains,
)
from oracle.signing import keystore
from oracle.signing.signer import Signer

MAX_PEER_CONNECTIONS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What everything else of a node is built from."""

    settings: LocalSettings
    config: CommitteeConfig
    signer: Signer
    node_id: NodeId
    stores: Stores
    access: ChainAccess
    clock: Clock
    status: NodeStatus
    bookkeeper: Bookkeeper
    models: ModelWatch
    behaviour: Behaviour
    drops: DropCounters
    purse: Purse
    destinations: dict[ChainId, Destination]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A wired node, not yet running; see `oracle.node.running`. `server.mounted` takes another application."""

    foundation: Foundation
    scorers: Scorers
    runtime: Runtime
    server: MessageServer
    peers: dict[NodeId, PeerSender]
    peer_client: httpx.AsyncClient
    health: Health
    endpoints: EndpointWatch


def build_node(settings: LocalSettings, *, fault: FaultKind | None = None) -> Node:
    """Return a node ready to run: key opened, database held, votes restored, everything wired.

    Raises:
        OracleError: with what to do about it.
    """
    config = read_committee(settings.committee)
    behaviour = make_behaviour(fault, is_sandbox=settings.is_sandbox)
    scorers = load_scorers(settings, config)
    signer = keystore.load(settings.keystore, settings.read_password())
    node_id = find_member(config, signer)
    stores = Stores.open(settings.database, hold=True)
    try:
        return _wire(_lay(settings, config, signer, node_id, stores, behaviour, scorers), scorers)
    except OracleError:
        stores.database.close()
        raise


def _lay(
    settings: LocalSettings,
    config: CommitteeConfig,
    signer: Signer,
    node_id: NodeId,
    stores: Stores,
    behaviour: Behaviour,
    scorers: Scorers,
) -> Foundation:
    stores.records.bind({"config_digest": to_hex(config.digest), "member": to_hex(signer.address)})
    access = open_chains(settings, config, stores.rows)
    clock, status = make_clock(settings), NodeStatus(tuple(access.readers))
    models = ModelWatch(stores.cohorts, scorers, epoch_s=config.params.epoch_seconds)
    purse = Purse(stores.spending, clock, settings.delivery.daily_cap_wei)
    destinations = {}
    for chain_id, chain in chain_settings(settings, config).items():
        gateway = RpcGateway(chain_id, access.endpoints[chain_id])
        sender = make_sender(settings, gateway, signer, purse)
        destinations[chain_id] = Destination(chain=chain, gateway=gateway, sender=sender)
    return Foundation(
        settings=settings,
        config=config,
        signer=signer,
        node_id=node_id,
        stores=stores,
        access=access,
        clock=clock,
        status=status,
        bookkeeper=Bookkeeper(stores, clock, status, kept_epochs=settings.kept_epochs, models=models),
        models=models,
        behaviour=behaviour,
        drops=DropCounters(),
        purse=purse,
        destinations=destinations,
    )


def _wire(base: Foundation, scorers: Scorers) -> Node:
    settings = base.settings
    client = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=MAX_PEER_CONNECTIONS))
    peers = make_peers(settings, base.config, base.node_id, client)
    desks: dict[ChainId, DeliveryDesk] = {}
    runtime = _make_runtime(base, scorers, desks)
    desks.update(_make_desks(base, runtime))
    runtime.effects = _make_effects(base, runtime, peers)
    watch = EndpointWatch({c: reader.chain for c, reader in base.access.readers.items()}, base.access.endpoints)
    health = Health(base.config, base.status, base.clock, settings.database, watch)
    server = MessageServer(
        runtime.on_batch,
        runtime.on_too_large,
        max_body_bytes=settings.max_body_bytes,
        metrics=make_exposition(
            MetricsSource(base.status, base.drops, peers, health, watch, base.purse, base.models, base.stores)
        ),
    )
    return Node(
        foundation=base,
        scorers=scorers,
        runtime=runtime,
        server=server,
        peers=peers,
        peer_client=client,
        health=health,
        endpoints=watch,
    )


def _make_runtime(base: Foundation, scorers: Scorers, desks: dict[ChainId, DeliveryDesk]) -> Runtime:
    return Runtime(
        config=base.config,
        state=_restored_state(base),
        readers=base.access.readers,
        observer=Observer(base.config, base.access.readers, scorers),
        authenticator=Authenticator(base.config),
        drops=base.drops,
        desks=desks,
        bookkeeper=base.bookkeeper,
        behaviour=base.behaviour,
        clock=base.clock,
        status=base.status,
        poll_ms=base.settings.timing.poll_ms,
        beside=make_beside(
            Surroundings(
                settings=base.settings,
                config=base.config,
                node_id=base.node_id,
                account=base.signer.address,
                stores=base.stores,
                status=base.status,
                destinations=base.destinations,
            ),
            base.access.readers.values(),
        ),
    )


def _restored_state(base: Foundation) -> NodeState:
    """Return the protocol's state with the votes of the epochs that it still keeps."""
    state = new_node(committee_of(base.config), base.node_id, base.settings.consensus_timing())
    newest = base.stores.votes.newest_epoch()
    if newest is None:
        return state
    oldest = Epoch(max(0, newest - RETAINED_EPOCHS + 1))
    return restore(state, base.stores.votes.since(oldest), base.stores.votes.outcomes_since(oldest))


def _make_desks(base: Foundation, runtime: Runtime) -> dict[ChainId, DeliveryDesk]:
    settings, config = base.settings, base.config
    desks = {}
    for chain_id, to in base.destinations.items():
        desks[chain_id] = DeliveryDesk(
            gateway=to.gateway,
            submitter=make_submitter(settings, config, to.chain, to.gateway, to.sender),
            oracle=to.oracle,
            config=config,
            policy=delivery_policy(settings),
            poll_ms=settings.timing.poll_ms,
            bookkeeper=base.bookkeeper,
            scores=base.stores.scores,
            status=base.status,
            post=runtime.post,
        )
    return desks


def _make_effects(base: Foundation, runtime: Runtime, peers: dict[NodeId, PeerSender]) -> Effects:
    return Effects(
        node=base.node_id,
        signer=base.signer,
        votes=base.stores.votes,
        peers=peers,
        behaviour=base.behaviour,
        clock=base.clock,
        status=base.status,
        bookkeeper=base.bookkeeper,
        post=runtime.post,
        request_cut=runtime.request_cut,
        request_stalled_cut=runtime.request_stalled_cut,
        check_cut=runtime.check_cut,
        request_observation=runtime.request_observation,
        deliver=runtime.deliver,
        watch_landing=runtime.watch_landing,
    )
