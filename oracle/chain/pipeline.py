"""The two ends of an indexer's pipeline: one range is stored, and one is fetched, while another is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Self

from oracle.chain.logs import LogQuery
from oracle.chain.rows import LogRow, Mark, RowStore
from oracle.domain.ids import Hash32
from oracle.domain.units import ChainId


class RowWriter:
    """Stores ranges in a worker thread: in order, one at a time, and none under way any more when the block ends."""

    def __init__(self, rows: RowStore, chain_id: ChainId) -> None:
        self._rows = rows
        self._chain_id = chain_id
        self._writing: asyncio.Task[None] | None = None

    async def append(self, rows: Sequence[LogRow], mark: Mark, filter_hash: Hash32) -> None:
        """Begin to store a range once the one before it is stored.

        Raises:
            StorageError: if the one before it could not be stored.
        """
        await self._finish()
        store = partial(self._rows.append, self._chain_id, rows, mark=mark, filter_hash=filter_hash)
        self._writing = asyncio.create_task(asyncio.to_thread(store))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._writing is not None:
            # A cancelled caller waits too, since the next one reads the marks.
            await asyncio.wait([self._writing])
        await self._finish()

    async def _finish(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing


class FetchAhead[T]:
    """At most one fetch that begins before its turn; what nobody takes is given up."""

    def __init__(self) -> None:
        self._query: LogQuery | None = None
        self._fetching: asyncio.Task[T] | None = None

    def begin(self, query: LogQuery, fetch: Coroutine[Any, Any, T]) -> None:
        """Begin to fetch what `query` asks for; the one before has to be taken."""
        self._query, self._fetching = query, asyncio.create_task(fetch)

    async def take(self, query: LogQuery, fetch: Callable[[LogQuery], Awaitable[T]]) -> T:
        """Return the answer to `query`: the one that is under way if it is the same query, else a new one. Raises what the fetch raises."""
        if self._query == query and self._fetching is not None:
            fetching, self._fetching = self._fetching, None
            return await fetching
        await self._give_up()
        return await fetch(query)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._give_up()

    async def _give_up(self) -> None:
        fetching, self._fetching = self._fetching, None
        if fetching is not None:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)
