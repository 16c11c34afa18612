"""A small world of real chains for the tests of chain access: parameters from its manifest, readers, and the pool's own answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from oracle.chain.checked import CheckedChain
from oracle.chain.ledger import Ledger
from oracle.chain.reader import ChainReader
from oracle.chain.rows import MemoryRows
from oracle.chain.rpc import RpcEndpoint
from oracle.domain.committee import ChainParams, CommitteeConfig, MarketParams, Params
from oracle.domain.ids import BTC, ETH, USD, ZERO_HASH, Address, parse_address, to_hex
from oracle.domain.market import AssetFacts
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.sandbox.jsonrpc import encode_call
from oracle.sandbox.manifest import ChainEntry
from oracle.sandbox.world import World

NUMERAIRES = {"USD": USD, "ETH": ETH, "BTC": BTC}
EPOCH_S = 100
MAX_UINT = 2**256 - 1


class Readers:
    """Makes readers, by default on both URLs of a chain, and closes their connections."""

    def __init__(self) -> None:
        self._endpoints: list[RpcEndpoint] = []

    def open(
        self, entry: ChainEntry, urls: Sequence[str] | None = None, *, params: ChainParams | None = None
    ) -> ChainReader:
        params = params or params_of(entry)
        endpoints = [RpcEndpoint(url, params.chain_id) for url in urls or entry.rpc_urls]
        self._endpoints.extend(endpoints)
        return ChainReader(params, CheckedChain(params.chain_id, endpoints), MemoryRows())

    async def close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.close()


@asynccontextmanager
async def opened_readers() -> AsyncIterator[Readers]:
    readers = Readers()
    try:
        yield readers
    finally:
        await readers.close()


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
    markets = [MarketParams(protocol="aave_v3", market=parse_address(entry.aave.pool), start_block=start)]
    if entry.morpho is not None:
        singleton, start = parse_address(entry.morpho.singleton), BlockNumber(entry.morpho.start_block)
        markets.append(MarketParams(protocol="morpho_blue", market=singleton, start_block=start))
        labels = [Address(bytes.fromhex(m.market_id[2:42])) for m in entry.morpho.markets]
        markets += [MarketParams(protocol="morpho_blue_market", market=label, start_block=start) for label in labels]
    return ChainParams(
        chain_id=ChainId(entry.chain_id),
        markets=tuple(sorted(markets, key=lambda m: m.market)),
        assets=tuple(sorted(assets, key=lambda a: a.token)),
    )


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
    states = {s.position.account: s for s in ledger.compute_states() if s.position.protocol == "aave_v3"}
    count = len(states)
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
    return count
