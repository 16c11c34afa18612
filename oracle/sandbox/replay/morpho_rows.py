"""Reads what a replay needs of Morpho Blue on Base: borrows, collateral and liquidations of the two identified markets, and the prices they imply.

Repayments, withdrawals and everything before 2025-10-29 are not in the data, so debts and collateral are upper bounds. No recorded price series covers these weeks:
a price is what a liquidation implies, repaid times the incentive over seized, and stands until the next. Liquidations happen at lows, so it is biased low.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from oracle.domain.units import WAD
from oracle.sandbox.replay.dataset import MORPHO_EVENTS, find_dataset, import_polars

LOAN, LOAN_DECIMALS = "USDC", 6
LLTV_WAD = 86 * 10**16
INCENTIVE_WAD = WAD * WAD // (WAD - 3 * 10**17 * (WAD - LLTV_WAD) // WAD)
"""What a liquidator gets for one he repays. Source: morpho-blue 1.0.0, `Morpho.liquidate`."""
LEAST_OBSERVED_AMOUNT = 100 * 10**LOAN_DECIMALS
"""Of a smaller liquidation the rounding shows in the price that it implies."""
_KINDS = {"supply_collateral": "collateral", "borrow": "borrow", "liquidate": "liquidation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphoCollateral:
    """The collateral of one market: its symbol in a world, and the market's id in the data."""

    symbol: str
    name: str
    decimals: int
    numeraire: str
    data_id: str


# Ether has a token of its own here: the vaults' WETH follows the prices of other years.
COLLATERALS = (
    MorphoCollateral(
        symbol="cbBTC", name="Coinbase Wrapped BTC", decimals=8, numeraire="BTC",
        data_id="0x9103c3b4e834476c9a62ea009ba2c884ee42e94e6e314a26f04d312434191836",
    ),
    MorphoCollateral(
        symbol="WETH-base", name="Wrapped Ether of Base", decimals=18, numeraire="ETH",
        data_id="0x8793cf302b8ffd655ab97bd1c695dbd967807e8367a65cb2f4edaf1380ba1bda",
    ),
)  # fmt: skip
COLLATERAL_BY_SYMBOL = {collateral.symbol: collateral for collateral in COLLATERALS}


class MorphoKind(StrEnum):
    """What a row says."""

    COLLATERAL = "collateral"
    BORROW = "borrow"
    LIQUIDATION = "liquidation"


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphoRow:
    """One row, in chain order by `number`. `amount` is collateral, a loan, or what a liquidation repaid; `is_own` says that the borrower himself acted."""

    number: int
    symbol: str
    borrower: str
    is_own: bool
    time_s: int
    kind: MorphoKind
    amount: int
    seized_amount: int

    @property
    def implied_usd_e8(self) -> int:
        """Return the price of the collateral that a liquidation implies, a loan token being a dollar, rounded down; 0 where nothing was taken."""
        if self.kind is not MorphoKind.LIQUIDATION or self.seized_amount == 0:
            return 0
        unit = int(10 ** (8 + COLLATERAL_BY_SYMBOL[self.symbol].decimals - LOAN_DECIMALS))
        return self.amount * INCENTIVE_WAD * unit // (self.seized_amount * WAD)


def read_morpho_rows(dataset: Path) -> tuple[MorphoRow, ...]:
    """Return the rows of both markets in chain order; none if the data folder has no such file."""
    path = find_dataset(dataset) / MORPHO_EVENTS
    if not path.is_file():
        return ()
    pl = import_polars()
    symbol_of = {collateral.data_id: collateral.symbol for collateral in COLLATERALS}
    frame = pl.read_parquet(path).with_columns(
        pl.col("market").cast(pl.String), pl.col("event").cast(pl.String), pl.col("time").dt.epoch("s").alias("time_s")
    )
    frame = frame.filter(pl.col("market").is_in(list(symbol_of))).sort("block", "log_index")
    return tuple(
        MorphoRow(
            number=number, symbol=symbol_of[row["market"]], borrower=row["borrower"],
            is_own=row["caller"] == row["borrower"], time_s=row["time_s"], kind=MorphoKind(_KINDS[row["event"]]),
            amount=int(row["assets_raw"] or row["repaid_assets_raw"] or 0),
            seized_amount=int(row["seized_assets_raw"] or 0),
        )
        for number, row in enumerate(frame.iter_rows(named=True))
    )  # fmt: skip


def find_window_start_s(rows: Iterable[MorphoRow]) -> int:
    """Return the time of the first row that opens something: liquidations before it are of loans that the data do not have."""
    return min(row.time_s for row in rows if row.kind is not MorphoKind.LIQUIDATION)


def choose_borrowers(rows: Sequence[MorphoRow], count: int) -> tuple[str, ...]:
    """Return up to `count` borrowers: first those with a loan and a liquidation in the data, then others by the order of their addresses.

    Addresses are as good as random, and a longer list holds every shorter one.
    """
    start_s = find_window_start_s(rows)
    opened = {row.borrower for row in rows if row.kind is MorphoKind.BORROW}
    liquidated = {
        row.borrower
        for row in rows
        if row.kind is MorphoKind.LIQUIDATION and row.time_s >= start_s and row.borrower in opened
    }
    return tuple([*sorted(liquidated), *sorted(opened - liquidated)][:count])
