"""The tables of Morpho Blue on Base, declared once for the adapters that read them: of liquidations, and of borrows with their collateral."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from oracle.domain.units import ChainId
from training.datasets.schema import Column, Defect, Kind, Table, columns

PROTOCOL = "morpho_blue"
FOLDER = Path("morpho_base_2025")
CHAIN = ChainId(8_453)
LIQUIDATE = "liquidate"

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
            where=(pl.col("event") == LIQUIDATE) & (pl.col("bad_debt_assets_raw").fill_null("0") != "0"),
        ),
        Defect(name="market without names or decimals of its tokens", where=pl.col("loan_amount").is_null()),
        Defect(name="borrower is the zero address", where=pl.col("borrower") == "0x" + "00" * 20, drops=True),
    ),
)
BORROW_EVENTS = Table(
    file=EVENTS.file,
    columns=(
        *(c for c in EVENTS.columns if c.kind is not Kind.NUMBER),
        *columns(Kind.RAW, "assets_raw", "shares_raw", is_optional=True),
    ),
    key=EVENTS.key,
    defects=tuple(d for d in EVENTS.defects if d.drops),
)
"""The same rows with what was borrowed or put up, in raw units only."""
