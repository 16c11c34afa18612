"""Words of a log, read by position."""

from __future__ import annotations

from oracle.chain.rows import LogRow
from oracle.domain.ids import Address


def topic_address(row: LogRow, index: int) -> Address:
    """Return indexed argument `index` (1..3) as an address."""
    return Address(row.topics[32 * index + 12 : 32 * index + 32])


def topic_uint(row: LogRow, index: int) -> int:
    """Return indexed argument `index` (1..3) as an unsigned integer."""
    return int.from_bytes(row.topics[32 * index : 32 * index + 32], "big")


def data_address(row: LogRow, index: int) -> Address:
    """Return word `index` of the data as an address."""
    return Address(row.data[32 * index + 12 : 32 * index + 32])


def data_uint(row: LogRow, index: int) -> int:
    """Return word `index` of the data as an unsigned integer."""
    return int.from_bytes(row.data[32 * index : 32 * index + 32], "big")
