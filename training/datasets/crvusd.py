"""Loans of Curve's crvUSD markets with their outcome, and pooled states of its positions without borrower or time.

A loan has a borrower, a market, an opening and an end, but no size and no health. Times were interpolated from blocks (seconds off). `active` means open when the source
was read, not repaid. A self-liquidation is the borrower's own exit from soft liquidation; being converted band by band is no event here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from oracle.domain.event import NO_VALUE, EventKind, LendingEvent
from oracle.domain.units import BlockNumber, ChainId, TimestampS
from training.datasets.canonical import Dataset
from training.datasets.ledger import UNKNOWN_CALLER, build_dataset, named_token, subject_of
from training.datasets.schema import Column, Defect, Kind, Table, read_table

PROTOCOL = "curve-crvusd"
LOANS_FOLDER, STATES_FOLDER = Path("crvusd_loans"), Path("crvusd_position_states_2023q4")
CHAIN = ChainId(1)
ACTIVE, REPAID, SELF, FORCED = "active", "repaid", "self-liquidation", "forced-liquidation"
LIQUIDATED = (SELF, FORCED)
CRVUSD = named_token("crvUSD")
PRICED_BY = {"weth": "ETH", "wsteth": "ETH", "sfrxeth": "ETH", "wbtc": "BTC", "tbtc": "BTC"}
"""Exchange symbol whose moves the collateral of a market follows; staking yield and discounts are left out."""

LOANS = Table(
    file=LOANS_FOLDER / "loans.parquet",
    columns=(
        Column(name="borrower", kind=Kind.ADDRESS),
        Column(name="market", kind=Kind.TEXT),
        Column(name="start_block", kind=Kind.INTEGER, low=1),
        Column(name="status", kind=Kind.TEXT),
        Column(name="end_block", kind=Kind.NUMBER, low=1, is_optional=True),
        Column(name="start_time_est", kind=Kind.TIME),
        Column(name="end_time_est", kind=Kind.TIME, is_optional=True),
    ),
    defects=(
        Defect(name="still open at the end: outcome unknown", where=pl.col("status") == ACTIVE),
        Defect(name="ended by the borrower in soft liquidation", where=pl.col("status") == SELF),
        Defect(name="ends before it begins", where=pl.col("end_block") < pl.col("start_block"), drops=True),
        Defect(
            name="ended without a time, or open with one",
            where=(pl.col("status") == ACTIVE) != pl.col("end_time_est_s").is_null(),
            drops=True,
        ),
        Defect(name="market whose collateral has no price", where=~pl.col("market").is_in(sorted(PRICED_BY))),
    ),
)
STATES = Table(
    file=STATES_FOLDER / "states.parquet",
    columns=(
        Column(name="market", kind=Kind.TEXT),
        Column(name="debt_crvusd", kind=Kind.NUMBER, unit="crvUSD", low=0),
        Column(name="collateral", kind=Kind.NUMBER, unit="tokens", low=0),
        Column(name="n_bands", kind=Kind.INTEGER, low=1, high=50),
    ),
    may_repeat=True,
    defects=(Defect(name="debt below 100 crvUSD: dust", where=pl.col("debt_crvusd") < 100),),
)


def read_crvusd(data: Path) -> Dataset:
    """Return openings and ends of loans by borrower, amounts and values missing.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return build_dataset("crvusd-loans", _events(read_table(data, LOANS).frame))


def _events(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for index, row in enumerate(frame.sort("start_block", maintain_order=True).iter_rows(named=True)):
        yield _event(row, index, EventKind.BORROW, row["start_block"], row["start_time_est_s"])
        if row["end_time_est_s"] is not None:
            kind = EventKind.LIQUIDATION if row["status"] in LIQUIDATED else EventKind.REPAY
            yield _event(row, index, kind, int(row["end_block"]), row["end_time_est_s"])


def _event(row: dict[str, str], index: int, kind: EventKind, block: int | str, time_s: int | str) -> LendingEvent:
    _, account = subject_of(row["borrower"])
    return LendingEvent(
        chain_id=CHAIN,
        block_number=BlockNumber(int(block)),
        log_index=index,
        time_s=TimestampS(int(time_s)),
        protocol=PROTOCOL,
        market=named_token(row["market"]),
        kind=kind,
        account=account,
        caller=UNKNOWN_CALLER if kind is EventKind.LIQUIDATION and row["status"] == FORCED else account,
        token=CRVUSD,
        amount=0,
        value_usd_e8=NO_VALUE,
    )
