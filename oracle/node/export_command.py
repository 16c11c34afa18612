"""`assay export`: canonical Parquet of everything that the committee's chains hold up to one epoch."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from oracle.chain.reader import fetch_histories
from oracle.domain.units import Epoch
from oracle.errors import ConfigurationError, OracleError
from oracle.node.export import write_export
from oracle.node.inspection import open_verifier
from oracle.node.settings import load_settings

_console = Console(soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(export)


def export(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    epoch: Annotated[int | None, typer.Option(help="Epoch; the newest that landed on every chain if left out.")] = None,
    name: Annotated[str, typer.Option(help="Name of the data set, for model cards.")] = "node export",
    config: Annotated[Path, typer.Option("--config", help="A node's TOML file.")] = Path("node.toml"),
) -> None:
    """Write events, daily samples, hourly prices and facts as Parquet, for training."""
    try:
        rows = asyncio.run(_export(out, epoch, name, config))
    except OracleError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    _console.print(f"{out}: " + ", ".join(f"{count} {what}" for what, count in rows.items()))


async def _export(out: Path, epoch: int | None, name: str, config_path: Path) -> dict[str, int]:
    if find_spec("polars") is None:
        raise ConfigurationError("`assay export` needs the train extra: pip install 'assay-oracle[train]'")
    async with open_verifier(load_settings(config_path)) as (verifier, _, config):
        chosen = Epoch(epoch) if epoch is not None else await verifier.newest_epoch()
        cut = await verifier.derive_cut(chosen)
        histories = await fetch_histories(config, verifier.readers, cut)
        return await asyncio.to_thread(write_export, out, name, config, cut, histories)
