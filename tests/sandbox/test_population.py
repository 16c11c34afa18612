"""Borrowers: how many, where, of which kind."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from oracle.errors import ConfigurationError
from oracle.sandbox.config import HistorySpec
from oracle.sandbox.decisions import Action, BorrowerPlan, decide, draw_plan
from oracle.sandbox.population import CONDUCT, Behaviour, Borrower, generate_population
from oracle.sandbox.portfolio import Portfolio

CHAINS = (31_337, 31_338)


def full_population(seed: int = 1) -> tuple[Borrower, ...]:
    return generate_population(seed, CHAINS, per_chain=200, on_all_chains=100, contracts_per_chain=12)


def borrower_of(behaviour: Behaviour) -> Borrower:
    return Borrower(
        index=0, owner="0x" + "22" * 20, behaviour=behaviour, chain_ids=CHAINS, has_code=False, is_delegated=False
    )


def plan_of(behaviour: Behaviour, *, opened: bool = True) -> BorrowerPlan:
    plan = draw_plan(Random(1), borrower_of(behaviour), row=0, account="0x" + "22" * 20, steps=100)
    plan.opened = opened
    return plan


def portfolio_with(*, weth: float, usdc_debt: float, weth_price_usd: int = 2_000) -> Portfolio:
    portfolio = Portfolio(1)
    portfolio.set_prices({"WETH": weth_price_usd * 10**8, "WBTC": 10**8, "wstETH": 10**8, "USDC": 10**8, "DAI": 10**8})
    portfolio.change(0, "WETH", supplied=weth)
    portfolio.change(0, "USDC", owed=usdc_debt)
    return portfolio


def test_generate_population__full_world__two_hundred_a_chain_and_a_hundred_on_both() -> None:
    borrowers = full_population()

    assert len(borrowers) == 300
    assert [sum(chain in b.chain_ids for b in borrowers) for chain in CHAINS] == [200, 200]
    assert sum(b.chain_ids == CHAINS for b in borrowers) == 100
    assert len({b.owner for b in borrowers}) == 300


def test_generate_population__full_world__contracts_live_on_one_chain() -> None:
    contracts = [b for b in full_population() if b.has_code]

    assert Counter(b.chain_ids for b in contracts) == {(31_337,): 12, (31_338,): 12}
    assert sum(b.is_delegated for b in full_population()) == 4


def test_generate_population__same_seed__same_borrowers() -> None:
    assert full_population(3) == full_population(3)
    assert full_population(3) != full_population(4)


def test_generate_population__room_for_all__every_behaviour_appears() -> None:
    assert {b.behaviour for b in full_population()} == set(Behaviour)
    assert sum(conduct.share for conduct in CONDUCT.values()) == pytest.approx(1.0)


def test_history_spec__more_shared_than_there_are__says_what_to_raise() -> None:
    with pytest.raises(ConfigurationError, match="raise borrowers_per_chain"):
        HistorySpec(borrowers_per_chain=10, borrowers_on_all_chains=9, contracts_per_chain=2)


def test_health__ten_weth_against_ten_thousand_usdc__threshold_weighted() -> None:
    # 10 WETH at $2,000 with threshold 83 % against $10,000: 20,000 * 0.83 / 10,000.
    portfolio = portfolio_with(weth=10.0, usdc_debt=10_000.0)

    assert portfolio.health()[0] == pytest.approx(1.66)
    assert portfolio.borrower(0).health == pytest.approx(1.66)


def test_health__collateral_switched_off__counts_nothing() -> None:
    portfolio = portfolio_with(weth=10.0, usdc_debt=10_000.0)

    portfolio.set_collateral(0, "WETH", False)

    assert portfolio.health()[0] == 0.0


def test_decide__reactive_below_its_limit__restores_health() -> None:
    # Health 1.107 is below the 1.20 at which a reactive borrower acts; it restores 1.40.
    portfolio = portfolio_with(weth=10.0, usdc_debt=15_000.0)
    plan = plan_of(Behaviour.REACTIVE)
    seen = set()
    for seed in range(60):
        intent = decide(Random(seed), plan, 1.107, lambda: portfolio.borrower(0), step=10, step_days=0.25)
        if intent is None:
            continue
        seen.add(intent.action)
        after = portfolio_with(weth=10.0, usdc_debt=15_000.0)
        if intent.action is Action.REPAY:
            after.change(0, intent.symbol, owed=-intent.amount_usd)
        else:
            after.change(0, intent.symbol, supplied=intent.amount_usd / 2_000)
        assert after.health()[0] == pytest.approx(1.40)

    assert seen == {Action.REPAY, Action.SUPPLY}


def test_decide__negligent_below_one__does_not_restore() -> None:
    portfolio = portfolio_with(weth=10.0, usdc_debt=17_000.0)
    plan = plan_of(Behaviour.NEGLIGENT)

    intents = [
        decide(Random(seed), plan, 0.976, lambda: portfolio.borrower(0), step=10, step_days=0.01) for seed in range(50)
    ]

    assert not any(intents)


def test_decide__before_its_opening__waits() -> None:
    plan = plan_of(Behaviour.CAREFUL, opened=False)
    portfolio = Portfolio(1)

    early = decide(Random(1), plan, float("inf"), lambda: portfolio.borrower(0), step=0, step_days=0.25)
    due = decide(Random(1), plan, float("inf"), lambda: portfolio.borrower(0), step=plan.open_step, step_days=0.25)

    assert early is None
    assert due is not None
    assert due.action is Action.OPEN
