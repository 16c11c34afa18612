"""`assay contracts deploy`: says what it will do on every chain; with `--execute` it does that. Exit codes: 0 well, 1 wrong or something left, 2 usage."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from oracle.chain.rpc import RpcEndpoint
from oracle.delivery.transactions import FeePolicy
from oracle.domain.ids import to_checksum
from oracle.domain.units import ChainId
from oracle.errors import ConfigurationError, OracleError
from oracle.node.deployment.bytecode import load_code
from oracle.node.deployment.plan import CONTRACTS, plan_chain
from oracle.node.deployment.run import SET_DISPUTE, Deployment, Outlook
from oracle.node.deployment.spec import ChainSpec, read_spec, read_tables
from oracle.signing import keystore
from oracle.signing.signer import LocalSigner

app = typer.Typer(help="Deploy the contracts of a deployment.", no_args_is_help=True)
GWEI = 10**9
_console = Console(soft_wrap=True)


@app.callback()
def contracts() -> None:
    """Deploy the contracts of a deployment."""


@app.command()
def deploy(
    spec: Annotated[Path, typer.Argument(help="deployment.json")],
    out: Annotated[Path, typer.Option(help="Where plans and addresses go, a file for each chain.")] = Path(
        "build/deployments"
    ),
    execute: Annotated[bool, typer.Option("--execute", help="Send what is left to do.")] = False,
    key: Annotated[
        Path | None, typer.Option("--keystore", help="Who sends; the password is ASSAY_KEYSTORE_PASSWORD.")
    ] = None,
    max_fee_gwei: Annotated[int, typer.Option(min=1, help="Never bid more for gas.")] = 500,
) -> None:
    """Say what is left to do on every chain, and do it if told to. Run it again after whatever broke off."""
    try:
        signer = _open_signer(key) if execute else None
        is_done = asyncio.run(deploy_everywhere(spec, out, signer, FeePolicy(max_fee_wei=max_fee_gwei * GWEI)))
    except OracleError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    if execute and not is_done:
        raise typer.Exit(1)


async def deploy_everywhere(path: Path, out: Path, signer: LocalSigner | None, fees: FeePolicy) -> bool:
    """Plan every chain before anything is sent to one, then carry the plans out; return whether nothing is left.

    Raises:
        OracleError: if the file, an endpoint, the funds or what stands there is wrong.
    """
    spec, config = read_spec(path)
    codes, tables = {name: load_code(name) for name in CONTRACTS}, read_tables(spec, config)
    out.mkdir(parents=True, exist_ok=True)
    opened: list[RpcEndpoint] = []
    try:
        deployments = []
        for chain in spec.chains:
            endpoints = _open(chain)
            opened += endpoints
            deployment = Deployment(plan_chain(spec, config, chain, codes, tables), endpoints, fees)
            (out / f"plan-{chain.chain_id}.json").write_text(deployment.plan.document, encoding="utf-8")
            outlook = await deployment.look()
            _say_plan(deployment, outlook, await deployment.price_wei(outlook))
            deployments.append(deployment)
        if signer is None:
            return False
        return all([await _carry_out(deployment, signer, out) for deployment in deployments])
    finally:
        for endpoint in opened:
            await endpoint.close()


async def _carry_out(deployment: Deployment, signer: LocalSigner, out: Path) -> bool:
    plan = deployment.plan
    left = await deployment.execute(signer)
    path = out / f"addresses-{plan.chain_id}.json"
    path.write_text(plan.addresses_text, encoding="utf-8")
    _console.print(f"chain {plan.chain_id}: {len(plan.steps)} contracts stand and are these sources; {path}")
    if left.is_dispute_unnamed:
        oracle, dispute = (to_checksum(plan.step(key).address) for key in ("risk_oracle", "score_dispute"))
        _console.print(f"  left to the owner {to_checksum(plan.owner)}: call {SET_DISPUTE} of {oracle} with {dispute}")
    return not left.is_dispute_unnamed


def _say_plan(deployment: Deployment, outlook: Outlook, price_wei: int) -> None:
    plan = deployment.plan
    _console.print(f"chain {plan.chain_id}, config digest 0x{plan.config_digest.hex()}")
    for step in plan.steps:
        what = f"create, {len(step.creation)} bytes" if step in outlook.missing else "stands"
        _console.print(f"  {step.key:<20} {to_checksum(step.address)}  {what}")
    if outlook.is_dispute_unnamed:
        _console.print(f"  {SET_DISPUTE} by the owner {to_checksum(plan.owner)}")
    _console.print(f"  at most {outlook.gas_limit:,} gas, {price_wei / 10**18:.6f} of the native token at present fees")


def _open(chain: ChainSpec) -> tuple[RpcEndpoint, ...]:
    return tuple(RpcEndpoint(url, ChainId(chain.chain_id)) for url in chain.rpc_urls)


def _open_signer(path: Path | None) -> LocalSigner:
    if path is None:
        raise ConfigurationError("--execute sends transactions: name the sender's --keystore")
    password = os.environ.get("ASSAY_KEYSTORE_PASSWORD")
    if password is None:
        password = str(typer.prompt("Password of the keystore", hide_input=True))
    return keystore.load(path, password)
