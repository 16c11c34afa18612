"""A tiny world, alive: the deployed Aave is the real one, histories repeat, the second start is quick, faults are named."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from oracle.sandbox.config import TINY_HISTORY, HistorySpec, SandboxConfig
from oracle.sandbox.history import build_history, compute_world_key, state_path
from oracle.sandbox.jsonrpc import JsonRpc, Transaction, encode_call
from oracle.sandbox.manifest import WorldManifest
from oracle.sandbox.relay import Relay
from oracle.sandbox.world import World, start_world

pytestmark = pytest.mark.anyio
CHAIN = 31_337
MAX_UINT = 2**256 - 1
ACCOUNT_DATA = ("uint256",) * 6
# Topics of Aave v3's IPool events.
SUPPLY = "0x2b627736bca15cd5381dcf80b0bf11fd197d01a037c52b927a881a10fb73ba61"
BORROW = "0xb3d084820fb1a9decffb176436bd02558d15fac9b0ddfed8c465bc7359d7dce0"
REPAY = "0xa534c8dbe71f871f9f3530e97a74601fea17b426cae02e1c5aee42c96c784051"
LIQUIDATION_CALL = "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A small world that mines only when told to; its history is built by whichever test comes first."""
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as running:
        yield running


def from_user(world: World, to: str, signature: str, *arguments: object) -> Transaction:
    return Transaction(
        sender=world.manifest.account("integrator").address, to=to, data=encode_call(signature, *arguments)
    )


async def fetch_account(world: World, address: str) -> tuple[Any, ...]:
    pool = world.manifest.chain(CHAIN).aave.pool
    return await world.chain(CHAIN).read(pool, "getUserAccountData(address)", address, returns=ACCOUNT_DATA)


async def borrow_against_weth(world: World, *, weth_wad: int, usdc_e6: int) -> list[str]:
    """The first integrator supplies and borrows; returns the receipts' statuses."""
    entry = world.manifest.chain(CHAIN)
    user = world.manifest.account("integrator").address
    weth, usdc, pool = entry.token("WETH").address, entry.token("USDC").address, entry.aave.pool
    receipts = await world.execute(
        CHAIN,
        [
            from_user(world, weth, "mint(address,uint256)", user, weth_wad),
            from_user(world, weth, "approve(address,uint256)", pool, MAX_UINT),
            from_user(world, pool, "supply(address,uint256,address,uint16)", weth, weth_wad, user, 0),
            from_user(world, pool, "borrow(address,uint256,uint256,uint16,address)", usdc, usdc_e6, 2, 0, user),
        ],
    )
    return [receipt["status"] for receipt in receipts]


async def test_history__tiny_world__holds_every_kind_of_aave_event_and_no_failure(world: World) -> None:
    topics: Counter[str] = Counter()
    for chain in world.manifest.chains:
        logs = await world.chain(chain.chain_id).rpc(
            "eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": chain.aave.pool}
        )
        topics.update(log["topics"][0] for log in logs)

    assert min(topics[topic] for topic in (SUPPLY, BORROW, REPAY, LIQUIDATION_CALL)) >= 2
    assert [report.failed_transactions for report in world.manifest.activity] == [0, 0]
    assert topics[LIQUIDATION_CALL] == sum(report.liquidations for report in world.manifest.activity)


async def test_pool__loan_on_known_prices__figures_by_hand(world: World) -> None:
    await world.set_price("WETH", 2_000 * 10**8, chain_id=CHAIN)
    await world.set_price("USDC", 1 * 10**8, chain_id=CHAIN)

    statuses = await borrow_against_weth(world, weth_wad=10 * 10**18, usdc_e6=10_000 * 10**6)
    collateral, debt, available, threshold, ltv, health = await fetch_account(
        world, world.manifest.account("integrator").address
    )

    assert statuses == ["0x1"] * 4
    assert (collateral, debt) == (20_000 * 10**8, 10_000 * 10**8)
    assert (ltv, threshold) == (8_050, 8_300)
    assert available == 6_100 * 10**8
    assert health == 1_660_000_000_000_000_000


async def test_pool__ask_above_ltv__refused(world: World) -> None:
    await world.set_price("WETH", 2_000 * 10**8, chain_id=CHAIN)

    statuses = await borrow_against_weth(world, weth_wad=10 * 10**18, usdc_e6=16_200 * 10**6)

    assert statuses == ["0x1", "0x1", "0x1", "0x0"]


async def test_pool__price_falls__liquidation_takes_bonus(world: World) -> None:
    entry = world.manifest.chain(CHAIN)
    user = world.manifest.account("integrator").address
    liquidator = world.manifest.account("liquidator").address
    weth, usdc, pool = entry.token("WETH"), entry.token("USDC"), entry.aave.pool
    await world.set_price("WETH", 2_000 * 10**8, chain_id=CHAIN)
    await world.set_price("USDC", 1 * 10**8, chain_id=CHAIN)
    await borrow_against_weth(world, weth_wad=10 * 10**18, usdc_e6=16_000 * 10**6)

    # 10 WETH at $1,900 with threshold 83 % against $16,000: health 0.9856, half of the debt may be repaid.
    await world.set_price("WETH", 1_900 * 10**8, chain_id=CHAIN)
    call = encode_call(
        "liquidationCall(address,address,address,uint256,bool)", weth.address, usdc.address, user, 8_000 * 10**6, False
    )
    receipts = await world.execute(
        CHAIN,
        [
            Transaction(
                sender=liquidator, to=usdc.address, data=encode_call("mint(address,uint256)", liquidator, 10**10)
            ),
            Transaction(
                sender=liquidator, to=usdc.address, data=encode_call("approve(address,uint256)", pool, MAX_UINT)
            ),
            Transaction(sender=liquidator, to=pool, data=call),
        ],
    )
    event = next(log for log in receipts[2]["logs"] if log["topics"][0] == LIQUIDATION_CALL)
    collateral, debt, *_ = await fetch_account(world, user)

    # $8,000 of debt buys $8,400 of WETH, of which a tenth of the bonus goes to the protocol.
    seized_wad = int(event["data"][66:130], 16)
    assert seized_wad == pytest.approx(8_360 / 1_900 * 10**18, rel=1e-9)
    assert debt == pytest.approx(8_000 * 10**8, abs=10**4)
    assert collateral == pytest.approx(10_600 * 10**8, abs=10**4)


async def test_manifest__contract_and_delegated_borrowers__code_on_chain_as_stated(world: World) -> None:
    for borrower in world.manifest.borrowers:
        code = await world.chain(borrower.chain_ids[0]).rpc("eth_getCode", borrower.address, "latest")

        assert (len(code) > 60, code.startswith("0xef0100")) == (borrower.has_code, borrower.is_delegated)


async def test_world__finalised_block__is_two_behind_the_head(world: World) -> None:
    await world.mine(3)

    number, _ = await world.chain(CHAIN).fetch_head()
    finalised = await world.chain(CHAIN).rpc("eth_getBlockByNumber", "finalized", False)

    assert int(finalised["number"], 16) == number - 2


async def test_world__snapshot_and_revert__price_is_back(world: World) -> None:
    before = await world.fetch_price("WETH", chain_id=CHAIN)

    snapshot = await world.snapshot()
    await world.set_price("WETH", before // 2)
    halved = await world.fetch_price("WETH", chain_id=31_338)
    await world.revert(snapshot)

    assert halved == before // 2
    assert await world.fetch_price("WETH", chain_id=CHAIN) == before


async def test_world__prices_after_start__are_as_new_as_the_clock(world: World) -> None:
    for token in world.manifest.chain(CHAIN).tokens:
        (updated_s,) = await world.chain(CHAIN).read(token.feed, "latestTimestamp()", returns=("uint256",))

        assert abs(time.time() - updated_s) < 60


async def test_world__relay__answers_what_the_chain_answers(world: World) -> None:
    direct, relayed = (JsonRpc(url) for url in world.manifest.chain(CHAIN).rpc_urls)

    query = {"fromBlock": "0x0", "toBlock": "0x40"}
    answers = [await client.call("eth_getLogs", query) for client in (direct, relayed)]
    await direct.close()
    await relayed.close()

    assert len(answers[0]) > 50
    assert answers[0] == answers[1]


async def test_relay__with_a_fault__client_gets_what_the_fault_returns(world: World) -> None:
    relay = Relay(world.chain(CHAIN).url, fault=lambda _request, answer: answer.replace(b"0x7a69", b"0x7a70"))
    await relay.start()
    client = JsonRpc(relay.url)

    chain_id = await client.call("eth_chainId")
    await client.close()
    await relay.stop()

    assert chain_id == "0x7a70"


async def test_start_world__second_time__is_quick_and_builds_nothing() -> None:
    config = SandboxConfig(history=TINY_HISTORY)
    async with await start_world(config) as first:
        key = first.manifest.world_key
    state = state_path(config.cache_directory / key, CHAIN)
    built_at = state.stat().st_mtime_ns

    started = time.monotonic()
    async with await start_world(config) as second:
        elapsed_s = time.monotonic() - started

        assert second.manifest.world_key == key
    assert state.stat().st_mtime_ns == built_at
    assert elapsed_s < 3.0


async def test_stop__running_world__ends_every_process(world: World) -> None:
    pids = [world.chain(chain_id).pid for chain_id in world.chain_ids]

    await world.stop()

    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_build_history__same_spec_twice__same_state_and_manifest(tmp_path: Path) -> None:
    spec = HistorySpec(
        chain_ids=(CHAIN,), borrowers_per_chain=12, borrowers_on_all_chains=4, contracts_per_chain=1, days=6,
        end_s=1_760_000_000,
    )  # fmt: skip
    manifests: list[WorldManifest] = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        manifests.append(await build_history(spec, tmp_path / name, key="key"))

    states = [orjson.loads(state_path(tmp_path / name, CHAIN).read_bytes()) for name in ("first", "second")]

    assert manifests[0] == manifests[1]
    assert manifests[0].activity[0].transactions > 300
    assert states[0]["accounts"] == states[1]["accounts"]


def test_compute_world_key__other_seed_or_days__other_key() -> None:
    spec = HistorySpec()

    keys = {compute_world_key(s) for s in (spec, replace(spec, seed=2), replace(spec, days=149), HistorySpec())}

    assert len(keys) == 3
