"""A node's chain rows as a folder, and back: the first sync of a new node is an import, checked against its own endpoints.

An import believes nobody. Every digest of the content is computed again; the newest block has to be final and on the chain that the node's endpoints
serve; and ranges drawn at random after the snapshot was made are read from the endpoints, two of which must agree, and compared row by row. Only then
are rows stored, each chain in one transaction. Drawing `k` of `n` ranges finds a snapshot with `b` bad ranges with probability 1 - C(n-b, k) / C(n, k):
a single bad range among thousands is likely to be missed unless all are drawn. The running node therefore compares the rest (`snapshot_audit`). Members
should not all import one folder: until that is done, what it has wrong is wrong in the same way for all of them, and no comparison of scores tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NoReturn

from oracle.chain.address_book import AddressBook
from oracle.chain.checked import BlockHeader
from oracle.chain.reader import ChainReader
from oracle.chain.rows import LogRow, RowTuple, compute_rows_digest
from oracle.domain.ids import to_hex
from oracle.domain.units import BlockNumber, ChainId
from oracle.errors import SnapshotError
from oracle.node.snapshot_file import (
    FORMAT,
    PART_ROWS,
    RANGE_BLOCKS,
    ChainEntry,
    Manifest,
    RangeEntry,
    read_manifest,
    write_manifest,
    write_part,
)
from oracle.node.snapshot_rows import read_known_rows
from oracle.storage.chain_rows import ChainRows, ImportMark


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCount:
    """What was written or stored of one chain; `checked_count` ranges were compared with the endpoints."""

    chain_id: ChainId
    last_block: BlockNumber
    rows_count: int
    ranges_count: int
    checked_count: int = 0
    is_skipped: bool = False


def export_snapshot(
    folder: Path, rows: ChainRows, first_blocks: Mapping[ChainId, BlockNumber], *, range_blocks: int = RANGE_BLOCKS
) -> list[ChainCount]:
    """Write the rows of each chain up to its newest mark; the node may go on meanwhile.

    Raises:
        SnapshotError: if the folder is in use, a chain has no rows yet, or rows are rolled back meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SnapshotError(str(folder), "the folder is not empty: name a new one")
    chains = tuple(
        _export_chain(folder, rows, chain_id, first_block, range_blocks)
        for chain_id, first_block in first_blocks.items()
    )
    write_manifest(folder, Manifest(format=FORMAT, chains=chains))
    return [_count(chain) for chain in chains]


def _export_chain(
    folder: Path, rows: ChainRows, chain_id: ChainId, first_block: BlockNumber, range_blocks: int
) -> ChainEntry:
    marks, filter_hash = rows.load_marks(chain_id), rows.load_filter_hash(chain_id)
    roll_backs = rows.count_roll_backs(chain_id)
    if not marks or filter_hash is None:
        raise SnapshotError(str(folder), f"the database has no rows of chain {chain_id} yet: let the node sync first")
    last_block, last_hash = marks[0]
    ranges: list[RangeEntry] = []
    part: list[RowTuple] = []
    parts_count = 0
    for first, last, found in _split(
        rows.load_rows(chain_id, first_block, last_block), first_block, last_block, range_blocks
    ):
        name = f"chain-{chain_id}-{parts_count:05d}.parquet"
        digest = to_hex(compute_rows_digest(found))
        ranges.append(RangeEntry(first_block=first, last_block=last, rows=len(found), digest=digest, part=name))
        part += found
        if len(part) >= PART_ROWS or last == last_block:
            write_part(folder, name, part)
            part, parts_count = [], parts_count + 1
    if rows.count_roll_backs(chain_id) != roll_backs:
        raise SnapshotError(str(folder), f"rows of chain {chain_id} were rolled back meanwhile: export again")
    return ChainEntry(
        chain_id=chain_id, filter_hash=to_hex(filter_hash), last_block_hash=to_hex(last_hash), ranges=tuple(ranges)
    )


def _split(
    rows: Iterable[RowTuple], first_block: int, last_block: int, range_blocks: int
) -> Iterator[tuple[int, int, list[RowTuple]]]:
    """Yield (first block, last block, rows) of ranges in a row."""
    first, found = first_block, list[RowTuple]()
    for row in rows:
        while row[0] >= first + range_blocks:
            yield first, first + range_blocks - 1, found
            first, found = first + range_blocks, []
        found.append(row)
    while first <= last_block:
        last = min(first + range_blocks - 1, last_block)
        yield first, last, found
        first, found = last + 1, []


async def import_snapshot(
    folder: Path, readers: Mapping[ChainId, ChainReader], rows: ChainRows, *, checked_ranges: int | None, seed: int
) -> list[ChainCount]:
    """Check a snapshot and store it; a chain that has rows already is left alone. `checked_ranges` of each chain are compared, None for all.

    Raises:
        SnapshotError: if anything is wrong with it; nothing is stored then.
        ChainError: if the endpoints fail or disagree; nothing is stored then.
    """
    manifest = read_manifest(folder)
    known = {chain.chain_id for chain in manifest.chains}
    if len(known) != len(manifest.chains) or not known:
        raise SnapshotError(str(folder), "it names a chain twice, or none: export again")
    for chain_id in known - readers.keys():
        raise SnapshotError(str(folder), f"chain {chain_id} is none of the committee's: it is of another committee")
    wanted = [chain for chain in manifest.chains if not rows.load_marks(ChainId(chain.chain_id))]
    counts, checkers = list[ChainCount](), list[_Checker]()
    for chain in wanted:
        checkers.append(_Checker(folder, chain, readers[ChainId(chain.chain_id)]))
        counts.append(await checkers[-1].check(checked_ranges, seed))
    for checker in checkers:
        chain, parts = checker.chain, await checker.read_again()
        mark = (chain.last_block, _parse_hash(chain.last_block_hash))
        # All that was compared already need not be compared again; of a sample it is not worth keeping which.
        is_whole = checked_ranges is None or checked_ranges >= len(chain.ranges)
        next_block = chain.last_block + 1 if is_whole else chain.first_block
        rows.fill(
            ChainId(chain.chain_id),
            parts,
            mark=mark,
            filter_hash=_parse_hash(chain.filter_hash),
            imported=ImportMark(chain.first_block, next_block, chain.last_block),
        )
    skipped = [_count(chain, is_skipped=True) for chain in manifest.chains if chain not in wanted]
    return sorted(counts + skipped, key=lambda count: count.chain_id)


class _Checker:
    """One chain of a snapshot against the node's own endpoints."""

    def __init__(self, folder: Path, chain: ChainEntry, reader: ChainReader) -> None:
        self.chain = chain
        self._folder = folder
        self._reader = reader
        self._last: BlockHeader

    async def check(self, checked_ranges: int | None, seed: int) -> ChainCount:
        """Return what was found sound. Raises: SnapshotError if the snapshot is not this chain's final rows under this configuration."""
        chain, indexer = self.chain, self._reader.indexer
        book = await indexer.fetch_fresh_book()
        if (chain.filter_hash, chain.first_block) != (to_hex(indexer.compute_filter_hash(book)), indexer.first_block):
            self._refuse(
                "it holds other logs than this committee needs (markets, feeds or first blocks differ): use one of this committee"
            )
        self._last = await self._fetch_end()
        drawn, rows_count = self._draw(checked_ranges, seed), 0
        for position, (item, rows) in enumerate(read_known_rows(self._folder, chain, book, self._last)):
            rows_count += len(rows)
            if position in drawn:
                await self._compare(book, item, rows)
        return _count(chain, rows_count=rows_count, checked_count=len(drawn))

    async def read_again(self) -> Iterator[Sequence[LogRow]]:
        """Return the rows that were checked, range by range; the manifest's digests hold them."""
        book = await self._reader.indexer.fetch_fresh_book()
        return (rows for _, rows in read_known_rows(self._folder, self.chain, book, self._last))

    async def _fetch_end(self) -> BlockHeader:
        """Return the newest block, which is final for the endpoints too, and the same."""
        last = BlockNumber(self.chain.last_block)
        head = await self._reader.chain.fetch_finalised_head()
        if head.number < last:
            self._refuse(
                f"it goes up to block {last}, but only {head.number} is final for your endpoints: import it later"
            )
        header = await self._reader.chain.fetch_header(last)
        if to_hex(header.block_hash) != self.chain.last_block_hash:
            self._refuse(f"block {last} is another one for your endpoints: it is of another chain or of a fork")
        return header

    def _draw(self, checked_ranges: int | None, seed: int) -> frozenset[int]:
        count = len(self.chain.ranges)
        if checked_ranges is None or checked_ranges >= count:
            return frozenset(range(count))
        return frozenset(Random(seed ^ self.chain.chain_id).sample(range(count), checked_ranges))  # noqa: S311

    async def _compare(self, book: AddressBook, item: RangeEntry, rows: Sequence[LogRow]) -> None:
        first, last = BlockNumber(item.first_block), BlockNumber(item.last_block)
        found = await self._reader.indexer.fetch_rows(book, first, last)
        if compute_rows_digest(found) != compute_rows_digest(rows):
            self._refuse(
                f"blocks {first}..{last} hold other logs for your endpoints ({len(found)} against {len(rows)}): do not use it"
            )

    def _refuse(self, reason: str) -> NoReturn:
        raise SnapshotError(str(self._folder), f"chain {self.chain.chain_id}: {reason}")


def _parse_hash(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _count(
    chain: ChainEntry, *, rows_count: int | None = None, checked_count: int = 0, is_skipped: bool = False
) -> ChainCount:
    return ChainCount(
        chain_id=ChainId(chain.chain_id),
        last_block=BlockNumber(chain.last_block),
        rows_count=chain.rows_count if rows_count is None else rows_count,
        ranges_count=len(chain.ranges),
        checked_count=checked_count,
        is_skipped=is_skipped,
    )
