"""`assay export`: a canonical dataset of everything that the committee's chains hold up to one epoch, with the positions at a schedule of cuts."""

from __future__ import annotations

import asyncio
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from oracle.domain.units import Epoch
from oracle.errors import ConfigurationError, OracleError
from oracle.node.export import write_export
from oracle.node.export_schedule import derive_cuts
from oracle.node.inspection import open_verifier
from oracle.node.settings import LocalSettings, load_settings
from oracle.node.stores import Stores

_console = Console(soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(export)


def export(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    epoch: Annotated[
        int | None, typer.Option(help="Newest epoch; the newest that landed on every chain if left out.")
    ] = None,
    cuts: Annotated[
        int | None, typer.Option(help="How many cuts, counted back from the newest; one if left out.")
    ] = None,
    every: Annotated[
        int | None, typer.Option(help="Days between cuts; without --cuts back to where the markets began.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the data set, for model cards.")] = "node export",
    config: Annotated[Path, typer.Option("--config", help="A node's TOML file.")] = Path("node.toml"),
) -> None:
    """Write events, samples, positions, prices and parameters as Parquet: what training computes the node's vectors from."""
    try:
        rows = asyncio.run(export_dataset(out, name, load_settings(config), epoch=epoch, cuts=cuts, every_days=every))
    except OracleError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    _console.print(f"{out}: " + ", ".join(f"{count:,} {what}" for what, count in rows.items()))


async def export_dataset(
    out: Path, name: str, settings: LocalSettings, *, epoch: int | None, cuts: int | None, every_days: int | None
) -> dict[str, int]:
    """Read the chains through an operator's endpoints and write the dataset; logs lie in a file while it runs, not in memory.

    Raises:
        OracleError: if a setting, an endpoint or the schedule is wrong.
    """
    if find_spec("polars") is None:
        raise ConfigurationError("`assay export` needs the train extra: pip install 'assay-oracle[train]'")
    with tempfile.TemporaryDirectory(prefix="assay-export-") as scratch:
        stores = Stores.open(Path(scratch) / "rows.sqlite", hold=False)
        try:
            async with open_verifier(settings, stores.rows) as (verifier, _, config):
                newest = Epoch(epoch) if epoch is not None else await verifier.newest_epoch()
                schedule = await derive_cuts(verifier, config, newest, cuts=cuts, every_days=every_days)
                return await write_export(out, name, config, verifier.readers, schedule)
        finally:
            stores.database.close()
