"""Paths of Aave v3 that generated activity never takes, each followed by the comparison of every account with the pool."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from oracle.chain.ledger import Ledger
from oracle.domain.event import EventKind
from oracle.domain.ids import parse_address
from oracle.domain.units import TimestampS
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.manifest import ChainEntry
from oracle.sandbox.world import World, start_world
from tests.integration.chain_world import (
    MAX_UINT,
    Readers,
    assert_equal_to_pool,
    mine_past_boundary,
    opened_readers,
    params_of,
)

pytestmark = pytest.mark.anyio
ACTOR, FRIEND, LIQUIDATOR = ("0x" + byte * 20 for byte in ("a1", "f2", "c3"))
ETHER, DOLLAR = 10**18, 10**6
NO_ADDRESS = "0x" + "00" * 20
VARIABLE = 2


class Stage:
    """One chain of a small world with actors that hold every token; calls are mined at once, one block each."""

    def __init__(self, world: World, entry: ChainEntry) -> None:
        self.world = world
        self.entry = entry
        self.pool = entry.aave.pool
        self.token = {token.symbol: token.address for token in entry.tokens}

    async def call(self, sender: str, to: str, signature: str, *arguments: object) -> None:
        transaction = Transaction(sender=sender, to=to, data=encode_call(signature, *arguments), gas=3_000_000)
        (receipt,) = await self.world.execute(self.entry.chain_id, [transaction])
        assert receipt["status"] == "0x1", await self.world.chain(self.entry.chain_id).explain_failure(transaction)

    async def prepare(self) -> None:
        chain = self.world.chain(self.entry.chain_id)
        await chain.fund([ACTOR, FRIEND, LIQUIDATOR], 100 * ETHER)
        for actor in (ACTOR, FRIEND, LIQUIDATOR):
            for token in self.entry.tokens:
                await self.call(actor, token.address, "mint(address,uint256)", actor, 10_000_000 * 10**token.decimals)
                await self.call(actor, token.address, "approve(address,uint256)", self.pool, MAX_UINT)

    async def supply(self, actor: str, symbol: str, amount: int) -> None:
        await self.call(
            actor, self.pool, "supply(address,uint256,address,uint16)", self.token[symbol], amount, actor, 0
        )

    async def borrow(self, actor: str, symbol: str, amount: int) -> None:
        signature = "borrow(address,uint256,uint256,uint16,address)"
        await self.call(actor, self.pool, signature, self.token[symbol], amount, VARIABLE, 0, actor)

    async def pass_days(self, days: int) -> None:
        chain = self.world.chain(self.entry.chain_id)
        _, head_s = await chain.fetch_head()
        await chain.mine(head_s + days * 86_400)

    async def project(self, readers: Readers) -> Ledger:
        """Compare every account with the pool at a new cut and return the ledger there."""
        boundary_s: TimestampS = await mine_past_boundary(self.world)
        reader = readers.open(self.entry)
        await reader.sync()
        cut = await reader.derive_cut(boundary_s)
        assert cut is not None
        ledger = await reader.project(cut, boundary_s)
        await assert_equal_to_pool(self.world, self.entry, ledger)
        return ledger


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as world:
        prepared = Stage(world, world.manifest.chains[0])
        await prepared.prepare()
        yield prepared


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    async with opened_readers() as opened:
        yield opened


async def test_emode__account_enters_a_category__equals_the_pool(stage: Stage, readers: Readers) -> None:
    admin = stage.world.manifest.account("deployer", str(stage.entry.chain_id)).address
    configurator = stage.entry.aave.configurator
    category = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
    await stage.call(admin, configurator, category, 1, 9_000, 9_300, 10_100, NO_ADDRESS, "ether")
    for symbol in ("WETH", "wstETH"):
        await stage.call(admin, configurator, "setAssetEModeCategory(address,uint8)", stage.token[symbol], 1)
    await stage.supply(ACTOR, "wstETH", 10 * ETHER)
    await stage.supply(ACTOR, "USDC", 1_000 * DOLLAR)
    await stage.call(ACTOR, stage.pool, "setUserEMode(uint8)", 1)
    await stage.borrow(ACTOR, "WETH", 8 * ETHER)

    ledger = await stage.project(readers)

    (state,) = [s for s in ledger.compute_states() if s.position.account == parse_address(ACTOR)]
    thresholds = {c.token: c.liquidation_threshold_bps for c in state.position.collaterals}
    assert thresholds[parse_address(stage.token["wstETH"])] == 9_300
    assert thresholds[parse_address(stage.token["USDC"])] == 7_800


async def test_repay__with_a_tokens_after_interest__equals_the_pool(stage: Stage, readers: Readers) -> None:
    await stage.supply(ACTOR, "USDC", 50_000 * DOLLAR)
    await stage.supply(ACTOR, "WETH", 10 * ETHER)
    await stage.borrow(ACTOR, "USDC", 9_000 * DOLLAR)
    await stage.pass_days(40)
    repay = "repayWithATokens(address,uint256,uint256)"
    await stage.call(ACTOR, stage.pool, repay, stage.token["USDC"], 1, VARIABLE)
    await stage.call(ACTOR, stage.pool, repay, stage.token["USDC"], 1_234 * DOLLAR, VARIABLE)
    ledger = await stage.project(readers)
    assert parse_address(ACTOR) in {s.position.account for s in ledger.compute_states()}

    await stage.call(ACTOR, stage.pool, repay, stage.token["USDC"], MAX_UINT, VARIABLE)
    ledger = await stage.project(readers)
    assert parse_address(ACTOR) not in {s.position.account for s in ledger.compute_states()}


async def test_transfer__of_a_tokens_with_interest__equals_the_pool(stage: Stage, readers: Readers) -> None:
    a_token = next(t.a_token for t in stage.entry.tokens if t.symbol == "WETH")
    for actor in (ACTOR, FRIEND):
        await stage.supply(actor, "WETH", 20 * ETHER)
        await stage.borrow(actor, "DAI", 3_000 * ETHER)
    await stage.pass_days(30)

    await stage.call(ACTOR, a_token, "transfer(address,uint256)", FRIEND, ETHER + 7)
    await stage.call(ACTOR, a_token, "transfer(address,uint256)", ACTOR, ETHER)
    await stage.call(FRIEND, a_token, "transfer(address,uint256)", LIQUIDATOR, 1)
    await stage.call(FRIEND, stage.pool, "withdraw(address,uint256,address)", stage.token["WETH"], 1, FRIEND)
    await stage.call(FRIEND, stage.pool, "withdraw(address,uint256,address)", stage.token["WETH"], 5, LIQUIDATOR)

    ledger = await stage.project(readers)
    found = {s.position.account for s in ledger.compute_states()}
    assert {parse_address(ACTOR), parse_address(FRIEND)} <= found


async def test_liquidation__into_a_tokens_with_protocol_fee__equals_the_pool(stage: Stage, readers: Readers) -> None:
    await stage.supply(ACTOR, "WETH", 10 * ETHER)
    price = await stage.world.fetch_price("WETH", chain_id=stage.entry.chain_id)
    await stage.borrow(ACTOR, "USDC", price * 10 * 80 // 100 * DOLLAR // 10**8)
    await stage.borrow(ACTOR, "DAI", ETHER // 100)
    await stage.pass_days(10)
    await stage.world.set_price("WETH", price * 93 // 100, chain_id=stage.entry.chain_id)
    weth, usdc = stage.token["WETH"], stage.token["USDC"]

    liquidate = "liquidationCall(address,address,address,uint256,bool)"
    await stage.call(LIQUIDATOR, stage.pool, liquidate, weth, usdc, ACTOR, 5_000 * DOLLAR, True)
    await stage.world.set_price("WETH", price * 70 // 100, chain_id=stage.entry.chain_id)
    await stage.call(LIQUIDATOR, stage.pool, liquidate, weth, usdc, ACTOR, MAX_UINT, False)
    await stage.borrow(LIQUIDATOR, "DAI", 100 * ETHER)
    await stage.call(FRIEND, stage.pool, "mintToTreasury(address[])", [weth, usdc])

    ledger = await stage.project(readers)
    kinds = [e.kind for e in ledger.get_events(parse_address(ACTOR))]
    assert kinds.count(EventKind.LIQUIDATION) == 2
    assert parse_address(LIQUIDATOR) in {s.position.account for s in ledger.compute_states()}


async def test_collateral__switched_off_and_threshold_changed__equals_the_pool(stage: Stage, readers: Readers) -> None:
    admin = stage.world.manifest.account("deployer", str(stage.entry.chain_id)).address
    await stage.supply(ACTOR, "WETH", 10 * ETHER)
    await stage.supply(ACTOR, "WBTC", 10**8)
    await stage.borrow(ACTOR, "USDC", 5_000 * DOLLAR)
    use = "setUserUseReserveAsCollateral(address,bool)"
    await stage.call(ACTOR, stage.pool, use, stage.token["WBTC"], False)
    configure = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
    await stage.call(admin, stage.entry.aave.configurator, configure, stage.token["WETH"], 7_000, 7_777, 10_600)

    ledger = await stage.project(readers)

    (state,) = [s for s in ledger.compute_states() if s.position.account == parse_address(ACTOR)]
    assert [c.liquidation_threshold_bps for c in state.position.collaterals] == [7_777]
    assert params_of(stage.entry).asset(parse_address(stage.token["WBTC"])) is not None
