"""The Venus adapter against the real core pool: every borrower at several cuts, equal to the Comptroller's own views to the last digit (CH-05)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from oracle.chain.adapter import PositionState
from oracle.chain.ledger import Ledger
from oracle.chain.reader import ChainReader
from oracle.domain.committee import MarketParams
from oracle.domain.event import EventKind
from oracle.domain.ids import parse_address
from oracle.domain.units import WAD, BlockNumber, TimestampS
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.world import World, start_world
from tests.integration.chain_world import EPOCH_S, Readers, fetch_account_data, opened_readers, params_of
from tests.integration.venus_activity import VenusActivity, fetch_expected
from tests.integration.venus_market import VenusMarket, require_artifacts

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SEED = 20_260
POOL_FACTORS = "setCollateralFactor(uint96,address,uint256,uint256)"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A small world that mines only when told to; Aave stands on the same chain, so that rows of both protocols mix."""
    require_artifacts()
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as running:
        yield running


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    async with opened_readers() as opened:
        yield opened


class Auditor:
    """Takes a cut after whatever happened and compares every account there."""

    def __init__(self, market: VenusMarket, activity: VenusActivity, reader: ChainReader) -> None:
        self.market = market
        self.activity = activity
        self.reader = reader
        self.ledger: Ledger

    async def states(self) -> list[PositionState]:
        """Return the market's positions at a new cut, compared with nothing."""
        await self._take_cut()
        return [s for s in self.ledger.compute_states() if s.position.protocol == "venus"]

    async def compare(self) -> int:
        """Return how many accounts have debt at a new cut; every one of them equals the contracts."""
        await self._take_cut()
        await self._compare_aave()
        return await self._compare_venus()

    async def _take_cut(self) -> None:
        chain = self.market.chain
        _, head_s = await chain.fetch_head()
        boundary_s = TimestampS((head_s // EPOCH_S + 2) * EPOCH_S)
        await chain.mine(boundary_s - 7)
        for later_s in range(1, 9):
            await chain.mine(boundary_s + 12 * later_s)
        await self.reader.sync()
        cut = await self.reader.derive_cut(boundary_s)
        assert cut is not None
        self.ledger = await self.reader.project(cut, boundary_s)

    async def _compare_venus(self) -> int:
        by_token = {parse_address(self.market.tokens[s].address): v for s, v in self.market.v_tokens.items()}
        states = {s.position.account: s for s in self.ledger.compute_states() if s.position.protocol == "venus"}
        count = len(states)
        for actor in self.activity.actors:
            expected = await fetch_expected(self.market, actor, hex(self.ledger.block_number))
            state = states.pop(parse_address(actor), None)
            if state is None:
                # Less than 10^-8 dollars of debt is none.
                assert expected.debt_wad < 10**10, actor
                continue
            position = state.position
            assert state.health_factor_wad == expected.weighted_wad * WAD // expected.debt_wad, actor
            assert {by_token[c.token]: c.amount for c in position.collaterals} == expected.collateral_amounts, actor
            assert {by_token[d.token]: d.amount for d in position.debts} == expected.debt_amounts, actor
            assert 0 <= expected.debt_wad // 10**10 - position.debt_usd_e8 <= len(position.debts), actor
        assert states == {}
        return count

    async def _compare_aave(self) -> None:
        mine = [s for s in self.ledger.compute_states() if s.position.protocol == "aave_v3"]
        assert mine
        for state in mine:
            position = state.position
            expected = await fetch_account_data(
                self.market.world, self.market.entry, position.account, self.ledger.block_number
            )
            assert (position.collateral_usd_e8, position.debt_usd_e8, state.health_factor_wad) == expected


async def open_market(world: World, readers: Readers, symbols: list[str]) -> Auditor:
    """Deploy Venus beside Aave on the world's first chain, fund its actors and open a reader of both."""
    entry = world.manifest.chains[0]
    market = VenusMarket(world, entry)
    await market.deploy(symbols)
    activity = VenusActivity(market, SEED)
    await activity.fund(symbols)
    venus = MarketParams(
        protocol="venus", market=parse_address(market.comptroller), start_block=BlockNumber(entry.start_block)
    )
    params = params_of(entry)
    markets = tuple(sorted((*params.markets, venus), key=lambda m: m.market))
    return Auditor(market, activity, readers.open(entry, params=replace(params, markets=markets)))


def thresholds_of(states: Sequence[PositionState]) -> set[int]:
    return {c.liquidation_threshold_bps for s in states for c in s.position.collaterals}


def count_events(ledger: Ledger, activity: VenusActivity) -> Counter[EventKind]:
    events = [e for actor in activity.actors for e in ledger.get_events(parse_address(actor))]
    return Counter(e.kind for e in events)


async def test_positions__random_activity_on_the_real_pool__equal_the_comptroller_at_every_cut(
    world: World, readers: Readers
) -> None:
    auditor = await open_market(world, readers, ["WETH", "USDC", "WBTC"])
    market, activity, entry = auditor.market, auditor.activity, auditor.market.entry

    await activity.open_all()
    assert await auditor.compare() >= 30

    await activity.play(12)
    assert await auditor.compare() >= 30

    for symbol, percent in (("WETH", 45), ("WBTC", 60)):
        price = await world.fetch_price(symbol, chain_id=entry.chain_id)
        await market.set_price(symbol, price * percent // 100)
        await activity.liquidate_all()
        await activity.liquidate_all()
        assert await auditor.compare() >= 25

    # What governance and rarer calls do: a token listed after the reader's first look, factors, reserves, a flash loan.
    await market.list_token("DAI")
    await activity.fund(["DAI"])
    await govern(market, activity)
    assert await auditor.compare() >= 25
    await activity.play(6)
    assert await auditor.compare() >= 20

    found = count_events(auditor.ledger, activity)
    assert min(found[kind] for kind in EventKind) >= 8, found


async def test_positions__pools_and_an_unlisted_token__equal_the_comptroller(world: World, readers: Readers) -> None:
    auditor = await open_market(world, readers, ["WETH", "USDC", "WBTC"])
    market, activity = auditor.market, auditor.activity
    comptroller, weth = market.comptroller, market.v_tokens["WETH"]
    await market.govern(comptroller, "createPool(string)", "ether")
    await market.govern(comptroller, "addPoolMarkets(uint96[],address[])", [1], [weth])
    await market.govern(comptroller, "setLiquidationIncentive(uint96,address,uint256)", 1, weth, 104 * WAD // 100)
    await market.govern(comptroller, POOL_FACTORS, 1, weth, 90 * WAD // 100, 93 * WAD // 100)
    await market.govern(comptroller, "setIsBorrowAllowed(uint96,address,bool)", 1, weth, True)
    await activity.open_all()
    healthy_before = thresholds_of(await auditor.states())
    assert await activity.enter_pool(1) >= 3
    assert await auditor.compare() >= 30
    assert 9_300 in thresholds_of(await auditor.states()) - healthy_before

    await market.govern(comptroller, "setAllowCorePoolFallback(uint96,bool)", 1, True)
    assert await auditor.compare() >= 30
    await market.govern(comptroller, "removePoolMarket(uint96,address)", 1, weth)
    assert await auditor.compare() >= 30
    await market.govern(comptroller, "setPoolActive(uint96,bool)", 1, False)
    assert await auditor.compare() >= 30

    v_token = market.v_tokens["WBTC"]
    await market.govern(comptroller, POOL_FACTORS, 0, v_token, 0, 0)
    for caps in ("_setMarketSupplyCaps", "_setMarketBorrowCaps"):
        await market.govern(comptroller, f"{caps}(address[],uint256[])", [v_token], [0])
    await market.govern(comptroller, "setActionsPaused(address[],uint8[],bool)", [v_token], list(range(9)), True)
    await market.govern(comptroller, "unlistMarket(address)", v_token)
    assert await auditor.compare() >= 20


async def govern(market: VenusMarket, activity: VenusActivity) -> None:
    """Change a threshold and a reserve factor, move reserves, sync a donation, take a fee of a redemption, leave that of a flash loan unpaid."""
    v_usdc = market.v_tokens["USDC"]
    await market.govern(market.comptroller, POOL_FACTORS, 0, market.v_tokens["WBTC"], 60 * WAD // 100, 65 * WAD // 100)
    await market.govern(v_usdc, "_setReserveFactor(uint256)", 35 * WAD // 100)
    await market.govern(v_usdc, "_reduceReserves(uint256)", 1)
    await activity.give("USDC", usd=5_000)
    await market.govern(v_usdc, "sweepTokenAndSync(uint256)", 0)
    await market.govern(
        market.comptroller, "_setTreasuryData(address,address,uint256)", market.admin, market.admin, WAD // 50
    )
    await activity.redeem("USDC", usd=3_000)
    await activity.flash_loan(activity.others[1], "WETH")
