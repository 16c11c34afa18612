"""Indexed logs of the chains and their marks: the port `RowStore` that `oracle.chain` declares.

Words wider than 64 bits stay raw bytes, so no number is ever cut. A range's rows and its mark are one transaction; only the newest marks are kept,
because a reorg past all of them starts the chain over. The rows are a copy of public data and may be deleted at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import batched, chain
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, MetaData, Table, delete, insert, select

from oracle.domain.units import ChainId
from oracle.errors import DatabaseWriteError
from oracle.storage.engine import Database

KEPT_MARKS = 512
KEPT_CUTS = 4_096
ADDRESS_BYTES = 20
CHUNK_ROWS = 10_000
"""Rows read at a time, about 4 MB: memory does not grow with a chain's length."""

type RowTuple = tuple[int, bytes, int, int, bytes, bytes, bytes]
"""(block number, block hash, block time, log index, address, topics, data)."""
type Mark = tuple[int, bytes]
"""(block number, block hash) of the end of a stored range."""


class ImportMark(NamedTuple):
    """The blocks whose rows came from elsewhere; those before `next_block` were compared with the endpoints since."""

    first_block: int
    next_block: int
    last_block: int


_metadata = MetaData()
_logs = Table(
    "chain_log",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("block_number", BigInteger, primary_key=True),
    Column("log_index", Integer, primary_key=True),
    Column("block_hash", LargeBinary, nullable=False),
    Column("time_s", BigInteger, nullable=False),
    Column("address", LargeBinary, nullable=False),
    Column("topics", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_marks = Table(
    "chain_mark",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("block_number", BigInteger, primary_key=True),
    Column("block_hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_indexes = Table(
    "chain_index",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("filter_hash", LargeBinary, nullable=False),
    Column("roll_backs", Integer, nullable=False),
)
_imports = Table(
    "chain_import",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("first_block", BigInteger, nullable=False),
    Column("next_block", BigInteger, nullable=False),
    Column("last_block", BigInteger, nullable=False),
)
_contracts = Table(
    "chain_contract",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("block_number", BigInteger, primary_key=True),
    Column("checked_hash", LargeBinary, primary_key=True),
    Column("addresses", LargeBinary, nullable=False),
)

# In the driver's own words: building statements costs more than storing the rows.
_INSERT_ROWS = (
    "INSERT INTO chain_log (chain_id, block_number, block_hash, time_s, log_index, address, topics, data) VALUES "
)
_ROW_PLACES = "(?, ?, ?, ?, ?, ?, ?, ?)"
_STATEMENT_ROWS = 500
"""Rows of one statement, 4,000 of SQLite's 32,766 places: while it runs, Python's threads do, and another range is decoded."""
_SELECT_ROWS = (
    "SELECT block_number, block_hash, time_s, log_index, address, topics, data FROM chain_log "
    "WHERE chain_id = ? AND (block_number, log_index) > (?, ?) AND block_number <= ? {condition}"
    "ORDER BY block_number, log_index LIMIT ?"
)
_LAST_BLOCK = 2**63 - 1


class ChainRows:
    """Rows of every chain in a node's database; the tables are made on first use."""

    def __init__(self, database: Database, *, kept_marks: int = KEPT_MARKS) -> None:
        self._database = database
        self._kept_marks = kept_marks
        with database.connection() as connection:
            _metadata.create_all(connection)

    def load_marks(self, chain_id: ChainId) -> Sequence[Mark]:
        """Return the kept marks, newest first."""
        query = select(_marks.c.block_number, _marks.c.block_hash).where(_marks.c.chain_id == chain_id)
        with self._database.connection() as connection:
            found = connection.execute(query.order_by(_marks.c.block_number.desc()))
            return [(number, block_hash) for number, block_hash in found]

    def load_filter_hash(self, chain_id: ChainId) -> bytes | None:
        """Return what the stored rows were filtered by, None before the first range."""
        with self._database.connection() as connection:
            found = _load_index(connection, chain_id)
        return found[0] if found else None

    def count_roll_backs(self, chain_id: ChainId) -> int:
        """Return how often rows of the chain were rolled back."""
        with self._database.connection() as connection:
            found = _load_index(connection, chain_id)
        return found[1] if found else 0

    def append(self, chain_id: ChainId, rows: Sequence[RowTuple], *, mark: Mark, filter_hash: bytes) -> None:
        """Store the rows of one range and its mark, all or nothing.

        Raises:
            StorageError: if a row or the mark is there already, or the disk fails; nothing is stored then.
        """
        with self._database.connection() as connection:
            _insert_rows(connection, chain_id, rows)
            connection.execute(insert(_marks), {"chain_id": chain_id, "block_number": mark[0], "block_hash": mark[1]})
            _prune_marks(connection, chain_id, self._kept_marks)
            _store_index(connection, chain_id, filter_hash, is_roll_back=False)

    def fill(
        self,
        chain_id: ChainId,
        parts: Iterable[Sequence[RowTuple]],
        *,
        mark: Mark,
        filter_hash: bytes,
        imported: ImportMark | None = None,
    ) -> None:
        """Store the rows of a chain that has none yet, part by part, and their marks: all of them, or nothing if `parts` raises.

        Raises:
            DatabaseWriteError: if rows of the chain are there already.
        """
        with self._database.connection() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            known = select(_marks.c.block_number).where(_marks.c.chain_id == chain_id).limit(1)
            if connection.execute(known).first() is not None:
                raise DatabaseWriteError(str(self._database.path), f"it has rows of chain {chain_id} already")
            for rows in parts:
                _insert_rows(connection, chain_id, rows)
            connection.execute(insert(_marks), {"chain_id": chain_id, "block_number": mark[0], "block_hash": mark[1]})
            _store_index(connection, chain_id, filter_hash, is_roll_back=False)
            _store_import(connection, chain_id, imported)

    def load_import(self, chain_id: ChainId) -> ImportMark | None:
        """Return which blocks were imported and how far they were compared, None if none were."""
        with self._database.connection() as connection:
            return _load_import(connection, chain_id)

    def store_compared(self, chain_id: ChainId, next_block: int) -> None:
        """Note that the imported rows of every block before `next_block` are what the endpoints say."""
        with self._database.connection() as connection:
            known = _load_import(connection, chain_id)
            _store_import(connection, chain_id, known and known._replace(next_block=next_block))

    def roll_back(self, chain_id: ChainId, block_number: int) -> None:
        """Delete every row and mark above `block_number`; -1 deletes all of the chain."""
        with self._database.connection() as connection:
            for table in (_logs, _marks, _contracts):
                above = (table.c.chain_id == chain_id) & (table.c.block_number > block_number)
                connection.execute(delete(table).where(above))
            _store_index(connection, chain_id, None, is_roll_back=True)
            known = _load_import(connection, chain_id)
            _store_import(
                connection, chain_id, known and known._replace(last_block=min(known.last_block, block_number))
            )

    def load_rows(self, chain_id: ChainId, first_block: int, last_block: int) -> Iterable[RowTuple]:
        """Yield the rows of these blocks, both included, ascending by (block number, log index), a chunk at a time.

        Each chunk is a read of its own: rows rolled back meanwhile are missing, which `count_roll_backs` tells afterwards.
        """
        return self._load_chunks(chain_id, first_block, last_block, ())

    def load_rows_of(self, chain_id: ChainId, first_topics: Collection[bytes]) -> Iterable[RowTuple]:
        """Yield all rows with one of these first topics, in the same order."""
        return self._load_chunks(chain_id, 0, _LAST_BLOCK, sorted(first_topics)) if first_topics else ()

    def _load_chunks(
        self, chain_id: ChainId, first_block: int, last_block: int, topics: Sequence[bytes]
    ) -> Iterator[RowTuple]:
        condition = f"AND substr(topics, 1, 32) IN ({', '.join('?' * len(topics))}) " if topics else ""
        query = _SELECT_ROWS.format(condition=condition)
        place = (first_block, -1)
        while True:
            with self._database.connection() as connection:
                parameters = (chain_id, *place, last_block, *topics, CHUNK_ROWS)
                rows = connection.exec_driver_sql(query, parameters).fetchall()
            yield from map(tuple, rows)
            if len(rows) < CHUNK_ROWS:
                return
            place = (rows[-1][0], rows[-1][3])

    def load_contracts(self, chain_id: ChainId, block_number: int, checked_hash: bytes) -> frozenset[bytes] | None:
        """Return which accounts had code at a block, None if that was never asked or is too long ago."""
        c = _contracts.c
        query = select(c.addresses).where(
            c.chain_id == chain_id, c.block_number == block_number, c.checked_hash == checked_hash
        )
        with self._database.connection() as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            return None
        return frozenset(found[i : i + ADDRESS_BYTES] for i in range(0, len(found), ADDRESS_BYTES))

    def store_contracts(
        self, chain_id: ChainId, block_number: int, checked_hash: bytes, found: Iterable[bytes]
    ) -> None:
        """Keep which accounts had code at a block; only the newest cuts stay."""
        c = _contracts.c
        row = {"chain_id": chain_id, "block_number": block_number, "checked_hash": checked_hash}
        with self._database.connection() as connection:
            connection.execute(
                insert(_contracts).prefix_with("OR REPLACE"), row | {"addresses": b"".join(sorted(found))}
            )
            blocks = select(c.block_number).where(c.chain_id == chain_id).order_by(c.block_number.desc())
            oldest = connection.execute(blocks.offset(KEPT_CUTS - 1).limit(1)).scalar_one_or_none()
            if oldest is not None:
                connection.execute(delete(_contracts).where(c.chain_id == chain_id, c.block_number < oldest))


def _insert_rows(connection: Connection, chain_id: ChainId, rows: Sequence[RowTuple]) -> None:
    for part in batched(rows, _STATEMENT_ROWS):
        statement = _INSERT_ROWS + ", ".join([_ROW_PLACES] * len(part))
        connection.exec_driver_sql(statement, tuple(chain.from_iterable((chain_id, *row) for row in part)))


def _load_index(connection: Connection, chain_id: ChainId) -> tuple[bytes, int] | None:
    query = select(_indexes.c.filter_hash, _indexes.c.roll_backs).where(_indexes.c.chain_id == chain_id)
    found = connection.execute(query).one_or_none()
    return None if found is None else (found[0], found[1])


def _store_index(connection: Connection, chain_id: ChainId, filter_hash: bytes | None, *, is_roll_back: bool) -> None:
    known = _load_index(connection, chain_id) or (b"", 0)
    values = (known[0] if filter_hash is None else filter_hash, known[1] + is_roll_back)
    if values == known:
        return
    connection.execute(delete(_indexes).where(_indexes.c.chain_id == chain_id))
    connection.execute(insert(_indexes), {"chain_id": chain_id, "filter_hash": values[0], "roll_backs": values[1]})


def _load_import(connection: Connection, chain_id: ChainId) -> ImportMark | None:
    c = _imports.c
    query = select(c.first_block, c.next_block, c.last_block).where(c.chain_id == chain_id)
    found = connection.execute(query).one_or_none()
    return None if found is None else ImportMark(*found)


def _store_import(connection: Connection, chain_id: ChainId, mark: ImportMark | None) -> None:
    connection.execute(delete(_imports).where(_imports.c.chain_id == chain_id))
    if mark is not None and mark.first_block <= mark.last_block:
        connection.execute(insert(_imports), {"chain_id": chain_id, **mark._asdict()})


def _prune_marks(connection: Connection, chain_id: ChainId, kept_marks: int) -> None:
    c = _marks.c
    query = select(c.block_number).where(c.chain_id == chain_id).order_by(c.block_number.desc())
    oldest = connection.execute(query.offset(kept_marks - 1).limit(1)).scalar_one_or_none()
    if oldest is not None:
        connection.execute(delete(_marks).where(c.chain_id == chain_id, c.block_number < oldest))
