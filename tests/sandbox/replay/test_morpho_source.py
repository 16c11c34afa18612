"""What is written for the borrowers of Morpho Blue: who sends it, what goes before it, and how the feed moves between them."""

from __future__ import annotations

from oracle.sandbox.aave import AaveDeployment
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.deploy import BaseDeployment
from oracle.sandbox.jsonrpc import parse_signature
from oracle.sandbox.morpho import (
    BORROW,
    LIQUIDATE,
    SUPPLY_COLLATERAL,
    MorphoDeployment,
    MorphoMarket,
)
from oracle.sandbox.replay.morpho_planner import plan_morpho
from oracle.sandbox.replay.morpho_rows import LLTV_WAD, MorphoRow
from oracle.sandbox.replay.morpho_source import MorphoSource, MorphoWorld
from oracle.sandbox.replay.steps import ReplayStep
from tests.sandbox.replay.morpho_history import ALICE, BITCOIN, BOB, collateral, liquidation, loan, opening

ADDRESS, TOKEN, FEED, SINGLETON = ("0x" + byte * 20 for byte in ("11", "22", "33", "44"))
HOUR_S = 3_600
NAMES = {
    parse_signature(signature)[0]: signature.split("(")[0]
    for signature in (
        BORROW, LIQUIDATE, SUPPLY_COLLATERAL, "mint(address,uint256)", "approve(address,uint256)",
        "setAuthorization(address,bool)", "setAnswer(int192)",
    )
}  # fmt: skip


def make_source(*rows: MorphoRow) -> MorphoSource:
    aave = AaveDeployment(
        pool=ADDRESS, addresses_provider=ADDRESS, configurator=ADDRESS, data_provider=ADDRESS, oracle=ADDRESS,
        treasury=ADDRESS, reserve_tokens={},
    )  # fmt: skip
    base = BaseDeployment(
        deployer=derive_account(1, "deployer"), tokens={"USDC": ADDRESS}, feeds={}, aave=aave, start_block=1
    )
    market = MorphoMarket(collateral="cbBTC", loan="USDC", params=(ADDRESS, TOKEN, ADDRESS, ADDRESS, LLTV_WAD))
    world = MorphoWorld(
        tokens={"cbBTC": TOKEN},
        feeds={"cbBTC": FEED},
        deployment=MorphoDeployment(morpho=SINGLETON, model=ADDRESS, start_block=1, markets=(market,)),
    )
    plan = plan_morpho(sorted(rows, key=lambda r: r.time_s), {ALICE, BOB})
    return MorphoSource(base=base, world=world, seed=1, plan=plan, numbers={ALICE: 0, BOB: 1})


def names(step: ReplayStep) -> list[str]:
    return [NAMES.get(t.transaction.data[:4], "transfer") for t in step.transactions]


def steps_of(source: MorphoSource) -> list[ReplayStep]:
    first_s = source.plan.answers[0][0]
    return list(source.list_steps(after_s=first_s))


def test_list_steps__first_loan__is_paid_for_an_hour_before_and_prepared_once() -> None:
    source = make_source(
        opening(), collateral(ALICE, BITCOIN), collateral(ALICE, BITCOIN, after_s=HOUR_S), loan(ALICE, 1_000)
    )

    gas, first, second = steps_of(source)

    assert names(gas) == ["transfer"]
    assert (gas.transactions[0].transaction.to, gas.time_s) == (source.address_of(ALICE), first.time_s - HOUR_S)
    assert names(first) == ["mint", "approve", "supplyCollateral", "borrow"]
    assert {t.transaction.sender for t in first.transactions} == {source.address_of(ALICE)}
    assert names(second) == ["supplyCollateral"]


def test_list_steps__acts_of_somebody_else__are_sent_by_a_helper_with_the_borrowers_authorization() -> None:
    source = make_source(
        opening(),
        collateral(ALICE, BITCOIN, is_own=False),
        loan(ALICE, 1_000, is_own=False),
        loan(ALICE, 7, is_own=False),
    )

    _, step = steps_of(source)

    assert names(step) == ["mint", "supplyCollateral", "setAuthorization", "borrow", "borrow"]
    senders = [t.transaction.sender for t in step.transactions]
    assert senders == [source.helper, source.helper, source.address_of(ALICE), source.helper, source.helper]


def test_list_steps__liquidation__has_its_price_before_it_and_the_last_one_stands() -> None:
    source = make_source(
        opening(),
        collateral(ALICE, BITCOIN),
        collateral(BOB, BITCOIN),
        loan(ALICE, 80_000),
        liquidation(ALICE, 20_000, at_dollars=90_000, after_s=HOUR_S),
        loan(BOB, 1_000, after_s=HOUR_S + 1),
        liquidation(BOB, 20_000, at_dollars=88_000, after_s=HOUR_S + 2),
    )

    *_, step = steps_of(source)

    # The second liquidation is not one here (Bob is healthy), but its price is the hour's last.
    assert names(step) == ["setAnswer", "liquidate", "borrow", "setAnswer"]
    assert step.transactions[1].transaction.sender == source.lender
