"""The Morpho Blue adapter against the real singleton on anvil: every position at several cuts, to the last unit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from oracle.chain.ledger import Ledger
from oracle.chain.protocols.morpho_blue.adapter import MorphoBlueAdapter
from oracle.chain.protocols.morpho_blue.shares import to_shares_down
from oracle.chain.protocols.morpho_blue.state import compute_balances
from oracle.chain.rows import MemoryRows
from oracle.chain.rpc import RpcEndpoint
from oracle.domain.ids import Address, parse_address
from oracle.domain.units import WAD, YEAR_S, ChainId
from oracle.sandbox import morpho
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.morpho import MorphoMarket
from oracle.sandbox.world import World, start_world
from tests.integration.chain_world import assert_equal_to_pool, mine_past_boundary
from tests.integration.morpho_stage import PLANS, MorphoStage

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CUTS = 4
PROBE_AMOUNT = 10**12
KINDS = {
    "borrow", "borrow shares", "collateral", "gift", "repay", "close", "withdraw", "liquidate", "seize all", "accrue", "fee", "rate",
}  # fmt: skip


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A small world that mines only when told to."""
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as running:
        yield running


@pytest.fixture
async def endpoints(world: World) -> AsyncIterator[list[RpcEndpoint]]:
    entry = world.manifest.chains[1]
    opened = [RpcEndpoint(url, ChainId(entry.chain_id)) for url in entry.rpc_urls]
    yield opened
    for endpoint in opened:
        await endpoint.close()


async def assert_equal_to_morpho(stage: MorphoStage, ledger: Ledger) -> int:
    """Compare every borrower in every market with the singleton at the ledger's block; return how many have debt."""
    (adapter,) = [a for a in ledger.markets if isinstance(a, MorphoBlueAdapter)]
    states = {
        (s.position.market, s.position.account): s
        for s in ledger.compute_states()
        if s.position.protocol == "morpho_blue"
    }
    block, count = ledger.block_number, len(states)
    for market in stage.deployment.markets:
        await _assert_equal_totals(stage, ledger, adapter, market.market_id)
        for who in stage.borrowers:
            _, shares, collateral = await stage.fetch_position(market, who, block)
            state = states.pop((Address(market.market_id[:20]), parse_address(who)), None)
            assert adapter.markets[market.market_id].debts.get(parse_address(who), 0) == shares
            assert adapter.markets[market.market_id].collaterals.get(parse_address(who), 0) == collateral
            if state is None:
                assert shares == 0
                continue
            (debt,) = state.position.debts
            assert debt.amount == await stage.fetch_owed(market, who, shares, block)
            assert sum(c.amount for c in state.position.collaterals) == collateral
            assert (state.health_factor_wad >= WAD) == await stage.fetch_is_healthy(market, who, block)
    assert states == {}
    return count


async def _assert_equal_totals(
    stage: MorphoStage, ledger: Ledger, adapter: MorphoBlueAdapter, market_id: bytes
) -> None:
    (market,) = [m for m in stage.deployment.markets if m.market_id == market_id]
    ours, block = adapter.markets[market_id], ledger.block_number
    found = await stage.ask(stage.lender, "market(bytes32)", (market_id,), ["uint128"] * 6, block)
    given = (ours.supplied_amount, ours.supplied_shares, ours.borrowed_amount, ours.borrowed_shares)
    assert (*given, ours.fee_wad) == (*found[:4], found[5])
    balances = compute_balances(ours, ledger.block_time_s)
    shares = to_shares_down(PROBE_AMOUNT, balances.supplied_amount, balances.supplied_shares)
    assert shares == await stage.fetch_supply_shares(market, PROBE_AMOUNT, block)


async def assert_nothing_of(own: list[MorphoMarket], stage: MorphoStage, ledger: Ledger) -> None:
    """Check that markets which their borrowers created for themselves, and owe in, give no state, event, sample or account."""
    outsider, borrower = parse_address(stage.outsider), parse_address(stage.borrowers[0])
    for market, who in zip(own, (stage.outsider, stage.borrowers[0]), strict=True):
        assert (await stage.fetch_position(market, who, None))[1] == 5_000 * 10**6 * morpho.SHARES_PER_UNIT
    assert outsider not in ledger.list_accounts()
    assert list(ledger.get_samples(outsider)) == []
    labels = {Address(market.market_id[:20]) for market in own}
    told = {one.market for one in ledger.get_events(borrower)} | {one.market for one in ledger.get_samples(borrower)}
    assert labels & (told | {state.position.market for state in ledger.compute_states()}) == set()
    assert len(ledger.get_events(borrower)) >= 4


async def test_positions__seeded_activity_at_several_cuts__equal_the_singleton_to_the_last_unit(
    world: World, endpoints: list[RpcEndpoint]
) -> None:
    entry = world.manifest.chains[1]
    stage = await MorphoStage.open(world, entry)
    own = [await stage.create_own_market(who) for who in (stage.outsider, stage.borrowers[0])]
    running = stage.open_reader(endpoints, MemoryRows())
    compared = unhealthy = 0

    for number in range(CUTS):
        await stage.live(6)
        if number == 2:
            await stage.crash("WETH")
        await stage.end_some()
        boundary_s = await mine_past_boundary(world)
        fresh = stage.open_reader(endpoints, MemoryRows())
        ledgers = []
        for reader in (running, fresh):
            await reader.sync()
            cut = await reader.derive_cut(boundary_s)
            assert cut is not None
            ledgers.append(await reader.project(cut, boundary_s))
        compared += await assert_equal_to_morpho(stage, ledgers[0])
        await assert_equal_to_pool(world, entry, ledgers[0])
        unhealthy += sum(s.health_factor_wad < WAD for s in ledgers[0].compute_states())
        assert ledgers[0].compute_states() == ledgers[1].compute_states()
        for account in stage.accounts:
            assert ledgers[0].get_events(account) == ledgers[1].get_events(account)
            assert ledgers[0].get_samples(account) == ledgers[1].get_samples(account)

    await assert_nothing_of(own, stage, ledgers[0])
    assert compared >= 150
    assert unhealthy >= 10
    assert sorted(KINDS - set(stage.done)) == []
    assert len(stage.deployment.markets) == len(PLANS)


async def test_positions__model_that_logs_nothing__are_off_by_no_more_than_its_rate_moved(
    world: World, endpoints: list[RpcEndpoint]
) -> None:
    stage = await MorphoStage.open(world, world.manifest.chains[1])
    market = await stage.create_silent_market()
    first, second = stage.borrowers[:2]
    for who, dollars in ((first, 100_000), (second, 500_000)):
        collateral = (market.params, stage.units("WETH", 2 * dollars), who, b"")
        loan = (market.params, dollars * 10**6, 0, who, who)
        acts = [
            ("collateral", who, stage.call(morpho.SUPPLY_COLLATERAL), collateral),
            ("borrow", who, stage.call(morpho.BORROW), loan),
        ]
        assert all(await stage.run(acts, later_s=3_600))
    boundary_s = await mine_past_boundary(world)
    reader = stage.open_reader(endpoints, MemoryRows())
    await reader.sync()
    cut = await reader.derive_cut(boundary_s)
    assert cut is not None
    ledger = await reader.project(cut, boundary_s)

    (adapter,) = [a for a in ledger.markets if isinstance(a, MorphoBlueAdapter)]
    ours = adapter.markets[market.market_id]
    rate_now_wad = ours.borrowed_amount * WAD // ours.supplied_amount // YEAR_S
    seconds = ledger.block_time_s - ours.accrued_s
    debts = {s.position.account: s.position.debts[0].amount for s in ledger.compute_states()}
    for who in (first, second):
        debt = debts[parse_address(who)]
        _, shares, _ = await stage.fetch_position(market, who, ledger.block_number)
        missing = await stage.fetch_owed(market, who, shares, ledger.block_number) - debt
        # The last accrual used the rate before the second loan, a sixth of the one now: too low, by the difference over the seconds since, compounded.
        simple = debt * (rate_now_wad - ours.rate_wad) * seconds // WAD
        assert rate_now_wad > 5 * ours.rate_wad > 0
        assert 0 < missing <= simple + simple // 10_000 + 2
