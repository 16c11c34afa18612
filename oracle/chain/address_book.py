"""The addresses of one chain whose logs count, each from the row on that makes it known.

What an address logged before that row does not count: whether an endpoint was asked for it depends on how ranges fell. Left out, the rows of any blocks are
the same for every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from oracle.chain.adapter import ProtocolAdapter, discovery_topics_of
from oracle.chain.prices import PriceBook
from oracle.chain.rows import LogRow
from oracle.domain.ids import Address, Hash32

type Place = tuple[int, int]
"""(block number, log index)."""


class PlacedLog(Protocol):
    """A log or row: who made it, and where."""

    @property
    def block_number(self) -> int:
        """Return its block's number."""

    @property
    def log_index(self) -> int:
        """Return its place in the block."""

    @property
    def address(self) -> Address:
        """Return the contract that made it."""


class AddressBook:
    """Price feeds and whatever the adapters need; grows while rows are shown to it, in chain order."""

    def __init__(self, adapters: Sequence[ProtocolAdapter], prices: PriceBook) -> None:
        self._adapters = tuple(adapters)
        self._feeds = prices.feeds
        self._since: dict[Address, Place] = {}
        self._newest: Place = (-1, -1)
        self.topics: frozenset[Hash32] = prices.topics.union(*(adapter.topics for adapter in adapters))
        """First topics of the rows that are stored."""
        self.discovery_topics = discovery_topics_of(adapters)
        """First topics of the rows that make addresses known."""
        self.addresses = self._collect()
        """Every address that is known so far."""

    def discover(self, rows: Iterable[LogRow]) -> None:
        """Take in what makes new addresses known, which few rows do; a row that was shown before changes nothing."""
        for row in rows:
            if row.topics[:32] not in self.discovery_topics:
                continue
            for adapter in self._adapters:
                adapter.discover(row)
            known = self._collect()
            if known != self.addresses:
                self._newest = max(self._newest, (row.block_number, row.log_index))
                self._since.update(dict.fromkeys(known - self.addresses, (row.block_number, row.log_index)))
                self.addresses = known

    def keep_known[T: PlacedLog](self, rows: Sequence[T]) -> Sequence[T]:
        """Return the rows whose address was known at their place; the rows of these blocks have been shown before."""
        if rows and self._newest < (rows[0].block_number, rows[0].log_index):
            return rows
        first: Place = (-1, -1)
        return [row for row in rows if self._since.get(row.address, first) <= (row.block_number, row.log_index)]

    def _collect(self) -> frozenset[Address]:
        return self._feeds.union(*(adapter.addresses for adapter in self._adapters))
