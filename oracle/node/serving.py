"""The API in the node's own process, if its extra is installed: the same port serves peers and readers."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from oracle.domain.ids import parse_address
from oracle.domain.units import ChainId
from oracle.node.build import Node
from oracle.node.logs import get_log

if TYPE_CHECKING:
    from oracle.api.deps import ApiDeps, NodeStatus


def mount_api(node: Node) -> bool:
    """Mount the API behind the node's message path; return whether there is one."""
    if find_spec("fastapi") is None or find_spec("oracle.api.app") is None:
        get_log().info("no API", hint="install the api extra to serve /v1")
        return False
    from oracle.api.app import create_app

    node.server.mounted = create_app(make_deps(node))
    return True


def make_deps(node: Node) -> ApiDeps:
    """Return what the API answers from: this node's database, endpoints, models and health."""
    from oracle.api.deps import ApiDeps
    from oracle.api.markets import MarketListing
    from oracle.api.rpc_markets import RpcMarkets
    from oracle.api.stored import StoredReports
    from oracle.api.symbols import ChainSymbols

    base = node.foundation
    markets = RpcMarkets(base.access.endpoints)
    tokens = [(chain.chain_id, asset.token) for chain in base.config.params.chains for asset in chain.assets]
    return ApiDeps(
        config=base.config,
        borrower_bundle=node.scorers.borrower.bundle,
        collateral_bundle=node.scorers.collateral.bundle,
        scores=StoredReports(base.stores.database),
        markets=markets,
        status=HealthReader(node),
        clock=base.clock,
        listings=tuple(
            MarketListing(chain_id=ChainId(chain.chain_id), market=parse_address(market.address))
            for chain in base.settings.chains
            for market in chain.markets
        ),
        symbols=ChainSymbols(markets, tokens, base.clock),
    )


class HealthReader:
    """The node's health as the API shows it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._version = version("assay-oracle")

    def status(self) -> NodeStatus:
        """Return the present troubles, and how far each chain was seen."""
        from oracle.api.deps import ChainStatus, NodeStatus, Trouble

        base = self._node.foundation
        chains = tuple(
            ChainStatus(
                chain_id=chain_id,
                indexed_block_number=chain.head_number or None,
                endpoints_count=len(base.access.endpoints[chain_id]),
            )
            for chain_id, chain in base.status.chains.items()
        )
        troubles = tuple(Trouble(code=t.code, detail=t.detail) for t in self._node.health.troubles())
        return NodeStatus(node=base.node_id, version=self._version, troubles=troubles, chains=chains)
