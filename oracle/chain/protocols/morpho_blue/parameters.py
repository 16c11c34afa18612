"""The rules of Morpho Blue markets over time: what a market was created with, and its fee.

Source: morpho-blue 1.0.0, `EventsLib`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from oracle.chain.abi import morpho_events as events
from oracle.chain.abi.words import data_address, data_uint
from oracle.chain.protocols.morpho_blue.listing import label_of
from oracle.chain.rows import LogRow
from oracle.domain.ids import Address, Hash32

WHOLE_MARKET = Address(bytes(20))


def read_market(row: LogRow) -> Iterator[tuple[Address | None, Address, str, int]]:
    """Yield the liquidation LTV of a new market, about its collateral."""
    yield _label(row), data_address(row, 1), "lltv_wad", data_uint(row, 4)


def read_fee(row: LogRow) -> Iterator[tuple[Address | None, Address, str, int]]:
    """Yield a market's share of interest that goes to the protocol."""
    yield _label(row), WHOLE_MARKET, "fee_wad", data_uint(row, 0)


def _label(row: LogRow) -> Address:
    return label_of(row.topics[32:64])


PARAMETER_READERS: dict[Hash32, Callable[[LogRow], Iterator[tuple[Address | None, Address, str, int]]]] = {
    events.CREATE_MARKET: read_market,
    events.SET_FEE: read_fee,
}
