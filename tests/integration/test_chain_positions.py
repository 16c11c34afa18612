"""The chain room against the real Aave v3 on anvil: positions from logs alone, and endpoints that lie."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
import pytest

from oracle.chain.checked import CheckedChain
from oracle.chain.ledger import Ledger
from oracle.chain.reader import ChainReader, fetch_histories
from oracle.chain.rows import MemoryRows
from oracle.chain.rpc import RpcEndpoint
from oracle.domain.committee import ChainParams, CommitteeConfig, MarketParams, Params
from oracle.domain.ids import (
    BTC,
    ETH,
    USD,
    ZERO_HASH,
    Address,
    borrower_subject,
    contract_borrower_subject,
    parse_address,
    to_hex,
)
from oracle.domain.market import AssetFacts
from oracle.domain.report import Cut
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.errors import EndpointDisagreementError, PastFinalityReorgError
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.jsonrpc import encode_call
from oracle.sandbox.manifest import ChainEntry
from oracle.sandbox.relay import Relay
from oracle.sandbox.world import World, start_world

pytestmark = pytest.mark.anyio
NUMERAIRES = {"USD": USD, "ETH": ETH, "BTC": BTC}
EPOCH_S = 100
MAX_UINT = 2**256 - 1


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A small world that mines only when told to."""
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as running:
        yield running


def params_of(entry: ChainEntry) -> ChainParams:
    assets = [
        AssetFacts(
            token=parse_address(token.address),
            price_feed=parse_address(token.feed),
            numeraire=NUMERAIRES[token.numeraire],
            decimals=token.decimals,
            issuer_risk=token.issuer_risk,
            bridge_risk=token.bridge_risk,
        )
        for token in entry.tokens
    ]
    start = BlockNumber(entry.start_block)
    market = MarketParams(protocol="aave_v3", market=parse_address(entry.aave.pool), start_block=start)
    return ChainParams(
        chain_id=ChainId(entry.chain_id), markets=(market,), assets=tuple(sorted(assets, key=lambda a: a.token))
    )


type OpenReader = Callable[..., ChainReader]


@pytest.fixture
async def open_reader() -> AsyncIterator[OpenReader]:
    """Make readers, by default on both URLs of the chain; their connections are closed after the test."""
    endpoints: list[RpcEndpoint] = []

    def make(entry: ChainEntry, urls: Sequence[str] | None = None) -> ChainReader:
        params = params_of(entry)
        mine = [RpcEndpoint(url, params.chain_id) for url in urls or entry.rpc_urls]
        endpoints.extend(mine)
        return ChainReader(params, CheckedChain(params.chain_id, mine), MemoryRows())

    yield make
    for endpoint in endpoints:
        await endpoint.close()


def make_config(chains: Sequence[ChainParams]) -> CommitteeConfig:
    params = Params(
        chains=tuple(chains),
        borrower_model_id=ZERO_HASH,
        collateral_model_id=ZERO_HASH,
        epoch_seconds=EPOCH_S,
        validity_seconds=3 * EPOCH_S,
    )
    members = tuple(Address(bytes([i]) * 20) for i in range(1, 5))
    return CommitteeConfig(prev_digest=ZERO_HASH, seq=0, members=members, f=1, q=3, params=params, from_epoch=Epoch(0))


async def mine_past_boundary(world: World) -> TimestampS:
    """Move a price, mine up to a boundary and past it until it is final; return the boundary."""
    heads = [(await world.chain(i).fetch_head())[1] for i in world.chain_ids]
    boundary_s = (max(heads) // EPOCH_S + 3) * EPOCH_S
    for chain_id in world.chain_ids:
        price = await world.fetch_price("WETH", chain_id=chain_id)
        await world.chain(chain_id).mine(boundary_s - 90)
        await world.set_price("WETH", price * 97 // 100, chain_id=chain_id)
        await world.chain(chain_id).mine(boundary_s - 7)
        for later_s in range(1, 9):
            await world.chain(chain_id).mine(boundary_s + 12 * later_s)
    return TimestampS(boundary_s)


async def fetch_account_data(world: World, entry: ChainEntry, account: Address, block: int) -> tuple[int, int, int]:
    """Return collateral, debt and health factor as the pool computes them at a block."""
    data = encode_call("getUserAccountData(address)", to_hex(account))
    call = {"to": entry.aave.pool, "data": to_hex(data)}
    answer = bytes.fromhex((await world.chain(entry.chain_id).rpc("eth_call", call, hex(block)))[2:])
    words = [int.from_bytes(answer[i : i + 32], "big") for i in range(0, len(answer), 32)]
    return words[0], words[1], words[5]


async def assert_equal_to_pool(world: World, entry: ChainEntry, ledger: Ledger) -> int:
    """Compare every account that was ever seen with the pool; return how many have debt."""
    states = {s.position.account: s for s in ledger.compute_states()}
    known = {parse_address(b.address) for b in world.manifest.borrowers if entry.chain_id in b.chain_ids}
    for account in sorted(known | set(ledger.list_accounts())):
        collateral, debt, health_factor = await fetch_account_data(world, entry, account, ledger.block_number)
        state = states.pop(account, None)
        if state is None:
            assert (debt, health_factor) == (0, MAX_UINT)
            continue
        position = state.position
        given = (position.collateral_usd_e8, position.debt_usd_e8, state.health_factor_wad)
        assert given == (collateral, debt, health_factor), to_hex(account)
    assert states == {}
    return len(ledger.compute_states())


async def test_positions__every_borrower_of_both_chains__equal_the_pool_to_the_last_digit(
    world: World, open_reader: OpenReader
) -> None:
    boundary_s = await mine_past_boundary(world)
    for entry in world.manifest.chains:
        reader = open_reader(entry)
        await reader.sync()

        cut = await reader.derive_cut(boundary_s)
        assert cut is not None
        ledger = await reader.project(cut, boundary_s)

        assert ledger.block_time_s == boundary_s - 7
        assert await assert_equal_to_pool(world, entry, ledger) >= TINY_HISTORY.borrowers_per_chain // 2


async def test_histories__of_the_world__follow_the_code_rule_and_repeat(world: World, open_reader: OpenReader) -> None:
    boundary_s = await mine_past_boundary(world)
    config = make_config([params_of(entry) for entry in world.manifest.chains])

    async def observe() -> Any:
        readers = {ChainId(e.chain_id): open_reader(e) for e in world.manifest.chains}
        cuts = [await reader.derive_cut(boundary_s) for reader in readers.values()]
        chains = tuple(c for c in cuts if c is not None)
        return await fetch_histories(config, readers, Cut(epoch=Epoch(boundary_s // EPOCH_S), chains=chains))

    first, second = await observe(), await observe()

    listed = {h.subject for h in first.borrowers}
    contracts = [b for b in world.manifest.borrowers if b.has_code]
    delegated = [b for b in world.manifest.borrowers if b.is_delegated]
    expected = {contract_borrower_subject(ChainId(i), parse_address(b.address)) for b in contracts for i in b.chain_ids}
    assert first == second
    assert listed & expected
    assert listed.isdisjoint(borrower_subject(parse_address(b.address)) for b in contracts)
    assert listed & {borrower_subject(parse_address(b.address)) for b in delegated}
    assert len(first.collaterals) == len(config.pairs)
    assert any(len({p.chain_id for p in h.positions}) == 2 for h in first.borrowers)


async def test_sync__second_endpoint_drops_logs__abstains(world: World, open_reader: OpenReader) -> None:
    (entry, _) = world.manifest.chains

    def drop_last_log(request: bytes, answer: bytes) -> bytes:
        if b"eth_getLogs" not in request:
            return answer
        body = orjson.loads(answer)
        body[0]["result"] = body[0]["result"][:-1]
        return orjson.dumps(body)

    relay = Relay(world.chain(entry.chain_id).url, fault=drop_last_log)
    await relay.start()
    try:
        with pytest.raises(EndpointDisagreementError):
            await open_reader(entry, [entry.rpc_urls[0], relay.url]).sync()
        # A third endpoint outvotes the liar.
        reader = open_reader(entry, [entry.rpc_urls[0], relay.url, entry.rpc_urls[1]])
        await reader.sync()
    finally:
        await relay.stop()
    assert len(reader.chain.disagreements) == 1


async def test_sync__finalised_blocks_replaced__alarms_and_recovers(world: World, open_reader: OpenReader) -> None:
    (entry, _) = world.manifest.chains
    chain = world.chain(entry.chain_id)
    reader = open_reader(entry)
    await reader.sync()
    snapshot = await world.snapshot()
    await world.set_price("WETH", 1_000 * 10**8)
    await world.mine(6)
    head = await reader.sync()

    await world.revert(snapshot)
    _, head_s = await chain.fetch_head()
    for later_s in range(50, 150, 12):
        await chain.mine(head_s + later_s)
    with pytest.raises(PastFinalityReorgError) as caught:
        await reader.sync()
    await reader.sync()

    assert caught.value.common_block_number < caught.value.block_number == head.number
    boundary_s = TimestampS(head_s + 50)
    cut = await reader.derive_cut(boundary_s)
    assert cut is not None
    ledger = await reader.project(cut, boundary_s)
    assert ledger.prices.latest[parse_address(entry.token("WETH").address)] != 1_000 * 10**8
    await assert_equal_to_pool(world, entry, ledger)


async def test_sync__two_at_once__store_every_range_once(world: World, open_reader: OpenReader) -> None:
    (entry, _) = world.manifest.chains
    reader = open_reader(entry)

    first, second = await asyncio.gather(reader.sync(), reader.sync())

    assert first.number == second.number == reader.indexer.indexed_block
