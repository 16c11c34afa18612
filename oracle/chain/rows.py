"""Rows of indexed logs and the port through which they are kept.

A mark is (block number, block hash) of the end of a stored range; the newest mark is the cursor. Rows and their mark are written in one
transaction, so a process killed between two ranges goes on without a duplicate or a gap.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from oracle.chain.logs import RawLog
from oracle.domain.ids import Address, Hash32
from oracle.domain.units import BlockNumber, ChainId, TimestampS

type RowTuple = tuple[int, bytes, int, int, bytes, bytes, bytes]
"""(block number, block hash, block time, log index, address, topics, data), as stored."""
type Mark = tuple[int, bytes]


class LogRow(NamedTuple):
    """One log of a finalised block; `topics` are one to four words in a row."""

    block_number: BlockNumber
    block_hash: Hash32
    time_s: TimestampS
    log_index: int
    address: Address
    topics: bytes
    data: bytes

    @property
    def topic(self) -> bytes:
        """Return topic 0, which names the event."""
        return self.topics[:32]


_make_row = partial(tuple.__new__, LogRow)


def make_rows(logs: Sequence[RawLog], times: Mapping[BlockNumber, TimestampS]) -> list[LogRow]:
    """Return logs as rows; `times` has the time of each of their blocks."""
    if not logs:
        return []
    numbers, hashes, *content, _ = zip(*logs, strict=True)
    return list(map(_make_row, zip(numbers, hashes, [times[number] for number in numbers], *content, strict=True)))


def compute_rows_digest(rows: Sequence[RowTuple]) -> Hash32:
    """Return SHA-256 over every field of every row, lengths included, so that no two lists of rows share one.

    Column by column: count, then block numbers, times, log indexes and the lengths of the four byte columns as eight bytes each, big-endian, then
    block hashes, addresses, topics and data.
    """
    numbers, hashes, times, indexes, *content = zip(*rows, strict=True) if rows else ((),) * 7
    columns = (hashes, *content)
    lengths = [len(field) for column in columns for field in column]
    words = struct.pack(f">q{7 * len(rows)}q", len(rows), *numbers, *times, *indexes, *lengths)
    state = hashlib.sha256(words)
    for column in columns:
        state.update(b"".join(column))
    return Hash32(state.digest())


class RowStore(Protocol):
    """Where rows are kept; implemented by `oracle.storage.chain_rows` and, for one-off checks, by `MemoryRows`."""

    def load_marks(self, chain_id: ChainId) -> Sequence[Mark]:
        """Return the kept marks, newest first."""

    def load_filter_hash(self, chain_id: ChainId) -> bytes | None:
        """Return what the stored rows were filtered by, None before the first range."""

    def count_roll_backs(self, chain_id: ChainId) -> int:
        """Return how often rows of the chain were rolled back: a projection made before the last time is void."""

    def append(self, chain_id: ChainId, rows: Sequence[RowTuple], *, mark: Mark, filter_hash: bytes) -> None:
        """Store the rows of one range and its mark, all or nothing."""

    def roll_back(self, chain_id: ChainId, block_number: int) -> None:
        """Delete every row and mark above `block_number`; -1 deletes all of the chain."""

    def load_rows(self, chain_id: ChainId, first_block: int, last_block: int) -> Iterable[RowTuple]:
        """Yield the rows of these blocks, both included, ascending by (block number, log index), few of them in memory at a time."""

    def load_rows_of(self, chain_id: ChainId, first_topics: Collection[bytes]) -> Iterable[RowTuple]:
        """Yield all rows with one of these first topics, in the same order."""

    def load_contracts(self, chain_id: ChainId, block_number: int, checked_hash: bytes) -> frozenset[bytes] | None:
        """Return which of the accounts behind `checked_hash` had code at a block, None if that was never asked."""

    def store_contracts(
        self, chain_id: ChainId, block_number: int, checked_hash: bytes, found: Iterable[bytes]
    ) -> None:
        """Keep which accounts had code at a block: an endpoint forgets old states, an epoch is verified later."""


class MemoryRows:
    """Rows in memory, for a check that keeps nothing."""

    def __init__(self) -> None:
        self._rows: dict[ChainId, list[RowTuple]] = {}
        self._marks: dict[ChainId, list[Mark]] = {}
        self._filters: dict[ChainId, bytes] = {}
        self._roll_backs: dict[ChainId, int] = {}
        self._contracts: dict[tuple[ChainId, int, bytes], frozenset[bytes]] = {}

    def load_marks(self, chain_id: ChainId) -> Sequence[Mark]:
        """Return the kept marks, newest first."""
        return tuple(reversed(self._marks.get(chain_id, [])))

    def load_filter_hash(self, chain_id: ChainId) -> bytes | None:
        """Return what the stored rows were filtered by."""
        return self._filters.get(chain_id)

    def count_roll_backs(self, chain_id: ChainId) -> int:
        """Return how often rows of the chain were rolled back."""
        return self._roll_backs.get(chain_id, 0)

    def append(self, chain_id: ChainId, rows: Sequence[RowTuple], *, mark: Mark, filter_hash: bytes) -> None:
        """Keep the rows of one range and its mark."""
        self._rows.setdefault(chain_id, []).extend(rows)
        self._marks.setdefault(chain_id, []).append(mark)
        self._filters[chain_id] = filter_hash

    def roll_back(self, chain_id: ChainId, block_number: int) -> None:
        """Delete every row and mark above `block_number`."""
        self._roll_backs[chain_id] = self.count_roll_backs(chain_id) + 1
        self._rows[chain_id] = [row for row in self._rows.get(chain_id, []) if row[0] <= block_number]
        gone = [key for key in self._contracts if key[0] == chain_id and key[1] > block_number]
        for key in gone:
            del self._contracts[key]
        self._marks[chain_id] = [mark for mark in self._marks.get(chain_id, []) if mark[0] <= block_number]

    def load_rows(self, chain_id: ChainId, first_block: int, last_block: int) -> Iterable[RowTuple]:
        """Return the rows of these blocks in order."""
        return [row for row in self._rows.get(chain_id, []) if first_block <= row[0] <= last_block]

    def load_rows_of(self, chain_id: ChainId, first_topics: Collection[bytes]) -> Iterable[RowTuple]:
        """Return all rows with one of these first topics."""
        return [row for row in self._rows.get(chain_id, []) if row[5][:32] in first_topics]

    def load_contracts(self, chain_id: ChainId, block_number: int, checked_hash: bytes) -> frozenset[bytes] | None:
        """Return which accounts had code at a block, None if that was never asked."""
        return self._contracts.get((chain_id, block_number, checked_hash))

    def store_contracts(
        self, chain_id: ChainId, block_number: int, checked_hash: bytes, found: Iterable[bytes]
    ) -> None:
        """Keep which accounts had code at a block."""
        self._contracts[(chain_id, block_number, checked_hash)] = frozenset(found)
