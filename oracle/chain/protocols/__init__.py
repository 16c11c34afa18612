"""Adapters of lending protocols, by the name that the committee's configuration gives them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from oracle.chain.adapter import ProtocolAdapter, ViewCall
from oracle.chain.protocols.aave_v3 import adapter as aave_v3
from oracle.chain.protocols.morpho_blue import adapter as morpho_blue
from oracle.chain.protocols.morpho_blue.listing import MARKET_PROTOCOL, check_listing
from oracle.chain.protocols.venus import adapter as venus
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.ids import Address
from oracle.errors import ConfigurationError

type AnchorFetch = Callable[[Address, ViewCall], Awaitable[tuple[Address, ...]]]
type AdapterMaker = Callable[[ChainParams, MarketParams, tuple[Address, ...]], ProtocolAdapter]

ADAPTERS: dict[str, tuple[AnchorFetch, AdapterMaker]] = {
    aave_v3.PROTOCOL: (aave_v3.fetch_anchors, aave_v3.AaveV3Adapter),
    morpho_blue.PROTOCOL: (morpho_blue.fetch_anchors, morpho_blue.MorphoBlueAdapter),
    venus.PROTOCOL: (venus.fetch_anchors, venus.VenusAdapter),
}

type Anchors = dict[Address, tuple[Address, ...]]
"""By contract: further fixed addresses that only a call can tell."""


def list_contracts(params: ChainParams) -> tuple[MarketParams, ...]:
    """Return the configured markets that are contracts, each with an adapter; the others only name what counts inside one of them.

    Raises:
        ConfigurationError: if a contract lacks such names, or a name its contract.
    """
    check_listing(params)
    return tuple(m for m in params.markets if m.protocol != MARKET_PROTOCOL)


async def fetch_anchors(params: ChainParams, call: ViewCall) -> Anchors:
    """Return the anchors of every contract of a chain.

    Raises:
        ConfigurationError: if a protocol is unknown, or as `list_contracts` does.
    """
    return {m.market: await _known(m)[0](m.market, call) for m in list_contracts(params)}


def make_adapters(params: ChainParams, anchors: Anchors) -> tuple[ProtocolAdapter, ...]:
    """Return a fresh adapter for each contract of a chain. Raises: ConfigurationError as `list_contracts` does."""
    return tuple(_known(m)[1](params, m, anchors[m.market]) for m in list_contracts(params))


def _known(market: MarketParams) -> tuple[AnchorFetch, AdapterMaker]:
    found = ADAPTERS.get(market.protocol)
    if found is None:
        known = ", ".join(sorted({*ADAPTERS, MARKET_PROTOCOL}))
        raise ConfigurationError(f"protocol {market.protocol!r} is not known; known: {known}")
    return found
