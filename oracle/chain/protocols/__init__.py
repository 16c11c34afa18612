"""Adapters of lending protocols, by the name that the committee's configuration gives them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from oracle.chain.adapter import ProtocolAdapter, ViewCall
from oracle.chain.protocols.aave_v3 import adapter as aave_v3
from oracle.chain.protocols.morpho_blue import adapter as morpho_blue
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
"""By market: further fixed addresses that only a call can tell."""


async def fetch_anchors(params: ChainParams, call: ViewCall) -> Anchors:
    """Return the anchors of every market of a chain.

    Raises:
        ConfigurationError: if a protocol is unknown.
    """
    return {m.market: await _known(m)[0](m.market, call) for m in params.markets}


def make_adapters(params: ChainParams, anchors: Anchors) -> tuple[ProtocolAdapter, ...]:
    """Return a fresh adapter for each market of a chain."""
    return tuple(_known(m)[1](params, m, anchors[m.market]) for m in params.markets)


def _known(market: MarketParams) -> tuple[AnchorFetch, AdapterMaker]:
    found = ADAPTERS.get(market.protocol)
    if found is None:
        raise ConfigurationError(f"protocol {market.protocol!r} is not known; known: {', '.join(sorted(ADAPTERS))}")
    return found
