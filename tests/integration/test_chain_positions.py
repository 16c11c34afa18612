"""The chain room against the real Aave v3 on anvil: positions from logs alone, and endpoints that lie."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from oracle.chain.reader import fetch_histories
from oracle.domain.ids import borrower_subject, contract_borrower_subject, parse_address
from oracle.domain.report import Cut
from oracle.domain.units import ChainId, Epoch, TimestampS
from oracle.errors import PastFinalityReorgError
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.relay import Relay
from oracle.sandbox.world import World, start_world
from tests.integration.chain_world import (
    EPOCH_S,
    Readers,
    assert_equal_to_pool,
    make_config,
    mine_past_boundary,
    opened_readers,
    params_of,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A small world that mines only when told to."""
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as running:
        yield running


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    async with opened_readers() as opened:
        yield opened


async def test_positions__every_borrower_of_both_chains__equal_the_pool_to_the_last_digit(
    world: World, readers: Readers
) -> None:
    boundary_s = await mine_past_boundary(world)
    for entry in world.manifest.chains:
        reader = readers.open(entry)
        await reader.sync()

        cut = await reader.derive_cut(boundary_s)
        assert cut is not None
        ledger = await reader.project(cut, boundary_s)

        assert ledger.block_time_s == boundary_s - 7
        assert await assert_equal_to_pool(world, entry, ledger) >= TINY_HISTORY.borrowers_per_chain // 2


async def test_histories__of_the_world__follow_the_code_rule_and_repeat(world: World, readers: Readers) -> None:
    boundary_s = await mine_past_boundary(world)
    config = make_config([params_of(entry) for entry in world.manifest.chains])

    async def observe() -> Any:
        by_chain = {ChainId(e.chain_id): readers.open(e) for e in world.manifest.chains}
        cuts = [await reader.derive_cut(boundary_s) for reader in by_chain.values()]
        chains = tuple(c for c in cuts if c is not None)
        return await fetch_histories(config, by_chain, Cut(epoch=Epoch(boundary_s // EPOCH_S), chains=chains))

    first, second = await observe(), await observe()

    listed = {h.subject for h in first.borrowers}
    contracts = [b for b in world.manifest.borrowers if b.has_code]
    delegated = [b for b in world.manifest.borrowers if b.is_delegated]
    expected = {contract_borrower_subject(ChainId(i), parse_address(b.address)) for b in contracts for i in b.chain_ids}
    assert first == second
    assert listed & expected
    assert listed.isdisjoint(borrower_subject(parse_address(b.address)) for b in contracts)
    assert listed & {borrower_subject(parse_address(b.address)) for b in delegated}
    assert len(first.collaterals) == len(config.pairs)
    assert any(len({p.chain_id for p in h.positions}) == 2 for h in first.borrowers)


async def test_sync__second_endpoint_drops_logs__is_proven_wrong_or_outvoted(world: World, readers: Readers) -> None:
    (entry, _) = world.manifest.chains

    def drop_last_log(request: bytes, answer: bytes) -> bytes:
        if b"eth_getLogs" not in request:
            return answer
        body = orjson.loads(answer)
        body[0]["result"] = body[0]["result"][:-1]
        return orjson.dumps(body)

    relay = Relay(world.chain(entry.chain_id).url, fault=drop_last_log)
    await relay.start()
    try:
        of_two = readers.open(entry, [entry.rpc_urls[0], relay.url])
        of_three = readers.open(entry, [entry.rpc_urls[0], relay.url, entry.rpc_urls[1]])
        await of_two.sync()
        await of_three.sync()
    finally:
        await relay.stop()
    liar = relay.url.removeprefix("http://")
    assert set(of_two.chain.disagreements) == set(of_three.chain.disagreements) == {liar}


async def test_sync__finalised_blocks_replaced__alarms_and_recovers(world: World, readers: Readers) -> None:
    (entry, _) = world.manifest.chains
    chain = world.chain(entry.chain_id)
    reader = readers.open(entry)
    await reader.sync()
    snapshot = await world.snapshot()
    await world.set_price("WETH", 1_000 * 10**8)
    await world.mine(6)
    head = await reader.sync()

    await world.revert(snapshot)
    _, head_s = await chain.fetch_head()
    for later_s in range(50, 150, 12):
        await chain.mine(head_s + later_s)
    with pytest.raises(PastFinalityReorgError) as caught:
        await reader.sync()
    await reader.sync()

    assert caught.value.common_block_number < caught.value.block_number == head.number
    boundary_s = TimestampS(head_s + 50)
    cut = await reader.derive_cut(boundary_s)
    assert cut is not None
    ledger = await reader.project(cut, boundary_s)
    assert ledger.prices.latest[parse_address(entry.token("WETH").address)] != 1_000 * 10**8
    await assert_equal_to_pool(world, entry, ledger)


async def test_sync__two_at_once__store_every_range_once(world: World, readers: Readers) -> None:
    (entry, _) = world.manifest.chains
    reader = readers.open(entry)

    first, second = await asyncio.gather(reader.sync(), reader.sync())

    assert first.number == second.number == reader.indexer.indexed_block
