"""Liquity V1 troves: fees paid on borrowing, liquidations, redemptions, as canonical events.

A borrowing fee is at least 0.5 % of what is drawn, so a borrow of fee / 0.005 LUSD is an upper bound when the base rate was raised. There is no collateral and no
repayment: what a trove is worth is unknown, a closed trove looks like an open one, and 29 % of liquidated owners have no fee row at all.
A row of the liquidations is one trove and a block has no place in it: rows are told apart by transaction and owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import BlockNumber, ChainId, TimestampS
from training.datasets.canonical import Dataset
from training.datasets.ledger import (
    UNKNOWN_BLOCK,
    UNKNOWN_CALLER,
    build_dataset,
    named_token,
    subject_of,
    token_units,
    usd_e8,
)
from training.datasets.schema import Column, Defect, Kind, Table, read_table

PROTOCOL = "liquity-v1"
FOLDER = Path("liquity_v1")
CHAIN = ChainId(1)
LUSD, ETH_TOKEN = named_token("LUSD"), named_token("ETH")
MARKET = Address(b"\x11" + bytes(19))
FLOOR_FEE = 0.005
_DUST_FEE_LUSD = 1e-6

BORROWS = Table(
    file=FOLDER / "borrow_fee_events.parquet",
    columns=(
        Column(name="time", kind=Kind.TIME),
        Column(name="block", kind=Kind.INTEGER, low=1),
        Column(name="tx", kind=Kind.TEXT),
        Column(name="borrower", kind=Kind.ADDRESS),
        Column(name="lusd_fee", kind=Kind.NUMBER, unit="LUSD", low=0, high=1e8),
    ),
    key=("tx", "borrower"),
    defects=(Defect(name="fee of dust: nothing was drawn", where=pl.col("lusd_fee") < _DUST_FEE_LUSD, drops=True),),
)
LIQUIDATIONS = Table(
    file=FOLDER / "liquidations.parquet",
    columns=(
        Column(name="time", kind=Kind.TIME),
        Column(name="tx", kind=Kind.TEXT),
        Column(name="borrower", kind=Kind.ADDRESS),
        Column(name="collateral_eth", kind=Kind.NUMBER, unit="ETH", low=0),
        Column(name="debt_lusd", kind=Kind.NUMBER, unit="LUSD", low=0),
        Column(name="eth_usd", kind=Kind.NUMBER, unit="USD", low=0),
        Column(name="collateral_ratio", kind=Kind.NUMBER, low=0.5, high=3),
        Column(name="mode", kind=Kind.TEXT),
    ),
    key=("tx", "borrower"),
    defects=(Defect(name="liquidated in recovery mode, above the usual ratio", where=pl.col("mode") == "recovery"),),
)
REDEMPTIONS = Table(
    file=FOLDER / "redemptions.parquet",
    columns=(
        Column(name="time", kind=Kind.TIME),
        Column(name="tx", kind=Kind.TEXT),
        Column(name="redeemer", kind=Kind.ADDRESS),
        Column(name="eth_sent", kind=Kind.NUMBER, unit="ETH", low=0),
        Column(name="eth_price", kind=Kind.NUMBER, unit="USD", low=0),
    ),
)


def read_liquity(data: Path) -> Dataset:
    """Return borrows and liquidations by owner.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return build_dataset("liquity-v1", (*_borrows(data), *_liquidations(data)))


def _borrows(data: Path) -> Iterator[LendingEvent]:
    for row in read_table(data, BORROWS).frame.sort("time_s", "block", maintain_order=True).iter_rows(named=True):
        drawn = row["lusd_fee"] / FLOOR_FEE
        _, account = subject_of(row["borrower"])
        yield LendingEvent(
            chain_id=CHAIN,
            block_number=BlockNumber(row["block"]),
            log_index=0,
            time_s=TimestampS(row["time_s"]),
            protocol=PROTOCOL,
            market=MARKET,
            kind=EventKind.BORROW,
            account=account,
            caller=account,
            token=LUSD,
            amount=token_units(drawn),
            value_usd_e8=usd_e8(drawn),
        )


def _liquidations(data: Path) -> Iterator[LendingEvent]:
    for row in read_table(data, LIQUIDATIONS).frame.sort("time_s", maintain_order=True).iter_rows(named=True):
        _, account = subject_of(row["borrower"])
        yield LendingEvent(
            chain_id=CHAIN,
            block_number=UNKNOWN_BLOCK,
            log_index=0,
            time_s=TimestampS(row["time_s"]),
            protocol=PROTOCOL,
            market=MARKET,
            kind=EventKind.LIQUIDATION,
            account=account,
            caller=UNKNOWN_CALLER,
            token=LUSD,
            amount=token_units(row["debt_lusd"]),
            value_usd_e8=usd_e8(row["debt_lusd"]),
            seized_token=ETH_TOKEN,
            seized_amount=token_units(row["collateral_eth"]),
            seized_value_usd_e8=usd_e8(row["collateral_eth"] * row["eth_usd"]),
        )
