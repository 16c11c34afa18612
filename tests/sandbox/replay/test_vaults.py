"""Who lives where, and what is written for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.errors import ConfigurationError
from oracle.sandbox.aave import AaveDeployment
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.deploy import BaseDeployment
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.replay.dataset import RowKind, VaultRow
from oracle.sandbox.replay.planner import VaultPlan
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.replay.steps import LabelledTransaction, ReplayStep, merge_steps
from oracle.sandbox.replay.vaults import VaultSource, choose_rows, plan_chains, vault_account
from tests.sandbox.replay.vault_rows import E8, WAD, make_row, opened

CHAINS = (31_337, 31_338)
ADDRESS = "0x" + "11" * 20
FEED = "0x" + "22" * 20
POOL = "0x" + "33" * 20


def price(_: int) -> int:
    return 200 * E8


def deposits(*vault_ids: int) -> list[VaultRow]:
    return [
        make_row(RowKind.DEPOSIT, number=i, eth_wad=2 * WAD + 1, vault_id=vault_id)
        for i, vault_id in enumerate(vault_ids)
    ]


def make_spec(*, limit: int | None = None, days: int | None = None, both_chains: bool = False) -> ReplaySpec:
    return ReplaySpec(dataset=Path(), limit=limit, days=days, both_chains=both_chains)


def make_source(plans: list[VaultPlan]) -> VaultSource:
    aave = AaveDeployment(
        pool=POOL, addresses_provider=ADDRESS, configurator=ADDRESS, data_provider=ADDRESS, oracle=ADDRESS,
        treasury=ADDRESS, reserve_tokens={},
    )  # fmt: skip
    base = BaseDeployment(
        deployer=derive_account(1, "deployer"), tokens={"WETH": "0x" + "44" * 20, "DAI": "0x" + "55" * 20},
        feeds={"WETH": FEED}, aave=aave, start_block=1,
    )  # fmt: skip
    return VaultSource(base=base, seed=1, plans=plans, price_at=price)


def homes(spec: ReplaySpec, rows: list[VaultRow]) -> dict[int, list[int]]:
    plans = plan_chains(spec, choose_rows(spec, rows), price)
    return {chain_id: [plan.vault_id for plan in chain] for chain_id, chain in plans.items()}


def test_plan_chains__vaults_by_ascending_id__take_turns() -> None:
    assert homes(make_spec(), deposits(9, 3, 5)) == {31_337: [3, 9], 31_338: [5]}


def test_plan_chains__synthetic_mode__every_fourth_owner_has_half_on_each() -> None:
    spec = make_spec(both_chains=True)

    plans = plan_chains(spec, choose_rows(spec, deposits(1, 2, 3, 4, 5)), price)

    assert homes(spec, deposits(1, 2, 3, 4, 5)) == {31_337: [1, 3, 5], 31_338: [1, 2, 4, 5]}
    assert [plans[chain][0].collateral_wad for chain in CHAINS] == [WAD, WAD + 1]


def test_choose_rows__limit_and_days__take_the_smallest_ids_and_the_first_days() -> None:
    late = make_row(RowKind.DEPOSIT, number=48, eth_wad=WAD, vault_id=3)

    assert list(choose_rows(make_spec(limit=2), [*deposits(9, 3, 5), late])) == [3, 5]
    assert list(choose_rows(make_spec(days=1), [late, *deposits(9)])) == [9]


def test_replay_spec__nothing_to_replay__is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        make_spec(limit=0)


def test_list_steps__liquidation__stands_between_the_implied_price_and_the_feeds() -> None:
    rows = [*opened(eth=10, dai=1_000), make_row(RowKind.LIQUIDATION, number=2, dai_wad=400 * WAD)]
    plans = plan_chains(make_spec(), {7: tuple(rows)}, price)[CHAINS[0]]

    *_, step = make_source(list(plans)).list_steps()
    posted, liquidation, restored = (item.transaction for item in step.transactions)

    implied = plans[0].actions[-1].posted_usd_e8
    assert posted.data == encode_call("setAnswer(int192)", implied)
    assert restored.data == encode_call("setAnswer(int192)", 200 * E8)
    assert (posted.to, liquidation.to, restored.to) == (FEED, POOL, FEED)
    assert (
        liquidation.data[:4]
        == encode_call("liquidationCall(address,address,address,uint256,bool)", *[ADDRESS] * 3, 1, True)[:4]
    )


def test_list_steps__first_deposit__mints_all_that_the_vault_will_bring() -> None:
    rows = [*opened(eth=10, dai=1_000), make_row(RowKind.DEPOSIT, number=2, eth_wad=3 * WAD)]
    plans = plan_chains(make_spec(), {7: tuple(rows)}, price)[CHAINS[0]]
    account = vault_account(1, 7).address

    first, *later = make_source(list(plans)).list_steps()

    assert [t.label for t in first.transactions] == ["set-up", "set-up", "deposit"]
    assert first.transactions[0].transaction.data == encode_call("mint(address,uint256)", account, 13 * WAD)
    assert [[t.label for t in step.transactions] for step in later] == [["borrow"], ["deposit"]]


def test_merge_steps__same_time__keeps_the_order_of_sources() -> None:
    def step(time_s: int, label: str) -> ReplayStep:
        transaction = Transaction(sender=ADDRESS, to=POOL, data=b"")
        return ReplayStep(time_s=time_s, transactions=(LabelledTransaction(label=label, transaction=transaction),))

    merged = list(merge_steps([step(1, "price"), step(3, "price")], [step(2, "a"), step(3, "b"), step(3, "c")]))

    assert [(s.time_s, [t.label for t in s.transactions]) for s in merged] == [
        (1, ["price"]),
        (2, ["a"]),
        (3, ["price", "b", "c"]),
    ]
