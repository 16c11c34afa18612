"""Aave V2 on Polygon, 2021: all events of eighteen wallets, and totals of 3,497.

The totals cover a wallet's whole life, what it did after its liquidation included: they make a base rate and nothing else. The events lie in two folders with the same
transactions; those with the user's name in every row are read. A block number is the timestamp again, so it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.units import ChainId
from training.datasets.canonical import Dataset
from training.datasets.ledger import Source, build_dataset, named_token
from training.datasets.schema import Defect, Kind, Table, columns, read_table

WALLETS_FOLDER = Path("aave_v2_polygon_wallets_2021")
EVENTS_FOLDER = Path("aave_health_factor_fixtures")
SOURCE = Source(chain_id=ChainId(137), protocol="aave-v2", market=named_token("aave-v2-polygon"))
_DECIMALS = {"USDC": 6, "USDT": 6, "WBTC": 8}
_KINDS = {
    "deposit": EventKind.SUPPLY,
    "redeemunderlying": EventKind.WITHDRAW,
    "borrow": EventKind.BORROW,
    "repay": EventKind.REPAY,
    "liquidationcall": EventKind.LIQUIDATION,
}
_ABSURD_USD = 1e12

WALLETS = Table(
    file=WALLETS_FOLDER / "wallet_features.parquet",
    columns=(
        *columns(Kind.ADDRESS, "wallet"),
        *columns(Kind.INTEGER, "total_tx", "duration_days", "num_liquidations", low=0),
        *columns(Kind.NUMBER, "deposit_usd", "borrow_usd", "repay_usd", "redeem_usd", low=0, is_optional=True),
        *columns(Kind.NUMBER, "num_Borrows", "num_Repays", low=0, is_optional=True),
    ),
    key=("wallet",),
    defects=(
        *(
            Defect(name=f"{name} absurd: decimals forgotten", where=pl.col(name) > _ABSURD_USD, blank=name)
            for name in ("deposit_usd", "borrow_usd", "repay_usd", "redeem_usd")
        ),
        Defect(name="counts missing at the source", where=pl.col("num_Borrows").is_null()),
    ),
)
SAMPLE = Table(
    file=WALLETS_FOLDER / "sample_events_18_wallets.parquet",
    columns=(
        *columns(Kind.ADDRESS, "wallet"),
        *columns(Kind.TIME, "time"),
        *columns(Kind.TEXT, "action", "tx", "amount"),
    ),
)
_A = "actionData."
EVENTS = Table(
    file=EVENTS_FOLDER / "aave_v2_polygon_18_wallets_events.parquet",
    columns=(
        *columns(Kind.ADDRESS, "userWallet", f"{_A}userId"),
        *columns(Kind.TIME, "time"),
        *columns(Kind.TEXT, "logId", "action", f"{_A}assetSymbol", f"{_A}assetPriceUSD"),
        *columns(Kind.RAW, f"{_A}amount"),
        *columns(Kind.ADDRESS, f"{_A}callerId", f"{_A}repayerId", f"{_A}toId", f"{_A}liquidatorId", is_optional=True),
        *columns(Kind.RAW, f"{_A}collateralAmount", f"{_A}principalAmount", is_optional=True),
        *columns(Kind.TEXT, f"{_A}collateralReserveSymbol", f"{_A}principalReserveSymbol", is_optional=True),
        *columns(Kind.TEXT, f"{_A}collateralAssetPriceUSD", f"{_A}borrowAssetPriceUSD", is_optional=True),
    ),
    defects=(
        Defect(
            name="user of the event is not the wallet: acted for another",
            where=pl.col("userWallet") != pl.col(f"{_A}userId"),
        ),
        Defect(name="action of another kind", where=~pl.col("action").is_in(list(_KINDS)), drops=True),
    ),
)


def read_aave_polygon(data: Path) -> Dataset:
    """Return the events of the eighteen wallets, each by the user whose position changed.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return build_dataset("aave-v2-polygon-sample", _events(read_table(data, EVENTS).frame))


def _events(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for index, row in enumerate(frame.sort("time_s", maintain_order=True).iter_rows(named=True)):
        kind = _KINDS[row["action"]]
        is_liquidation = kind is EventKind.LIQUIDATION
        token, amount, value = _quantity(row, "principal" if is_liquidation else "")
        callers = {EventKind.REPAY: "repayerId", EventKind.BORROW: "callerId", EventKind.LIQUIDATION: "liquidatorId"}
        yield SOURCE.event(
            kind,
            row[f"{_A}userId"],
            row["time_s"],
            place=(0, index),
            caller=row[_A + callers[kind]] if kind in callers else row["userWallet"],
            token=named_token(token),
            amount=amount,
            value_usd=value,
            seized=_seized(row) if is_liquidation else None,
        )


def _seized(row: dict[str, Any]) -> tuple[Any, int, float]:
    token, amount, value = _quantity(row, "collateral")
    return named_token(token), amount, value


def _quantity(row: dict[str, Any], side: str) -> tuple[str, int, float]:
    """Return symbol, raw amount and dollars of one side of a row."""
    prices = {"": "assetPriceUSD", "principal": "borrowAssetPriceUSD", "collateral": "collateralAssetPriceUSD"}
    symbol = row[_A + (f"{side}ReserveSymbol" if side else "assetSymbol")]
    amount = int(row[_A + (f"{side}Amount" if side else "amount")])
    return symbol, amount, amount / 10 ** _DECIMALS.get(symbol, 18) * float(row[_A + prices[side]])
