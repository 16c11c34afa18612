"""Single-collateral Sai, 2017 to 2019: the last thousand bites, and states of thirty-one large CDPs after each of their actions.

A bite's debt is that after the bite, mostly zero, so what was liquidated is unknown. States come at the times of actions, with the collateral's value: a health factor
is that over debt over 1.5, Sai's liquidation ratio. CDP numbers stand for owners in the states.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address, SubjectId, address_word
from oracle.domain.position import PositionSample
from oracle.domain.units import WAD, ChainId, TimestampS, Wad
from training.datasets.canonical import Dataset
from training.datasets.ledger import Source, build_dataset, named_token, usd_e8
from training.datasets.schema import Column, Defect, Kind, Table, columns, read_table

FOLDER = Path("sai_cdp_bites_2019")
SOURCE = Source(chain_id=ChainId(1), protocol="sai", market=named_token("sai"))
DAI, PETH = named_token("SAI"), named_token("PETH")
_LIQUIDATION_RATIO = 1.5
_LEAST_DEBT_DAI = 1.0

BITES = Table(
    file=FOLDER / "bites.parquet",
    columns=(
        *columns(Kind.TIME, "time"),
        *columns(Kind.ADDRESS, "owner"),
        *columns(Kind.INTEGER, "cup", "dai_debt_after", low=0),
        Column(name="eth_usd", kind=Kind.NUMBER, unit="USD", low=1),
        Column(name="peth_after", kind=Kind.NUMBER, unit="PETH", low=0),
    ),
    key=("time_s", "cup"),
    defects=(Defect(name="debt is that after the bite", where=pl.col("dai_debt_after") == 0),),
)
STATES = Table(
    file=FOLDER / "cdp_timeseries_31cups.parquet",
    columns=(
        *columns(Kind.TIME, "time"),
        *columns(Kind.TEXT, "cup"),
        Column(name="art", kind=Kind.NUMBER, unit="DAI", low=0),
        Column(name="tab", kind=Kind.NUMBER, unit="USD", low=0),
        Column(name="ink", kind=Kind.NUMBER, unit="PETH", low=0),
    ),
    defects=(Defect(name="no debt: nothing to value", where=pl.col("art") < _LEAST_DEBT_DAI, drops=True),),
)


def read_sai(data: Path) -> Dataset:
    """Return bites by owner and states by CDP.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    bites, states = read_table(data, BITES).frame, read_table(data, STATES).frame
    return build_dataset("sai-cdps", _bites(bites), samples=_states(states))


def _bites(frame: pl.DataFrame) -> Iterator[LendingEvent]:
    for index, row in enumerate(frame.sort("time_s", "cup").iter_rows(named=True)):
        yield SOURCE.event(
            EventKind.LIQUIDATION, row["owner"], row["time_s"], place=(0, index), token=DAI, seized=(PETH, 0, None)
        )


def _states(frame: pl.DataFrame) -> Iterator[tuple[SubjectId, PositionSample]]:
    for row in frame.sort("time_s", maintain_order=True).iter_rows(named=True):
        cdp = Address(int(row["cup"]).to_bytes(20, "big"))
        yield (
            SubjectId(address_word(cdp)),
            PositionSample(
                time_s=TimestampS(row["time_s"]),
                chain_id=SOURCE.chain_id,
                market=SOURCE.market,
                health_factor_wad=Wad(int(row["tab"] / row["art"] / _LIQUIDATION_RATIO * WAD)),
                debt_usd_e8=usd_e8(row["art"]),
                collateral_usd_e8=usd_e8(row["tab"]),
            ),
        )
