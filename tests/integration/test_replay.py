"""A few real vaults on the real Aave: what the data say happens, what could not be replayed is named, a killed replay goes on."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from oracle.domain.event import EventKind
from oracle.domain.ids import BTC, ETH, parse_address, to_hex
from oracle.sandbox.assay import Models, build_committee, describe_committee
from oracle.sandbox.config import CommitteeSpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.history import MANIFEST_FILE, build_or_resume, state_path
from oracle.sandbox.manifest import WorldManifest
from oracle.sandbox.replay.report import ReplayReport
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.world import World, start_world
from tests.integration.chain_world import mine_past_boundary, opened_readers, params_of
from tests.integration.data_folder import find_data_folder
from tests.integration.maker_skew import compare_maker

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
DAYS, VAULTS = 20, 12
DAY_S = 86_400
ANSWER_UPDATED = "0x0559884fd3a460db3073b7fc896cc77986f16e378210ded43186175bf646fc5f"
LIQUIDATION_CALL = "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"
# Vault 16123 of the data: 0.4421 ETH against 100 DAI, auctioned at 2020-10-30 06:01:54 UTC.
LIQUIDATED_VAULT, LIQUIDATED_S = 16_123, 1_604_037_714


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """The first vaults and days of the data; its history is replayed by whichever test comes first."""
    spec = ReplaySpec(dataset=find_data_folder(), limit=VAULTS, days=DAYS)
    async with await start_world(SandboxConfig(history=spec, block_interval_s=0)) as running:
        yield running


async def test_replay__first_vaults__says_where_it_comes_from_and_what_it_left_out(world: World) -> None:
    replay, report = world.manifest.replay, ReplayReport.read(world.directory)
    assert replay is not None

    left_out = [r for v in report.vaults for r in v.remarks if r.outcome in ("skipped", "dropped")]

    assert (replay.vaults, replay.liquidated_vaults, replay.is_synthetic) == (VAULTS, 1, False)
    assert replay.shift_s % DAY_S == 0
    assert 0 <= time.time() - (replay.data_end_s + replay.shift_s) < 2 * DAY_S
    assert replay.rows == replay.replayed_rows + len(left_out)
    assert [a.failed_transactions for a in world.manifest.activity] == [0, 0]
    vaults = [b for b in world.manifest.borrowers if b.behaviour == "vault"]
    assert {b.vault_id for b in vaults} == {v.vault_id for v in report.vaults}


async def test_replay__liquidated_vault__at_its_second_and_the_implied_price_is_gone_again(world: World) -> None:
    replay = world.manifest.replay
    assert replay is not None
    (vault,) = [b for b in world.manifest.borrowers if b.vault_id == LIQUIDATED_VAULT]
    chain = world.manifest.chain(vault.chain_ids[0])
    rpc = world.chain(chain.chain_id).rpc

    (call,) = await rpc("eth_getLogs", {"fromBlock": "0x0", "address": chain.aave.pool, "topics": [LIQUIDATION_CALL]})
    in_block = {"fromBlock": call["blockNumber"], "toBlock": call["blockNumber"]}
    feed = chain.token("WETH").feed
    answers = await rpc("eth_getLogs", {**in_block, "address": feed, "topics": [ANSWER_UPDATED]})
    before = await rpc(
        "eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(int(call["blockNumber"], 16) - 1), "address": feed}
    )

    assert int(call["blockTimestamp"], 16) == LIQUIDATED_S + replay.shift_s
    assert int(call["topics"][3], 16) == int(vault.address, 16)
    posted, restored = (int(log["topics"][1], 16) for log in answers)
    assert posted < restored == int(before[-1]["topics"][1], 16)
    assert vault.debt_usd == 0


async def test_replay__first_borrowers_of_morpho__hold_and_owe_what_the_rows_say(world: World) -> None:
    report, (_, entry) = ReplayReport.read(world.directory).morpho, world.manifest.chains
    assert report is not None
    borrowers = {parse_address(b.address): b for b in world.manifest.borrowers if b.behaviour == "morpho"}
    async with opened_readers() as readers:
        reader = readers.open(entry)
        boundary_s = await mine_past_boundary(world)
        await reader.sync()
        cut = await reader.derive_cut(boundary_s)
        assert cut is not None
        ledger = await reader.project(cut, boundary_s)

    states = [s for s in ledger.compute_states() if s.position.protocol == "morpho_blue"]
    owed = dict.fromkeys(borrowers, 0)
    for state in states:
        owed[state.position.account] += state.position.debts[0].amount
    rows = {(o.kind, o.reason): o.rows for o in report.outcomes}

    # Two of the twelve do nothing in the first twenty days.
    assert (report.borrowers, report.refused) == (VAULTS - 2, 0)
    assert report.shift_s % DAY_S == 0
    assert {account: amount // 10**6 for account, amount in owed.items()} == {
        account: b.debt_usd for account, b in borrowers.items()
    }
    assert rows["borrow", "replayed"] == sum(
        e.kind is EventKind.BORROW for account in borrowers for e in ledger.get_events(account)
    )
    assert rows["collateral", "replayed"] == sum(
        e.kind is EventKind.SUPPLY for account in borrowers for e in ledger.get_events(account)
    )


async def test_replay__synthetic_mode__says_so_and_every_fourth_owner_is_on_both_chains(tmp_path: Path) -> None:
    spec = ReplaySpec(dataset=find_data_folder(), limit=VAULTS, days=DAYS, both_chains=True)

    manifest = await build_or_resume(spec, tmp_path / "history", key="key", on_progress=None)

    assert manifest.replay is not None
    assert manifest.replay.is_synthetic
    homes = {b.vault_id: len(b.chain_ids) for b in manifest.borrowers if b.vault_id is not None}
    assert [homes[vault_id] for vault_id in sorted(homes)] == [2, 1, 1, 1] * 3
    assert [activity.failed_transactions for activity in manifest.activity] == [0, 0]


async def test_replay__committee_of_its_world__indexes_both_protocols_of_the_second_chain(world: World) -> None:
    models = [path for path in find_sandbox_models() if path is not None]
    entry = describe_committee(CommitteeSpec(), world.manifest, Models.read(*models), from_epoch=1)

    first, second = build_committee(world.manifest.model_copy(update={"committee": entry})).params.chains

    assert [m.protocol for m in first.markets] == ["aave_v3"]
    assert {m.protocol for m in second.markets} == {"aave_v3", "morpho_blue", "morpho_blue_market"}
    morpho = world.manifest.chains[1].morpho
    assert morpho is not None
    assert [to_hex(m.market) for m in second.markets if m.protocol == "morpho_blue_market"] == sorted(
        m.market_id[: len("0x") + 2 * 20] for m in morpho.markets
    )
    assert second == params_of(world.manifest.chains[1])
    # Ether and bitcoin are still measured by the vaults' own tokens.
    for numeraire, symbol in ((ETH, "WETH"), (BTC, "WBTC")):
        assert second.wrapped_token(numeraire) == parse_address(world.manifest.chains[1].token(symbol).address)


def digest_logs(folder: Path) -> dict[int, str]:
    """Return a digest of every log of each chain's state, and of every account; block hashes differ between runs of anvil."""
    digests = {}
    for chain in WorldManifest.read(folder / MANIFEST_FILE).chains:
        state = orjson.loads(state_path(folder, chain.chain_id).read_bytes())
        logs = sorted(
            (int(t["block_number"]), t["info"]["transaction_index"], i, log["address"], log["topics"], log["data"])
            for t in state["transactions"]
            for i, log in enumerate(t["receipt"]["logs"])
        )
        accounts = sorted((a, v["nonce"], v["storage"]) for a, v in state["accounts"].items())
        digests[chain.chain_id] = hashlib.sha256(
            orjson.dumps([logs, accounts], option=orjson.OPT_SORT_KEYS)
        ).hexdigest()
    return digests


BUILD = """
import asyncio, sys
from pathlib import Path
from oracle.sandbox.history import build_or_resume, MANIFEST_FILE
from oracle.sandbox.replay.spec import ReplaySpec
spec = ReplaySpec(dataset=Path(sys.argv[1]), limit=12, days=20, end_s=int(sys.argv[3]), checkpoint_steps=100)
manifest = asyncio.run(build_or_resume(spec, Path(sys.argv[2]), key="key", on_progress=None))
manifest.write(Path(sys.argv[2]) / MANIFEST_FILE)
"""


async def test_replay__killed_on_its_way__goes_on_to_the_same_end(tmp_path: Path) -> None:
    data, end_s = find_data_folder(), int(time.time()) - 600
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    spec = ReplaySpec(dataset=data, limit=VAULTS, days=DAYS, end_s=end_s, checkpoint_steps=10**9)
    (await build_or_resume(spec, whole, key="key", on_progress=None)).write(whole / MANIFEST_FILE)

    command = [sys.executable, "-c", BUILD, str(data), str(broken), str(end_s)]
    killed = await asyncio.create_subprocess_exec(*command)
    while not all((broken / f"checkpoint-{chain_id}.json").is_file() for chain_id in spec.chain_ids):
        assert killed.returncode is None, "the replay ended before it could be killed"
        await asyncio.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    unfinished = not (broken / MANIFEST_FILE).is_file()
    resumed = await asyncio.create_subprocess_exec(*command)
    assert await resumed.wait() == 0

    assert unfinished
    assert digest_logs(broken) == digest_logs(whole)
    assert not list(broken.glob("checkpoint-*"))
    assert ReplayReport.read(broken).transactions == ReplayReport.read(whole).transactions


async def test_replay__first_vaults__are_to_the_node_what_the_maker_adapter_says(world: World) -> None:
    comparison = await compare_maker(world, find_data_folder(), cuts=3, every_days=5)

    assert comparison.different == {}
    assert len(comparison.equal) >= 10
