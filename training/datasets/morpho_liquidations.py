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
from training.datasets.morpho_tables import CHAIN, EVENTS, LIQUIDATE, MARKETS, PROTOCOL
from training.datasets.schema import Reading, read_table

_USDC_UNITS = 1e6


def read_liquidations(data: Path) -> Reading:
    """Return the liquidations in the order of the chain, with `left_bad_debt`.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    reading = read_table(data, EVENTS)
    frame = reading.frame.filter(pl.col("event") == LIQUIDATE).sort("block", "log_index")
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
