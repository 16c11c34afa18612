"""`assay verify` and `assay score`: recompute a report, and explain one score. Exit codes: 0 the same, 1 a difference, 2 wrong usage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from oracle.domain.ids import (
    SubjectId,
    borrower_subject,
    contract_borrower_subject,
    parse_address,
    parse_hash,
    to_hex,
)
from oracle.domain.score import Score
from oracle.domain.units import ChainId, Epoch
from oracle.errors import OracleError
from oracle.node.explain import explain_score
from oracle.node.inspection import open_verifier
from oracle.node.leaves import read_leaves, write_leaves
from oracle.node.settings import LocalSettings, load_settings
from oracle.node.verification import Verification, compare_scores

CONFIG = Annotated[
    Path, typer.Option("--config", help="A node's TOML file; only chains, committee and bundles are used.")
]
_console = Console(soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(verify)
    app.command()(score)


def verify(
    epoch: Annotated[
        list[int] | None,
        typer.Option(help="Epoch, may be repeated; the newest that landed on every chain if left out."),
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Only this address or subject id.")] = None,
    config: CONFIG = Path("node.toml"),
    leaves: Annotated[
        str | None, typer.Option(help="File or URL with the report's leaves, to name a difference.")
    ] = None,
    write: Annotated[Path | None, typer.Option("--write-leaves", help="Write the recomputed leaves here.")] = None,
) -> None:
    """Recompute a report from chain data and the model, and compare it with every chain."""
    epochs = sorted({Epoch(number) for number in epoch or ()})
    if len(epochs) > 1 and (leaves is not None or write is not None):
        raise typer.BadParameter("leaves are of one report: give one --epoch with --leaves or --write-leaves")
    try:
        is_green = asyncio.run(_verify(load_settings(config), epochs, subject, leaves, write))
    except OracleError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    if not is_green:
        raise typer.Exit(1)


def score(
    address: Annotated[str, typer.Argument(help="A borrower's address.")],
    epoch: Annotated[int | None, typer.Option(help="Epoch; the newest that landed on every chain if left out.")] = None,
    config: CONFIG = Path("node.toml"),
) -> None:
    """Explain one borrower's score: blocks, features, offset, margin, probability, reasons, leaf."""
    try:
        is_green = asyncio.run(_score(load_settings(config), address, epoch))
    except OracleError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    if not is_green:
        raise typer.Exit(1)


async def _verify(
    settings: LocalSettings, epochs: Sequence[Epoch], subject: str | None, leaves: str | None, write: Path | None
) -> bool:
    async with open_verifier(settings) as (verifier, _, config):
        subjects = () if subject is None else subjects_of(subject, tuple(c.chain_id for c in config.params.chains))
        are_green = []
        for chosen in epochs or [await verifier.newest_epoch()]:
            given = read_leaves(leaves, chosen) if leaves is not None else None
            result = await verifier.verify(chosen, given)
            if write is not None:
                write_leaves(write, chosen, result.observed.scores)
            print_verification(result)
            are_green.append(result.is_green)
            if subject is not None:
                are_green.append(_print_subjects(result, subjects, given))
        return all(are_green)


async def _score(settings: LocalSettings, address: str, epoch: int | None) -> bool:
    async with open_verifier(settings) as (verifier, scorers, config):
        chosen = Epoch(epoch) if epoch is not None else await verifier.newest_epoch()
        result = await verifier.verify(chosen)
        subjects = subjects_of(address, tuple(c.chain_id for c in config.params.chains))
        found = [result.score(subject) for subject in subjects]
        listed = [score for score in found if score is not None]
        for one in listed:
            for line in explain_score(result, one, scorers):
                _console.print(line)
        if not listed:
            _console.print(
                f"{address} is not in the report of epoch {chosen}: no debt and no borrow in 365 days (floor terms)"
            )
        print_verification(result)
        return result.is_green


def subjects_of(text: str, chain_ids: tuple[ChainId, ...]) -> tuple[SubjectId, ...]:
    """Return the subject ids that an address may have, or the id itself.

    Raises:
        MalformedValueError: if the text is neither.
    """
    if len(text) == 66:
        return (SubjectId(parse_hash(text.lower())),)
    address = parse_address(text.lower())
    return (borrower_subject(address), *(contract_borrower_subject(c, address) for c in chain_ids))


def print_verification(result: Verification) -> None:
    """Print the comparison, one line for each chain."""
    cut = ", ".join(f"{c.chain_id} block {c.block_number} {to_hex(c.block_hash)}" for c in result.observed.cut.chains)
    _console.print(f"epoch {result.epoch}, cut {to_hex(result.observed.cut.hash)}: {cut}")
    _console.print(f"recomputed root {to_hex(result.tree.root)} over {len(result.observed.scores)} scores")
    for chain in result.chains:
        if chain.published is None:
            _console.print(f"[red]red[/red]   chain {chain.chain_id}: no report of this epoch has landed")
        elif chain.difference is not None:
            _console.print(f"[red]red[/red]   {escape(str(chain.difference))}")
        else:
            _console.print(
                f"[green]green[/green] chain {chain.chain_id}: the same root, signed by {name_nodes(chain.published.signers)}"
            )
    if result.leaves_difference is not None:
        _console.print(f"[red]red[/red]   given leaves: first difference in {escape(str(result.leaves_difference))}")
    if result.code_note:
        _console.print(f"note  {result.code_note}")


def name_nodes(mask: int) -> str:
    """Return the members of a bitmap by number."""
    return "nodes " + ", ".join(str(node) for node in range(mask.bit_length()) if mask >> node & 1)


def _print_subjects(result: Verification, subjects: tuple[SubjectId, ...], given: tuple[Score, ...] | None) -> bool:
    """Print what was recomputed for the subjects; return whether there is any, and the given leaves say the same."""
    theirs = {score.subject: score for score in given or ()}
    is_same = True
    found = False
    for subject in subjects:
        ours = result.score(subject)
        if ours is None and subject not in theirs:
            continue
        found = True
        if ours is not None:
            _console.print(f"subject {to_hex(subject)}: leaf {to_hex(ours.leaf)}, margin {ours.margin}")
        difference = compare_scores(subject, ours, theirs.get(subject)) if given is not None else None
        if difference is not None:
            is_same = False
            _console.print(f"[red]red[/red]   {escape(str(difference))}")
    if not found:
        _console.print(f"[red]red[/red]   the subject is not in the report of epoch {result.epoch}")
    return is_same and found
