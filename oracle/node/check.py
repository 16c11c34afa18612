"""`assay node check`: every precondition of a node tried one by one, in plain words, without taking part in anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx

from oracle.chain.rows import MemoryRows
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import to_hex
from oracle.errors import DatabaseBusyError, OracleError
from oracle.node.check_chains import check_chains
from oracle.node.check_peers import check_peers
from oracle.node.committee_file import read_committee
from oracle.node.findings import Finding, Level, bad, failed, good, warn
from oracle.node.health import LEAST_FREE_BYTES
from oracle.node.settings import LocalSettings, load_settings
from oracle.node.snapshot_audit import count_compared, describe_compared
from oracle.node.transport import bind_socket
from oracle.node.wiring import find_member, load_scorers, open_chains
from oracle.signing import keystore
from oracle.signing.signer import Signer
from oracle.storage.chain_rows import ChainRows
from oracle.storage.engine import open_database


async def check_node(config_path: Path) -> tuple[Finding, ...]:
    """Return what was found, in the order in which a node needs it; later steps are left out if earlier ones fail."""
    found: list[Finding] = []
    try:
        settings = load_settings(config_path)
        found.append(good("settings", f"{config_path} is complete"))
        config = read_committee(settings.committee)
        found.append(
            good("committee", f"{config.n} members, f={config.f}, q={config.q}, digest {to_hex(config.digest)}")
        )
    except OracleError as error:
        return (*found, failed("settings" if not found else "committee", error))
    signer = None
    for finding, signed in _check_local(settings, config):
        found.append(finding)
        signer = signed or signer
    if signer is not None and signer.address in config.members:
        async with httpx.AsyncClient() as client:
            found += await check_peers(settings, config, find_member(config, signer), client)
    found += await _check_chains(settings, config, signer)
    return tuple(found)


def _check_local(settings: LocalSettings, config: CommitteeConfig) -> Iterator[tuple[Finding, Signer | None]]:
    signer: Signer | None = None
    try:
        signer = keystore.load(settings.keystore, settings.read_password())
        yield good("keystore", f"opens, address {to_hex(signer.address)}"), signer
        yield good("membership", f"member {find_member(config, signer)} of {config.n}"), None
    except OracleError as error:
        yield failed("keystore" if signer is None else "membership", error), None
    try:
        load_scorers(settings, config)
        yield (
            good(
                "bundles", f"{settings.borrower_bundle} and {settings.collateral_bundle} load and are the committee's"
            ),
            None,
        )
    except OracleError as error:
        yield failed("bundles", error), None
    for finding in (*_check_database(settings, config), _check_disk(settings.database.parent)):
        yield finding, None


def _check_database(settings: LocalSettings, config: CommitteeConfig) -> Iterator[Finding]:
    """Yield on the database and the port; both taken is no trouble but this node at work."""
    host, port = settings.listen_host, settings.listen_port
    try:
        bind_socket(host, port).close()
        on_port = good("port", f"{host}:{port} is free")
    except OracleError as error:
        on_port = failed("port", error)
    try:
        database = open_database(settings.database)
        try:
            try:
                database.hold()
            except DatabaseBusyError:
                if on_port.level is Level.OK:
                    raise
                where = f"holds {settings.database} and listens on {host}:{port}"
                yield good("node", f"runs already: it {where}; its /readyz and /metrics say how it is")
            else:
                database.probe_write()
                yield good("database", f"{settings.database} opens, is free and can be written")
                yield on_port
            yield from check_imports(ChainRows(database), config)
        finally:
            database.close()
    except OracleError as error:
        yield failed("database", error)
        yield on_port


def check_imports(rows: ChainRows, config: CommitteeConfig) -> Iterator[Finding]:
    """Yield how much of each imported chain was compared with the endpoints."""
    for chain in config.params.chains:
        mark = rows.load_import(chain.chain_id)
        if mark is not None:
            compared, total = count_compared(mark)
            finding = good if compared == total else warn
            yield finding(f"chain {chain.chain_id} snapshot", describe_compared(compared, total))


def _check_disk(folder: Path) -> Finding:
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return bad("disk", f"{folder}: {error.strerror}: make the folder, or name another database")
    words = f"{free_bytes >> 20} MiB are left beside the database"
    if free_bytes < LEAST_FREE_BYTES:
        return bad(
            "disk", f"{words}: free some space, at least {LEAST_FREE_BYTES >> 20} MiB; a full disk stops the node"
        )
    return good("disk", words)


async def _check_chains(settings: LocalSettings, config: CommitteeConfig, signer: Signer | None) -> list[Finding]:
    try:
        access = open_chains(settings, config, MemoryRows())
    except OracleError as error:
        return [failed("chains", error)]
    found = await check_chains(settings, config, access, signer)
    for endpoint in access.all_endpoints:
        await endpoint.close()
    return found
