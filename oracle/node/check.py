"""`assay node check`: every precondition of a node tried one by one, in plain words, without taking part in anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from oracle.delivery.codec import encode_config_digest
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import parse_address, to_hex
from oracle.domain.units import ChainId
from oracle.errors import OracleError
from oracle.node.check_peers import check_peers
from oracle.node.committee_file import read_committee
from oracle.node.endpoints import CLOCK_TOLERANCE_S
from oracle.node.findings import Finding, bad, failed, good
from oracle.node.gateway import RpcGateway
from oracle.node.settings import LocalSettings, load_settings
from oracle.node.stores import Stores
from oracle.node.transport import bind_socket
from oracle.node.wiring import ChainAccess, chain_settings, find_member, load_scorers, open_chains
from oracle.signing import keystore
from oracle.signing.signer import Signer
from oracle.storage.engine import open_database

LEAST_PUBLISHES = 100
GAS_OF_A_PUBLISH = 400_000


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
    try:
        database = open_database(settings.database)
        try:
            database.hold()
        finally:
            database.close()
        yield good("database", f"{settings.database} opens and is free"), None
    except OracleError as error:
        yield failed("database", error), None
    try:
        bind_socket(settings.listen_host, settings.listen_port).close()
        yield good("port", f"{settings.listen_host}:{settings.listen_port} is free"), None
    except OracleError as error:
        yield failed("port", error), None


async def _check_chains(settings: LocalSettings, config: CommitteeConfig, signer: Signer | None) -> list[Finding]:
    try:
        stores = Stores.open(settings.database, hold=False)
    except OracleError:
        return []
    try:
        access = open_chains(settings, config, stores.rows)
    except OracleError as error:
        stores.database.close()
        return [failed("chains", error)]
    found = []
    for chain_id in access.readers:
        found += await _check_chain(settings, config, access, chain_id, signer)
    for endpoint in access.all_endpoints:
        await endpoint.close()
    stores.database.close()
    return found


async def _check_chain(
    settings: LocalSettings, config: CommitteeConfig, access: ChainAccess, chain_id: ChainId, signer: Signer | None
) -> list[Finding]:
    found = []
    name = f"chain {chain_id}"
    try:
        head = await access.readers[chain_id].chain.fetch_finalised_head()
        found.append(good(name, f"endpoints agree on finalised block {head.number}"))
        ahead_s = head.time_s - int(time.time())
        if settings.clock == "system" and ahead_s > CLOCK_TOLERANCE_S:
            found.append(bad("clock", f"a finalised block is {ahead_s} s ahead of this clock: set the time"))
        gateway = RpcGateway(chain_id, access.endpoints[chain_id])
        oracle = parse_address(chain_settings(settings, config)[chain_id].risk_oracle)
        (answer,) = await gateway.call([(oracle, encode_config_digest())])
        if answer == config.digest:
            found.append(good(f"{name} oracle", f"{to_hex(oracle)} has this committee"))
        else:
            words = f"0x{answer.hex()}" if answer else "no contract"
            found.append(
                bad(
                    f"{name} oracle",
                    f"{to_hex(oracle)} has {words}, not this committee: check committee.json or risk_oracle",
                )
            )
        if signer is not None:
            balance_wei = await gateway.balance_wei(signer.address)
            needed_wei = LEAST_PUBLISHES * GAS_OF_A_PUBLISH * max(1, (await gateway.tip()).base_fee_wei)
            words = f"{to_hex(signer.address)} has {balance_wei} wei"
            if balance_wei < needed_wei:
                found.append(bad(f"{name} balance", f"{words}, {LEAST_PUBLISHES} reports need {needed_wei}: fund it"))
            else:
                found.append(good(f"{name} balance", words))
    except OracleError as error:
        found.append(failed(name, error))
    return found
