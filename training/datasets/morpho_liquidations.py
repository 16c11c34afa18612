"""Liquidations of Morpho Blue on Base, complete since 2024-06, as canonical events; borrows and collateral are another adapter's.

Only two markets are identified: there the loan is USDC and what was repaid is its value. Tokens, decimals and so the value of all other markets are unknown: amounts
stay in raw units, the value missing. A liquidation that left bad debt took all collateral the position had. One wallet has 3,548 rows in a month: count episodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address, parse_address
from oracle.domain.units import BlockNumber, TimestampS
from training.datasets.canonical import Dataset
from training.datasets.ledger import build_dataset, subject_of, usd_e8
from training.datasets.morpho import CHAIN, FOLDER, PROTOCOL
from training.datasets.schema import Column, Defect, Kind, Reading, Table, read_table

_USDC_UNITS = 1e6
_LIQUIDATE = "liquidate"

MARKETS = Table(
    file=FOLDER / "markets_identified.parquet",
    columns=(
        Column(name="market", kind=Kind.TEXT),
        Column(name="collateral", kind=Kind.TEXT),
        Column(name="loan", kind=Kind.TEXT),
        Column(name="collateral_decimals", kind=Kind.INTEGER, low=0, high=36),
        Column(name="loan_decimals", kind=Kind.INTEGER, low=0, high=36),
        Column(name="lltv", kind=Kind.NUMBER, low=0, high=1),
    ),
    key=("market",),
)
EVENTS = Table(
    file=FOLDER / "events.parquet",
    columns=(
        Column(name="time", kind=Kind.TIME),
        Column(name="block", kind=Kind.INTEGER, low=1),
        Column(name="log_index", kind=Kind.INTEGER, low=0),
        Column(name="tx", kind=Kind.TEXT),
        Column(name="event", kind=Kind.TEXT),
        Column(name="market", kind=Kind.TEXT),
        Column(name="borrower", kind=Kind.ADDRESS),
        Column(name="caller", kind=Kind.ADDRESS),
        Column(name="repaid_assets_raw", kind=Kind.RAW, is_optional=True),
        Column(name="seized_assets_raw", kind=Kind.RAW, is_optional=True),
        Column(name="bad_debt_assets_raw", kind=Kind.RAW, is_optional=True),
        Column(name="loan_amount", kind=Kind.NUMBER, unit="tokens", low=0, is_optional=True),
        Column(name="collateral_amount", kind=Kind.NUMBER, unit="tokens", low=0, is_optional=True),
    ),
    key=("block", "log_index"),
    defects=(
        Defect(
            name="liquidation that left bad debt",
            where=(pl.col("event") == _LIQUIDATE) & (pl.col("bad_debt_assets_raw").fill_null("0") != "0"),
        ),
        Defect(name="market without names or decimals of its tokens", where=pl.col("loan_amount").is_null()),
        Defect(name="borrower is the zero address", where=pl.col("borrower") == "0x" + "00" * 20, drops=True),
    ),
)


def read_liquidations(data: Path) -> Reading:
    """Return the liquidations in the order of the chain, with `left_bad_debt`.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    reading = read_table(data, EVENTS)
    frame = reading.frame.filter(pl.col("event") == _LIQUIDATE).sort("block", "log_index")
    frame = frame.with_columns((pl.col("bad_debt_assets_raw").fill_null("0") != "0").alias("left_bad_debt"))
    return Reading(frame=frame, n_read=reading.n_read, n_duplicates=reading.n_duplicates, defects=reading.defects)


def read_morpho_liquidations(data: Path) -> Dataset:
    """Return the liquidations by borrower.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    loans = dict(read_table(data, MARKETS).frame.select("market", "loan").iter_rows())
    return build_dataset("morpho-base-liquidations", _events(read_liquidations(data).frame, loans))


def _events(frame: pl.DataFrame, loans: dict[str, str]) -> Iterator[LendingEvent]:
    for row in frame.iter_rows(named=True):
        _, account = subject_of(row["borrower"])
        market = bytes.fromhex(row["market"][2:])
        repaid = int(row["repaid_assets_raw"] or 0)
        yield LendingEvent(
            chain_id=CHAIN,
            block_number=BlockNumber(row["block"]),
            log_index=row["log_index"],
            time_s=TimestampS(row["time_s"]),
            protocol=PROTOCOL,
            market=Address(market[:20]),
            kind=EventKind.LIQUIDATION,
            account=account,
            caller=parse_address(row["caller"]),
            token=Address(b"L" + market[:19]),
            amount=repaid,
            value_usd_e8=usd_e8(repaid / _USDC_UNITS if loans.get(row["market"]) == "USDC" else None),
            seized_token=Address(b"C" + market[:19]),
            seized_amount=int(row["seized_assets_raw"] or 0),
        )
