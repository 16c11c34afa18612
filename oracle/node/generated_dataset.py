"""Canonical datasets of generated worlds: what `borrower-sandbox-1` is trained on. Run by `make train-sandbox`.

Seeds and end are fixed, so the same code gives the same datasets; none is the demo's seed, so that the demo's borrowers are new to the model.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from oracle.node.export_command import export_dataset
from oracle.node.provision import provision_sandbox
from oracle.node.settings import load_settings
from oracle.sandbox.config import HistorySpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.world import start_world

END_S = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
SEEDS = (101, 102, 103, 104)
CUT_DAYS = 5


async def write_generated_dataset(out: Path, spec: HistorySpec) -> dict[str, int]:
    """Build or load the world, read it through its endpoints as a node does, and write the dataset with a cut every five days of its history."""
    borrower_model, collateral_model = find_sandbox_models()
    with tempfile.TemporaryDirectory() as scratch:
        config = SandboxConfig(
            history=spec,
            borrower_model=borrower_model,
            collateral_model=collateral_model,
            run_directory=Path(scratch) / "world",
            max_cache_age_days=10_000,
        )
        async with await start_world(config) as world:
            members = provision_sandbox(world.manifest, Path(scratch) / "nodes")
            settings = load_settings(members[0].config_path)
            end_s = min(chain.history_end_s for chain in world.manifest.chains)
            epoch = end_s // config.committee.epoch_seconds
            name = f"generated activity, seed {spec.seed}"
            return await export_dataset(out, name, settings, epoch=epoch, cuts=None, every_days=CUT_DAYS)


def main() -> None:
    """Write one folder a seed and print how many rows each has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the datasets' folders")
    out: Path = parser.parse_args().out
    for seed in SEEDS:
        rows = asyncio.run(write_generated_dataset(out / f"seed-{seed}", HistorySpec(seed=seed, end_s=END_S)))
        print(f"seed {seed}: " + ", ".join(f"{count} {what}" for what, count in rows.items()), flush=True)


if __name__ == "__main__":
    main()
