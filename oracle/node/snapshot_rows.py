"""The rows of a snapshot held against what a node would have stored itself: shape, filter, one hash and time for each block, no time that goes back.

A stored row is believed by the ledger as a log that two endpoints agree on, so nothing reaches it that an endpoint could not have said. What an address
logged before the row that makes it known is left out: a node of an older release stored some of it, as its ranges fell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from oracle.chain.address_book import AddressBook
from oracle.chain.checked import BlockHeader
from oracle.chain.logs import LARGEST_LOG_INDEX, MAX_TOPICS
from oracle.chain.rows import LogRow, RowTuple
from oracle.errors import SnapshotError, UndecodableLogError
from oracle.node.snapshot_file import ChainEntry, RangeEntry, read_ranges

HASH_BYTES = 32
ADDRESS_BYTES = 20
WORD_BYTES = 32


def read_known_rows(
    folder: Path, chain: ChainEntry, book: AddressBook, last: BlockHeader
) -> Iterator[tuple[RangeEntry, Sequence[LogRow]]]:
    """Yield each range with the rows of it that count; `book` is fresh and knows afterwards what they make known, `last` is the newest block.

    Raises:
        SnapshotError: if a row is none that a node of this committee stores, or the folder is damaged.
    """
    newest_s = 0
    for item, stored in read_ranges(folder, chain):
        rows = [LogRow._make(row) for row in stored]
        span = f"chain {chain.chain_id}, blocks {item.first_block}..{item.last_block}"
        _check_shapes(folder, span, rows, book)
        newest_s = _check_blocks(folder, span, rows, newest_s, last)
        try:
            book.discover(rows)
        except UndecodableLogError as cause:
            raise SnapshotError(str(folder), f"{span}: {cause}") from cause
        yield item, [row for row in book.keep_known(rows) if row.address in book.addresses]


def _check_shapes(folder: Path, span: str, rows: Sequence[RowTuple], book: AddressBook) -> None:
    """Hold the fields of every row against their lengths and the topics that are stored."""
    _, hashes, _, indexes, addresses, topics, _ = zip(*rows, strict=True) if rows else ((),) * 7
    words = {len(each) for each in topics}
    is_sound = (
        {len(each) for each in hashes} <= {HASH_BYTES}
        and {len(each) for each in addresses} <= {ADDRESS_BYTES}
        and words <= {WORD_BYTES * count for count in range(1, MAX_TOPICS + 1)}
        and all(0 <= index <= LARGEST_LOG_INDEX for index in indexes)
    )
    if not is_sound:
        _refuse(folder, span, "a row has fields of the wrong length")
    if not book.topics.issuperset({each[:WORD_BYTES] for each in topics}):
        _refuse(folder, span, "a row is none that this committee needs")


def _check_blocks(folder: Path, span: str, rows: Sequence[LogRow], newest_s: int, last: BlockHeader) -> int:
    """Hold hashes and times against each other and against the last header; return the newest time."""
    blocks = {(row.block_number, row.block_hash, row.time_s) for row in rows}
    if len(blocks) != len({number for number, _, _ in blocks}):
        _refuse(folder, span, "a block has two hashes or two times")
    times = [newest_s, *(time_s for _, _, time_s in sorted(blocks))]
    if times != sorted(times) or times[-1] > last.time_s:
        _refuse(folder, span, f"times go back, or lie after {last.time_s}, that of block {last.number}")
    if any(number == last.number and (h, t) != (last.block_hash, last.time_s) for number, h, t in blocks):
        _refuse(folder, span, f"block {last.number} is another one for your endpoints")
    return times[-1]


def _refuse(folder: Path, span: str, reason: str) -> NoReturn:
    raise SnapshotError(str(folder), f"{span}: {reason}: do not use it")
