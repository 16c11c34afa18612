"""`assay snapshot export | import`: the chain rows of one node as a folder, for the first sync of another."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from oracle.domain.units import BlockNumber, ChainId
from oracle.errors import ConfigurationError, OracleError
from oracle.node.committee_file import read_committee
from oracle.node.settings import load_settings
from oracle.node.snapshot import ChainCount, export_snapshot, import_snapshot
from oracle.node.snapshot_file import check_polars
from oracle.node.stores import Stores
from oracle.node.wiring import open_chains

app = typer.Typer(help="Copy indexed chain rows from one node to another.", no_args_is_help=True)
CONFIG = Annotated[Path, typer.Option("--config", help="The node's TOML file.")]
CHECKED_RANGES = 256
"""A minute or two; finds a snapshot that is wrong in 1 % of its ranges in 92 of 100 cases."""
SEED_BITS = 64
_console = Console(soft_wrap=True)


@app.command("export")
def export_rows(
    folder: Annotated[Path, typer.Argument(help="New folder to write.")], config: CONFIG = Path("node.toml")
) -> None:
    """Write the rows of every chain as Parquet with a digest for each range; the node may run meanwhile."""
    try:
        counts = _export(folder, config)
    except OracleError as error:
        _fail(error)
    for count in counts:
        _console.print(
            f"chain {count.chain_id}: {count.rows_count} rows up to block {count.last_block}, {count.ranges_count} ranges"
        )


@app.command("import")
def import_rows(
    folder: Annotated[Path, typer.Argument(help="Folder that another node exported.")],
    config: CONFIG = Path("node.toml"),
    check: Annotated[
        int, typer.Option(min=1, help="Ranges of each chain to compare with the endpoints, drawn at random.")
    ] = CHECKED_RANGES,
    check_all: Annotated[bool, typer.Option("--check-all", help="Compare every range: as long as a sync.")] = False,
    seed: Annotated[int | None, typer.Option(help="Draw the same ranges again; never one that others know.")] = None,
) -> None:
    """Check a snapshot against this node's own endpoints and store it; the node must not run.

    The running node compares the ranges that were not drawn. Members should not all import the same folder.
    """
    chosen = secrets.randbits(SEED_BITS) if seed is None else seed
    try:
        counts = asyncio.run(_import(folder, config, None if check_all else check, chosen))
    except OracleError as error:
        _fail(error)
    for count in counts:
        if count.is_skipped:
            _console.print(
                f"chain {count.chain_id}: has rows already, so the snapshot was neither checked nor stored; "
                f"`assay snapshot discard {count.chain_id}` makes room for it"
            )
            continue
        _console.print(
            f"chain {count.chain_id}: {count.rows_count} rows up to block {count.last_block}; all digests hold, "
            f"{count.checked_count} of {count.ranges_count} ranges are what the endpoints say"
        )
        if count.checked_count < count.ranges_count:
            _console.print("  the running node compares the rest; `assay node check` and /metrics say how far it is")


@app.command("discard")
def discard_rows(
    chain_id: Annotated[int, typer.Argument(help="Chain whose rows are deleted.")], config: CONFIG = Path("node.toml")
) -> None:
    """Delete the rows of one chain, so that the node reads them from its endpoints; it must not run. Votes and reports stay."""
    try:
        settings = load_settings(config)
        known = {chain.chain_id for chain in read_committee(settings.committee).params.chains}
        if chain_id not in known:
            raise ConfigurationError(f"chain {chain_id} is none of the committee's: name one of {sorted(known)}")
        stores = Stores.open(settings.database, hold=True)
        try:
            stores.rows.roll_back(ChainId(chain_id), -1)
        finally:
            stores.database.close()
    except OracleError as error:
        _fail(error)
    _console.print(f"chain {chain_id}: no rows are left; `assay node run` reads them from the endpoints")


def _export(folder: Path, config_path: Path) -> list[ChainCount]:
    check_polars()
    settings = load_settings(config_path)
    firsts = {
        chain.chain_id: min((market.start_block for market in chain.markets), default=BlockNumber(0))
        for chain in read_committee(settings.committee).params.chains
    }
    stores = Stores.open(settings.database, hold=False)
    try:
        return export_snapshot(folder, stores.rows, firsts)
    finally:
        stores.database.close()


async def _import(folder: Path, config_path: Path, checked_ranges: int | None, seed: int) -> list[ChainCount]:
    check_polars()
    settings = load_settings(config_path)
    committee = read_committee(settings.committee)
    stores = Stores.open(settings.database, hold=True)
    access = open_chains(settings, committee, stores.rows)
    try:
        return await import_snapshot(folder, access.readers, stores.rows, checked_ranges=checked_ranges, seed=seed)
    finally:
        stores.database.close()
        for endpoint in access.all_endpoints:
            await endpoint.close()


def _fail(error: OracleError) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
    raise typer.Exit(1) from error
