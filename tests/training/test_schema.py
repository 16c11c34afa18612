"""The one reader of raw tables: types, bounds, duplicates and defects as declared, and a clear refusal of anything else."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from training.datasets.schema import Column, Defect, Kind, Table, read_table
from training.errors import DatasetError

FILE = Path("folder") / "table.parquet"
WALLET = "0x" + "aB" * 20
TABLE = Table(
    file=FILE,
    columns=(
        Column(name="time", kind=Kind.TIME),
        Column(name="wallet", kind=Kind.ADDRESS),
        Column(name="ratio", kind=Kind.NUMBER, low=0, high=10, is_optional=True),
    ),
    key=("time_s", "wallet"),
    defects=(
        Defect(name="absurd ratio", where=pl.col("ratio") > 1_000, blank="ratio"),
        Defect(name="no wallet", where=pl.col("wallet") == "", drops=True),
    ),
)
DAY = datetime(1970, 1, 2)  # noqa: DTZ001 - files hold naive UTC times
NOW = datetime(2022, 1, 1)  # noqa: DTZ001
GOOD: dict[str, list[object]] = {"time": [NOW], "wallet": [WALLET], "ratio": [1.0]}


def write(data: Path, **columns: list[object]) -> None:
    (data / FILE).parent.mkdir(exist_ok=True)
    pl.DataFrame({**GOOD, **columns}, strict=False).write_parquet(data / FILE)


def test_read_table__defects_and_duplicates__are_handled_and_counted(tmp_path: Path) -> None:
    times: list[object] = [NOW] * 4
    write(tmp_path, time=times, wallet=[WALLET, WALLET.lower(), "", "0x" + "00" * 20], ratio=[2.0, 3.0, 4.0, 1e9])

    reading = read_table(tmp_path, TABLE)

    assert reading.frame.rows() == [(1_640_995_200, "0x" + "ab" * 20, 2.0), (1_640_995_200, "0x" + "00" * 20, None)]
    assert (reading.n_read, reading.n_duplicates) == (4, 1)
    assert reading.defects == {"absurd ratio": 1, "no wallet": 1}


def test_read_table__absent__names_folder_and_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"folder/table\.parquet is not there"):
        read_table(tmp_path, TABLE)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"ratio": [11.0]}, "holds 11, the most is 10"),
        ({"ratio": [-1.0]}, "holds -1, the least is 0"),
        ({"ratio": [float("nan")]}, "not finite"),
        ({"ratio": ["1"]}, "is String, expected a number"),
        ({"wallet": ["0x12"]}, "expected an address"),
        ({"wallet": [None]}, "wallet is Null, expected an address"),
        ({"time": [DAY]}, "the least is"),
        ({"time": [1_640_995_200]}, "expected a time"),
    ],
)
def test_read_table__bad_column__is_refused_by_name(
    tmp_path: Path, columns: dict[str, list[object]], reason: str
) -> None:
    write(tmp_path, **columns)

    with pytest.raises(DatasetError, match=reason):
        read_table(tmp_path, TABLE)


def test_read_table__empty_cell__is_refused(tmp_path: Path) -> None:
    write(tmp_path, time=[NOW] * 2, wallet=[WALLET, None], ratio=[None, None])

    with pytest.raises(DatasetError, match=r"ratio is Null|wallet has an empty cell"):
        read_table(tmp_path, TABLE)


def test_read_table__no_such_column__is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir()
    pl.DataFrame({"time": GOOD["time"]}).write_parquet(tmp_path / FILE)

    with pytest.raises(DatasetError, match="has no column wallet"):
        read_table(tmp_path, TABLE)
