"""The database file: refused with what to do where it does not fit (ST-02, ST-03)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from oracle.errors import (
    DatabaseBusyError,
    DatabaseWriteError,
    ForeignDatabaseError,
    SchemaVersionError,
    StorageError,
)
from oracle.storage.engine import APPLICATION_ID, Database, migrate, open_database
from oracle.storage.tables import MetaRow


def test_open_database__new_file__is_wal_with_synchronous_full(database: Database) -> None:
    with database.connection() as connection:
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()

    assert journal == "wal"
    assert synchronous == 2


def test_open_database__second_time__keeps_what_is_there(tmp_path: Path) -> None:
    first = open_database(tmp_path / "node.db")
    with first.transaction() as session:
        session.add(MetaRow(key="node", value="3"))
    first.close()

    second = open_database(tmp_path / "node.db")
    with second.session() as session:
        row = session.get(MetaRow, "node")
    second.close()

    assert row is not None
    assert row.value == "3"


def test_open_database__newer_schema__says_to_install_the_release(tmp_path: Path) -> None:
    open_database(tmp_path / "node.db", schema_version=7).close()

    with pytest.raises(SchemaVersionError, match=r"schema 7.*install the release"):
        open_database(tmp_path / "node.db", schema_version=1)


def test_open_database__older_schema__says_to_migrate(tmp_path: Path) -> None:
    open_database(tmp_path / "node.db", schema_version=1).close()

    with pytest.raises(SchemaVersionError, match="assay node migrate"):
        open_database(tmp_path / "node.db", schema_version=2)


def test_migrate__older_schema__opens_afterwards(tmp_path: Path) -> None:
    open_database(tmp_path / "node.db", schema_version=1).close()

    versions = migrate(tmp_path / "node.db", schema_version=2)
    open_database(tmp_path / "node.db", schema_version=2).close()

    assert versions == (1, 2)


def test_migrate__newer_schema__is_refused(tmp_path: Path) -> None:
    open_database(tmp_path / "node.db", schema_version=3).close()

    with pytest.raises(SchemaVersionError):
        migrate(tmp_path / "node.db", schema_version=2)


def test_open_database__disk_full_while_it_is_made__can_be_made_again(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path; from oracle.storage.engine import open_database\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "open_database(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "node.db")]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "DatabaseWriteError" in first.stderr

    database = open_database(tmp_path / "node.db")

    with database.session() as session:
        assert session.get(MetaRow, "node") is None
    database.close()


def test_migrate__second_statement_fails__leaves_the_old_schema_whole(tmp_path: Path) -> None:
    open_database(tmp_path / "node.db", schema_version=1).close()
    steps = {2: ("CREATE TABLE added (x INTEGER)", "ALTER TABLE nowhere ADD COLUMN y INTEGER")}

    with pytest.raises(StorageError):
        migrate(tmp_path / "node.db", schema_version=2, steps=steps)

    database = open_database(tmp_path / "node.db", schema_version=1)
    with database.connection() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'added'").fetchall()
    database.close()
    assert tables == []


def test_transaction__number_above_64_bits__is_named(database: Database) -> None:
    with pytest.raises(DatabaseWriteError, match="64 bits"), database.connection() as connection:
        connection.exec_driver_sql("SELECT ?", (1 << 63,))


def test_open_database__database_of_something_else__is_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipe (name TEXT)")
    before = path.read_bytes()

    with pytest.raises(ForeignDatabaseError, match="not a database of a node"):
        open_database(path)

    assert path.read_bytes() == before


def test_open_database__no_database_at_all__says_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, not rows " * 100)

    with pytest.raises(ForeignDatabaseError, match="no SQLite database"):
        open_database(path)


def test_open_database__missing_folder__says_so(tmp_path: Path) -> None:
    with pytest.raises(ForeignDatabaseError, match="folder is missing"):
        open_database(tmp_path / "missing" / "node.db")


def write_row(database: Database, pragma: str) -> None:
    with database.transaction() as session:
        session.connection().exec_driver_sql(f"PRAGMA {pragma}")
        session.add(MetaRow(key="large", value="x" * 1_000_000))


def test_transaction__disk_full__is_named_and_nothing_is_stored(database: Database) -> None:
    with pytest.raises(DatabaseWriteError, match="disk is full"):
        write_row(database, "max_page_count = 1")

    with database.session() as session:
        assert session.get(MetaRow, "large") is None


def test_transaction__read_only__is_named(database: Database) -> None:
    with pytest.raises(DatabaseWriteError, match="read-only"):
        write_row(database, "query_only = 1")


def test_hold__other_process__is_refused_until_it_ends(database: Database) -> None:
    program = (
        "import sys; from pathlib import Path; from oracle.storage.engine import open_database\n"
        "database = open_database(Path(sys.argv[1])); database.hold(); print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(database.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"

    with pytest.raises(DatabaseBusyError, match="another node"):
        database.hold()

    other.communicate("")
    database.hold()


def test_application_id__new_file__is_ours(database: Database) -> None:
    with database.connection() as connection:
        assert connection.exec_driver_sql("PRAGMA application_id").scalar_one() == APPLICATION_ID
