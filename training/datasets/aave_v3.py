"""First six months of liquidations of Aave V3 on Ethereum, in raw units; and events of twenty-four V2 users, which carry block numbers but no time.

Decimals and prices are not in the folder, so values stay missing. The users were picked by hand, and their record has no repayment or withdrawal: it is read for checks
of the table only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import parse_address
from oracle.domain.units import ChainId
from training.datasets.canonical import Dataset
from training.datasets.ledger import Source, build_dataset, named_token
from training.datasets.schema import Column, Defect, Kind, Table, columns, read_table

FOLDER = Path("aave_v2_v3_delorean_2023")
SOURCE = Source(chain_id=ChainId(1), protocol="aave-v3", market=named_token("aave-v3"))

LIQUIDATIONS = Table(
    file=FOLDER / "aave_v3_liquidations.parquet",
    columns=(
        *columns(Kind.TIME, "time"),
        *columns(Kind.ADDRESS, "collateralAsset", "debtAsset", "liquidator", "user"),
        *columns(Kind.RAW, "debtToCover", "liquidatedCollateralAmount"),
        *columns(Kind.INTEGER, "evt_block_number", "evt_index", low=0),
        *columns(Kind.FLAG, "receiveAToken"),
    ),
    key=("evt_block_number", "evt_index"),
)
USERS = Table(
    file=FOLDER / "aave_v2_24_users_events.parquet",
    columns=(
        *columns(Kind.TEXT, "tag"),
        *columns(Kind.ADDRESS, "wallet"),
        *columns(Kind.INTEGER, "block", low=1),
        Column(name="health", kind=Kind.NUMBER, low=0, is_optional=True),
        *columns(Kind.NUMBER, "amount", low=0, is_optional=True),
    ),
    may_repeat=True,
    defects=(
        Defect(name="health of 100: no debt", where=pl.col("health") == 100, blank="health"),
        Defect(name="block without a time", where=pl.lit(value=True)),
    ),
)


def read_aave_v3(data: Path) -> Dataset:
    """Return the liquidations by borrower, values missing.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return build_dataset("aave-v3-liquidations", _events(read_table(data, LIQUIDATIONS).frame))


def _events(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for row in frame.sort("evt_block_number", "evt_index").iter_rows(named=True):
        yield SOURCE.event(
            EventKind.LIQUIDATION,
            row["user"],
            row["time_s"],
            place=(row["evt_block_number"], row["evt_index"]),
            caller=row["liquidator"],
            token=parse_address(row["debtAsset"]),
            amount=int(row["debtToCover"]),
            seized=(parse_address(row["collateralAsset"]), int(row["liquidatedCollateralAmount"]), None),
        )
