"""Files of a whole committee for a running sandbox world: committee.json, and for each member a folder with keystore, password and config.

Keys are the world's public test keys, so passwords lie beside them. A real operator uses `assay node init` and never shares either.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from oracle.domain.ids import keccak256, to_hex
from oracle.errors import ConfigurationError
from oracle.node.committee_file import write_committee
from oracle.node.settings import explain_validation
from oracle.node.templates import ChainText, ConfigText
from oracle.sandbox.assay import build_committee
from oracle.sandbox.manifest import ChainEntry, WorldManifest
from oracle.scoring.bundle import BUNDLES_DIR, MODEL, released_bundles
from oracle.signing import keystore

CHEAP_SCRYPT = 4_096
SANDBOX_CAP_WEI = 100 * 10**18
"""Thousands of reports a day, as epochs of seconds have them."""
SANDBOX_PASSWORD = "sandbox"  # noqa: S105 - the keys are public anyway
COMMITTEE_FILE = "committee.json"
CONFIG_FILE = "node.toml"
WORLD_FILE = "world.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFiles:
    """Where one member's files are, and where it will listen."""

    node: int
    address: str
    url: str
    config_path: Path


def provision_sandbox(
    manifest: WorldManifest,
    directory: Path,
    *,
    ports: Sequence[int] | None = None,
    log_format: str = "console",
    bundle_folders: Sequence[Path] = (),
) -> tuple[MemberFiles, ...]:
    """Write everything that the world's committee needs to run; ports are free ones unless given.

    Raises:
        ConfigurationError: if no released bundle is the model that the world's committee scores with.
    """
    config = build_committee(manifest)
    directory.mkdir(parents=True, exist_ok=True)
    write_committee(config, directory / COMMITTEE_FILE)
    bundles = {
        kind: find_bundle(model_id, bundle_folders)
        for kind, model_id in (
            ("borrower", config.params.borrower_model_id),
            ("collateral", config.params.collateral_model_id),
        )
    }
    chosen = list(ports) if ports is not None else find_free_ports(config.n)
    urls = {to_hex(member): f"http://127.0.0.1:{port}" for member, port in zip(config.members, chosen, strict=True)}
    files = []
    for node, (address, url) in enumerate(urls.items()):
        text = ConfigText(
            profile="sandbox",
            listen_host="127.0.0.1",
            listen_port=chosen[node],
            committee=f"../{COMMITTEE_FILE}",
            borrower_bundle=bundles["borrower"],
            collateral_bundle=bundles["collateral"],
            peers={other: at for other, at in urls.items() if other != address},
            chains=[_chain_text(chain) for chain in manifest.chains],
            heartbeat_s=config.params.epoch_seconds,
            poll_ms=500,
            replace_after_s=6,
            daily_cap_wei=SANDBOX_CAP_WEI,
            log_format=log_format,
        )
        files.append(_write_member(directory / f"node-{node}", node, address, url, text, manifest))
    return tuple(files)


def read_world(path: Path) -> WorldManifest:
    """Return the manifest in a file, or in a folder's `world.json`.

    Raises:
        ConfigurationError: if there is none.
    """
    file = path / WORLD_FILE if path.is_dir() else path
    try:
        return WorldManifest.read(file)
    except OSError as error:
        raise ConfigurationError(
            f"world {file}: {error.strerror}; `assay sandbox up --directory` writes one once its chains run"
        ) from error
    except ValidationError as error:
        raise ConfigurationError(
            f"world {file} is not a world.json of this release: {explain_validation(error)}"
        ) from None


def require_unprovisioned(directory: Path) -> None:
    """Refuse a directory that holds a committee already.

    Raises:
        ConfigurationError: naming the file that would be lost.
    """
    for path in (directory / COMMITTEE_FILE, *sorted(directory.glob(f"node-*/{CONFIG_FILE}"))):
        if path.exists():
            raise ConfigurationError(f"{path} exists already; move the folder away first, or give another --directory")


def find_bundle(model_id: bytes, folders: Sequence[Path] = ()) -> str:
    """Return the name of the released bundle that is this model, or else the one of `folders` that is.

    Raises:
        ConfigurationError: if none is.
    """
    released = ((name, BUNDLES_DIR / name) for name in released_bundles())
    for name, folder in (*released, *((str(folder), folder) for folder in folders)):
        if keccak256((folder / MODEL).read_bytes()) == model_id:
            return name
    raise ConfigurationError(
        f"no released bundle is model 0x{model_id.hex()}: was the world started by another release?"
    )


def find_free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _write_member(
    folder: Path, node: int, address: str, url: str, text: ConfigText, manifest: WorldManifest
) -> MemberFiles:
    folder.mkdir(parents=True, exist_ok=True)
    account = manifest.account("member", f"node-{node}")
    keystore_path = folder / "keystore.json"
    if not keystore_path.exists():
        secret = bytes.fromhex(account.private_key.removeprefix("0x"))
        keystore.create(keystore_path, SANDBOX_PASSWORD, secret=secret, scrypt_cost=CHEAP_SCRYPT)
    write_password(folder / "password")
    config_path = folder / CONFIG_FILE
    config_path.write_text(text.render(), encoding="utf-8")
    return MemberFiles(node=node, address=address, url=url, config_path=config_path)


def write_password(path: Path) -> None:
    """Write the password for its owner alone, as a real one has to be."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(SANDBOX_PASSWORD + "\n")


def _chain_text(chain: ChainEntry) -> ChainText:
    if chain.assay is None:
        raise ConfigurationError(f"chain {chain.chain_id} of this world has no oracle contract")
    scored = [market for market in chain.assay.markets if market.terms == "scored"]
    return ChainText(
        chain_id=chain.chain_id,
        rpc_urls=chain.rpc_urls,
        risk_oracle=chain.assay.risk_oracle.lower(),
        markets=tuple((market.address.lower(), market.start_block) for market in scored),
    )
