"""Ingestion of 50,000 logs from a real chain: two endpoints asked and compared, every log checked and decoded, rows in SQLite with synchronous FULL.

The bare call is one POST for each of the same ranges to one endpoint, the whole body read and thrown away: what no client can be faster than. Runs of both
follow each other in turn and the fastest of each counts, since other work on the machine only ever makes them slower. Wall time is held against wall time of
three bare calls, CPU time of the node's process against that of one bare client. Both endpoints are one anvil process, reached under two names, so their
answers are the same bytes and are decoded once (`rpc.TwinDecoder`); the second figure decodes both, as endpoints with different software need. web3.py is
asked for fewer logs and scaled up, since it takes about a minute for all.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from oracle.chain.checked import CheckedChain
from oracle.chain.indexer import Indexer
from oracle.chain.logs import LARGE_ANSWER_LOGS, RangeSize
from oracle.chain.rpc import Call, RpcEndpoint, TwinDecoder
from oracle.domain.committee import ChainParams
from oracle.domain.ids import to_hex
from oracle.sandbox.chains import AnvilChain
from oracle.storage.chain_rows import ChainRows
from oracle.storage.engine import open_database
from tests.bench.emitter import CHAIN_ID, SUPPLY_ABI, fill_chain
from tests.bench.figures import Cost, Figure, Peer
from tests.bench.machine import describe_machine

LOGS = 50_000
LOGS_PER_BLOCK = 50
RANGE_BLOCKS = LARGE_ANSWER_LOGS // LOGS_PER_BLOCK
"""What a first sync settles at on such a chain."""
PEER_LOGS = 2_500
RUNS = 3
TIMES_BARE = 3
GENESIS_S = 1_700_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingestion:
    """One run: seconds, CPU seconds of this process, what was asked and received."""

    wall_s: float
    cpu_s: float
    queries: tuple[Any, ...]
    requests_count: int
    received_bytes: int
    disk_bytes: int


class _RecordingEndpoint(RpcEndpoint):
    """An endpoint that remembers the ranges of logs it was asked for."""

    def __init__(self, url: str, decoder: TwinDecoder | None) -> None:
        super().__init__(url, CHAIN_ID, decoder=decoder)
        self.queries: list[Any] = []

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        self.queries += [params for method, params in calls if method == "eth_getLogs"]
        return await super().batch(calls)


async def ingest(params: ChainParams, port: int, *, decodes_once: bool) -> Ingestion:
    """Index the whole chain into a new database. Raises: RuntimeError if a log is missing."""
    decoder = TwinDecoder() if decodes_once else None
    endpoints = [_RecordingEndpoint(f"http://{host}:{port}", decoder) for host in ("127.0.0.1", "localhost")]
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Path(folder) / "rows.sqlite")
        rows = ChainRows(database)
        size = RangeSize(RANGE_BLOCKS)
        indexer = Indexer(params, CheckedChain(CHAIN_ID, endpoints), rows, range_size=size)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        await indexer.sync()
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        stored = sum(1 for _ in rows.load_rows(CHAIN_ID, 0, 10**9))
        database.close()
        disk_bytes = sum(file.stat().st_size for file in Path(folder).iterdir())
    for endpoint in endpoints:
        await endpoint.close()
    if stored != LOGS:
        raise RuntimeError(f"{stored} of {LOGS} logs were stored")
    return Ingestion(
        wall_s=wall_s,
        cpu_s=cpu_s,
        queries=tuple(endpoints[0].queries),
        requests_count=sum(endpoint.counters.requests_count for endpoint in endpoints),
        received_bytes=sum(endpoint.counters.received_bytes for endpoint in endpoints),
        disk_bytes=disk_bytes,
    )


async def call_bare(port: int, queries: Sequence[Any]) -> Cost:
    """Return what the same ranges cost one client of one endpoint, bodies read and thrown away."""
    async with httpx.AsyncClient(timeout=60, headers={"content-type": "application/json"}) as client:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        for params in queries:
            body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": params})
            response = await client.post(f"http://127.0.0.1:{port}", content=body)
            if b'"result"' not in response.content[:200]:
                raise RuntimeError(f"the bare call failed: {response.text[:200]}")
        return Cost(wall_s=time.perf_counter() - wall_s, cpu_s=time.process_time() - cpu_s)


def call_web3(params: ChainParams, port: int) -> float:
    """Return the seconds that web3.py takes a log: one endpoint, decoded, nothing stored. Raises: RuntimeError if a log is missing."""
    from web3 import Web3

    web3 = Web3(Web3.HTTPProvider(f"http://127.0.0.1:{port}", request_kwargs={"timeout": 60}))
    pool = web3.eth.contract(address=Web3.to_checksum_address(to_hex(params.markets[0].market)), abi=SUPPLY_ABI)
    web3.eth.get_block_number()
    started_s = time.perf_counter()
    found = pool.events.Supply().get_logs(from_block=2, to_block=1 + PEER_LOGS // LOGS_PER_BLOCK)
    wall_s = time.perf_counter() - started_s
    if len(found) != PEER_LOGS:
        raise RuntimeError(f"web3.py found {len(found)} of {PEER_LOGS} logs")
    return wall_s / PEER_LOGS


async def measure_ingestion() -> list[Figure]:
    """Return every figure of ingestion, from one anvil."""
    with tempfile.TemporaryDirectory() as folder:
        chain = await AnvilChain.start(CHAIN_ID, directory=Path(folder), genesis_s=GENESIS_S)
        try:
            params = await fill_chain(chain, blocks_count=LOGS // LOGS_PER_BLOCK, logs_per_block=LOGS_PER_BLOCK)
            once, twice, bare = [], [], []
            for _ in range(RUNS):
                once.append(await ingest(params, chain.port, decodes_once=True))
                bare.append(await call_bare(chain.port, once[-1].queries))
                twice.append(await ingest(params, chain.port, decodes_once=False))
            web3_s = await asyncio.to_thread(call_web3, params, chain.port)
        finally:
            await chain.stop()
    return list(_make_figures(once, twice, bare, web3_s))


def _make_figures(
    once: Sequence[Ingestion], twice: Sequence[Ingestion], bare: Sequence[Cost], web3_s: float
) -> Iterator[Figure]:
    name = f"ingestion, {LOGS:,} logs"
    best_s, both_s = (min(run.wall_s for run in runs) for runs in (once, twice))
    limit = Peer(
        name=f"{TIMES_BARE} bare HTTP calls of the same ranges", value=TIMES_BARE * min(cost.wall_s for cost in bare)
    )
    client = Peer(name="one bare client of the same ranges, bodies thrown away", value=min(cost.cpu_s for cost in bare))
    web3 = Peer(name="web3.py 8 contract.events.Supply().get_logs, one endpoint, nothing stored", value=1 / web3_s)
    yield Figure(name=f"{name}, equal answers decoded once", value=best_s, unit="s", peer=limit)
    yield Figure(name=f"{name}, both answers decoded", value=both_s, unit="s", peer=limit)
    yield Figure(name=f"{name}, CPU of the node", value=min(run.cpu_s for run in once), unit="CPU s", peer=client)
    yield Figure(name="ingestion, first sync", value=LOGS / best_s, unit="logs/s", peer=web3, more_is_better=True)


def main() -> None:
    """Print how busy the machine is, and the figures."""
    print(describe_machine())
    for figure in asyncio.run(measure_ingestion()):
        peer = f"{figure.peer.value:.3g} ({figure.peer.name})"
        print(f"{figure.name}: {figure.value:.3g} {figure.unit}, peer {peer}, ratio {figure.ratio:.3g}")


if __name__ == "__main__":
    main()
