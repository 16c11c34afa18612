"""What each borrower does at a price step: open, react to low health, lever up again, or some unforced action.

A decision is an `Intent`: an action with a dollar amount. It uses the estimate of `portfolio`, so it leaves a margin to the
limits that the chain enforces. One borrower decides at most one thing per step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from random import Random

from oracle.sandbox.population import Behaviour, Borrower
from oracle.sandbox.portfolio import COLUMN, LTVS, THRESHOLDS, BorrowerView

LTV_MARGIN = 0.985
RELEVER_CHANCE = 0.15
LARGEST_USD = 900_000.0
DUST_DEBT_USD = 1.0


class Action(StrEnum):
    """What a transaction of the history does."""

    OPEN = "open"
    SUPPLY = "supply"
    WITHDRAW = "withdraw"
    BORROW = "borrow"
    REPAY = "repay"
    CLOSE = "close"
    TRANSFER = "transfer"
    COLLATERAL_OFF = "collateral_off"
    COLLATERAL_ON = "collateral_on"
    LIQUIDATE = "liquidate"
    SUPPLY_FOR = "supply_for"
    REPAY_FOR = "repay_for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An action of borrower `row`. `other` is the debt token of OPEN and LIQUIDATE; `debt_usd` is used by OPEN only."""

    action: Action
    row: int
    symbol: str
    amount_usd: float = 0.0
    other: str = ""
    debt_usd: float = 0.0


@dataclass(slots=True)
class BorrowerPlan:
    """One borrower's plan on one chain: when it opens, with what, and how much."""

    borrower: Borrower
    row: int
    account: str
    open_step: int
    collateral: str
    second_collateral: str | None
    debt: str
    collateral_usd: float
    target_health: float
    opened: bool = False
    closed: bool = False


def draw_plan(random: Random, borrower: Borrower, *, row: int, account: str, steps: int) -> BorrowerPlan:
    """Return the plan of a borrower on one chain of `steps` price steps."""
    conduct = borrower.conduct
    share = random.uniform(conduct.opens_from, conduct.opens_until)
    collateral = random.choice(conduct.collaterals)
    wants_second = random.random() < 0.18 and borrower.behaviour not in (Behaviour.STAKER, Behaviour.DUST)
    spread = 0.5 if borrower.behaviour is Behaviour.DUST else 1.1
    return BorrowerPlan(
        borrower=borrower,
        row=row,
        account=account,
        open_step=1 + int(share * (steps - 3)),
        collateral=collateral,
        second_collateral=random.choice(("WETH", "WBTC", "USDC", "DAI")) if wants_second else None,
        debt=random.choice([debt for debt in conduct.debts if debt != collateral]),
        collateral_usd=min(LARGEST_USD, conduct.median_usd * random.lognormvariate(0.0, spread)),
        target_health=random.uniform(conduct.target_low, conduct.target_high),
    )


def decide(
    random: Random,
    plan: BorrowerPlan,
    health: float,
    fetch_view: Callable[[], BorrowerView],
    *,
    step: int,
    step_days: float,
) -> Intent | None:
    """Return what the borrower does at this step, None for nothing. `fetch_view` is called only by those who act."""
    if not plan.opened or plan.closed:
        return _decide_opening(random, plan, step=step, step_days=step_days)
    conduct = plan.borrower.conduct
    if health < conduct.react_below:
        return _restore(random, plan, fetch_view()) if random.random() < conduct.react_chance else None
    if health == inf:
        return _restart(random, plan, fetch_view(), step_days)
    if health > conduct.relever_above and random.random() < RELEVER_CHANCE:
        return _borrow_to(plan, fetch_view(), plan.target_health)
    if conduct.idle_days and random.random() < step_days / conduct.idle_days:
        view = fetch_view()
        return _unforced(random, plan, view) if view.collateral else None
    return None


def _decide_opening(random: Random, plan: BorrowerPlan, *, step: int, step_days: float) -> Intent | None:
    if plan.closed:
        if random.random() > step_days / 25.0:
            return None
    elif step < plan.open_step:
        return None
    column = COLUMN[plan.collateral]
    debt_usd = plan.collateral_usd * THRESHOLDS[column] / plan.target_health
    capacity_usd = plan.collateral_usd * LTVS[column] * LTV_MARGIN
    return Intent(
        action=Action.OPEN, row=plan.row, symbol=plan.collateral, amount_usd=plan.collateral_usd, other=plan.debt,
        debt_usd=float(min(debt_usd, capacity_usd)),
    )  # fmt: skip


def _restart(random: Random, plan: BorrowerPlan, view: BorrowerView, step_days: float) -> Intent | None:
    """After a liquidation took everything, some come back."""
    if not view.collateral and plan.borrower.conduct.idle_days and random.random() < step_days / 20.0:
        return Intent(action=Action.SUPPLY, row=plan.row, symbol=plan.collateral, amount_usd=plan.collateral_usd * 0.6)
    if view.collateral and view.debt_usd < DUST_DEBT_USD and random.random() < step_days / 15.0:
        return _borrow_to(plan, view, plan.target_health)
    return None


def _restore(random: Random, plan: BorrowerPlan, view: BorrowerView) -> Intent | None:
    """Repay or add collateral until health is what the conduct restores to."""
    restore_to = plan.borrower.conduct.restore_to
    if random.random() < 0.6:
        excess = view.debt_usd - view.weighted_usd / restore_to
        amount = min(excess, 0.97 * view.debt[view.main_debt])
        return Intent(action=Action.REPAY, row=plan.row, symbol=view.main_debt, amount_usd=amount)
    if not view.collateral:
        return None
    symbol = view.main_collateral
    missing = (restore_to * view.debt_usd - view.weighted_usd) / THRESHOLDS[COLUMN[symbol]]
    return Intent(action=Action.SUPPLY, row=plan.row, symbol=symbol, amount_usd=float(missing))


def _borrow_to(plan: BorrowerPlan, view: BorrowerView, health: float) -> Intent | None:
    amount = min(view.weighted_usd / health, view.capacity_usd * LTV_MARGIN) - view.debt_usd
    symbol = view.main_debt if view.debt else plan.debt
    if amount < max(DUST_DEBT_USD, 0.02 * view.debt_usd) or view.debt_usd + amount > LARGEST_USD:
        return None
    return Intent(action=Action.BORROW, row=plan.row, symbol=symbol, amount_usd=amount)


def _unforced(random: Random, plan: BorrowerPlan, view: BorrowerView) -> Intent | None:
    draw = random.random()
    row = plan.row
    if draw < 0.28:
        share = random.uniform(0.08, 0.35)
        return Intent(action=Action.REPAY, row=row, symbol=view.main_debt, amount_usd=share * view.debt[view.main_debt])
    if draw < 0.50:
        symbol = plan.second_collateral or view.main_collateral
        amount = random.uniform(0.03, 0.12) * plan.collateral_usd
        return Intent(action=Action.SUPPLY, row=row, symbol=symbol, amount_usd=amount)
    if draw < 0.72:
        return _borrow_to(plan, view, max(plan.target_health, view.health * 0.85))
    if draw < 0.86:
        return _take_out(random, plan, view, Action.WITHDRAW)
    if draw < 0.92:
        return _take_out(random, plan, view, Action.TRANSFER)
    if draw < 0.96:
        return _toggle(plan, view)
    return Intent(action=Action.CLOSE, row=row, symbol=view.main_debt, other=view.main_collateral)


def _take_out(random: Random, plan: BorrowerPlan, view: BorrowerView, action: Action) -> Intent | None:
    symbol = view.main_collateral
    value = view.collateral[symbol]
    amount = random.uniform(0.02, 0.12) * value
    health_after = (view.weighted_usd - amount * THRESHOLDS[COLUMN[symbol]]) / view.debt_usd
    if health_after < max(plan.borrower.conduct.target_low, 1.08):
        return None
    return Intent(action=action, row=plan.row, symbol=symbol, amount_usd=amount)


def _toggle(plan: BorrowerPlan, view: BorrowerView) -> Intent | None:
    """Switch a small collateral off if health allows, or an idle supply on."""
    if view.idle_supply:
        return Intent(action=Action.COLLATERAL_ON, row=plan.row, symbol=next(iter(view.idle_supply)))
    symbol = min(view.collateral, key=lambda name: view.collateral[name])
    rest = view.weighted_usd - view.collateral[symbol] * THRESHOLDS[COLUMN[symbol]]
    if rest < 1.15 * view.debt_usd:
        return None
    return Intent(action=Action.COLLATERAL_OFF, row=plan.row, symbol=symbol)
