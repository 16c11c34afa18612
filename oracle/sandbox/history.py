"""Builds a world's history and keeps it as anvil state under its key; the same key is built once.

The key is a digest of the sandbox's code, the artifacts that are deployed, and the spec (for a replay, of its data and the protocols' roundings as well). Call
traces, four fifths of a dump, are dropped: blocks, receipts, logs and accounts stay as they were.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import orjson

from oracle.domain.units import DAY_S, HOUR_S
from oracle.sandbox.aave import Deployer
from oracle.sandbox.activity import LATEST_ACTION_S, ChainActivity
from oracle.sandbox.artifacts import AAVE_ARTIFACTS, load_forge_artifact
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.config import HistorySpec
from oracle.sandbox.deploy import BaseDeployment, deploy_base
from oracle.sandbox.manifest import ActivityReport, BorrowerEntry, ChainEntry, WorldManifest
from oracle.sandbox.manifest_entries import (
    describe_accounts,
    describe_borrowers,
    describe_chain,
    describe_representatives,
    merge_borrowers,
)
from oracle.sandbox.morpho import MORPHO_ARTIFACTS
from oracle.sandbox.population import Borrower, generate_population
from oracle.sandbox.prices import PriceStep, generate_price_path
from oracle.sandbox.replay.dataset import digest_dataset
from oracle.sandbox.replay.spec import ReplaySpec

ROOM = Path(__file__).resolve().parent
MODULES_WITHOUT_HISTORY = (
    "relay.py",
    "relay_process.py",
    "commands.py",
    "display.py",
    "world.py",
    "assay.py",
    "__main__.py",
)
PROTOCOLS = ROOM.parent / "chain" / "protocols"
PLANNED_WITH = (PROTOCOLS / "aave_v3" / "rays.py", PROTOCOLS / "morpho_blue" / "shares.py")
"""The protocols' roundings that a replay plans with, of another room."""
DEPLOYED_BY_FORGE = ("SandboxToken", "ScriptedFeed", "ForwardingAccount", "FeedPairOracle", "ScriptedIrm")
MANIFEST_FILE = "world.json"
END_LAG_S = LATEST_ACTION_S + 180
"""The history's last full hour is at least this long ago: no action after it lies in the future, and the blocks that follow have room."""
SETUP_S = HOUR_S
KEPT_HISTORIES = 8

Progress = Callable[[int, int, int], None]
"""Called with (chain id, price step, price steps)."""


def compute_world_key(spec: HistorySpec | ReplaySpec) -> str:
    """Return the key of a history: 16 hex digits.

    Raises:
        ConfigurationError: if the data of a replay are not there.
    """
    chosen, modules = asdict(spec), sorted(ROOM.glob("*.py"))
    if isinstance(spec, ReplaySpec):
        del chosen["checkpoint_steps"]
        chosen["dataset"] = digest_dataset(spec.dataset)
        modules += sorted((ROOM / "replay").glob("*.py"))
        modules += [*PLANNED_WITH, *sorted(MORPHO_ARTIFACTS.glob("*.json"))]
    digest = hashlib.sha256(orjson.dumps(chosen, option=orjson.OPT_SORT_KEYS))
    for path in modules:
        if path.name not in MODULES_WITHOUT_HISTORY:
            digest.update(path.read_bytes())
    for name in DEPLOYED_BY_FORGE:
        digest.update(load_forge_artifact(name).code_hex.encode())
    digest.update((AAVE_ARTIFACTS.parent.parent / "package.json").read_bytes())
    return digest.hexdigest()[:16]


async def ensure_history(
    spec: HistorySpec | ReplaySpec, cache: Path, *, max_age_days: int, on_progress: Progress | None = None
) -> Path:
    """Return the folder of the history, built now if it is missing or older than `max_age_days`."""
    key = compute_world_key(spec)
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / key
    if is_fresh(folder, spec, max_age_days):
        return folder
    async with _lock(cache / f"{key}.lock"):
        if not is_fresh(folder, spec, max_age_days):
            building = cache / f"{key}.building"
            manifest = await build_or_resume(spec, building, key=key, on_progress=on_progress)
            manifest.write(building / MANIFEST_FILE)
            shutil.rmtree(folder, ignore_errors=True)
            building.rename(folder)
            forget_oldest(cache, keep=KEPT_HISTORIES)
    return folder


async def build_or_resume(
    spec: HistorySpec | ReplaySpec, building: Path, *, key: str, on_progress: Progress | None
) -> WorldManifest:
    """Build in a folder of its own: a replay goes on from the checkpoints that are there, a generated history starts over."""
    if isinstance(spec, ReplaySpec):
        # Imported here: it uses this module's constants, and a generated history needs nothing of it.
        from oracle.sandbox.replay.build import build_replay

        building.mkdir(parents=True, exist_ok=True)
        return await build_replay(spec, building, key=key, on_progress=on_progress)
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    return await build_history(spec, building, key=key, on_progress=on_progress)


def forget_oldest(parent: Path, *, keep: int) -> None:
    """Remove all but the newest folders of `parent`, by the time they were made."""
    folders = sorted((p for p in parent.iterdir() if p.is_dir()), key=lambda path: path.stat().st_mtime)
    for folder in folders[:-keep]:
        shutil.rmtree(folder, ignore_errors=True)


def is_fresh(folder: Path, spec: HistorySpec | ReplaySpec, max_age_days: int) -> bool:
    """Return whether a finished history is there whose end is recent enough, or was fixed by the caller."""
    if not (folder / MANIFEST_FILE).is_file():
        return False
    end_s = WorldManifest.read(folder / MANIFEST_FILE).chains[0].history_end_s
    return spec.end_s is not None or time.time() - end_s < max_age_days * DAY_S


def state_path(folder: Path, chain_id: int) -> Path:
    """Return where the state of a chain lies in a history's folder."""
    return folder / f"state-{chain_id}.json"


def find_last_hour_s(spec: HistorySpec, now_s: int) -> int:
    """Return the full hour at which prices move last."""
    end_s = spec.end_s if spec.end_s is not None else now_s - END_LAG_S
    return end_s // HOUR_S * HOUR_S


async def build_history(
    spec: HistorySpec, folder: Path, *, key: str, on_progress: Progress | None = None
) -> WorldManifest:
    """Generate all chains at the same time, write their states to `folder` and return the manifest without URLs."""
    first_s = find_last_hour_s(spec, int(time.time())) - spec.days * DAY_S
    path = generate_price_path(spec.seed, first_hour_s=first_s, days=spec.days)
    population = generate_population(
        spec.seed, spec.chain_ids, per_chain=spec.borrowers_per_chain, on_all_chains=spec.borrowers_on_all_chains,
        contracts_per_chain=spec.contracts_per_chain,
    )  # fmt: skip
    built = await asyncio.gather(
        *(_build_chain(spec, chain_id, folder, path, population, on_progress) for chain_id in spec.chain_ids)
    )
    borrowers = merge_borrowers([entry for _, entries, _ in built for entry in entries])
    return WorldManifest(
        seed=spec.seed,
        world_key=key,
        chains=tuple(chain for chain, _, _ in built),
        accounts=(*describe_accounts(spec), *describe_representatives(population, borrowers, spec.seed)),
        borrowers=borrowers,
        activity=tuple(report for _, _, report in built),
    )


async def _build_chain(
    spec: HistorySpec, chain_id: int, folder: Path, path: Sequence[PriceStep], population: Sequence[Borrower],
    on_progress: Progress | None,
) -> tuple[ChainEntry, list[BorrowerEntry], ActivityReport]:  # fmt: skip
    chain = await AnvilChain.start(chain_id, directory=folder, genesis_s=path[0].time_s - SETUP_S)
    try:
        base = await deploy_base(
            chain, seed=spec.seed, prices_usd_e8=path[0].prices_usd_e8, liquidity_scale=max(0.3, spec.borrowers_per_chain / 200)
        )  # fmt: skip
        activity = ChainActivity(chain, base, seed=spec.seed, borrowers=population)
        report = await activity.run(path, await _resume_deployer(chain, base), on_progress)
        block, time_s = await chain.fetch_head()
        await chain.dump_state(state_path(folder, chain_id))
    finally:
        await chain.stop()
    entry = describe_chain(
        chain_id,
        base,
        path[-1].prices_usd_e8,
        history_start_s=path[0].time_s,
        history_end_s=time_s,
        history_end_block=block,
    )
    return entry, describe_borrowers(chain_id, activity), report


async def _resume_deployer(chain: AnvilChain, base: BaseDeployment) -> Deployer:
    _, head_s = await chain.fetch_head()
    nonce = int(await chain.rpc("eth_getTransactionCount", base.deployer.address, "latest"), 16)
    return Deployer(chain=chain, address=base.deployer.address, clock_s=head_s, nonce=nonce)


@asynccontextmanager
async def _lock(path: Path) -> AsyncIterator[None]:
    """Let one build at a time go on, of this process or another."""
    with path.open("w") as handle:
        await asyncio.to_thread(fcntl.flock, handle, fcntl.LOCK_EX)
        yield
