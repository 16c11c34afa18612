"""The chains' part of `assay node check`: each endpoint by itself, then what they say together, the contract, the money.

Every finding that is bad is one line: what is wrong, and what to do about it.
"""

from __future__ import annotations

import time

from oracle.chain.checked import BlockHeader
from oracle.chain.logs import compute_logs_digest, parse_logs
from oracle.chain.reader import ChainReader
from oracle.chain.rpc import RpcEndpoint
from oracle.delivery.codec import encode_config_digest
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, parse_address, to_hex
from oracle.domain.units import BPS, ChainId, TimestampS
from oracle.errors import (
    EndpointRateLimitError,
    EndpointRefusalError,
    OracleError,
    StateForgottenError,
    WrongChainError,
)
from oracle.node.endpoints import CLOCK_TOLERANCE_S, EndpointWatch, describe_offset
from oracle.node.findings import Finding, bad, failed, good, warn
from oracle.node.gateway import RpcGateway
from oracle.node.purse import WINDOW_S
from oracle.node.settings import LocalSettings
from oracle.node.wiring import GWEI, ChainAccess, chain_settings
from oracle.signing.signer import Signer

LEAST_PUBLISHES = 100
GAS_OF_A_PUBLISH = 400_000
"""A report of a large committee with posts: more than most cost."""
LIMIT_BPS, FEE_FACTOR = 12_000, 2
"""What a transaction sets aside above its estimate: gas by a fifth, and twice the base fee."""


async def check_chains(
    settings: LocalSettings, config: CommitteeConfig, access: ChainAccess, signer: Signer | None
) -> list[Finding]:
    """Return what was found about every chain, and about this machine's clock."""
    found: list[Finding] = []
    for chain_id in access.readers:
        found += await _check_endpoints(access, chain_id)
        found += await _check_chain(settings, config, access, chain_id, signer)
    watch = EndpointWatch({c: reader.chain for c, reader in access.readers.items()}, access.endpoints)
    found += [bad("endpoint lag", words) for words in watch.describe_lags()]
    offset_s = watch.clock_offset_s()
    if offset_s is not None and all(finding.name != "clock" for finding in found):
        is_off = abs(offset_s) > CLOCK_TOLERANCE_S
        found.append(bad("clock", describe_offset(offset_s)) if is_off else good("clock", "is that of the endpoints"))
    return found


async def _check_endpoints(access: ChainAccess, chain_id: ChainId) -> list[Finding]:
    """Return a finding for each endpoint that is wrong by itself, and one about old logs."""
    reader, endpoints = access.readers[chain_id], access.endpoints[chain_id]
    found: list[Finding] = []
    for endpoint in endpoints:
        try:
            await endpoint.batch([("eth_blockNumber", [])])
        except OracleError as error:
            found.append(bad(f"chain {chain_id} endpoint", _explain(endpoint, error)))
    if found:
        return found
    return await _check_old_logs(reader, endpoints)


async def _check_old_logs(reader: ChainReader, endpoints: tuple[RpcEndpoint, ...]) -> list[Finding]:
    name = f"chain {reader.params.chain_id} old logs"
    try:
        query = await reader.indexer.make_first_query()
    except OracleError as error:
        return [failed(name, error)]
    counts: dict[str, int] = {}
    digests: set[bytes] = set()
    span = f"blocks {query.first_block}..{query.last_block}"
    for endpoint in endpoints:
        try:
            (answer,) = await endpoint.batch([("eth_getLogs", query.to_params())])
            logs = parse_logs(endpoint.name, query, answer)
        except EndpointRefusalError as error:
            words = f"endpoint {endpoint.name} does not give the logs of {span} ({error.reason})"
            return [bad(name, f"{words}: use one that keeps every log since the markets' first block")]
        except OracleError as error:
            return [bad(name, _explain(endpoint, error))]
        counts[endpoint.name] = len(logs)
        digests.add(compute_logs_digest(logs))
    most = max(counts.values())
    if len(digests) == 1:
        return [good(name, f"all {len(counts)} endpoints have the same {most} logs of {span}")]
    words = ", ".join(f"{endpoint} has {count}" for endpoint, count in counts.items())
    advice = "which of them is right, the receipts decide while syncing; replace the one that leaves some out"
    return [bad(name, f"endpoints disagree on the logs of {span} ({words}): it prunes or cuts off; {advice}")]


def _explain(endpoint: RpcEndpoint, error: OracleError) -> str:
    """Return an endpoint's error with what to do about it."""
    if isinstance(error, WrongChainError):
        return str(error)
    if isinstance(error, EndpointRateLimitError):
        return f"{error}: use a plan that allows more, or another provider"
    return f"{error}: is the URL right, and does it serve JSON-RPC? Repair or replace it"


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
        oracle = parse_address(chain_settings(settings, config)[chain_id].risk_oracle)
        found.append(await check_state(access.readers[chain_id], oracle, head, config.params.epoch_seconds))
        gateway = RpcGateway(chain_id, access.endpoints[chain_id])
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
            found += await _check_money(settings, config, gateway, signer)
    except OracleError as error:
        found.append(failed(name, error))
    return found


async def check_state(reader: ChainReader, oracle: Address, head: BlockHeader, epoch_seconds: int) -> Finding:
    """Return whether code can be read where a cut lies: at the finalised head, and an epoch before it where the node is late."""
    name = f"chain {reader.params.chain_id} old states"
    late = await reader.derive_cut(TimestampS(head.time_s - epoch_seconds))
    places = [head.number] if late is None else [head.number, late.block_number]
    advice = "use endpoints that keep states for the finality lag and an epoch; a pruned node's 128 are too few on a chain of fast blocks"
    try:
        for number in places:
            await reader.chain.fetch_has_code([oracle], number)
    except StateForgottenError as error:
        if error.block_number == head.number:
            return bad(
                name, f"endpoints forgot the state of finalised block {head.number}: no cut can be scored; {advice}"
            )
        words = f"endpoints forgot the state of block {error.block_number}, an epoch before the finalised head"
        return warn(name, f"{words}: a cut that this node scores late is lost; {advice}")
    return good(name, f"endpoints hold the states of blocks {', '.join(str(n) for n in places)}")


async def _check_money(
    settings: LocalSettings, config: CommitteeConfig, gateway: RpcGateway, signer: Signer
) -> list[Finding]:
    name = f"chain {gateway.chain_id}"
    balance_wei = await gateway.balance_wei(signer.address)
    price_wei = max(1, (await gateway.tip()).base_fee_wei)
    needed_wei = LEAST_PUBLISHES * GAS_OF_A_PUBLISH * price_wei
    words = f"{to_hex(signer.address)} has {balance_wei} wei"
    if balance_wei < needed_wei:
        balance = bad(f"{name} balance", f"{words}, {LEAST_PUBLISHES} reports need {needed_wei}: fund it")
    else:
        balance = good(f"{name} balance", words)
    priority_wei = await gateway.priority_fee_wei()
    return [balance, check_gas_cap(settings, config, gateway.chain_id, price_wei, priority_wei)]


def check_gas_cap(
    settings: LocalSettings, config: CommitteeConfig, chain_id: ChainId, base_fee_wei: int, priority_fee_wei: int
) -> Finding:
    """Return whether the daily cap pays for a day's reports at the present price, if no other member publishes any."""
    name, cap_wei = f"chain {chain_id} gas cap", settings.delivery.daily_cap_wei
    most_wei = min(FEE_FACTOR * base_fee_wei + priority_fee_wei, settings.delivery.max_fee_gwei * GWEI)
    reserved_wei = GAS_OF_A_PUBLISH * LIMIT_BPS // BPS * most_wei
    fee_wei = GAS_OF_A_PUBLISH * min(base_fee_wei + priority_fee_wei, most_wei)
    reports = -(-WINDOW_S // max(config.params.epoch_seconds, settings.delivery.heartbeat_s))
    needed_wei = (reports - 1) * fee_wei + reserved_wei
    advice = f"raise [delivery] daily_cap_wei to {needed_wei}"
    if cap_wei < reserved_wei:
        return bad(
            name, f"daily_cap_wei {cap_wei} is less than one report may cost ({reserved_wei}): none is sent; {advice}"
        )
    if cap_wei < needed_wei:
        paid = 1 + (cap_wei - reserved_wei) // max(1, fee_wei)
        return warn(
            name, f"daily_cap_wei {cap_wei} pays for {paid} of the {reports} reports of a day at today's fees; {advice}"
        )
    return good(name, f"daily_cap_wei {cap_wei} pays for all {reports} reports of a day at today's fees")
