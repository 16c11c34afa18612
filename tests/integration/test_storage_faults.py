"""Disks and files that fail under a node: nothing that was kept is lost, nothing unkept is sent, and what to do is said (N-02)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from oracle.errors import DatabaseWriteError, StorageError
from oracle.node.stores import Stores
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.world import World, start_world
from oracle.storage.engine import Database, open_database
from tests.integration.chain_world import mine_past_boundary
from tests.integration.watching_node import PATIENCE_S, load_sandbox_scorers, watching

pytestmark = pytest.mark.anyio
SMALL_DISK_BYTES = 1_500_000


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as running:
        yield running


def mount(folder: Path, *options: str) -> None:
    """Mount a file system in memory, or skip where that is not allowed."""
    program = shutil.which("mount")
    if program is None or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root and `mount`; the page limit of SQLite stands in elsewhere")
    done = subprocess.run([program, "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)], check=False)
    if done.returncode != 0:
        pytest.skip("this machine does not let its root mount")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte and a half, of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, f"size={SMALL_DISK_BYTES}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take every last byte of a disk."""
    path = folder / "filling"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            return path


def limit_pages(database: Database, pages: int) -> None:
    """Let the file grow to so many pages only, which SQLite answers as it does a full disk."""

    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    database._engine.dispose()
    event.listen(database._engine, "connect", limit)


def count_pages(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA page_count").fetchone()[0])


async def test_disk_full__real_one_while_indexing__abstains_loudly_and_recovers(
    world: World, tmp_path: Path, small_disk: Path
) -> None:
    boundary_s = await mine_past_boundary(world)
    stores = Stores.open(small_disk / "node.db", hold=True)
    filling = fill(small_disk)
    async with watching(world, small_disk, load_sandbox_scorers(), rows=stores.rows) as node:
        looking = node.begin(boundary_s)
        detail = await node.wait_for_trouble("storage", "the disk is full")
        during = list(node.events)
        filling.unlink()
        await asyncio.wait_for(looking, PATIENCE_S)
        codes = [trouble.code for trouble in node.health.troubles()]

    assert during == []
    assert len(node.events) == 1
    assert "free space" in detail
    assert codes == ["disk_low"]
    assert sum(1 for _ in stores.rows.load_rows(node.chain_id, 0, 1 << 40)) > 100
    stores.database.close()


async def test_disk_full__as_sqlite_tells_it__abstains_loudly_and_recovers(world: World, tmp_path: Path) -> None:
    boundary_s = await mine_past_boundary(world)
    stores = Stores.open(tmp_path / "node.db", hold=True)
    limit_pages(stores.database, count_pages(tmp_path / "node.db"))
    async with watching(world, tmp_path, load_sandbox_scorers(), rows=stores.rows) as node:
        looking = node.begin(boundary_s)
        await node.wait_for_trouble("storage", "the disk is full")
        during = list(node.events)
        limit_pages(stores.database, 1 << 30)
        await asyncio.wait_for(looking, PATIENCE_S)

        assert during == []
        assert len(node.events) == 1
        assert node.health.troubles() == ()
    stores.database.close()


async def test_database_locked__by_another_program__abstains_loudly_and_recovers(world: World, tmp_path: Path) -> None:
    boundary_s = await mine_past_boundary(world)
    stores = Stores.open(tmp_path / "node.db", hold=True)
    async with watching(world, tmp_path, load_sandbox_scorers(), rows=stores.rows) as node:
        with closing(sqlite3.connect(tmp_path / "node.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            looking = node.begin(boundary_s)
            await node.wait_for_trouble("storage", "Stop that, or whatever else writes to it")
            during = list(node.events)
            other.execute("ROLLBACK")
        await asyncio.wait_for(looking, PATIENCE_S)

        assert during == []
        assert len(node.events) == 1
        assert node.health.troubles() == ()
    stores.database.close()


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with a node's database, mounted again so that nothing on it can change."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, "size=8m")
    Stores.open(folder / "node.db", hold=True).database.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_open__read_only_disk__is_refused_in_plain_words_and_changes_nothing(read_only_disk: Path) -> None:
    path = read_only_disk / "node.db"
    before = path.read_bytes()

    with pytest.raises(StorageError) as caught:
        Stores.open(path, hold=True)

    assert str(path) in str(caught.value)
    assert any(words in str(caught.value) for words in ("read-only", "Read-only", "may not be written"))
    assert path.read_bytes() == before


def test_probe_write__database_that_may_only_be_read__says_so(tmp_path: Path) -> None:
    database = open_database(tmp_path / "node.db")
    database._engine.dispose()
    event.listen(database._engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = 1"))

    with pytest.raises(DatabaseWriteError, match="it is read-only; free space or fix permissions, then restart"):
        database.probe_write()
    database.close()
