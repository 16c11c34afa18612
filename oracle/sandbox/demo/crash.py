"""The same borrowers, the same crash, two kinds of terms: what each market lends, liquidates and loses.

It runs on a copy of the chain, so that the committee goes on undisturbed. Every borrower puts the same collateral into both markets and takes
as much as each grants; then the price falls by 30 %, at once or in three steps with liquidators acting after each.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from oracle.domain.loan import Basis
from oracle.domain.units import BPS
from oracle.errors import DemoFailedError
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.demo.market import MAX_UINT, MarketSession, ScoreProof
from oracle.sandbox.deploy import update_feed
from oracle.sandbox.jsonrpc import encode_call

AT_ONCE = (7_000,)
IN_STEPS = (9_000, 8_000, 7_000)
PATHS = {"at once": AT_ONCE, "in three steps": IN_STEPS}
LIQUIDATION_ROUNDS = 8
COLLATERAL_UNITS = 10 * 10**18
LIQUIDATOR_UNITS = 10**17
LTV_STEP_BPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashOutcome:
    """What one market did in one crash; money in whole dollars of the loan token."""

    path: str
    terms: str
    borrowers: int
    capacity_usd: int
    mean_ltv_bps: int
    liquidations: int
    liquidated_borrowers: int
    bad_debt_usd: int

    @property
    def bad_debt_bps(self) -> int:
        """Return bad debt as a share of what was lent."""
        return self.bad_debt_usd * BPS // max(1, self.capacity_usd)


@asynccontextmanager
async def copy_of(chain: AnvilChain, directory: Path) -> AsyncIterator[AnvilChain]:
    """Yield a chain of the same state and id that nobody indexes; it ends with the block."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"copy-{chain.chain_id}.json"
    await chain.dump_state(path)
    copied = await AnvilChain.start(chain.chain_id, directory=directory, genesis_s=1, state_path=path)
    try:
        # A loaded chain starts with the clock of its first block: calls would see prices from the future.
        _, head_s = await copied.fetch_head()
        await copied.mine(max(head_s + 1, int(time.time())))
        yield copied
    finally:
        await copied.stop()
        path.unlink(missing_ok=True)


async def find_largest_loan(market: MarketSession, borrower: str, proof: ScoreProof | None) -> int:
    """Return the largest loan, on the menu's grid of LTVs, that the market quotes as allowed; grants fall as asks rise."""
    value = await market.collateral_value_of(borrower)
    low, high = 0, BPS // LTV_STEP_BPS
    while low < high:
        middle = (low + high + 1) // 2
        quote = await market.quote(borrower, value * middle * LTV_STEP_BPS // BPS, proof)
        low, high = (middle, high) if quote.allowed else (low, middle - 1)
    return value * low * LTV_STEP_BPS // BPS


async def lend_all(market: MarketSession, proofs: Mapping[str, ScoreProof | None]) -> dict[str, int]:
    """Let every borrower open a position and take what he gets; returns debts by borrower."""
    for borrower, proof in proofs.items():
        await market.open_position(borrower, COLLATERAL_UNITS)
        amount = await find_largest_loan(market, borrower, proof)
        if amount:
            answer = await market.borrow(borrower, amount, proof)
            expected = Basis.NO_PROOF if proof is None else Basis.RATED
            if not answer.allowed or answer.basis is not expected:
                raise DemoFailedError(f"{market.name} did not keep what it quoted to {borrower}: {answer}")
    return {borrower: await market.debt_of(borrower) for borrower in proofs}


async def prepare_liquidator(market: MarketSession, liquidator: str) -> None:
    """Give the liquidator means and the market's allowance."""
    token = market.loan.address
    units = LIQUIDATOR_UNITS * 10 ** max(0, market.loan.decimals - 6)
    await market.chain.fund([liquidator], 10**20)
    await market.call(liquidator, token, encode_call("mint(address,uint256)", liquidator, units))
    await market.call(liquidator, token, encode_call("approve(address,uint256)", market.address, MAX_UINT))


async def liquidate_all(market: MarketSession, liquidator: str, borrowers: Sequence[str]) -> tuple[list[str], int]:
    """Liquidate until everyone is healthy or gone; returns who, once per liquidation, and the bad debt written off."""
    struck: list[str] = []
    bad_debt = 0
    for borrower in borrowers:
        for _ in range(LIQUIDATION_ROUNDS):
            if await market.health_factor_wad(borrower) >= 10**18:
                break
            result = await market.liquidate(liquidator, borrower)
            if result is None:
                break
            struck.append(borrower)
            bad_debt += result[1]
    return struck, bad_debt


async def run_crash(
    market: MarketSession, *, terms: str, path: str, debts: Mapping[str, int], liquidator: str, feed_owner: str
) -> CrashOutcome:
    """Move the collateral's price along a path and count; the caller reverts the chain afterwards."""
    chain = market.chain
    feed = market.collateral.feed
    start = int((await chain.read(feed, "latestAnswer()", returns=("int256",)))[0])
    struck: list[str] = []
    bad_debt = 0
    for level_bps in PATHS[path]:
        chain.forget_nonces()
        await chain.execute([update_feed(feed_owner, feed, start * level_bps // BPS)])
        hit, lost = await liquidate_all(market, liquidator, list(debts))
        struck += hit
        bad_debt += lost
    unit = 10**market.loan.decimals
    capacity = sum(debts.values())
    collateral_value = _value_at(market, start)
    return CrashOutcome(
        path=path,
        terms=terms,
        borrowers=len(debts),
        capacity_usd=capacity // unit,
        mean_ltv_bps=capacity * BPS // max(1, collateral_value * len(debts)),
        liquidations=len(struck),
        liquidated_borrowers=len(set(struck)),
        bad_debt_usd=(bad_debt + await _uncovered(market, list(debts))) // unit,
    )


async def compare(
    chain: AnvilChain,
    *,
    scored: MarketSession,
    static: MarketSession,
    proofs: Mapping[str, ScoreProof],
    liquidator: str,
    feed_owner: str,
) -> list[CrashOutcome]:
    """Run both crashes through both markets on `chain`, from the same state each time."""
    outcomes: list[CrashOutcome] = []
    no_proofs: dict[str, ScoreProof | None] = dict.fromkeys(proofs)
    markets = {"static": (static, no_proofs), "scored": (scored, {**no_proofs, **proofs})}
    lent: dict[str, dict[str, int]] = {}
    for terms, (market, presented) in markets.items():
        lent[terms] = await lend_all(market, presented)
        await prepare_liquidator(market, liquidator)
    for path in PATHS:
        for terms, (market, _) in markets.items():
            snapshot = await chain.snapshot()
            outcomes.append(
                await run_crash(
                    market, terms=terms, path=path, debts=lent[terms], liquidator=liquidator, feed_owner=feed_owner
                )
            )
            await chain.revert(snapshot)
    return outcomes


def _value_at(market: MarketSession, price_usd_e8: int) -> int:
    """Return the value of one borrower's collateral at a price, in loan tokens worth a dollar."""
    scale: int = 10 ** (8 + market.collateral.decimals)
    return COLLATERAL_UNITS * price_usd_e8 * int(10**market.loan.decimals) // scale


async def _uncovered(market: MarketSession, borrowers: Sequence[str]) -> int:
    """Return debt that the remaining collateral does not cover: lost, though nobody has written it off yet."""
    missing = 0
    for borrower in borrowers:
        missing += max(0, await market.debt_of(borrower) - await market.collateral_value_of(borrower))
    return missing
