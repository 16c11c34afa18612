"""Options that the commands of `assay dispute` share, and how they leave."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from oracle.errors import OracleError

CONFIG = Annotated[Path, typer.Option("--config", help="A node's TOML file; a stranger's needs no keystore.")]
EPOCH = Annotated[int | None, typer.Option(help="Epoch; the newest that landed if left out.")]
NODE = Annotated[
    list[str] | None, typer.Option(help="URL of a node's API, may be repeated; the peers of the config if left out.")
]
SEND = Annotated[bool, typer.Option("--send", help="Send; otherwise only say what would be sent.")]
KEYSTORE = Annotated[
    Path | None, typer.Option("--keystore", help="Who sends; the password is ASSAY_KEYSTORE_PASSWORD.")
]
MAX_FEE = Annotated[int, typer.Option(min=1, help="Never bid more for gas.")]


def leave_with(work: Coroutine[Any, Any, bool]) -> None:
    """Run a command; leave with 1 if it says so or fails."""
    try:
        is_well = asyncio.run(work)
    except OracleError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    if not is_well:
        raise typer.Exit(1)
