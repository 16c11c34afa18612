"""What a node costs its operator: `python -m tests.bench.operating` prints the measured lines of the table in `infra/OPERATING.md`.

One anvil under two names, a market of 10,000 logs in 200 blocks, a database as a node has it. Calls, bytes and sizes do not depend on how busy the machine
is; seconds do, and are CPU seconds of this process for that reason.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from oracle.chain.checked import CheckedChain
from oracle.chain.indexer import Indexer
from oracle.chain.logs import RangeSize
from oracle.chain.reader import ChainReader
from oracle.chain.rpc import RpcEndpoint, TwinDecoder
from oracle.domain.ids import Address, uint_word
from oracle.domain.units import BlockNumber, TimestampS
from oracle.node.snapshot import export_snapshot, import_snapshot
from oracle.sandbox.chains import AnvilChain
from oracle.storage.chain_rows import ChainRows
from oracle.storage.engine import open_database
from tests.bench import market
from tests.bench.emitter import CHAIN_ID, START_BLOCK, fill_chain, params_of
from tests.bench.epoch import run_epochs
from tests.bench.ingestion import GENESIS_S
from tests.bench.machine import read_peak_kb

BLOCKS, LOGS_PER_BLOCK = 200, 50
LOGS = BLOCKS * LOGS_PER_BLOCK
MILLION = 1_000_000
ACCOUNTS = 1_000
EPOCH_BLOCKS = 20
RANGE_BLOCKS = 10


class Member:
    """A reader of the chain with a database of its own, and what its endpoints were asked."""

    def __init__(self, pool: Address, port: int, folder: Path) -> None:
        decoder = TwinDecoder()
        urls = [f"http://{host}:{port}" for host in ("127.0.0.1", "localhost")]
        self.endpoints = [RpcEndpoint(url, CHAIN_ID, decoder=decoder) for url in urls]
        folder.mkdir()
        self.folder = folder
        self.database = open_database(folder / "node.db")
        self.rows = ChainRows(self.database)
        params, chain = params_of(pool), CheckedChain(CHAIN_ID, self.endpoints)
        self.reader = ChainReader(params, chain, self.rows)
        self.reader.indexer = Indexer(params, chain, self.rows, range_size=RangeSize(BLOCKS))

    def counters(self) -> tuple[int, int, int]:
        """Return calls, requests, and bytes both ways of one endpoint."""
        found = self.endpoints[0].counters
        return found.calls_count, found.requests_count, found.sent_bytes + found.received_bytes

    async def close(self) -> None:
        """Close connections and database."""
        for endpoint in self.endpoints:
            await endpoint.close()
        self.database.close()

    def disk_bytes(self) -> int:
        """Return the size of the database once closed."""
        return sum(file.stat().st_size for file in self.folder.iterdir())


async def measure() -> list[str]:
    """Return the lines."""
    with tempfile.TemporaryDirectory() as folder:
        chain = await AnvilChain.start(CHAIN_ID, directory=Path(folder), genesis_s=GENESIS_S)
        try:
            params = await fill_chain(chain, blocks_count=BLOCKS, logs_per_block=LOGS_PER_BLOCK)
            first = Member(params.markets[0].market, chain.port, Path(folder) / "first")
            second = Member(params.markets[0].market, chain.port, Path(folder) / "second")
            lines = [*await _sync(first), *await _epoch(first, chain), *await _snapshot(first, second, Path(folder))]
            await first.close()
            await second.close()
            lines.append(f"disk, a million logs: {first.disk_bytes() * MILLION // LOGS // 1_000_000} MB")
            return lines
        finally:
            await chain.stop()


async def _sync(member: Member) -> Iterator[str]:
    started_s = time.process_time()
    await member.reader.sync()
    cpu_s = time.process_time() - started_s
    _, _, size = member.counters()
    return iter(
        [
            f"first sync, a million logs: {cpu_s * MILLION / LOGS:.0f} CPU s",
            f"first sync, a million logs: {size * MILLION // LOGS // 1_000_000} MB from each endpoint",
        ]
    )


async def _epoch(member: Member, chain: AnvilChain) -> Iterator[str]:
    """Read an epoch's new blocks, its cut, and the code of a thousand accounts."""
    _, head_s = await chain.fetch_head()
    for step in range(1, EPOCH_BLOCKS + 1):
        await chain.mine(head_s + 180 * step)
    before = member.counters()
    await member.reader.sync()
    cut = await member.reader.derive_cut(TimestampS(head_s + 180 * (EPOCH_BLOCKS - 6)))
    if cut is None:
        raise RuntimeError("there is no cut")
    middle = member.counters()
    accounts = [Address(uint_word(index)[12:]) for index in range(1, ACCOUNTS + 1)]
    # At the head: this chain keeps two states only, and a call costs the same at any block.
    await member.reader.fetch_has_code(accounts, BlockNumber((await chain.fetch_head())[0]))
    after = member.counters()
    rest = [late - early for late, early in zip(middle, before, strict=True)]
    code = [late - early for late, early in zip(after, middle, strict=True)]
    return iter(
        [
            f"an epoch, blocks and cut: {rest[0]} calls in {rest[1]} requests, {rest[2] / 1_000:.1f} kB to each endpoint",
            f"an epoch, code of {ACCOUNTS} accounts: {code[0]} calls in {code[1]} requests, {code[2] / 1_000:.0f} kB",
        ]
    )


async def _snapshot(first: Member, second: Member, folder: Path) -> Iterator[str]:
    snapshot = folder / "snapshot"
    started_s = time.process_time()
    export_snapshot(snapshot, first.rows, {CHAIN_ID: START_BLOCK}, range_blocks=RANGE_BLOCKS)
    exported_s = time.process_time()
    await import_snapshot(snapshot, {CHAIN_ID: second.reader}, second.rows, checked_ranges=1, seed=1)
    imported_s = time.process_time()
    size = sum(file.stat().st_size for file in snapshot.iterdir())
    export_cpu_s, import_cpu_s = (span * MILLION / LOGS for span in (exported_s - started_s, imported_s - exported_s))
    return iter(
        [
            f"snapshot, a million logs: {size * MILLION // LOGS // 1_000_000} MB, export {export_cpu_s:.0f} CPU s",
            f"snapshot, a million logs: import {import_cpu_s:.0f} CPU s with one range in {BLOCKS // RANGE_BLOCKS} compared",
        ]
    )


def measure_memory() -> str:
    """Return the largest memory of this process after an epoch with 20,000 borrowers: one ledger of each chain, four members' votes and scores."""
    with tempfile.TemporaryDirectory() as folder:
        run_epochs(Path(folder), market.LARGE, 1)
    peak_mb = read_peak_kb() // 1_000
    return f"memory, {market.LARGE.borrowers:,} borrowers over {market.LARGE.history_days} days: {peak_mb} MB"


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.operating", description="Measure what a node costs.")
    parser.add_argument("--memory", action="store_true", help="measure memory instead, which takes a minute")
    if parser.parse_args().memory:
        print(measure_memory())
        return
    for line in asyncio.run(measure()):
        print(line)


if __name__ == "__main__":
    main()
