"""The demo from start to end: each stage shows one thing, checks it, and adds it to the record."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oracle.sandbox import run_lock
from oracle.sandbox.artifacts import REPOSITORY
from oracle.sandbox.config import SandboxConfig
from oracle.sandbox.demo import committee_stages, market_stages, replayed_stages, serving
from oracle.sandbox.demo.committee import Committee
from oracle.sandbox.demo.record import describe_chains, describe_nodes, write_record
from oracle.sandbox.demo.session import Demo
from oracle.sandbox.demo.setting import DemoSetting
from oracle.sandbox.demo.view import DemoView
from oracle.sandbox.world import World, start_world

BUILD = REPOSITORY / "build"
RECORD_PATH = BUILD / "demo.json"
LOCK_PATH = BUILD / "demo.lock"


async def run_demo(view: DemoView, setting: DemoSetting, *, serve: bool) -> None:
    """Run every stage on a setting's world; with `serve` stay up afterwards.

    Raises: DemoFailedError if something that should hold does not.
    """
    with only_one_demo():
        await _run_demo(view, setting, serve=serve)


async def _run_demo(view: DemoView, setting: DemoSetting, *, serve: bool) -> None:
    directory = BUILD / "demo"
    shutil.rmtree(directory, ignore_errors=True)
    with view.stage("world", setting.world_title):
        world = await _start_world(view, setting, directory)
    async with world:
        with view.stage("committee", "A committee: four nodes, four keys, four databases; node 3 lies"):
            committee = await Committee.provision(world.manifest_path, directory / "nodes", setting.committee.n)
            record: dict[str, Any] = {
                "chains": describe_chains(world.manifest),
                "nodes": describe_nodes(committee, world.manifest),
                "committee": world.manifest.committee.model_dump() if world.manifest.committee else None,
            }
            demo = Demo(view=view, setting=setting, world=world, committee=committee, record=record)
            try:
                await committee_stages.start_committee(demo)
            except BaseException:
                await committee.stop_all()
                raise
        try:
            await _show_everything(demo)
            if serve:
                await serving.print_serving(demo)
                await _stay(demo)
        finally:
            await committee.stop_all()


async def _show_everything(demo: Demo) -> None:
    view = demo.view
    with view.stage("subject", "One borrower, from the blocks to the same root on both chains"):
        await committee_stages.show_subject(demo)
    if demo.setting.is_replayed:
        with view.stage(
            "out_of_time", "Probabilities of the recorded vaults, after everything that the model has seen"
        ):
            await replayed_stages.show_out_of_time(demo)
    with view.stage("liar", "A node that lies is named, and the report is what the honest ones say"):
        await committee_stages.show_liar(demo)
    with view.stage("restarts", "The liar restarted honest; another node killed and restarted from its database"):
        await committee_stages.show_restarts(demo)
    with view.stage("verify", "Anyone can recompute: green, and red after one flipped byte"):
        await committee_stages.show_verification(demo)
    with view.stage("loans", f"The same loan on chain {demo.second_chain.chain_id}, asked for by four borrowers"):
        await market_stages.show_loans(demo)
    with view.stage("crash", "A 30 % price crash, under static and under scored terms"):
        await market_stages.show_crash(demo)
    with view.stage("expiry", "Old scores: floor terms, then no new loans; repayment always works"):
        await market_stages.show_expiry(demo)
    demo.record["stage_seconds"] = view.stage_seconds
    demo.record["total_seconds"] = round(view.elapsed_s, 1)
    write_record(RECORD_PATH, demo.record)
    view.console.print()
    view.console.print(
        f"[bold green]Done in {view.elapsed_s:.0f} s.[/] Everything above is in {RECORD_PATH.relative_to(REPOSITORY)}."
    )


async def _start_world(view: DemoView, setting: DemoSetting, directory: Path) -> World:
    config = SandboxConfig(
        history=setting.history,
        committee=setting.committee,
        borrower_model=setting.borrower_model,
        collateral_model=setting.collateral_model,
        run_directory=directory / "world",
    )
    with view.waiting(setting.loading):
        world = await start_world(config, on_progress=view.progress("blocks of history"))
    for report in world.manifest.activity:
        view.say(
            f"chain {report.chain_id}: {report.transactions:,} transactions in {report.blocks:,} blocks, "
            f"{report.liquidations} liquidations of {report.liquidated_borrowers} borrowers, "
            f"{report.failed_transactions} failed transactions"
        )
    if setting.is_replayed:
        replayed_stages.describe_replay(view, world)
        return world
    has_code = sum(borrower.has_code for borrower in world.manifest.borrowers)
    on_both = sum(len(borrower.chain_ids) > 1 for borrower in world.manifest.borrowers)
    view.say(
        f"{len(world.manifest.borrowers)} borrowers: {on_both} on both chains, {has_code} of them contracts; "
        f"explore with [cyan]assay sandbox up[/]"
    )
    return world


async def _stay(demo: Demo) -> None:
    """Keep prices fresh until Ctrl-C."""
    while True:
        await asyncio.sleep(300)
        await demo.world.refresh_prices()
        demo.committee.require_alive()


@contextmanager
def only_one_demo() -> Iterator[None]:
    """Hold the lock of this checkout's demo. Raises: SandboxBusyError if another one runs: it would lose its files."""
    BUILD.mkdir(exist_ok=True)
    with run_lock.hold(LOCK_PATH, "demo"):
        yield


def wants_to_serve() -> bool:
    """Return whether `SERVE=1` was given."""
    return os.environ.get("SERVE", "") not in ("", "0")
