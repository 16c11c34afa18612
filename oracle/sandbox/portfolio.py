"""A running estimate of every borrower's position, so that the generator does not ask the chain at every step.

Balances are kept divided by Aave's indices, which are read once a day. The estimate only chooses who acts; amounts that must be exact
(health below one, balances after a liquidation) are read from the chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.sandbox.reserves import RESERVES

FloatArray = npt.NDArray[np.float64]
SYMBOLS = tuple(reserve.symbol for reserve in RESERVES)
COLUMN = {symbol: column for column, symbol in enumerate(SYMBOLS)}
THRESHOLDS = np.array([reserve.liquidation_threshold_bps / 10_000 for reserve in RESERVES])
LTVS = np.array([reserve.ltv_bps / 10_000 for reserve in RESERVES])


class Portfolio:
    """Positions of `count` borrowers in whole tokens, one column per reserve."""

    def __init__(self, count: int) -> None:
        self.supplied = np.zeros((count, len(SYMBOLS)))
        self.owed = np.zeros((count, len(SYMBOLS)))
        self.as_collateral = np.ones((count, len(SYMBOLS)), dtype=np.bool_)
        self.income_index = np.ones(len(SYMBOLS))
        self.debt_index = np.ones(len(SYMBOLS))
        self.prices_usd = np.array([reserve.price_usd_e8 / 1e8 for reserve in RESERVES])

    def set_prices(self, prices_usd_e8: Mapping[str, int]) -> None:
        """Take over the feeds' answers."""
        self.prices_usd = np.array([prices_usd_e8[symbol] / 1e8 for symbol in SYMBOLS])

    def set_indices(self, income_ray: Sequence[int], debt_ray: Sequence[int]) -> None:
        """Take over Aave's normalized income and variable debt."""
        self.income_index = np.array([value / 1e27 for value in income_ray])
        self.debt_index = np.array([value / 1e27 for value in debt_ray])

    def collateral_usd(self) -> FloatArray:
        """Return collateral values, shape (borrowers, reserves)."""
        value: FloatArray = self.supplied * self.as_collateral * (self.income_index * self.prices_usd)
        return value

    def debt_usd(self) -> FloatArray:
        """Return debt values, shape (borrowers, reserves)."""
        value: FloatArray = self.owed * (self.debt_index * self.prices_usd)
        return value

    def health(self) -> FloatArray:
        """Return health factors; infinity without debt."""
        debt: FloatArray = self.debt_usd().sum(axis=1)
        weighted: FloatArray = (self.collateral_usd() * THRESHOLDS).sum(axis=1)
        health: FloatArray = np.divide(weighted, debt, out=np.full(debt.shape, np.inf), where=debt > 1e-9)
        return health

    def borrower(self, row: int) -> BorrowerView:
        """Return one borrower's figures at the present prices."""
        return BorrowerView(self, row)

    def change(self, row: int, symbol: str, *, supplied: float = 0.0, owed: float = 0.0) -> None:
        """Add to a balance in whole tokens at the present index; never below zero."""
        column = COLUMN[symbol]
        self.supplied[row, column] = max(0.0, self.supplied[row, column] + supplied / self.income_index[column])
        self.owed[row, column] = max(0.0, self.owed[row, column] + owed / self.debt_index[column])

    def set_collateral(self, row: int, symbol: str, used: bool) -> None:
        """Say whether a supply counts as collateral."""
        self.as_collateral[row, COLUMN[symbol]] = used

    def replace(self, row: int, supplied: Sequence[float], owed: Sequence[float]) -> None:
        """Set all balances of a borrower, in whole tokens, as the chain has them now."""
        self.supplied[row] = np.array(supplied) / self.income_index
        self.owed[row] = np.array(owed) / self.debt_index


class BorrowerView:
    """Dollar figures of one borrower, computed once."""

    def __init__(self, portfolio: Portfolio, row: int) -> None:
        self.collateral: dict[str, float] = _by_symbol(
            portfolio.supplied[row] * portfolio.as_collateral[row] * portfolio.income_index * portfolio.prices_usd
        )
        self.idle_supply: dict[str, float] = _by_symbol(
            portfolio.supplied[row] * ~portfolio.as_collateral[row] * portfolio.income_index * portfolio.prices_usd
        )
        self.debt: dict[str, float] = _by_symbol(portfolio.owed[row] * portfolio.debt_index * portfolio.prices_usd)
        self.weighted_usd = sum(value * THRESHOLDS[COLUMN[symbol]] for symbol, value in self.collateral.items())
        self.capacity_usd = sum(value * LTVS[COLUMN[symbol]] for symbol, value in self.collateral.items())
        self.debt_usd = sum(self.debt.values())

    @property
    def health(self) -> float:
        """Return the health factor; infinity without debt."""
        return float(self.weighted_usd / self.debt_usd) if self.debt_usd > 1e-9 else float("inf")

    @property
    def main_collateral(self) -> str:
        """Return the symbol of the largest collateral."""
        return max(self.collateral, key=lambda symbol: self.collateral[symbol])

    @property
    def main_debt(self) -> str:
        """Return the symbol of the largest debt."""
        return max(self.debt, key=lambda symbol: self.debt[symbol])


def _by_symbol(row: Any) -> dict[str, float]:
    return {symbol: float(value) for symbol, value in zip(SYMBOLS, row, strict=True) if value > 0.0}
