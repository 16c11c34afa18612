"""From rows of Morpho Blue to actions on it, each row that cannot be replayed with its reason. Pure.

Rates are zero, so a share stays worth 10^-6 units and every rounding of the singleton is exact here. Rows of an hour share the block at its end; within it the order
is the data's, and the feed is moved between them. A liquidation is replayed at the price that it implies, and only if the position that the rows give is
unhealthy there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from oracle.chain.protocols.morpho_blue.shares import PRICE_SCALE, compute_price
from oracle.domain.units import HOUR_S, WAD, mul_div_up
from oracle.sandbox.replay.morpho_rows import (
    COLLATERAL_BY_SYMBOL,
    INCENTIVE_WAD,
    LEAST_OBSERVED_AMOUNT,
    LLTV_WAD,
    LOAN_DECIMALS,
    MorphoKind,
    MorphoRow,
    find_window_start_s,
)

DOLLAR_E8 = 10**8


class MorphoReason(StrEnum):
    """What became of a row."""

    REPLAYED = "replayed"
    CAPPED = "replayed, capped at the debt or at the collateral that the rows give"
    NO_COLLATERAL = "loan on collateral from before the data"
    UNCOVERED = "collateral does not cover the loan at the price held"
    NO_DEBT = "liquidation of a loan from before the data"
    HEALTHY = "healthy at the price that the liquidation implies"
    NO_AMOUNT = "row without an amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphoAction:
    """One action at the end of its hour; `price_usd_e8` is what the collateral's feed has to answer then.

    A liquidation takes `amount` of collateral and repays `repaid_amount`, which is the whole debt if `is_whole`.
    """

    kind: MorphoKind
    borrower: str
    symbol: str
    row_number: int
    time_s: int
    amount: int
    price_usd_e8: int
    is_own: bool
    repaid_amount: int = 0
    is_whole: bool = False


@dataclass(slots=True, kw_only=True)
class MorphoPosition:
    """Collateral and debt of one borrower in one market."""

    collateral_amount: int = 0
    debt_amount: int = 0

    def is_healthy(self, price: int) -> bool:
        """Return what `Morpho._isHealthy` says at a price."""
        return self.collateral_amount * price // PRICE_SCALE * LLTV_WAD // WAD >= self.debt_amount


@dataclass(frozen=True, kw_only=True)
class MorphoPlan:
    """Everything to do, in order; answers of both feeds, the last of each hour; what became of every row; how positions end."""

    actions: tuple[MorphoAction, ...]
    answers: tuple[tuple[int, str, int], ...]
    """(time, symbol, price), ascending by time."""
    outcomes: Counter[tuple[MorphoKind, MorphoReason]]
    positions: dict[tuple[str, str], MorphoPosition]
    """By borrower and symbol."""
    bad_debt_count: int

    def first_answer(self, symbol: str) -> int:
        """Return the first answer of a feed, which stands before it, too."""
        return next(price for _, name, price in self.answers if name == symbol)

    def answer_at(self, symbol: str, time_s: int) -> int:
        """Return the standing answer of a feed at a time."""
        found = self.first_answer(symbol)
        for answered_s, name, price in self.answers:
            if name == symbol and answered_s <= time_s:
                found = price
        return found


def plan_morpho(rows: Sequence[MorphoRow], borrowers: Collection[str], *, until_s: int | None = None) -> MorphoPlan:
    """Return the plan for some borrowers; prices come from all rows, those before the first loan included."""
    start_s = find_window_start_s(rows)
    taken = [row for row in rows if until_s is None or row.time_s < until_s]
    answers = _list_answers(taken)
    planner = _Planner({name: price for _, name, price in reversed(answers)})
    for row in taken:
        if row.kind is MorphoKind.LIQUIDATION and row.amount >= LEAST_OBSERVED_AMOUNT and row.implied_usd_e8:
            planner.prices[row.symbol] = row.implied_usd_e8
        if row.time_s >= start_s and row.borrower in borrowers:
            planner.take(row)
    return MorphoPlan(
        actions=tuple(planner.actions), answers=answers, outcomes=planner.outcomes, positions=planner.positions,
        bad_debt_count=planner.bad_debt_count,
    )  # fmt: skip


def end_of_hour_s(time_s: int) -> int:
    """Return the full hour at or after a time."""
    return -(-time_s // HOUR_S) * HOUR_S


def _list_answers(rows: Iterable[MorphoRow]) -> tuple[tuple[int, str, int], ...]:
    found: dict[tuple[int, str], int] = {}
    for row in rows:
        if row.kind is MorphoKind.LIQUIDATION and row.amount >= LEAST_OBSERVED_AMOUNT and row.implied_usd_e8:
            found[(end_of_hour_s(row.time_s), row.symbol)] = row.implied_usd_e8
    return tuple((time_s, symbol, price) for (time_s, symbol), price in sorted(found.items()))


@dataclass(slots=True)
class _Planner:
    prices: dict[str, int]
    actions: list[MorphoAction] = field(default_factory=list)
    outcomes: Counter[tuple[MorphoKind, MorphoReason]] = field(default_factory=Counter)
    positions: dict[tuple[str, str], MorphoPosition] = field(default_factory=dict)
    bad_debt_count: int = 0

    def take(self, row: MorphoRow) -> None:
        position = self.positions.setdefault((row.borrower, row.symbol), MorphoPosition())
        self.outcomes[(row.kind, self._outcome(row, position))] += 1

    def _outcome(self, row: MorphoRow, position: MorphoPosition) -> MorphoReason:
        if row.amount == 0:
            return MorphoReason.NO_AMOUNT
        match row.kind:
            case MorphoKind.COLLATERAL:
                position.collateral_amount += row.amount
                self._act(row, row.amount, self.prices[row.symbol])
                return MorphoReason.REPLAYED
            case MorphoKind.BORROW:
                return self._borrow(row, position)
            case MorphoKind.LIQUIDATION:
                return self._liquidate(row, position)

    def _borrow(self, row: MorphoRow, position: MorphoPosition) -> MorphoReason:
        if position.collateral_amount == 0:
            return MorphoReason.NO_COLLATERAL
        price = self.prices[row.symbol]
        position.debt_amount += row.amount
        if not position.is_healthy(scale_price(row.symbol, price)):
            position.debt_amount -= row.amount
            return MorphoReason.UNCOVERED
        self._act(row, row.amount, price)
        return MorphoReason.REPLAYED

    def _liquidate(self, row: MorphoRow, position: MorphoPosition) -> MorphoReason:
        price = row.implied_usd_e8
        if position.debt_amount == 0:
            return MorphoReason.NO_DEBT
        if price == 0:
            return MorphoReason.NO_AMOUNT
        scaled = scale_price(row.symbol, price)
        if position.is_healthy(scaled):
            return MorphoReason.HEALTHY
        seized = min(row.seized_amount, position.collateral_amount)
        repaid = mul_div_up(mul_div_up(seized, scaled, PRICE_SCALE), WAD, INCENTIVE_WAD)
        is_whole = repaid > position.debt_amount
        if is_whole:
            repaid = position.debt_amount
            seized = repaid * INCENTIVE_WAD // WAD * PRICE_SCALE // scaled
        self._act(row, seized, price, repaid_amount=repaid, is_whole=is_whole)
        position.collateral_amount -= seized
        position.debt_amount -= repaid
        if position.collateral_amount == 0:
            self.bad_debt_count += position.debt_amount > 0
            position.debt_amount = 0
        return MorphoReason.CAPPED if seized < row.seized_amount else MorphoReason.REPLAYED

    def _act(
        self, row: MorphoRow, amount: int, price_usd_e8: int, *, repaid_amount: int = 0, is_whole: bool = False
    ) -> None:
        self.actions.append(
            MorphoAction(
                kind=row.kind, borrower=row.borrower, symbol=row.symbol, row_number=row.number,
                time_s=end_of_hour_s(row.time_s), amount=amount, price_usd_e8=price_usd_e8, is_own=row.is_own,
                repaid_amount=repaid_amount, is_whole=is_whole,
            )
        )  # fmt: skip


def scale_price(symbol: str, price_usd_e8: int) -> int:
    """Return the price of a market's oracle, the loan token's feed standing at a dollar."""
    return compute_price(price_usd_e8, DOLLAR_E8, COLLATERAL_BY_SYMBOL[symbol].decimals, LOAN_DECIMALS)
