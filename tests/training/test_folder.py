"""The canonical folder: what is written comes back, and what is wrong with a folder is said in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from oracle.domain.ids import Address
from oracle.domain.market import ParameterChange
from oracle.domain.units import BlockNumber, TimestampS
from tests.training.generated import small_dataset
from training.datasets.canonical import Dataset
from training.datasets.folder import read_dataset, write_dataset
from training.datasets.synthetic import CHAINS, WETH
from training.errors import DatasetError

CHANGE = ParameterChange(
    chain_id=CHAINS[0],
    block_number=BlockNumber(7),
    log_index=1,
    time_s=small_dataset().start_s,
    protocol="generated",
    market=Address(b"\x01" * 20),
    token=WETH,
    name="supply_cap",
    amount=2**200,
)


def dataset() -> Dataset:
    """Return a small part of the generated data, with one rule, and one borrower listed where it has no position."""
    full = small_dataset()
    first, *rest = full.borrowers[:6]
    listed = replace(first, listed_s=(full.cuts_s[-1],))
    return replace(full, borrowers=(listed, *rest), parameters=(CHANGE,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset(dataset(), tmp_path)
    return tmp_path


def change(folder: Path, table: str, how: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = folder / f"{table}.parquet"
    how(pl.read_parquet(path)).write_parquet(path)


def change_meta(folder: Path, **values: object) -> None:
    meta = json.loads((folder / "meta.json").read_text()) | values
    (folder / "meta.json").write_text(json.dumps(meta))


def test_write_dataset__read_again__is_the_same(folder: Path) -> None:
    again = read_dataset(folder)

    original = dataset()
    for given, expected in zip(again.borrowers, original.borrowers, strict=True):
        assert (given.events, given.samples, given.positions) == (expected.events, expected.samples, expected.positions)
        assert given.listed_times == expected.listed_times
    assert dict(again.prices) == dict(original.prices)
    assert dict(again.assets) == dict(original.assets)
    assert again.parameters == (CHANGE,)
    assert (again.name, again.start_s, again.end_s) == (original.name, original.start_s, original.end_s)
    assert again.cuts_s == original.cuts_s


def test_read_dataset__file_missing__is_named(folder: Path) -> None:
    (folder / "positions.parquet").unlink()

    with pytest.raises(DatasetError, match=r"it lacks positions\.parquet"):
        read_dataset(folder)


@pytest.mark.parametrize("other", [1, 3, None])
def test_read_dataset__other_format__says_export_again(folder: Path, other: int | None) -> None:
    change_meta(folder, format=other)

    with pytest.raises(DatasetError, match=f"its format is {other}, this code reads 2: export it again"):
        read_dataset(folder)


def test_read_dataset__folder_of_the_older_format__says_so_and_not_which_files_it_lacks(folder: Path) -> None:
    change_meta(folder, format=1)
    (folder / "listed.parquet").unlink()

    with pytest.raises(DatasetError, match="its format is 1"):
        read_dataset(folder)


def test_read_dataset__column_missing__is_named_with_its_type(folder: Path) -> None:
    change(folder, "samples", lambda frame: frame.drop("debt_usd_e8"))

    with pytest.raises(DatasetError, match=r"samples\.parquet lacks the column debt_usd_e8 \(64-bit integer\)"):
        read_dataset(folder)


def test_read_dataset__column_of_another_type__says_both(folder: Path) -> None:
    change(folder, "events", lambda frame: frame.with_columns(pl.col("time_s").cast(pl.Float64)))

    with pytest.raises(DatasetError, match=r"column time_s is Float64, expected 64-bit integer"):
        read_dataset(folder)


def test_read_dataset__empty_cell__is_named(folder: Path) -> None:
    change(folder, "events", lambda frame: frame.with_columns(pl.lit(None, pl.Binary()).alias("account")))

    with pytest.raises(DatasetError, match="column account has an empty cell"):
        read_dataset(folder)


def test_read_dataset__address_of_the_wrong_length__is_named(folder: Path) -> None:
    change(folder, "events", lambda frame: frame.with_columns(pl.lit(b"\x01" * 19).alias("token")))

    with pytest.raises(DatasetError, match="column token has a cell of 19 bytes, expected 20"):
        read_dataset(folder)


@pytest.mark.parametrize("table", ["events", "samples"])
def test_read_dataset__row_of_the_future__is_refused(folder: Path, table: str) -> None:
    end_s = dataset().end_s
    change(folder, table, lambda frame: frame.with_columns(time_s=pl.lit(end_s + 1, pl.Int64())))

    with pytest.raises(
        DatasetError, match=rf"{table}\.parquet holds \d+ rows of the future, the first at {end_s + 1} s"
    ):
        read_dataset(folder)


def test_read_dataset__price_of_the_future__is_refused(folder: Path) -> None:
    change_meta(folder, end_s=TimestampS(dataset().end_s - 7_200))
    for table in ("events", "samples"):
        change(folder, table, lambda frame: frame.head(0))
    for table in ("listed", "positions"):
        change(folder, table, lambda frame: frame.head(0))

    with pytest.raises(DatasetError, match="has prices after the dataset's end"):
        read_dataset(folder)


@pytest.mark.parametrize("table", ["listed", "positions"])
def test_read_dataset__position_at_no_cut__is_refused(folder: Path, table: str) -> None:
    change(folder, table, lambda frame: frame.with_columns(pl.col("as_of_s") - 1))

    with pytest.raises(DatasetError, match=rf"{table}\.parquet has rows at \d+ s, which is no cut"):
        read_dataset(folder)


def test_read_dataset__number_that_is_none__is_named_with_its_row(folder: Path) -> None:
    change(folder, "events", lambda frame: frame.with_columns(amount=pl.lit("many")))

    with pytest.raises(DatasetError, match=r"events\.parquet, row 0: .*many"):
        read_dataset(folder)


def test_read_dataset__unknown_kind__is_named(folder: Path) -> None:
    change(folder, "events", lambda frame: frame.with_columns(kind=pl.lit(9, pl.Int64())))

    with pytest.raises(DatasetError, match="9 is not a valid EventKind"):
        read_dataset(folder)


def test_read_dataset__no_parquet__is_said(folder: Path) -> None:
    (folder / "prices.parquet").write_text("prices")

    with pytest.raises(DatasetError, match=r"prices\.parquet is no Parquet file"):
        read_dataset(folder)


@pytest.mark.parametrize("text", ["[]", "{", '{"format": 2}'])
def test_read_dataset__meta_of_another_shape__is_said(folder: Path, text: str) -> None:
    (folder / "meta.json").write_text(text)

    with pytest.raises(DatasetError, match=r"meta\.json is not that of a dataset"):
        read_dataset(folder)


def test_read_dataset__facts_of_another_shape__is_said(folder: Path) -> None:
    (folder / "assets.json").write_text('[{"chain_id": 1}]')

    with pytest.raises(DatasetError, match=r"assets\.json does not list facts"):
        read_dataset(folder)
