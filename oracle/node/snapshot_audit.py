"""What a snapshot brought, compared with the node's own endpoints while the node runs: range after range, until all of it is.

An import compares a sample. Until the rest is compared too, a wrong row that the sample missed may be in what this node signs; with the same folder it
may be in what f + 1 members sign. The mark of what was compared is kept with the rows, so that a restart goes on; a difference halts voting (N-06).
"""

from __future__ import annotations

import asyncio

from oracle.chain.address_book import AddressBook
from oracle.chain.asking import Backoff
from oracle.chain.reader import ChainReader
from oracle.chain.rows import LogRow, compute_rows_digest
from oracle.domain.units import BlockNumber
from oracle.errors import ImportedRowsError, OracleError
from oracle.node.logs import get_log
from oracle.node.snapshot_file import RANGE_BLOCKS
from oracle.node.status import NodeStatus
from oracle.storage.chain_rows import ChainRows, ImportMark

PAUSE_S = 0.2
"""Between two ranges, since the same endpoints have an epoch to serve: 10,000 ranges take an hour or two."""
RETRY_S, LONGEST_RETRY_S = 5.0, 300.0


class SnapshotAudit:
    """Compares the imported rows of one chain."""

    def __init__(
        self,
        reader: ChainReader,
        rows: ChainRows,
        status: NodeStatus,
        *,
        range_blocks: int = RANGE_BLOCKS,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._reader = reader
        self._rows = rows
        self._status = status
        self._range_blocks = range_blocks
        self._pause_s = pause_s
        self._chain_id = reader.params.chain_id
        self._book: AddressBook | None = None
        self._log = get_log()

    async def run(self) -> None:
        """Compare until nothing is left or something differs; endpoints that fail are asked again later."""
        backoff = Backoff(RETRY_S, LONGEST_RETRY_S)
        while True:
            try:
                mark = self._note()
                if mark is None or mark.next_block > mark.last_block:
                    return
                await self._compare(mark)
            except ImportedRowsError as error:
                self._status.halted = str(error)
                self._log.critical("snapshot differs", chain=self._chain_id, error=str(error))
                return
            except OracleError as error:
                self._log.warning("snapshot not compared", chain=self._chain_id, error=str(error))
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            await asyncio.sleep(self._pause_s)

    def _note(self) -> ImportMark | None:
        """Return the mark, and tell how far it is."""
        mark, chain = self._rows.load_import(self._chain_id), self._status.chains[self._chain_id]
        compared, total = (0, 0) if mark is None else count_compared(mark, self._range_blocks)
        chain.snapshot_compared_count, chain.snapshot_ranges_count = compared, total
        return mark

    async def _compare(self, mark: ImportMark) -> None:
        """Compare the next range and move the mark behind it."""
        first, roll_backs = mark.next_block, self._rows.count_roll_backs(self._chain_id)
        last = min(first + self._range_blocks - 1, mark.last_block)
        book = await self._fetch_book()
        stored = await asyncio.to_thread(self._load, first, last)
        found = await self._reader.indexer.fetch_rows(book, BlockNumber(first), BlockNumber(last))
        if self._rows.count_roll_backs(self._chain_id) != roll_backs:
            self._book = None
            return
        if compute_rows_digest(book.keep_known(stored)) != compute_rows_digest(found):
            raise ImportedRowsError(self._chain_id, first, last, len(stored), len(found))
        self._rows.store_compared(self._chain_id, last + 1)

    async def _fetch_book(self) -> AddressBook:
        """Return a book that knows what all stored rows make known: each address counts from its own row on."""
        if self._book is None:
            book = await self._reader.indexer.fetch_fresh_book()
            stored = self._rows.load_rows_of(self._chain_id, book.discovery_topics)
            await asyncio.to_thread(lambda: book.discover(map(LogRow._make, stored)))
            self._book = book
        return self._book

    def _load(self, first: int, last: int) -> list[LogRow]:
        return [LogRow._make(row) for row in self._rows.load_rows(self._chain_id, first, last)]


def count_compared(mark: ImportMark, range_blocks: int = RANGE_BLOCKS) -> tuple[int, int]:
    """Return how many ranges were compared, and how many there are."""
    total = -(-(mark.last_block + 1 - mark.first_block) // range_blocks)
    return min(total, -(-(mark.next_block - mark.first_block) // range_blocks)), total


def describe_compared(compared: int, total: int) -> str:
    """Return how far the comparison is, in words."""
    words = f"snapshot compared {compared} of {total} ranges"
    if compared == total:
        return f"{words}: all are what the endpoints say"
    return f"{words}: until it is done, a wrong row of the snapshot may be in this node's scores; the running node goes on by itself"
