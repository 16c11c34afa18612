"""From rows of a vault to actions on Aave, each row that cannot be replayed as it is with its reason. Pure.

Repayments are capped at the debt, which holds no stability fee here. A row that the pool would refuse at the feed's price is skipped. The first
liquidation ends a vault: at its block the price that it implies is posted, the highest at which the pool lets this much be repaid, and only if the feed
stands above it. Rows after it are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from oracle.sandbox.replay.arithmetic import AaveAccount
from oracle.sandbox.replay.dataset import RowKind, VaultRow

type PriceAt = Callable[[int], int]
"""The feed's standing answer for WETH, in 10^-8 dollars, at a time."""


class Outcome(StrEnum):
    """What became of a row that was not replayed as it is."""

    CAPPED = "capped"
    ADJUSTED = "adjusted"
    SKIPPED = "skipped"
    DROPPED = "dropped"


class Reason(StrEnum):
    """Why."""

    OVERPAID = "repayment above the debt: paid back what was owed"
    NO_DEBT = "repayment without debt"
    OVERDRAWN = "withdrawal above the collateral: took what was there"
    NO_COLLATERAL = "withdrawal without collateral"
    UNHEALTHY = "withdrawal would leave a health factor below 1 at the feed's price"
    UNCOVERED = "collateral does not cover the borrowing at the feed's price"
    NOTHING_OWED = "liquidation without debt"
    NO_AMOUNT = "row without an amount"
    LIQUIDATED = "after the vault's first liquidation"
    REFUSED = "the chain refused it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """One action of a vault. `amount_wad` is WETH of a deposit or withdrawal, else DAI; a liquidation may post a price for itself."""

    kind: RowKind
    vault_id: int
    row_number: int
    time_s: int
    amount_wad: int
    posted_usd_e8: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A row that was not replayed as it is."""

    vault_id: int
    row_number: int
    time_s: int
    kind: RowKind
    outcome: Outcome
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultPlan:
    """All of one vault on one chain, and what it holds and owes at the end."""

    vault_id: int
    actions: tuple[PlannedAction, ...]
    remarks: tuple[Remark, ...]
    collateral_wad: int
    debt_wad: int

    @property
    def is_exact(self) -> bool:
        """Return whether every row up to a first liquidation was replayed; a capped repayment is part of the rules."""
        return all(remark.outcome in (Outcome.CAPPED, Outcome.DROPPED) for remark in self.remarks)

    @property
    def is_liquidated(self) -> bool:
        """Return whether the vault ends with a liquidation."""
        return bool(self.actions) and self.actions[-1].kind is RowKind.LIQUIDATION


def plan_vault(vault_id: int, rows: Iterable[VaultRow], price_at: PriceAt) -> VaultPlan:
    """Return the plan of one vault from its rows, in any order."""
    planner = _VaultPlanner(vault_id=vault_id, price_at=price_at)
    for row in sorted(rows, key=lambda row: row.order):
        planner.take(row)
    account = planner.account
    return VaultPlan(
        vault_id=vault_id, actions=tuple(planner.actions), remarks=tuple(planner.remarks),
        collateral_wad=account.collateral_wad, debt_wad=account.debt_wad,
    )  # fmt: skip


def split_rows(rows: Sequence[VaultRow]) -> tuple[tuple[VaultRow, ...], tuple[VaultRow, ...]]:
    """Return the rows with half of each amount, twice; an odd unit goes to the second. For the synthetic mode."""
    first = tuple(replace(row, eth_wad=row.eth_wad // 2, dai_wad=row.dai_wad // 2) for row in rows)
    second = tuple(
        replace(row, eth_wad=row.eth_wad - half.eth_wad, dai_wad=row.dai_wad - half.dai_wad)
        for row, half in zip(rows, first, strict=True)
    )
    return first, second


@dataclass(slots=True, kw_only=True)
class _VaultPlanner:
    vault_id: int
    price_at: PriceAt
    account: AaveAccount = field(default_factory=AaveAccount)
    actions: list[PlannedAction] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    is_over: bool = False

    def take(self, row: VaultRow) -> None:
        if self.is_over:
            self._remark(row, Outcome.DROPPED, Reason.LIQUIDATED)
        elif row.kind is RowKind.LIQUIDATION:
            self._liquidate(row)
        elif (row.eth_wad if row.kind in (RowKind.DEPOSIT, RowKind.WITHDRAW) else row.dai_wad) == 0:
            self._remark(row, Outcome.SKIPPED, Reason.NO_AMOUNT)
        elif row.kind is RowKind.DEPOSIT:
            self.account.collateral_wad += row.eth_wad
            self._act(row, row.eth_wad)
        elif row.kind is RowKind.REPAY:
            self._repay(row)
        elif row.kind is RowKind.BORROW:
            self._borrow(row)
        else:
            self._withdraw(row)

    def _repay(self, row: VaultRow) -> None:
        amount = min(row.dai_wad, self.account.debt_wad)
        if amount == 0:
            self._remark(row, Outcome.SKIPPED, Reason.NO_DEBT)
            return
        if amount < row.dai_wad:
            self._remark(row, Outcome.CAPPED, Reason.OVERPAID)
        self.account.debt_wad -= amount
        self._act(row, amount)

    def _borrow(self, row: VaultRow) -> None:
        if not self.account.can_borrow(row.dai_wad, self.price_at(row.time_s)):
            self._remark(row, Outcome.SKIPPED, Reason.UNCOVERED)
            return
        self.account.debt_wad += row.dai_wad
        self._act(row, row.dai_wad)

    def _withdraw(self, row: VaultRow) -> None:
        amount = min(row.eth_wad, self.account.collateral_wad)
        if amount == 0:
            self._remark(row, Outcome.SKIPPED, Reason.NO_COLLATERAL)
        elif not self.account.can_withdraw(amount, self.price_at(row.time_s)):
            self._remark(row, Outcome.SKIPPED, Reason.UNHEALTHY)
        else:
            if amount < row.eth_wad:
                self._remark(row, Outcome.ADJUSTED, Reason.OVERDRAWN)
            self.account.collateral_wad -= amount
            self._act(row, amount)

    def _liquidate(self, row: VaultRow) -> None:
        self.is_over = True
        amount = min(row.dai_wad, self.account.debt_wad)
        standing = self.price_at(row.time_s)
        price = min(standing, self.account.implied_price_usd_e8(amount)) if amount else 0
        if price == 0:
            self._remark(row, Outcome.SKIPPED, Reason.NOTHING_OWED)
            return
        self.account.liquidate(amount, price)
        self._act(row, amount, posted_usd_e8=price if price < standing else None)

    def _act(self, row: VaultRow, amount_wad: int, *, posted_usd_e8: int | None = None) -> None:
        self.actions.append(
            PlannedAction(
                kind=row.kind, vault_id=self.vault_id, row_number=row.number, time_s=row.time_s, amount_wad=amount_wad,
                posted_usd_e8=posted_usd_e8,
            )
        )  # fmt: skip

    def _remark(self, row: VaultRow, outcome: Outcome, reason: Reason) -> None:
        self.remarks.append(
            Remark(
                vault_id=self.vault_id, row_number=row.number, time_s=row.time_s, kind=row.kind, outcome=outcome,
                reason=reason,
            )
        )  # fmt: skip
