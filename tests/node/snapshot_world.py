"""A member as far as a snapshot needs it, a snapshot of a small chain, and ways to spoil one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from oracle.chain.checked import CheckedChain
from oracle.chain.reader import ChainReader
from oracle.chain.rows import RowTuple, compute_rows_digest
from oracle.domain.committee import ChainParams
from oracle.domain.ids import to_hex
from oracle.domain.units import BlockNumber
from oracle.node import snapshot, snapshot_file
from oracle.node.snapshot import export_snapshot, import_snapshot
from oracle.storage.chain_rows import ChainRows
from oracle.storage.engine import Database, open_database
from tests.chain.aave_logs import market_opened, opened_loan
from tests.chain.fake_endpoint import CHAIN_ID, FakeChain, FakeEndpoint, address_of, make_params

BLOCKS = 60
RANGE_BLOCKS = 7
FIRST = {CHAIN_ID: BlockNumber(0)}


def make_chain(blocks: int = BLOCKS) -> FakeChain:
    """Return a chain whose market opens in block 2, with a loan in every third block and nothing at all from 20 to 40."""
    chain = FakeChain()
    chain.mine(12)
    chain.mine(24, market_opened())
    for number in range(3, blocks + 1):
        loan = opened_loan(address_of(f"borrower {number}"), collateral=10**18, debt=10**6)
        chain.mine(12 * number, loan if number % 3 == 0 and not 20 <= number <= 40 else [])
    return chain


@dataclass(frozen=True)
class Member:
    """A node as far as a snapshot needs it."""

    rows: ChainRows
    reader: ChainReader
    endpoints: list[FakeEndpoint]

    def stored(self) -> list[RowTuple]:
        return list(self.rows.load_rows(CHAIN_ID, 0, 10**9))

    async def take(
        self, folder: Path, *, checked_ranges: int | None = None, seed: int = 1
    ) -> list[snapshot.ChainCount]:
        readers = {CHAIN_ID: self.reader}
        return await import_snapshot(folder, readers, self.rows, checked_ranges=checked_ranges, seed=seed)


type MakeMember = Callable[..., Member]


@pytest.fixture
def make_member(tmp_path: Path) -> Iterator[MakeMember]:
    opened: list[Database] = []

    def make(
        chain: FakeChain, *, start_block: int = 0, lagging_blocks: int = 0, params: ChainParams | None = None
    ) -> Member:
        database = open_database(tmp_path / f"node-{len(opened)}.db")
        opened.append(database)
        endpoints = [FakeEndpoint(name, chain) for name in "ab"]
        for endpoint in endpoints:
            endpoint.lagging_blocks = lagging_blocks
        rows = ChainRows(database)
        params = params or make_params(start_block=start_block)
        return Member(rows, ChainReader(params, CheckedChain(CHAIN_ID, endpoints), rows), endpoints)

    yield make
    for database in opened:
        database.close()


@pytest.fixture
async def folder(tmp_path: Path, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a snapshot of the chain in ranges of seven blocks and parts of about twenty rows."""
    monkeypatch.setattr(snapshot, "PART_ROWS", 20)
    member = make_member(make_chain())
    await member.reader.sync()
    export_snapshot(tmp_path / "snapshot", member.rows, FIRST, range_blocks=RANGE_BLOCKS)
    return tmp_path / "snapshot"


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / snapshot_file.MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def edit_rows(folder: Path, part: str, change: Callable[[list[RowTuple]], list[RowTuple]]) -> None:
    frame = pl.read_parquet(folder / part)
    pl.DataFrame(change(frame.rows()), schema=frame.schema, orient="row").write_parquet(folder / part)


def part_of(folder: Path, index: int) -> str:
    return str(json.loads((folder / snapshot_file.MANIFEST).read_text())["chains"][0]["ranges"][index]["part"])


def alter(rows: list[RowTuple]) -> list[RowTuple]:
    """Double the last word of the last row's data."""
    return [*rows[:-1], (*rows[-1][:6], rows[-1][6][:-1] + bytes([rows[-1][6][-1] ^ 1]))]


def sign_again(folder: Path) -> None:
    """Compute every digest anew, as whoever tampers would."""
    manifest = json.loads((folder / snapshot_file.MANIFEST).read_text())
    for item in manifest["chains"][0]["ranges"]:
        rows = pl.read_parquet(folder / item["part"]).rows()
        found = [row for row in rows if item["first_block"] <= row[0] <= item["last_block"]]
        item["digest"], item["rows"] = to_hex(compute_rows_digest(found)), len(found)
    (folder / snapshot_file.MANIFEST).write_text(json.dumps(manifest))


def drop_range(manifest: dict[str, Any]) -> None:
    del manifest["chains"][0]["ranges"][4]


def shorten(folder: Path) -> None:
    path = folder / part_of(folder, -1)
    path.write_bytes(path.read_bytes()[:-40])


def edit_rows_and_digests(folder: Path, part: str, change: Callable[[list[RowTuple]], list[RowTuple]]) -> None:
    edit_rows(folder, part, change)
    sign_again(folder)
