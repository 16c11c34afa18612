"""`assay snapshot` between two members of a committee on real chains: what one synced, the other imports and goes on from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from oracle.chain.rows import RowTuple
from oracle.domain.units import ChainId
from oracle.node.committee_file import read_committee
from oracle.node.provision import MemberFiles, provision_sandbox
from oracle.node.settings import load_settings
from oracle.node.stores import Stores
from oracle.node.wiring import open_chains
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig, find_sandbox_models
from oracle.sandbox.world import World, start_world
from tests.integration.committee_processes import CHAINS, run_assay

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    borrower_model, collateral_model = find_sandbox_models()
    config = SandboxConfig(
        history=TINY_HISTORY, block_interval_s=0, borrower_model=borrower_model, collateral_model=collateral_model
    )
    async with await start_world(config) as running:
        yield running


async def sync_rows(member: MemberFiles) -> dict[int, list[RowTuple]]:
    """Index every chain of a member up to its finalised head, as its node would, and return the rows."""
    settings = load_settings(member.config_path)
    stores = Stores.open(settings.database, hold=True)
    access = open_chains(settings, read_committee(settings.committee), stores.rows)
    try:
        for reader in access.readers.values():
            await reader.sync()
        return {chain: list(stores.rows.load_rows(ChainId(chain), 0, 10**9)) for chain in CHAINS}
    finally:
        for endpoint in access.all_endpoints:
            await endpoint.close()
        stores.database.close()


async def assay(*arguments: str) -> tuple[int, str]:
    finished = await asyncio.to_thread(run_assay, arguments)
    return finished.returncode, finished.stdout + finished.stderr


async def test_snapshot__exported_by_one_member__gives_another_the_same_rows_and_it_goes_on(
    world: World, tmp_path: Path
) -> None:
    first, second, *_ = provision_sandbox(world.manifest, tmp_path / "committee", log_format="json")
    synced = await sync_rows(first)
    folder = str(tmp_path / "snapshot")

    exported = await assay("snapshot", "export", folder, "--config", str(first.config_path))
    imported = await assay("snapshot", "import", folder, "--config", str(second.config_path), "--check-all")
    again = await assay("snapshot", "import", folder, "--config", str(second.config_path))

    assert exported[0] == 0, exported[1]
    assert imported[0] == 0, imported[1]
    assert imported[1].count("all digests hold") == len(CHAINS)
    assert again[1].count("neither checked nor stored") == len(CHAINS)
    for chain in world.chain_ids:
        await world.set_price("WETH", 1_500 * 10**8, chain_id=chain)
        for _ in range(4):
            await world.chain(chain).mine()
    rows = await sync_rows(first)
    assert await sync_rows(second) == rows != synced

    discarded = await assay("snapshot", "discard", str(CHAINS[0]), "--config", str(second.config_path))
    refused = await assay("snapshot", "discard", "5", "--config", str(second.config_path))

    assert (discarded[0], refused[0]) == (0, 1)
    assert "none of the committee's" in refused[1]
    assert await sync_rows(second) == rows


async def test_snapshot__of_another_world__is_refused_in_one_line(world: World, tmp_path: Path) -> None:
    first, second, *_ = provision_sandbox(world.manifest, tmp_path / "committee", log_format="json")
    await sync_rows(first)
    folder = tmp_path / "snapshot"
    await assay("snapshot", "export", str(folder), "--config", str(first.config_path))
    manifest = (folder / "manifest.json").read_text()
    hashes = [line for line in manifest.splitlines() if "last_block_hash" in line]
    (folder / "manifest.json").write_text(manifest.replace(hashes[0], hashes[1]))

    code, output = await assay("snapshot", "import", str(folder), "--config", str(second.config_path))

    assert code == 1
    assert "of another chain or of a fork" in output
    assert "Traceback" not in output
