"""Chains and endpoints that are honest and inconvenient: blocks replaced before they are final, one that lags, states long forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from oracle.domain.ids import parse_address
from oracle.domain.units import TimestampS
from oracle.errors import SandboxRpcError
from oracle.node.observe import Scorers
from oracle.sandbox import faults
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.world import World, start_world
from tests.integration.chain_world import EPOCH_S, mine_past_boundary
from tests.integration.watching_node import PATIENCE_S, load_sandbox_scorers, watching

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def scorers() -> Scorers:
    return load_sandbox_scorers()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as running:
        yield running


async def test_cut__blocks_around_the_boundary_replaced_before_they_are_final__is_of_the_new_chain(
    world: World, tmp_path: Path, scorers: Scorers
) -> None:
    """The last cut stays, the next one is not derived from what may still go away."""
    chain = world.chain(world.chain_ids[0])
    first_s = await mine_past_boundary(world)
    second_s = TimestampS(first_s + 2 * EPOCH_S)
    async with watching(world, tmp_path, scorers) as node:
        first = await node.derive(first_s)
        snapshot = await chain.snapshot()
        await chain.mine(second_s - 9)
        replaced = (await chain.rpc("eth_getBlockByNumber", "latest", False))["hash"]
        await chain.mine(second_s + 3)

        looking = node.begin(second_s)
        await asyncio.sleep(0.5)
        during = node.events[1:]
        await chain.revert(snapshot)
        await world.set_price("WETH", 1_234 * 10**8)
        for later_s in (-5, 4, 16, 28, 40):
            await chain.mine(second_s + later_s)
        await asyncio.wait_for(looking, PATIENCE_S)
        second = node.events[1].cut  # type: ignore[union-attr]
        observed = await node.observer.observe(second)
        ledger = await node.reader.project(second.chains[0], second_s)

    (cut,) = second.chains
    assert during == []
    assert cut.block_number > first.chains[0].block_number
    assert "0x" + cut.block_hash.hex() != replaced
    assert ledger.block_time_s == second_s - 5
    assert ledger.prices.latest[parse_address(world.manifest.chains[0].token("WETH").address)] == 1_234 * 10**8
    assert observed.scores
    assert node.status.halted == ""


async def test_cut__one_of_two_endpoints_lags__waits_says_so_and_goes_on(
    world: World, tmp_path: Path, scorers: Scorers
) -> None:
    chain = world.chain(world.chain_ids[0])
    _, head_s = await chain.fetch_head()
    async with watching(world, tmp_path, scorers) as node:
        node.relays[1].fault = faults.Lag()
        await node.chain.fetch_finalised_head()
        boundary_s = TimestampS((head_s // EPOCH_S + 20) * EPOCH_S)
        for later_s in (-1, 5, 17, 29):
            await chain.mine(boundary_s + later_s)
        looking = node.begin(boundary_s)

        detail = await node.wait_for_trouble("endpoint_behind", "nothing is believed on the word of one")
        during = list(node.events)
        node.relays[1].fault = None
        await asyncio.wait_for(looking, PATIENCE_S)

        assert during == []
        assert node.endpoints[1].name in detail
        assert len(node.events) == 1
        assert node.health.troubles() == ()


async def test_cut__one_of_three_endpoints_lags__two_suffice(world: World, tmp_path: Path, scorers: Scorers) -> None:
    async with watching(world, tmp_path, scorers, endpoints=3) as node:
        node.relays[0].fault = faults.Lag()
        await node.chain.fetch_finalised_head()
        boundary_s = await mine_past_boundary(world)

        observed = await node.observe(boundary_s)

        assert observed.scores
        assert node.health.troubles() == ()


async def test_observe__endpoints_without_old_state__asks_for_code_at_the_cut_only(
    world: World, tmp_path: Path, scorers: Scorers
) -> None:
    """No archive node: the history's blocks have no state here, their logs and headers suffice."""
    chain, entry = world.chain(world.chain_ids[0]), world.manifest.chains[0]
    boundary_s = await mine_past_boundary(world)
    asked: set[tuple[str, str]] = set()

    def listen(request: bytes, answer: bytes) -> bytes:
        for call in orjson.loads(request):
            states = {"eth_call": 1, "eth_getCode": 1, "eth_getBalance": 1, "eth_getStorageAt": 2, "eth_getProof": 2}
            if call["method"] in states:
                asked.add((call["method"], call["params"][states[call["method"]]]))
        return answer

    with pytest.raises(SandboxRpcError, match="BlockOutOfRange"):
        await chain.rpc("eth_call", {"to": entry.aave.pool, "data": "0x"}, hex(entry.start_block + 50))
    async with watching(world, tmp_path, scorers) as node:
        for relay in node.relays:
            relay.fault = listen
        observed = await node.observe(boundary_s)

    cut_block = observed.cut.chains[0].block_number
    assert observed.scores
    assert asked == {("eth_call", "latest"), ("eth_getCode", hex(cut_block))}
