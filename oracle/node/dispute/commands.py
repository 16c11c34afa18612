"""`assay dispute`: find what is signed wrongly, say what proving it brings and costs, and with `--send` prove it.

Exit codes: 0 nothing is wrong, or all that can be proved was; 1 something is wrong and not proved, or an error; 2 wrong usage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from oracle.domain.units import ChainId, Epoch
from oracle.node.dispute import demand_commands
from oracle.node.dispute.access import Sending, make_sending, open_evidence
from oracle.node.dispute.evidence import ChainEvidence
from oracle.node.dispute.inquiry import Equivocation, Inquiry
from oracle.node.dispute.offences import model_of
from oracle.node.dispute.options import CONFIG, EPOCH, KEYSTORE, MAX_FEE, NODE, SEND, leave_with
from oracle.node.dispute.proving import prove_charge, prove_equivocation
from oracle.node.dispute.sources import NodeSources, read_signed
from oracle.node.inspection import open_verifier
from oracle.node.settings import LocalSettings, load_settings
from oracle.node.verify_commands import print_verification

app = typer.Typer(help="Prove on chain what was signed wrongly; demand, show and void hidden vectors.")
_console = Console(soft_wrap=True)
demand_commands.register(app)


@app.callback(invoke_without_command=True)
def dispute(
    context: typer.Context,
    epoch: EPOCH = None,
    leaves: Annotated[
        str | None, typer.Option(help="File or URL with the report's leaves; else nodes are asked, then the chains.")
    ] = None,
    node: NODE = None,
    config: CONFIG = Path("node.toml"),
    send: SEND = False,
    key: KEYSTORE = None,
    max_fee_gwei: MAX_FEE = 500,
) -> None:
    """Recompute a report, compare it with every chain, and prove what differs where a chain can check it."""
    if context.invoked_subcommand is not None:
        return

    async def run() -> bool:
        settings = load_settings(config)
        sending = make_sending(settings, send=send, key=key, max_fee_gwei=max_fee_gwei)
        nodes = NodeSources(node or list(settings.peers.values()))
        return await _dispute(settings, None if epoch is None else Epoch(epoch), leaves, nodes, sending)

    leave_with(run())


@app.command()
def equivocation(
    first: Annotated[str, typer.Argument(help="A signed report: file or URL, as /v1/reports/{epoch} answers.")],
    second: Annotated[str, typer.Argument(help="Another one of the same epoch.")],
    config: CONFIG = Path("node.toml"),
    send: SEND = False,
    key: KEYSTORE = None,
    max_fee_gwei: MAX_FEE = 500,
) -> None:
    """Prove that members signed two reports of one epoch, wherever they come from."""

    async def run() -> bool:
        settings = load_settings(config)
        sending = make_sending(settings, send=send, key=key, max_fee_gwei=max_fee_gwei)
        case = Equivocation(first=read_signed(first), second=read_signed(second))
        async with open_evidence(settings) as evidence:
            return await prove_equivocation(case, await sending.courts(evidence), is_sending=send)

    leave_with(run())


async def _dispute(
    settings: LocalSettings, epoch: Epoch | None, leaves: str | None, nodes: NodeSources, sending: Sending
) -> bool:
    async with open_verifier(settings) as (verifier, scorers, _):
        chosen = await verifier.newest_epoch() if epoch is None else epoch
        result = await verifier.verify(chosen)
        print_verification(result)
        evidence = {
            chain_id: ChainEvidence(gateway, verifier.oracles[chain_id])
            for chain_id, gateway in verifier.gateways.items()
        }
        inquiry = Inquiry(evidence, nodes, leaves=leaves, score_vector=model_of(scorers))
        first = {ChainId(cut.chain_id): cut.block_number for cut in result.observed.cut.chains}
        publications = await inquiry.publications(chosen, first)
        courts = await sending.courts(evidence)
        is_sending = sending.signer is not None
        are_proved = [
            await prove_equivocation(case, courts, is_sending=is_sending)
            for case in inquiry.equivocations(publications)
        ]
        charges = await inquiry.charges(publications, result.observed, result.tree.root)
        are_proved += [await prove_charge(charge, courts, is_sending=is_sending) for charge in charges]
        for failure in nodes.failures:
            _console.print(f"note  {escape(failure)}")
        if not are_proved:
            _console.print("nothing to dispute: every report that landed has the recomputed root")
        return all(are_proved)
