"""RociFi on Polygon, 2022: small under-collateralised loans that defaulted, and repayments.

Only loans that were liquidated have an issue date, a size and an LTV: a borrow would be known of them alone, before anyone could know that they default. So the dataset
has liquidations and repayments, and no borrow. Half of the principals are below five dollars.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.units import ChainId
from training.datasets.canonical import Dataset
from training.datasets.ledger import Source, build_dataset, named_token, token_units
from training.datasets.schema import Column, Defect, Kind, Table, columns, read_table

FOLDER = Path("rocifi_loans")
SOURCE = Source(chain_id=ChainId(137), protocol="rocifi-v1", market=named_token("rocifi-v1"))
USDC, WETH = named_token("USDC"), named_token("WETH")
_USDC_DECIMALS = 6
_ABSURD_PERCENT = 1_000.0

LIQUIDATIONS = Table(
    file=FOLDER / "liquidations.parquet",
    columns=(
        *columns(Kind.TEXT, "loan_id", "liq_type", "tx_hash", "loan_status"),
        *columns(Kind.ADDRESS, "borrower"),
        *columns(Kind.TIME, "liq_time", "issue_time", "maturity_time"),
        *columns(Kind.NUMBER, "collateral_weth", "ltv_pct", low=0),
        Column(name="lt_pct", kind=Kind.NUMBER, unit="%", low=0, high=_ABSURD_PERCENT, is_optional=True),
        *columns(Kind.NUMBER, "principal_usdc", "total_payments_usdc", low=0),
    ),
    key=("loan_id", "tx_hash"),
    defects=(
        Defect(name="absurd liquidation threshold", where=pl.col("lt_pct") > _ABSURD_PERCENT, blank="lt_pct"),
        Defect(
            name="loan id liquidated twice: the later row is no second loan",
            where=~pl.col("loan_id").is_first_distinct(),
        ),
    ),
)
REPAYMENTS = Table(
    file=FOLDER / "repayments.parquet",
    columns=(
        *columns(Kind.TEXT, "loan_id", "tx_hash"),
        *columns(Kind.ADDRESS, "borrower"),
        *columns(Kind.TIME, "time"),
        *columns(Kind.INTEGER, "loan_status_code", low=0),
        Column(name="amount_usdc", kind=Kind.NUMBER, unit="USDC", low=0),
    ),
    key=("loan_id", "tx_hash"),
    defects=(Defect(name="borrower is the zero address", where=pl.col("borrower") == "0x" + "0" * 40, drops=True),),
)


def read_rocifi(data: Path) -> Dataset:
    """Return the events by borrower; a liquidation's value is the principal, as what it repaid is not recorded.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    liquidated, repaid = read_table(data, LIQUIDATIONS).frame, read_table(data, REPAYMENTS).frame
    return build_dataset("rocifi-loans", (*_liquidations(liquidated), *_repayments(repaid)))


def _liquidations(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for index, row in enumerate(frame.sort("liq_time_s", maintain_order=True).iter_rows(named=True)):
        yield _event(EventKind.LIQUIDATION, row, row["liq_time_s"], index, row["principal_usdc"])


def _repayments(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for index, row in enumerate(frame.sort("time_s", maintain_order=True).iter_rows(named=True)):
        yield _event(EventKind.REPAY, row, row["time_s"], index, row["amount_usdc"])


def _event(kind: EventKind, row: dict[str, str], time_s: str | int, index: int, amount: str | float) -> LendingEvent:
    dollars = float(amount)
    is_liquidation = kind is EventKind.LIQUIDATION
    return SOURCE.event(
        kind,
        row["borrower"],
        int(time_s),
        place=(0, index),
        caller=None if is_liquidation else row["borrower"],
        token=USDC,
        amount=token_units(dollars, _USDC_DECIMALS),
        value_usd=dollars,
        seized=(WETH, token_units(float(row["collateral_weth"])), None) if is_liquidation else None,
    )
