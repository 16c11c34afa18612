"""A small generated dataset: borrowers of four habits, two collaterals, falling prices now and then, a liquidator.

For tests and for a first sandbox bundle. Habits differ in what they do at low health, so that behaviour tells something that position state does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oracle.domain.canonical import PositionAt
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import BTC, ETH, USD, Address, borrower_subject
from oracle.domain.market import AssetFacts, HourlySeries
from oracle.domain.position import Collateral, Holding, PositionSample
from oracle.domain.units import BPS, DAY_S, HOUR_S, WAD, BlockNumber, Bps, ChainId, TimestampS, UsdE8, Wad
from training.datasets.canonical import Borrower, Dataset, list_midnights, place_position

PROTOCOL = "generated"
CHAINS = (ChainId(31_337), ChainId(31_338))
WETH, WBTC, USDC = (Address(bytes([n]) * 20) for n in (0xE1, 0xB1, 0xD1))
LIQUIDATOR = Address(b"\x99" * 20)
_START_S = 1_700_006_400 - 1_700_006_400 % DAY_S
_HISTORY_DAYS = 400
_THRESHOLD = 0.83
_LIQUIDATION_BONUS = 1.05


@dataclass(frozen=True, kw_only=True)
class Habit:
    """Target and lowest accepted health factor; chance a day to answer low health, to draw more, to repay some."""

    target: float
    alarm: float
    answers: float
    draws: float
    repays: float


HABITS = (
    Habit(target=2.2, alarm=1.6, answers=0.95, draws=0.02, repays=0.05),
    Habit(target=1.55, alarm=1.25, answers=0.9, draws=0.06, repays=0.05),
    Habit(target=1.45, alarm=1.2, answers=0.25, draws=0.08, repays=0.02),
    Habit(target=1.25, alarm=1.1, answers=0.05, draws=0.2, repays=0.01),
)


def generate_dataset(*, seed: int, borrowers: int, days: int) -> Dataset:
    """Return a dataset of `days` days of activity; equal arguments give equal data."""
    random = np.random.default_rng(seed)
    prices = {WETH: _price_path(random, 2_500.0, 0.75, days), WBTC: _price_path(random, 60_000.0, 0.55, days)}
    series = {
        (chain, token): HourlySeries(
            first_hour_s=TimestampS(_START_S - _HISTORY_DAYS * DAY_S), prices_e8=tuple(path.tolist())
        )
        for chain in CHAINS
        for token, path in prices.items()
    }
    people = [_Person(number, random, prices, days).borrower() for number in range(borrowers)]
    assets = {
        (chain, token): AssetFacts(
            token=token, price_feed=token, numeraire=numeraire, decimals=18, issuer_risk=0, bridge_risk=0
        )
        for chain in CHAINS
        for token, numeraire in ((WETH, ETH), (WBTC, BTC), (USDC, USD))
    }
    return Dataset(
        name=f"generated activity, seed {seed}",
        borrowers=tuple(sorted(people, key=lambda b: b.subject)),
        prices=series,
        assets=assets,
        cuts_s=list_midnights(_START_S, _START_S + days * DAY_S),
        start_s=TimestampS(_START_S),
        end_s=TimestampS(_START_S + days * DAY_S),
    )


def _price_path(random: np.random.Generator, start: float, volatility: float, days: int) -> np.ndarray[Any, Any]:
    hours = (days + _HISTORY_DAYS) * 24 + 1
    steps = random.normal(0, volatility / np.sqrt(8_760), hours)
    for hour in random.integers(0, hours, max(2, hours // 2_000)):
        steps[hour : hour + 12] -= random.uniform(0.06, 0.25) / 12
    path = start * np.exp(np.cumsum(steps + 0.35 / 8_760))
    return np.asarray(np.rint(path * 1e8).astype(np.int64))


@dataclass(slots=True)
class _Person:
    """One borrower's life in one market; amounts are floats of tokens and dollars here, integers in what comes out."""

    number: int
    random: np.random.Generator
    prices: dict[Address, np.ndarray[Any, Any]]
    days: int
    events: list[LendingEvent] = field(default_factory=list)
    states: list[tuple[PositionSample, PositionAt]] = field(default_factory=list)
    held: float = 0.0
    debt: float = 0.0

    @property
    def account(self) -> Address:
        return Address((0xACC0 + self.number).to_bytes(20, "big"))

    @property
    def chain(self) -> ChainId:
        return CHAINS[self.number % 2]

    @property
    def token(self) -> Address:
        return (WETH, WBTC)[self.number // 2 % 2]

    def borrower(self) -> Borrower:
        """Live through all days."""
        habit = HABITS[int(self.random.integers(0, len(HABITS)))]
        first = int(self.random.integers(0, max(1, self.days // 2)))
        for day in range(first, self.days):
            midnight = _START_S + day * DAY_S
            if self.debt > 1:
                self.states.append(self._state(midnight))
            if day == first:
                value = float(np.exp(self.random.normal(9.0, 1.0)))
                self._act(EventKind.SUPPLY, midnight + 3_600, value)
                self._act(EventKind.BORROW, midnight + 7_200, value * _THRESHOLD / habit.target)
            else:
                self._behave(habit, midnight + int(self.random.integers(1, 10)) * HOUR_S)
            self._liquidate(midnight)
        return Borrower(
            subject=borrower_subject(self.account),
            events=tuple(self.events),
            samples=tuple(sample for sample, _ in self.states),
            positions=tuple(position for _, position in self.states),
        )

    def _behave(self, habit: Habit, time_s: int) -> None:
        health, luck = self._health(time_s), self.random.random()
        if self.debt <= 1:
            return
        if health < habit.alarm:
            if luck < habit.answers:
                self._act(EventKind.REPAY, time_s, self.debt * (1 - health / habit.target))
        elif luck < habit.draws and health > habit.target:
            self._act(EventKind.BORROW, time_s, self.debt * (health / habit.target - 1))
        elif luck > 1 - habit.repays:
            self._act(EventKind.REPAY, time_s, self.debt * 0.2)

    def _liquidate(self, midnight: int) -> None:
        """Close half the debt at the first hour after 10:00 at which health is below one."""
        for hour in range(10, 24):
            time_s = midnight + hour * HOUR_S
            if self.debt > 1 and self._health(time_s) < 1:
                repaid = self.debt / 2
                seized = min(self.held, repaid * _LIQUIDATION_BONUS / self._price(time_s))
                self._record(EventKind.LIQUIDATION, time_s, repaid, seized)
                self.debt -= repaid
                self.held -= seized

    def _act(self, kind: EventKind, time_s: int, value: float) -> None:
        self._record(kind, time_s, value, 0.0)
        if kind is EventKind.SUPPLY:
            self.held += value / self._price(time_s)
        else:
            self.debt += value if kind is EventKind.BORROW else -value

    def _record(self, kind: EventKind, time_s: int, value: float, seized: float) -> None:
        is_liquidation = kind is EventKind.LIQUIDATION
        is_collateral = kind is EventKind.SUPPLY
        self.events.append(
            LendingEvent(
                chain_id=self.chain,
                block_number=BlockNumber((time_s - _START_S) // 12),
                log_index=self.number,
                time_s=TimestampS(time_s),
                protocol=PROTOCOL,
                market=self.market,
                kind=kind,
                account=self.account,
                caller=LIQUIDATOR if is_liquidation else self.account,
                token=self.token if is_collateral else USDC,
                amount=int(value / (self._price(time_s) if is_collateral else 1) * 1e18),
                value_usd_e8=UsdE8(int(value * 1e8)),
                seized_token=self.token if is_liquidation else None,
                seized_amount=int(seized * 1e18),
                seized_value_usd_e8=UsdE8(int(seized * self._price(time_s) * 1e8)),
            )
        )

    @property
    def market(self) -> Address:
        return Address(bytes([self.number % 2 + 1]) * 20)

    def _state(self, time_s: int) -> tuple[PositionSample, PositionAt]:
        sample = PositionSample(
            time_s=TimestampS(time_s),
            chain_id=self.chain,
            market=self.market,
            health_factor_wad=Wad(int(self._health(time_s) * WAD)),
            debt_usd_e8=UsdE8(int(self.debt * 1e8)),
            collateral_usd_e8=UsdE8(int(self.held * self._price(time_s) * 1e8)),
        )
        held = Collateral(
            token=self.token,
            amount=int(self.held * 1e18),
            value_usd_e8=sample.collateral_usd_e8,
            liquidation_threshold_bps=Bps(int(_THRESHOLD * BPS)),
        )
        owed = Holding(token=USDC, amount=int(self.debt * 1e18), value_usd_e8=sample.debt_usd_e8)
        return sample, place_position(sample, protocol=PROTOCOL, account=self.account, collateral=held, debt=owed)

    def _health(self, time_s: int) -> float:
        return self.held * self._price(time_s) * _THRESHOLD / max(self.debt, 1e-9)

    def _price(self, time_s: int) -> float:
        hour = (time_s - _START_S) // HOUR_S + _HISTORY_DAYS * 24
        return float(self.prices[self.token][hour]) / 1e8
