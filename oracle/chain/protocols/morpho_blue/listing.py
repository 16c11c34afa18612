"""Which markets of a singleton count: those that the committee's configuration lists, each by the first 20 bytes of its id.

Anyone may create a market, with a price contract of his own and without interest, and lend to himself there: a debt that costs nothing and is repaid at
will. So a market that is not listed is passed over like a protocol that is not configured. An id is a Keccak-256 output, and 20 bytes of it are as hard to
meet with another market as an address is with another contract. Source: `tests/vectors/FORMATS.md`, section 3.
"""

from __future__ import annotations

from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.ids import Address, to_hex
from oracle.errors import ConfigurationError

SINGLETON_PROTOCOL, MARKET_PROTOCOL = "morpho_blue", "morpho_blue_market"
LABEL_BYTES = 20


def label_of(market_id: bytes) -> Address:
    """Return what a market is named by in the configuration, in positions, events and samples."""
    return Address(market_id[:LABEL_BYTES])


def list_labels(params: ChainParams) -> frozenset[Address]:
    """Return the names of the markets that count on a chain."""
    return frozenset(m.market for m in _named(params, MARKET_PROTOCOL))


def check_listing(params: ChainParams) -> None:
    """Check that the listed markets of a chain and its singleton need each other.

    Raises:
        ConfigurationError: saying what to add or to correct.
    """
    singletons, listed = _named(params, SINGLETON_PROTOCOL), _named(params, MARKET_PROTOCOL)
    place = f"chain {params.chain_id}"
    if len(singletons) > 1:
        raise ConfigurationError(
            f"{place}: a chain has one Morpho Blue, not {len(singletons)}: market ids do not say which they are of"
        )
    if singletons and not listed:
        raise ConfigurationError(
            f"{place}: Morpho Blue {to_hex(singletons[0].market)} lists none of its markets: add {MARKET_PROTOCOL!r} "
            "with the first 20 bytes of its id as market, for each that counts"
        )
    if listed and not singletons:
        raise ConfigurationError(
            f"{place}: {MARKET_PROTOCOL} {to_hex(listed[0].market)} has no singleton: add {SINGLETON_PROTOCOL!r} "
            "with the address of Morpho Blue as market"
        )
    for one in listed:
        if one.start_block < singletons[0].start_block:
            raise ConfigurationError(
                f"{place}: {MARKET_PROTOCOL} {to_hex(one.market)} starts at block {one.start_block}, before the singleton "
                f"at {singletons[0].start_block}: take the block that created the market"
            )


def _named(params: ChainParams, protocol: str) -> list[MarketParams]:
    return [m for m in params.markets if m.protocol == protocol]
