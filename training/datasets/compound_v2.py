"""First ten thousand deposits and first ten thousand borrows of Compound V2, 2019. No repayment, withdrawal or liquidation, so no outcome can be made of them."""

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

FOLDER = Path("compound_v2_2019")
SOURCE = Source(chain_id=ChainId(1), protocol="compound-v2", market=named_token("compound-v2"))
_KINDS = {"deposit": EventKind.SUPPLY, "borrow": EventKind.BORROW}
ROWS_OF_A_KIND = 10_000

EVENTS = Table(
    file=FOLDER / "events.parquet",
    columns=(
        *columns(Kind.TIME, "time"),
        *columns(Kind.ADDRESS, "account", "asset_id"),
        *columns(Kind.TEXT, "event", "asset", "id"),
        *columns(Kind.RAW, "amount_raw"),
        Column(name="amount_usd", kind=Kind.NUMBER, unit="USD", low=0),
    ),
    key=("id",),
    defects=(
        Defect(name="action of another kind", where=~pl.col("event").is_in(list(_KINDS)), drops=True),
        Defect(
            name="borrow later than the last deposit: the deposits were cut off",
            where=(pl.col("event") == "borrow")
            & (pl.col("time_s") > pl.col("time_s").filter(pl.col("event") == "deposit").max()),
        ),
    ),
)


def read_compound_v2(data: Path) -> Dataset:
    """Return deposits and borrows by account.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return build_dataset("compound-v2-2019", _events(read_table(data, EVENTS).frame))


def _events(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for index, row in enumerate(frame.sort("time_s", maintain_order=True).iter_rows(named=True)):
        yield SOURCE.event(
            _KINDS[row["event"]],
            row["account"],
            row["time_s"],
            place=(0, index),
            caller=row["account"],
            token=parse_address(row["asset_id"]),
            amount=int(row["amount_raw"]),
            value_usd=row["amount_usd"],
        )
