"""The indexer of one chain: finalised blocks only, one range at a time, each with its mark in one transaction.

While one range is stored the next is fetched. A killed process goes on after its last mark. A changed configuration starts the chain over, since rows
filtered otherwise have gaps. The block hash of the newest mark is compared on every run: if it changed, a finalised block was replaced; rows are
rolled back to the newest mark that still holds and the alarm is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from oracle.chain.address_book import AddressBook
from oracle.chain.checked import BlockHeader, CheckedChain
from oracle.chain.logs import FIRST_RANGE_BLOCKS, LogQuery, RangeSize, RawLog, paused_collection
from oracle.chain.pipeline import FetchAhead, RowWriter
from oracle.chain.prices import PriceBook
from oracle.chain.protocols import Anchors, fetch_anchors, list_contracts, make_adapters
from oracle.chain.rows import LogRow, Mark, RowStore, make_rows
from oracle.domain.committee import ChainParams
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.units import BlockNumber, TimestampS
from oracle.errors import (
    ChangedBlockError,
    EndpointDisagreementError,
    EndpointRefusalError,
    EndpointTimeoutError,
    PastFinalityReorgError,
    TooFewEndpointsError,
)

_NO_TIME_S = TimestampS(0)


class Indexer:
    """Keeps the rows of one chain up to its finalised head."""

    def __init__(
        self, params: ChainParams, chain: CheckedChain, rows: RowStore, *, range_size: RangeSize | None = None
    ) -> None:
        self._params = params
        self._contracts = list_contracts(params)
        self._chain = chain
        self._rows = rows
        self._range_size = range_size or RangeSize()
        self._turn = asyncio.Lock()
        self._anchors: Anchors | None = None
        self._book: AddressBook | None = None
        self._prices = PriceBook(params)

    async def sync(self) -> BlockHeader:
        """Index everything up to the finalised head and return that head; callers wait for each other.

        Raises:
            PastFinalityReorgError: after rolling back, if a finalised block was replaced.
            ChainError: if the endpoints fail or disagree; what is stored stays whole, and the next call goes on.
        """
        async with self._turn:
            try:
                return await self._sync()
            except ChangedBlockError:
                # What the replaced block made known is not known yet.
                self._book = None
                raise

    async def _sync(self) -> BlockHeader:
        book = await self._prepare()
        await self._check_marks()
        head = await self._chain.fetch_finalised_head()
        start = self._next_block()
        newest = self._rows.load_marks(self._params.chain_id)[:1]
        known = {head.number: bytes(head.block_hash)} | {BlockNumber(n): block_hash for n, block_hash in newest}
        async with RowWriter(self._rows, self._params.chain_id) as writer, FetchAhead[tuple[RawLog, ...]]() as ahead:
            while start <= head.number:
                end = self._end_of(start, head)
                try:
                    logs = await self._fetch_logs(book, start, end, ahead)
                    self._range_size.adapt(len(logs))
                    following = BlockNumber(end + 1)
                    if following <= head.number:
                        query = self._query(book, following, self._end_of(following, head))
                        ahead.begin(query, self._chain.fetch_logs(query))
                    rows, last = await self._complete(logs, end, known)
                except (TooFewEndpointsError, EndpointDisagreementError) as error:
                    if not _is_range_to_blame(error) or not self._range_size.shrink():
                        raise
                    continue
                mark = (last.number, bytes(last.block_hash))
                await writer.append(rows, mark, self.compute_filter_hash(book))
                known = {head.number: bytes(head.block_hash), last.number: mark[1]}
                start = following
        return head

    @property
    def indexed_block(self) -> BlockNumber:
        """Return the last indexed block, -1 before the first range."""
        marks = self._rows.load_marks(self._params.chain_id)
        return BlockNumber(marks[0][0] if marks else -1)

    @property
    def first_block(self) -> BlockNumber:
        """Return the first block whose logs matter: the smallest start of a contract."""
        return min((m.start_block for m in self._contracts), default=BlockNumber(0))

    async def fetch_fresh_book(self) -> AddressBook:
        """Return an address book that has seen no row yet, for rows that come from elsewhere."""
        return AddressBook(make_adapters(self._params, await self.fetch_anchors()), self._prices)

    async def fetch_rows(self, book: AddressBook, start: BlockNumber, end: BlockNumber) -> list[LogRow]:
        """Return the rows of a range as `sync` would store them, in halves where an endpoint refuses it; `book` knows what came before."""
        try:
            async with FetchAhead[tuple[RawLog, ...]]() as nothing:
                logs = await self._fetch_logs(book, start, end, nothing)
            return (await self._complete(logs, end, {}))[0]
        except (TooFewEndpointsError, EndpointDisagreementError) as error:
            if start == end or not _is_range_to_blame(error):
                raise
        middle = BlockNumber((start + end) // 2)
        lower = await self.fetch_rows(book, start, middle)
        return lower + await self.fetch_rows(book, BlockNumber(middle + 1), end)

    def compute_filter_hash(self, book: AddressBook) -> Hash32:
        """Return a digest of what decides which rows are stored: the configured addresses, first blocks and topics."""
        markets = [b"%s %d" % (m.market, m.start_block) for m in self._contracts]
        return keccak256(b"".join([*markets, *sorted(self._prices.feeds), *sorted(book.topics)]))

    async def fetch_anchors(self, *, anew: bool = False) -> Anchors:
        """Return the fixed addresses of the markets that only a call can tell; asked for once, or `anew`."""
        if self._anchors is None or anew:
            self._anchors = await fetch_anchors(self._params, self._chain.call)
        return self._anchors

    async def make_first_query(self) -> LogQuery:
        """Return the query of the first range of all: an endpoint that prunes logs does not answer it as others do."""
        book, start = await self.fetch_fresh_book(), self.first_block
        head = await self._chain.fetch_finalised_head()
        return self._query(book, start, BlockNumber(max(start, min(start + FIRST_RANGE_BLOCKS - 1, head.number))))

    async def _prepare(self) -> AddressBook:
        """Return a book that knows every address of the stored rows."""
        if self._book is None:
            book = await self.fetch_fresh_book()
            known = self._rows.load_filter_hash(self._params.chain_id)
            if known is not None and known != self.compute_filter_hash(book):
                self._rows.roll_back(self._params.chain_id, -1)
            stored = self._rows.load_rows_of(self._params.chain_id, book.discovery_topics)
            book.discover(map(LogRow._make, stored))
            self._book = book
        return self._book

    def _next_block(self) -> BlockNumber:
        return BlockNumber(max(self.first_block, self.indexed_block + 1))

    async def _check_marks(self) -> None:
        marks = self._rows.load_marks(self._params.chain_id)
        if not marks or await self._holds(marks[0]):
            return
        common = -1
        for mark in marks[1:]:
            if await self._holds(mark):
                common = mark[0]
                break
        self._rows.roll_back(self._params.chain_id, common)
        self._book = None
        raise PastFinalityReorgError(self._params.chain_id, marks[0][0], common)

    async def _holds(self, mark: Mark) -> bool:
        header = await self._chain.fetch_header(BlockNumber(mark[0]))
        return header.block_hash == mark[1]

    def _end_of(self, start: BlockNumber, head: BlockHeader) -> BlockNumber:
        return BlockNumber(min(start + self._range_size.blocks - 1, head.number))

    async def _complete(
        self, logs: Sequence[RawLog], end: BlockNumber, known: Mapping[BlockNumber, bytes]
    ) -> tuple[list[LogRow], BlockHeader]:
        """Return rows and last header of a range that still follows the blocks `known` by their hashes.

        Else a block replaced while the range is read would lie below a newer mark, where nobody looks for it again. Headers are read after the logs:
        of blocks whose time is missing, of the last with logs, and of the head that was asked for first, which has all of them among its ancestors.
        """
        numbers = {log.block_number for log in logs if log.time_s is None} | {log.block_number for log in logs[-1:]}
        numbers |= {end, *known}
        headers = {h.number: h for h in await self._chain.fetch_headers(sorted(numbers))}
        for number, header in headers.items():
            if known.get(number, header.block_hash) != header.block_hash:
                raise ChangedBlockError(self._params.chain_id, number)
        hashes = {log.block_number: log.block_hash for log in logs}
        for number in hashes.keys() & headers.keys():
            if headers[number].block_hash != hashes[number]:
                raise ChangedBlockError(self._params.chain_id, number)
        times = {log.block_number: log.time_s for log in logs if log.time_s is not None} | {
            n: h.time_s for n, h in headers.items()
        }
        with paused_collection():
            return make_rows(logs, times), headers[end]

    async def _fetch_logs(
        self, book: AddressBook, start: BlockNumber, end: BlockNumber, ahead: FetchAhead[tuple[RawLog, ...]]
    ) -> Sequence[RawLog]:
        """Return the logs of a range; read again if the range itself makes new addresses known."""
        while True:
            query = self._query(book, start, end)
            logs = await ahead.take(query, self._chain.fetch_logs)
            book.discover([_untimed(log) for log in logs if log.topics[:32] in book.discovery_topics])
            if book.addresses == query.addresses:
                return book.keep_known(logs)

    def _query(self, book: AddressBook, start: BlockNumber, end: BlockNumber) -> LogQuery:
        return LogQuery(first_block=start, last_block=end, addresses=book.addresses, topics=book.topics)


def _is_range_to_blame(error: TooFewEndpointsError | EndpointDisagreementError) -> bool:
    """Return whether a smaller range may help: an endpoint refused or took too long, or too much is in dispute."""
    if isinstance(error, EndpointDisagreementError):
        return error.is_range_to_blame
    return any(isinstance(f, EndpointRefusalError | EndpointTimeoutError) for f in error.failures)


def _untimed(log: RawLog) -> LogRow:
    return LogRow._make((*log[:2], _NO_TIME_S, *log[2:6]))
