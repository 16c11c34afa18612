"""Recorded states of Aave positions: ten wallets over two years, and all positions with staked ether on one day of June 2023.

They are no training data: ten wallets, and one day. They serve to check how a position is valued: a health factor is collateral times threshold over debt.
The panel quotes V2 in ether with dollars beside it; the snapshot quotes V2 in ether and V3 in dollars, with the price of ether in the V3 file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from oracle.domain.ids import SubjectId
from oracle.domain.position import PositionSample
from oracle.domain.units import WAD, ChainId, TimestampS, Wad
from training.datasets.canonical import Dataset
from training.datasets.ledger import build_dataset, named_token, subject_of, usd_e8
from training.datasets.schema import Column, Defect, Kind, Table, columns, read_table

PANEL_FOLDER, SNAPSHOT_FOLDER = Path("aave_health_factor_fixtures"), Path("aave_steth_positions_2023_06")
CHAIN = ChainId(1)
SNAPSHOT_S = TimestampS(int(datetime(2023, 6, 21, tzinfo=UTC).timestamp()))
"""Day of the snapshot's commit: the file has no time."""
_DUST_HEALTH = 1e6
_THRESHOLD_UNITS = 1e4

PANEL = Table(
    file=PANEL_FOLDER / "bhemen_10_users_hf_panel.parquet",
    columns=(
        *columns(Kind.INTEGER, "block", "timestamp", low=1),
        *columns(Kind.ADDRESS, "user"),
        *columns(Kind.NUMBER, "totalCollateral", "totalDebt", "totalCollateral_usd", "totalDebt_usd", low=0),
        Column(name="healthFactor", kind=Kind.NUMBER, low=0, is_optional=True),
    ),
    key=("block", "user"),
    defects=(
        Defect(name="health factor of 0: no debt or a failed call", where=pl.col("healthFactor") == 0, drops=True),
    ),
)
WEEKLY = Table(
    file=PANEL_FOLDER / "cred_one_account_weekly.parquet",
    columns=(*columns(Kind.INTEGER, "block_height", low=1), *columns(Kind.TEXT, "block_timestamp")),
    key=("block_height",),
)


def _snapshot(name: str) -> Table:
    dust = Defect(name="health factor of dust debt", where=pl.col("healthf") > _DUST_HEALTH, drops=True)
    return Table(
        file=SNAPSHOT_FOLDER / name,
        columns=(
            *columns(Kind.ADDRESS, "user"),
            *columns(Kind.NUMBER, "collateral", "debt", "amount", "ethdebt", low=0),
            Column(name="threshold", kind=Kind.INTEGER, unit="bps", low=1, high=10_000),
            Column(name="ltv", kind=Kind.INTEGER, unit="bps", low=0, high=10_000),
            Column(name="healthf", kind=Kind.NUMBER, low=0),
        ),
        key=("user",),
        defects=(dust,),
    )


V2 = _snapshot("steth_aave.parquet")
V3 = _snapshot("steth_aave_v3.parquet")
V2_STABLE = _snapshot("v2_stable_debt_detail_b2.parquet")
V3_PRICE = Table(file=V3.file, columns=columns(Kind.NUMBER, "eth_price", low=1))


def read_aave_panel(data: Path) -> Dataset:
    """Return the states of the ten wallets.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    return build_dataset("aave-v2-panel", (), samples=_panel(read_table(data, PANEL).frame))


def read_steth_positions(data: Path) -> Dataset:
    """Return one state per position of the snapshot, in dollars.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    eth_usd = float(read_table(data, V3_PRICE).frame["eth_price"][0])
    samples = (*_states(data, V2, "V2", eth_usd), *_states(data, V3, "V3", 1.0))
    return build_dataset("aave-steth-snapshot", (), samples=samples)


def _panel(frame: pl.DataFrame) -> Iterator[tuple[SubjectId, PositionSample]]:
    for row in frame.iter_rows(named=True):
        subject, _ = subject_of(row["user"])
        yield (
            subject,
            _sample(row["timestamp"], "V2", row["healthFactor"], row["totalDebt_usd"], row["totalCollateral_usd"]),
        )


def _states(data: Path, table: Table, version: str, unit_usd: float) -> Iterator[tuple[SubjectId, PositionSample]]:
    """Yield states; the file's health factor is collateral times threshold over debt, to ten digits in every row."""
    for row in read_table(data, table).frame.iter_rows(named=True):
        subject, _ = subject_of(row["user"])
        health = row["collateral"] * row["threshold"] / _THRESHOLD_UNITS / row["debt"]
        yield subject, _sample(SNAPSHOT_S, version, health, row["debt"] * unit_usd, row["collateral"] * unit_usd)


def _sample(time_s: int, version: str, health: float, debt_usd: float, collateral_usd: float) -> PositionSample:
    return PositionSample(
        time_s=TimestampS(time_s),
        chain_id=CHAIN,
        market=named_token(version),
        health_factor_wad=Wad(int(health * WAD)),
        debt_usd_e8=usd_e8(debt_usd),
        collateral_usd_e8=usd_e8(collateral_usd),
    )
