"""The database file: opened with its pragmas, checked for its version, every failure given a name.

SQLite in WAL mode with synchronous FULL: a committed vote survives a power loss, which NORMAL does not promise. The version of the schema is the
file's `user_version`, its owner the `application_id`, so that a stranger's file is refused instead of being written to.
Source: SQLite documentation, PRAGMA synchronous, user_version, application_id.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

from oracle.errors import (
    DatabaseBusyError,
    DatabaseWriteError,
    ForeignDatabaseError,
    SchemaVersionError,
    StorageError,
)
from oracle.storage import tables
from oracle.storage.migrations import SCHEMA_VERSION, STEPS

APPLICATION_ID = 0x41535931
"""The letters ASY1."""
BUSY_TIMEOUT_MS = 5_000


class Database:
    """One open database file; sessions are short and may be used from any thread."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        self._lock_file: int | None = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a session for reading; nothing is committed.

        Raises:
            StorageError: with the reason, if the database fails.
        """
        with translated_errors(self.path), Session(self._engine) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session that is on disk when the block ends, or not at all.

        Raises:
            StorageError: with the reason, if the database fails.
        """
        with translated_errors(self.path), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield a Core connection inside one transaction, for bulk rows."""
        with translated_errors(self.path), self._engine.begin() as connection:
            yield connection

    def hold(self) -> None:
        """Claim the file for this process until `close`, so that two nodes never vote from one database.

        Raises:
            DatabaseBusyError: if another process holds it.
            DatabaseWriteError: if nothing can be written beside it.
        """
        try:
            descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DatabaseWriteError(str(self.path), f"{self.path}.lock: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DatabaseBusyError(str(self.path)) from None
        self._lock_file = descriptor

    def probe_write(self) -> None:
        """Write and take back, to find out whether that is possible.

        Raises:
            StorageError: if the file is read-only, or another program is writing to it.
        """
        with translated_errors(self.path), self._engine.connect() as connection:
            _begin(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {_pragma(connection, 'user_version')}")
            connection.rollback()

    def close(self) -> None:
        """Close every connection and give the file free."""
        self._engine.dispose()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


def open_database(path: Path, *, schema_version: int = SCHEMA_VERSION) -> Database:
    """Open the database, making it if the file is missing or empty.

    Raises:
        SchemaVersionError: if an older or newer release wrote it.
        ForeignDatabaseError: if the file is something else, or cannot be opened.
        StorageError: if it is locked or cannot be written.
    """
    engine = _engine(path)
    try:
        with translated_errors(path), engine.connect() as connection:
            _prepare(connection, path, schema_version)
    except StorageError:
        engine.dispose()
        raise
    return Database(path, engine)


def migrate(
    path: Path, *, schema_version: int = SCHEMA_VERSION, steps: Mapping[int, tuple[str, ...]] = STEPS
) -> tuple[int, int]:
    """Bring the schema up to this release's, all steps in one transaction; return the versions before and after.

    Raises:
        SchemaVersionError: if a newer release wrote it.
        ForeignDatabaseError: if the file is no database of ours.
    """
    engine = _engine(path)
    try:
        with translated_errors(path), engine.begin() as connection:
            _begin(connection)
            found = _pragma(connection, "user_version")
            if _pragma(connection, "application_id") != APPLICATION_ID:
                raise ForeignDatabaseError(str(path), "it is not a database of a node")
            if found > schema_version:
                raise SchemaVersionError(str(path), found, schema_version)
            for version in range(found + 1, schema_version + 1):
                for statement in steps.get(version, ()):
                    connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"PRAGMA user_version = {schema_version}")
            return found, schema_version
    finally:
        engine.dispose()


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into ours, by its own names of them."""
    try:
        yield
    except DBAPIError as error:
        raise _translate(path, error.orig) from error
    except sqlite3.Error as error:
        raise _translate(path, error) from error
    except OverflowError as error:
        raise DatabaseWriteError(str(path), "a number has more than 64 bits") from error


def _translate(path: Path, error: BaseException | None) -> StorageError:
    name = str(getattr(error, "sqlite_errorname", "") or "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DatabaseBusyError(str(path))
    if name.startswith("SQLITE_READONLY"):
        return DatabaseWriteError(str(path), "it is read-only")
    if name.startswith("SQLITE_FULL"):
        return DatabaseWriteError(str(path), "the disk is full")
    if name.startswith("SQLITE_IOERR"):
        return DatabaseWriteError(str(path), f"the disk fails ({name})")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return ForeignDatabaseError(str(path), "it is no SQLite database, or it is damaged; restore a copy")
    if name.startswith("SQLITE_CANTOPEN"):
        return ForeignDatabaseError(str(path), "the folder is missing or may not be written")
    return DatabaseWriteError(str(path), f"{error} {name}".strip())


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _on_connect)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _prepare(connection: Connection, path: Path, schema_version: int) -> None:
    found, owner = _pragma(connection, "user_version"), _pragma(connection, "application_id")
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master LIMIT 1").fetchall()
    connection.rollback()
    if not names and found == 0:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        _begin(connection)
        SQLModel.metadata.create_all(connection, tables=tables.ALL)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {schema_version}")
        connection.commit()
        return
    if owner != APPLICATION_ID:
        raise ForeignDatabaseError(str(path), "it is not a database of a node; choose another file")
    if found != schema_version:
        raise SchemaVersionError(str(path), found, schema_version)


def _begin(connection: Connection) -> None:
    """Begin in so many words: the driver begins by itself for rows only, so that each change of the schema would stand alone."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
