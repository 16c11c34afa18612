"""Aave V2 and V3 on Ethereum, borrowers with bitcoin as collateral: liquidations since 2020, and what some of them deposited and repaid.

A row of the liquidations says what was seized, not what was repaid: the debt side stays missing. The deposits and repayments are of wallets chosen because they were
liquidated, and without what they borrowed: as features they would give the outcome away, so they make no dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import ChainId
from training.datasets.canonical import Dataset
from training.datasets.ledger import Source, build_dataset, named_token, token_units
from training.datasets.schema import Column, Defect, Kind, Table, columns, read_table

FOLDER = Path("aave_eth_btc_collateral_2020_2026")
CHAIN = ChainId(1)
UNKNOWN_TOKEN = Address(bytes(20))
_BTC_DECIMALS = 8

LIQUIDATIONS = Table(
    file=FOLDER / "liquidations.parquet",
    columns=(
        *columns(Kind.TIME, "time"),
        *columns(Kind.TEXT, "collateral_symbol", "version"),
        *columns(Kind.ADDRESS, "liquidatee", "liquidator"),
        Column(name="amount_tokens", kind=Kind.NUMBER, unit="BTC", low=0, high=2e5),
        Column(name="amount_usd", kind=Kind.NUMBER, unit="USD", low=0),
    ),
    key=("time_s", "liquidatee", "liquidator", "version", "amount_tokens"),
)
WITH_TRANSACTIONS = Table(
    file=FOLDER / "wbtc_liquidations_with_tx.parquet",
    columns=(
        *columns(Kind.TEXT, "id", "tx_hash"),
        *columns(Kind.TIME, "datetime"),
        *columns(Kind.INTEGER, "block_number", low=1),
        *columns(Kind.ADDRESS, "liquidatee", "liquidator"),
        *columns(Kind.NUMBER, "collateral_amount_wbtc", "collateral_amount_usd", low=0),
    ),
    key=("id",),
)
ACTIONS = Table(
    file=FOLDER / "user_actions.parquet",
    columns=(
        *columns(Kind.TEXT, "id", "action_type", "asset_symbol"),
        *columns(Kind.TIME, "datetime"),
        *columns(Kind.ADDRESS, "account"),
        *columns(Kind.NUMBER, "amount", "amount_usd", low=0),
    ),
    key=("id",),
    defects=(Defect(name="wallet chosen because it was liquidated", where=pl.lit(value=True)),),
)
MARKETS = Table(
    file=FOLDER / "market_daily_snapshots.parquet",
    columns=(
        *columns(Kind.TIME, "date"),
        *columns(Kind.TEXT, "version", "asset_key"),
        *columns(Kind.NUMBER, "daily_total_revenue_usd", low=0, is_optional=True),
        *columns(Kind.NUMBER, "daily_liquidate_usd", "total_borrow_usd", "total_deposit_usd", low=0),
    ),
    key=("date_s", "version", "asset_key"),
    defects=(Defect(name="revenue absurd at the source", where=pl.col("daily_total_revenue_usd").is_null()),),
)


def read_aave_btc(data: Path) -> Dataset:
    """Return the liquidations by borrower.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return build_dataset("aave-btc-liquidations", _events(read_table(data, LIQUIDATIONS).frame))


def _events(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for index, row in enumerate(frame.sort("time_s", maintain_order=True).iter_rows(named=True)):
        source = Source(chain_id=CHAIN, protocol=f"aave-{row['version'].lower()}", market=named_token(row["version"]))
        amount = token_units(row["amount_tokens"], _BTC_DECIMALS)
        yield source.event(
            EventKind.LIQUIDATION,
            row["liquidatee"],
            row["time_s"],
            place=(0, index),
            caller=row["liquidator"],
            token=UNKNOWN_TOKEN,
            seized=(named_token(row["collateral_symbol"]), amount, row["amount_usd"]),
        )
