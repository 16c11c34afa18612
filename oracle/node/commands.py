"""`assay node ...`: make, check and run one node. Exit codes: 0 well, 1 something is wrong, 2 wrong usage."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from oracle.errors import ConfigurationError, OracleError
from oracle.node.build import build_node
from oracle.node.check import check_node
from oracle.node.committee_file import read_committee
from oracle.node.faults import FaultKind
from oracle.node.findings import Level
from oracle.node.logs import configure_logs
from oracle.node.running import run_node
from oracle.node.serving import mount_api
from oracle.node.settings import load_settings, read_password_file
from oracle.node.templates import ChainText, ConfigText
from oracle.signing import keystore
from oracle.storage import engine

app = typer.Typer(help="Make, check and run a node of the committee.", no_args_is_help=True)
CONFIG = Annotated[Path, typer.Option("--config", help="The node's TOML file.")]
COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.BAD: "red"}
_console = Console(soft_wrap=True)


@app.command()
def run(
    config: CONFIG = Path("node.toml"),
    fault: Annotated[FaultKind | None, typer.Option(help="Misbehave on purpose; sandbox only.")] = None,
) -> None:
    """Run the node until Ctrl-C."""
    with _errors():
        settings = load_settings(config)
        configure_logs(log_format=settings.log_format, log_level=settings.log_level)
        asyncio.run(_run(config, fault))


async def _run(config: Path, fault: FaultKind | None) -> None:
    node = build_node(load_settings(config), fault=fault)
    mount_api(node)
    await run_node(node)


@app.command()
def check(config: CONFIG = Path("node.toml")) -> None:
    """Try everything that the node needs and say in plain words what is wrong; a peer that is silent is a warning only."""
    findings = asyncio.run(check_node(config))
    for finding in findings:
        mark = f"[{COLOURS[finding.level]}]{finding.level:<4}[/]"
        _console.print(f"{mark} {escape(finding.name)}: {escape(finding.detail)}")
    if any(finding.level is Level.BAD for finding in findings):
        raise typer.Exit(1)


@app.command()
def init(
    directory: Annotated[Path, typer.Option(help="Where keystore and config go.")] = Path(),
    world: Annotated[
        Path | None,
        typer.Option(help="world.json of a running sandbox, or its folder: make every member's files for it."),
    ] = None,
) -> None:
    """Make a keystore and a config to fill in; with --world, a whole sandbox committee.

    The password is ASSAY_KEYSTORE_PASSWORD, or what the file `password` in the directory holds, or asked for.
    """
    with _errors():
        if world is not None:
            _init_sandbox(world, directory)
            return
        _init(directory)


def _init_sandbox(world: Path, directory: Path) -> None:
    from oracle.node.provision import provision_sandbox, read_world, require_unprovisioned

    manifest = read_world(world)
    require_unprovisioned(directory)
    for files in provision_sandbox(manifest, directory):
        _console.print(f"node {files.node} {files.address} {files.url}: {files.config_path}")
    _console.print("start each with `assay node run --config FILE` (.venv/bin/assay outside the virtual environment)")


def _init(directory: Path) -> None:
    path = directory / "node.toml"
    if path.exists():
        raise ConfigurationError(f"{path} exists already; move it away first")
    signer = keystore.create(directory / "keystore.json", _read_new_password(directory / "password"))
    text = ConfigText(
        profile="mainnet",
        listen_host="127.0.0.1",
        listen_port=7_101,
        committee="committee.json",
        borrower_bundle="borrower-1",
        collateral_bundle="collateral-1",
        peers={"0x" + "00" * 20: "https://peer.example"},
        chains=[
            ChainText(
                chain_id=1,
                rpc_urls=("https://first-provider.example", "https://second-provider.example"),
                risk_oracle="0x" + "00" * 20,
            )
        ],
    )
    path.write_text(text.render(), encoding="utf-8")
    _console.print(f"keystore of 0x{signer.address.hex()} and {path} are made: fill in peers and chains,")
    _console.print(f"put the committee's file beside it, then `assay node check --config {path}`")


def _read_new_password(file: Path) -> str:
    """Return the password for a new keystore; never from the command line, where other users of the machine can read it."""
    given = os.environ.get("ASSAY_KEYSTORE_PASSWORD")
    if given is None and file.exists():
        given = read_password_file(file)
    if given is None:
        given = str(typer.prompt("Password of the new keystore", hide_input=True, confirmation_prompt=True))
    return given


@app.command()
def committee(file: Annotated[Path, typer.Argument(help="committee.json")]) -> None:
    """Print the digest of a committee file after checking it, and the paramsHash that `RiskOracle` is deployed with."""
    with _errors():
        config = read_committee(file)
        _console.print(
            f"0x{config.digest.hex()}  n={config.n} f={config.f} q={config.q} from epoch {config.from_epoch}"
        )
        _console.print(f"paramsHash 0x{config.params.hash.hex()}")


@app.command()
def migrate(config: CONFIG = Path("node.toml")) -> None:
    """Bring the node's database to this release's schema; copy the file first."""
    with _errors():
        before, after = engine.migrate(load_settings(config).database)
        _console.print(f"schema {before} -> {after}")


class _errors:  # noqa: N801 - reads as a statement
    """Print an expected error in one line and leave with code 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OracleError):
            if os.environ.get("ASSAY_TRACEBACK"):
                return
            Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
            raise typer.Exit(1) from error
