"""`assay sandbox ...`: start a world for integrators and say where everything is."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as ProgressBar
from rich.progress import TimeElapsedColumn

from oracle.errors import OracleError
from oracle.sandbox.config import TINY_HISTORY, HistorySpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.display import print_world
from oracle.sandbox.replay.report import ReplayReport
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.world import World, start_world

app = typer.Typer(help="A local two-chain world with Aave v3, borrowers and Assay's contracts.", no_args_is_help=True)
REFRESH_S = 600.0
TABLE_WIDTH = 150
LAST_PORT = 65_535
EXIT_INTERRUPTED = 130


def check_ports(ports: tuple[int, int]) -> tuple[int, int]:
    """Return the ports. Raises: BadParameter if one is none."""
    for port in ports:
        if not 0 <= port <= LAST_PORT:
            raise typer.BadParameter(f"{port} is no port: give 0 to {LAST_PORT}, 0 for a free one")
    return ports


@app.callback()
def sandbox() -> None:
    """A local two-chain world with Aave v3, borrowers and Assay's contracts."""


@app.command()
def up(
    tiny: Annotated[bool, typer.Option(help="A small history (20 days, 26 borrowers), built in seconds.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of accounts, prices and behaviour.")] = 1,
    once: Annotated[bool, typer.Option("--once", "--exit", help="Leave after printing.")] = False,
    ports: Annotated[
        tuple[int, int],
        typer.Option(metavar="PORT PORT", callback=check_ports, help="Ports of the two chains, 0 for a free one."),
    ] = (0, 0),
    interval: Annotated[int, typer.Option(min=0, help="Seconds between blocks, 0 for none.")] = 1,
    directory: Annotated[Path | None, typer.Option(help="Where world.json and logs go.")] = None,
) -> None:
    """Start the world, print addresses, accounts and URLs, and stay until Ctrl-C."""
    borrower_model, collateral_model = find_sandbox_models()
    config = SandboxConfig(
        history=replace(TINY_HISTORY if tiny else HistorySpec(), seed=seed), ports=ports, block_interval_s=interval,
        run_directory=directory, borrower_model=borrower_model, collateral_model=collateral_model,
    )  # fmt: skip
    _start(config, once=once)


@app.command()
def replay(
    dataset: Annotated[Path, typer.Option(metavar="DIR", help="Data folder, as for `make train DATA=DIR`.")],
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Only the N vaults with the smallest ids, and N borrowers of Morpho."),
    ] = None,
    both_chains: Annotated[
        bool, typer.Option("--both-chains", help="SYNTHETIC: every fourth owner has half of everything on each chain.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", "--exit", help="Leave after printing.")] = False,
    ports: Annotated[
        tuple[int, int],
        typer.Option(metavar="PORT PORT", callback=check_ports, help="Ports of the two chains, 0 for a free one."),
    ] = (0, 0),
    interval: Annotated[int, typer.Option(min=0, help="Seconds between blocks, 0 for none.")] = 1,
    directory: Annotated[Path | None, typer.Option(help="Where world.json, replay.json and logs go.")] = None,
) -> None:
    """Start a world whose borrowers are real Maker ETH-B vaults and borrowers of Morpho Blue; a replay that was killed goes on where it was."""
    borrower_model, collateral_model = find_sandbox_models()
    spec = ReplaySpec(dataset=dataset, limit=limit, both_chains=both_chains)
    config = SandboxConfig(
        history=spec, ports=ports, block_interval_s=interval, run_directory=directory, borrower_model=borrower_model,
        collateral_model=collateral_model,
    )  # fmt: skip
    _start(config, once=once)


def _start(config: SandboxConfig, *, once: bool) -> None:
    # Addresses and keys stay on one line: a narrow terminal wraps them, a pasted one is whole.
    console = Console(width=max(TABLE_WIDTH, Console().width))
    try:
        asyncio.run(_run(config, console, once=once))
    except OracleError as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print(
            "Stopped before the world was ready; a replay goes on from its last checkpoint when it is started again."
        )
        raise typer.Exit(EXIT_INTERRUPTED) from None


async def _run(config: SandboxConfig, console: Console, *, once: bool) -> None:
    started_s = time.monotonic()
    with ProgressBar(*ProgressBar.get_default_columns(), TimeElapsedColumn(), console=console, transient=True) as bar:
        tasks = {i: bar.add_task(f"history of chain {i}", total=None) for i in config.history.chain_ids}

        tenths = dict.fromkeys(tasks, 0)

        def show(chain_id: int, step: int, steps: int) -> None:
            bar.update(tasks[chain_id], completed=step, total=steps)
            tenth = 10 * step // max(steps, 1)
            if not console.is_terminal and tenth > tenths[chain_id]:
                # A bar is for terminals; a log gets lines.
                console.print(f"history of chain {chain_id}: {10 * tenth} % after {time.monotonic() - started_s:.0f} s")
            tenths[chain_id] = tenth

        world = await start_world(config, on_progress=show)
    async with world:
        print_world(world.manifest, console, manifest_path=str(world.manifest_path))
        if world.manifest.replay is not None:
            ReplayReport.read(world.directory).print(console)
        console.print(f"Ready after {time.monotonic() - started_s:.1f} s.")
        if once:
            console.print("The chains end with this command (--once): the URLs above answer no more.")
        else:
            console.print("Ctrl-C stops the chains.")
            await _stay(world)


async def _stay(world: World) -> None:
    """Keep prices as new as the clock until a signal comes."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    while not stopped.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), REFRESH_S)
        if not stopped.is_set():
            await world.refresh_prices()
