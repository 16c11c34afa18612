"""The steward on the real Aave v3: it holds RISK_ADMIN and moves LTV, threshold and caps of a reserve with an open loan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from oracle.domain.ids import keccak256, to_hex
from oracle.domain.units import HOUR_S
from oracle.sandbox.aave import AaveDeployment, Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.deploy import MAX_UINT, SUPPLY, BaseDeployment, deploy_base
from oracle.sandbox.jsonrpc import encode_call
from oracle.sandbox.reserves import RESERVES
from oracle.sandbox.transactions import BORROW, LIQUIDATE
from tests.integration.scored_pair import (
    CHAIN_ID,
    FINAL_AFTER_S,
    PAIR,
    START_S,
    VALIDITY_S,
    CallRevertedError,
    ScoredPair,
    deploy_scored_pair,
)

pytestmark = pytest.mark.anyio
POLICY_TYPE = "(address,bytes32,uint16,uint16,uint16,uint16,uint16,uint16,uint16,uint32,uint16,uint40,uint40,uint64)"
PACE_BPS_PER_HOUR, DELAY_S = 100, HOUR_S
PRICES_USD_E8 = {reserve.symbol: reserve.price_usd_e8 for reserve in RESERVES}
VARIABLE = 2
COLLATERAL_CANNOT_COVER, SUPPLY_CAP_EXCEEDED, HEALTH_NOT_BELOW, NOT_ADMIN = (
    f"reverted: {code}'" for code in (36, 51, 45, 4)
)
"""Aave's error codes."""


@dataclass(kw_only=True)
class Stage:
    """Aave, an oracle, the steward of its WETH, and two people."""

    pair: ScoredPair
    base: BaseDeployment
    steward: str
    borrower: str = derive_account(1, "borrower").address
    liquidator: str = derive_account(1, "liquidator").address

    @property
    def aave(self) -> AaveDeployment:
        return self.base.aave

    async def refresh(self) -> int:
        weth = self.base.tokens["WETH"]
        return await self.pair.send(self.liquidator, self.steward, encode_call("refresh(address)", weth))

    async def call(self, sender: str, to: str, signature: str, *arguments: object) -> None:
        await self.pair.send(sender, to, encode_call(signature, *arguments))

    async def terms(self) -> tuple[int, ...]:
        """LTV, threshold, supply cap and borrow cap as Aave tells them."""
        chain, weth = self.pair.chain, self.base.tokens["WETH"]
        provider = self.aave.data_provider
        words = ("uint256",) * 4
        _, ltv, threshold, _ = await chain.read(provider, "getReserveConfigurationData(address)", weth, returns=words)
        borrow, supply = await chain.read(provider, "getReserveCaps(address)", weth, returns=("uint256", "uint256"))
        return ltv, threshold, supply, borrow

    async def open_loan(self, usdc: int) -> None:
        """Ten WETH, worth 32,000 USD, and a loan."""
        weth, pool = self.base.tokens["WETH"], self.aave.pool
        await self.call(self.borrower, weth, "mint(address,uint256)", self.borrower, 20 * 10**18)
        await self.call(self.borrower, weth, "approve(address,uint256)", pool, MAX_UINT)
        await self.call(self.borrower, pool, SUPPLY, weth, 10 * 10**18, self.borrower, 0)
        await self.borrow(usdc)

    async def borrow(self, usdc: int) -> None:
        asset = self.base.tokens["USDC"]
        await self.call(self.borrower, self.aave.pool, BORROW, asset, usdc * 10**6, VARIABLE, 0, self.borrower)

    async def liquidate(self) -> None:
        tokens = self.base.tokens
        await self.call(self.liquidator, tokens["USDC"], "mint(address,uint256)", self.liquidator, 10**12)
        await self.call(self.liquidator, tokens["USDC"], "approve(address,uint256)", self.aave.pool, MAX_UINT)
        arguments = (tokens["WETH"], tokens["USDC"], self.borrower, 10**9, False)
        await self.call(self.liquidator, self.aave.pool, LIQUIDATE, *arguments)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    chain = await AnvilChain.start(CHAIN_ID, directory=tmp_path, genesis_s=START_S)
    try:
        base = await deploy_base(chain, seed=1, prices_usd_e8=PRICES_USD_E8, liquidity_scale=1.0)
        address = base.deployer.address
        nonce = int(await chain.rpc("eth_getTransactionCount", address, "latest"), 16)
        _, clock_s = await chain.fetch_head()
        deployer = Deployer(chain=chain, address=address, clock_s=clock_s, nonce=nonce)
        pair = await deploy_scored_pair(deployer)
        policy = (
            base.tokens["WETH"], PAIR, 5_000, 8_200, 6_000, 8_500, 50, 1_000, PACE_BPS_PER_HOUR, DELAY_S, 5_000,
            100, 100_000, 200,
        )  # fmt: skip
        steward = deployer.create(
            load_forge_artifact("AaveSteward"), {}, ("address", "address", POLICY_TYPE + "[]"),
            pair.address, base.aave.addresses_provider, [policy],
        )  # fmt: skip
        await deployer.run()
        (manager,) = await chain.read(base.aave.addresses_provider, "getACLManager()", returns=("address",))
        deployer.call(manager, "addRiskAdmin(address)", steward)
        await deployer.run()
        made = Stage(pair=pair, base=base, steward=steward)
        await chain.fund([made.borrower, made.liquidator], 10**21)
        yield made
    finally:
        await chain.stop()


async def test_steward__tighter_score__bars_loans_at_once_and_liquidates_after_the_ramp(stage: Stage) -> None:
    """A-03. 25,700 USDC on 32,000 USD: 80.3 %, inside 80.5 / 83 %. At 75 / 80 % it is liquidatable, but only after the ramp."""
    await stage.open_loan(25_700)
    assert await stage.terms() == (8_050, 8_300, 0, 0)

    await stage.pair.post(ltv_bps=7_500, threshold_bps=8_000)
    gas = await stage.refresh()
    assert await stage.terms() == (7_500, 8_300, 10_000, 5_000)
    assert gas < 250_000
    with pytest.raises(CallRevertedError, match=COLLATERAL_CANNOT_COVER):
        await stage.borrow(10)

    reached = []
    for _ in range(3):
        await stage.pair.wait(FINAL_AFTER_S)
        await stage.refresh()
        reached.append((await stage.terms())[1])
        with pytest.raises(CallRevertedError, match=HEALTH_NOT_BELOW):
            await stage.liquidate()
        await stage.pair.post(ltv_bps=7_500, threshold_bps=8_000)
    assert reached == [8_300, 8_200, 8_100]

    await stage.pair.wait(FINAL_AFTER_S)
    await stage.refresh()
    assert (await stage.terms())[1] == 8_000
    await stage.liquidate()


async def test_steward__looser_score__rises_by_a_step_once_per_delay(stage: Stage) -> None:
    """A-04. From 80.5 / 83 % by half a percent; the LTV's bound is 82 %. A second call within the hour moves nothing."""
    await stage.pair.post(ltv_bps=9_000, threshold_bps=9_000)
    await stage.refresh()
    assert await stage.terms() == (8_050, 8_300, 10_000, 5_000)

    await stage.pair.wait(FINAL_AFTER_S)
    await stage.refresh()
    assert await stage.terms() == (8_100, 8_350, 10_000, 5_000)
    await stage.pair.wait(600)
    await stage.refresh()
    assert await stage.terms() == (8_100, 8_350, 10_000, 5_000)

    await stage.pair.post(ltv_bps=9_000, threshold_bps=9_000)
    await stage.pair.wait(FINAL_AFTER_S)
    await stage.refresh()
    assert await stage.terms() == (8_150, 8_400, 10_000, 5_000)


async def test_steward__wider_gap__caps_what_may_be_supplied(stage: Stage) -> None:
    """200 WETH may fall through: at 20 % that is a cap of 1,000 and no more may be supplied than that."""
    await stage.pair.post(ltv_bps=8_000, threshold_bps=8_300, gap_ppm=200_000)
    await stage.refresh()

    assert await stage.terms() == (8_000, 8_300, 1_000, 500)
    weth, pool = stage.base.tokens["WETH"], stage.aave.pool
    await stage.call(stage.borrower, weth, "mint(address,uint256)", stage.borrower, 2_000 * 10**18)
    await stage.call(stage.borrower, weth, "approve(address,uint256)", pool, MAX_UINT)
    with pytest.raises(CallRevertedError, match=SUPPLY_CAP_EXCEEDED):
        await stage.call(stage.borrower, pool, SUPPLY, weth, 1_001 * 10**18, stage.borrower, 0)


async def test_steward__no_valid_score_or_no_role__moves_nothing(stage: Stage) -> None:
    """A-01, and what governance does to stop a steward."""
    expired = to_hex(keccak256(b"ExpiredScore(uint64,uint256)")[:4])
    with pytest.raises(CallRevertedError, match=expired):
        await stage.refresh()
    await stage.pair.post(ltv_bps=7_500, threshold_bps=8_000)
    await stage.pair.wait(VALIDITY_S)
    with pytest.raises(CallRevertedError, match=expired):
        await stage.refresh()

    await stage.pair.post(ltv_bps=7_500, threshold_bps=8_000)
    (manager,) = await stage.pair.chain.read(stage.aave.addresses_provider, "getACLManager()", returns=("address",))
    await stage.call(stage.base.deployer.address, manager, "removeRiskAdmin(address)", stage.steward)
    with pytest.raises(CallRevertedError, match=NOT_ADMIN):
        await stage.refresh()
    assert await stage.terms() == (8_050, 8_300, 0, 0)
