"""Parts of a node made from settings, each by itself: chains, models, peers, submitters. `build` puts them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from oracle.chain.checked import CheckedChain
from oracle.chain.reader import ChainReader
from oracle.chain.rows import RowStore
from oracle.chain.rpc import RpcEndpoint, TwinDecoder
from oracle.delivery.loans import OpenLoans
from oracle.delivery.policy import DeliveryPolicy
from oracle.delivery.submitter import Destination, Submitter
from oracle.delivery.transactions import FeePolicy, TransactionSender
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import parse_address, to_hex
from oracle.domain.units import BlockNumber, ChainId, NodeId, Ppm
from oracle.errors import ConfigurationError, NotAMemberError
from oracle.node.clock import ChainClock, Clock, LoopTimer, SystemClock
from oracle.node.gateway import RpcGateway
from oracle.node.observe import Scorers
from oracle.node.purse import Purse
from oracle.node.settings import ChainSettings, LocalSettings
from oracle.node.transport import PeerSender
from oracle.scoring.bundle import load_bundle
from oracle.signing.signer import Signer

GWEI = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainAccess:
    """Readers of every chain of a committee, and the endpoints behind them."""

    readers: dict[ChainId, ChainReader]
    endpoints: dict[ChainId, tuple[RpcEndpoint, ...]]

    @property
    def all_endpoints(self) -> tuple[RpcEndpoint, ...]:
        """Return every endpoint, to be closed at the end."""
        return tuple(endpoint for group in self.endpoints.values() for endpoint in group)


def find_member(config: CommitteeConfig, signer: Signer) -> NodeId:
    """Return the id of the member whose key this is.

    Raises:
        NotAMemberError: if it is nobody's.
    """
    if signer.address not in config.members:
        raise NotAMemberError(to_hex(signer.address), config.n)
    return NodeId(config.members.index(signer.address))


def chain_settings(settings: LocalSettings, config: CommitteeConfig) -> dict[ChainId, ChainSettings]:
    """Return the settings of each configured chain.

    Raises:
        ConfigurationError: if one is missing: a member that cannot read a chain cannot score.
    """
    known = {ChainId(chain.chain_id): chain for chain in settings.chains}
    missing = [str(chain.chain_id) for chain in config.params.chains if chain.chain_id not in known]
    if missing:
        raise ConfigurationError(f"the committee scores chain {', '.join(missing)}: add [[chains]] with its endpoints")
    return {chain.chain_id: known[chain.chain_id] for chain in config.params.chains}


def open_chains(
    settings: LocalSettings, config: CommitteeConfig, rows: RowStore, make_reader: type[ChainReader] = ChainReader
) -> ChainAccess:
    """Return readers over the endpoints of the settings, keeping rows in `rows`."""
    endpoints = {}
    for chain_id, chain in chain_settings(settings, config).items():
        decoder = TwinDecoder()
        endpoints[chain_id] = tuple(RpcEndpoint(url, chain_id, decoder=decoder) for url in chain.rpc_urls)
    readers = {
        params.chain_id: make_reader(params, CheckedChain(params.chain_id, endpoints[params.chain_id]), rows)
        for params in config.params.chains
    }
    return ChainAccess(readers=readers, endpoints=endpoints)


def load_scorers(settings: LocalSettings, config: CommitteeConfig) -> Scorers:
    """Return the scorers of the committee's two models.

    Raises:
        BundleError: if a bundle is damaged.
        ConfigurationError: if it is another model than the committee's.
    """
    borrower = load_bundle(settings.borrower_bundle, allow_sandbox=settings.is_sandbox)
    collateral = load_bundle(settings.collateral_bundle, allow_sandbox=settings.is_sandbox)
    return Scorers.checked(config, borrower, collateral)


def make_clock(settings: LocalSettings) -> Clock:
    """Return the clock that the settings name."""
    return ChainClock() if settings.clock == "chain" else SystemClock()


def delivery_policy(settings: LocalSettings) -> DeliveryPolicy:
    """Return when this operator publishes."""
    delivery = settings.delivery
    return DeliveryPolicy(
        heartbeat_s=delivery.heartbeat_s,
        deviation_ppm=Ppm(delivery.deviation_ppm),
        posted_borrowers_count=delivery.posted_borrowers,
    )


def make_sender(settings: LocalSettings, gateway: RpcGateway, signer: Signer, purse: Purse) -> TransactionSender:
    """Return what sends everything of this node on one chain: one account, one order, one cap."""
    fees = FeePolicy(
        max_fee_wei=settings.delivery.max_fee_gwei * GWEI,
        replace_after_ms=settings.delivery.replace_after_s * 1_000,
        poll_ms=settings.timing.poll_ms,
    )
    return TransactionSender(gateway, signer, purse, LoopTimer(), fees)


def make_submitter(
    settings: LocalSettings,
    config: CommitteeConfig,
    chain: ChainSettings,
    gateway: RpcGateway,
    sender: TransactionSender,
) -> Submitter:
    """Return what brings reports to one chain."""
    params = next(c for c in config.params.chains if c.chain_id == chain.chain_id)
    destination = Destination(
        oracle=parse_address(chain.risk_oracle),
        collaterals=frozenset(pair.subject for pair in params.pairs),
        epoch_seconds=config.params.epoch_seconds,
        validity_seconds=config.params.validity_seconds,
    )
    markets = [(parse_address(m.address), BlockNumber(m.start_block)) for m in chain.markets]
    return Submitter(gateway, sender, OpenLoans(gateway, markets), destination, delivery_policy(settings))


def make_peers(
    settings: LocalSettings, config: CommitteeConfig, node_id: NodeId, client: httpx.AsyncClient
) -> dict[NodeId, PeerSender]:
    """Return a sender for each other member.

    Raises:
        ConfigurationError: if a member has no URL, or a URL belongs to no member.
    """
    urls = settings.peer_urls()
    strangers = [to_hex(address) for address in urls if address not in config.members]
    others: Sequence[NodeId] = [NodeId(i) for i in range(config.n) if i != node_id]
    missing = [to_hex(config.members[i]) for i in others if config.members[i] not in urls]
    if strangers or missing:
        raise ConfigurationError(
            f"[peers] must name each other member once: missing {missing or 'none'}, not in the committee {strangers or 'none'}"
        )
    return {
        node: PeerSender(node, urls[config.members[node]], client, max_body_bytes=settings.max_body_bytes)
        for node in others
    }
