"""Liquidations of Aave V2 on Ethereum, 2020-12 to 2022-04, and daily balances of fifty of its wallets.

There are liquidations only: no borrow, no repayment, so nobody who was never liquidated. Rows before 2021-07 have no liquidator and no dollar value, as the source's
were wrong by powers of ten; debt in dollar coins is then taken at a dollar, other debt has no value. Tokens are known by symbol.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import parse_address
from oracle.domain.units import ChainId, TimestampS
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

PROTOCOL = "aave-v2"
FOLDER = Path("aave_v2_liquidations_2020_2022")
CHAIN = ChainId(1)
DOLLAR_COINS = frozenset({"USDC", "USDT", "DAI", "TUSD", "GUSD", "BUSD", "SUSD", "USDP", "PAX", "FRAX"})

LIQUIDATIONS = Table(
    file=FOLDER / "liquidations.parquet",
    columns=(
        Column(name="time", kind=Kind.TIME),
        Column(name="user", kind=Kind.ADDRESS),
        Column(name="liquidator", kind=Kind.ADDRESS, is_optional=True),
        Column(name="pool", kind=Kind.ADDRESS),
        Column(name="collateral", kind=Kind.TEXT),
        Column(name="debt", kind=Kind.TEXT),
        Column(name="collateral_amount", kind=Kind.NUMBER, unit="tokens", low=0),
        Column(name="debt_amount", kind=Kind.NUMBER, unit="tokens", low=0),
        Column(name="debt_usd", kind=Kind.NUMBER, unit="USD", low=0, is_optional=True),
        Column(name="collateral_usd", kind=Kind.NUMBER, unit="USD", low=0, is_optional=True),
        Column(name="vintage", kind=Kind.TEXT),
    ),
    defects=(
        Defect(name="no dollar value and no liquidator, before 2021-07", where=pl.col("debt_usd").is_null()),
        Defect(
            name="debt of unknown value: no dollar coin, before 2021-07",
            where=pl.col("debt_usd").is_null() & ~pl.col("debt").str.to_uppercase().is_in(sorted(DOLLAR_COINS)),
        ),
    ),
)
BALANCES = Table(
    file=FOLDER / "user_daily_balances_50users.parquet",
    columns=(
        Column(name="date", kind=Kind.TIME),
        Column(name="user", kind=Kind.ADDRESS),
        Column(name="reserve", kind=Kind.TEXT),
        Column(name="side", kind=Kind.TEXT),
        Column(name="amount", kind=Kind.NUMBER, unit="tokens"),
    ),
    key=("date_s", "user", "reserve", "side"),
    defects=(Defect(name="negative balance", where=pl.col("amount") < 0),),
)


def read_aave_v2(data: Path) -> Dataset:
    """Return the liquidations by borrower.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return build_dataset("aave-v2-liquidations", _events(read_table(data, LIQUIDATIONS).frame))


def _events(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for index, row in enumerate(frame.sort("time_s", maintain_order=True).iter_rows(named=True)):
        _, account = subject_of(row["user"])
        value = row["debt_usd"]
        if value is None and row["debt"].upper() in DOLLAR_COINS:
            value = row["debt_amount"]
        yield LendingEvent(
            chain_id=CHAIN,
            block_number=UNKNOWN_BLOCK,
            log_index=index,
            time_s=TimestampS(row["time_s"]),
            protocol=PROTOCOL,
            market=parse_address(row["pool"]),
            kind=EventKind.LIQUIDATION,
            account=account,
            caller=UNKNOWN_CALLER if row["liquidator"] is None else parse_address(row["liquidator"]),
            token=named_token(row["debt"]),
            amount=token_units(row["debt_amount"]),
            value_usd_e8=usd_e8(value),
            seized_token=named_token(row["collateral"]),
            seized_amount=token_units(row["collateral_amount"]),
            seized_value_usd_e8=usd_e8(row["collateral_usd"]),
        )
