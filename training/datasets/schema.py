"""What a raw table must look like, declared once per table: columns, units, bounds, key and known defects; and the one reader that checks it.

The reader turns times into seconds (`time` becomes `time_s`) and addresses into lower case, handles the declared defects, drops rows that
repeat a key, and then refuses what is empty or out of bounds. It counts all it does, so that the data-quality report and the adapters see the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import polars as pl

from training.datasets.files import data_file
from training.errors import DatasetError

_EARLIEST_S, _LATEST_S = 1_262_304_000, 4_102_444_800  # 2010-01-01, 2100-01-01


class Kind(StrEnum):
    """What a cell holds."""

    TEXT = "text"
    CATEGORY = "a category"
    ADDRESS = "an address"
    RAW = "an integer as decimal text"
    INTEGER = "an integer"
    NUMBER = "a number"
    TIME = "a time"
    FLAG = "true or false"


_TYPES: Mapping[Kind, tuple[type[pl.DataType], ...]] = {
    Kind.TEXT: (pl.String, pl.Categorical, pl.Enum),
    Kind.CATEGORY: (pl.Categorical, pl.Enum, pl.String),
    Kind.ADDRESS: (pl.String, pl.Categorical),
    Kind.RAW: (pl.String,),
    Kind.INTEGER: (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt32, pl.UInt64),
    Kind.NUMBER: (pl.Float32, pl.Float64, pl.Int64, pl.Int32),
    Kind.TIME: (pl.Datetime, pl.Date),
    Kind.FLAG: (pl.Boolean,),
}
_HIT = "is_hit"
_PATTERNS = {Kind.ADDRESS: r"^0x[0-9a-f]{40}$", Kind.RAW: r"^\d+$"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column; `unit` is for the reader of the report, the bounds are checked."""

    name: str
    kind: Kind
    unit: str = ""
    low: float | None = None
    high: float | None = None
    is_optional: bool = False

    @property
    def out(self) -> str:
        """Return its name after reading."""
        return f"{self.name}_s" if self.kind is Kind.TIME else self.name


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A known fault of a source: rows that match are dropped, or the cell of `blank` is emptied, or they are only counted."""

    name: str
    where: pl.Expr
    drops: bool = False
    blank: str | None = None

    @property
    def handling(self) -> str:
        """Return what is done about it."""
        return "dropped" if self.drops else f"`{self.blank}` emptied" if self.blank else "counted"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file of a folder; rows equal in `key` (all columns if empty) are duplicates, unless equal rows are different facts."""

    file: Path
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    may_repeat: bool = False
    defects: tuple[Defect, ...] = ()

    @property
    def time_column(self) -> str | None:
        """Return the name after reading of its first time, None if it has none."""
        return next((c.out for c in self.columns if c.kind is Kind.TIME), None)


def columns(kind: Kind, *names: str, is_optional: bool = False, low: float | None = None) -> tuple[Column, ...]:
    """Return columns that differ by name only."""
    return tuple(Column(name=name, kind=kind, is_optional=is_optional, low=low) for name in names)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A checked table and what was found on the way."""

    frame: pl.DataFrame = field(repr=False)
    n_read: int
    n_duplicates: int
    defects: Mapping[str, int]


def read_table(data: Path, table: Table, *, only: pl.Expr | None = None) -> Reading:
    """Return a table as declared, or those of its rows that `only` keeps: a condition on the columns as the file has them.

    Raises:
        DatasetError: naming the file that is absent, or the column that is, has another type, an empty cell, or a value out of bounds.
    """
    path = data_file(data, table.file)
    try:
        given = pl.scan_parquet(path).collect_schema()
    except pl.exceptions.PolarsError as error:
        raise DatasetError(str(data), f"{table.file} is no Parquet file: {str(error).splitlines()[0]}") from error
    for column in table.columns:
        if column.name not in given:
            raise DatasetError(str(data), f"{table.file} has no column {column.name} ({column.kind})")
        if given[column.name].base_type() not in _TYPES[column.kind]:
            raise DatasetError(
                str(data), f"{table.file}: column {column.name} is {given[column.name]}, expected {column.kind}"
            )
    rows = pl.scan_parquet(path) if only is None else pl.scan_parquet(path).filter(only)
    frame = rows.select(_normal(c) for c in table.columns).collect()
    n_read, defects = len(frame), {}
    for column in table.columns:
        # Before the defects: NaN compares as larger than any bound.
        if column.kind is Kind.NUMBER and not frame[column.out].drop_nulls().is_finite().all():
            raise DatasetError(str(data), f"{table.file}: column {column.name} holds a number that is not finite")
    for defect in table.defects:
        frame, defects[defect.name] = _handle(frame, defect)
    unique = frame
    if not table.may_repeat:
        unique = frame.unique(subset=list(table.key) or None, keep="first", maintain_order=True)
    for column in table.columns:
        _check(data, table, column, unique[column.out])
    return Reading(frame=unique, n_read=n_read, n_duplicates=len(frame) - len(unique), defects=defects)


def _normal(column: Column) -> pl.Expr:
    cell = pl.col(column.name)
    match column.kind:
        case Kind.TIME:
            return cell.cast(pl.Datetime("us")).dt.epoch("s").alias(column.out)
        case Kind.ADDRESS:
            return cell.cast(pl.String).str.to_lowercase()
        case Kind.TEXT:
            return cell.cast(pl.String)
        case Kind.INTEGER:
            return cell.cast(pl.Int64)
        case Kind.NUMBER:
            return cell.cast(pl.Float64)
        case _:
            return cell


def _handle(frame: pl.DataFrame, defect: Defect) -> tuple[pl.DataFrame, int]:
    is_hit = frame.with_columns(defect.where.fill_null(value=False).alias(_HIT))[_HIT]
    if defect.drops:
        frame = frame.filter(~is_hit)
    elif defect.blank is not None:
        frame = frame.with_columns(pl.when(is_hit).then(None).otherwise(pl.col(defect.blank)).alias(defect.blank))
    return frame, int(is_hit.sum())


def _check(data: Path, table: Table, column: Column, cells: pl.Series) -> None:
    def refuse(reason: str) -> None:
        raise DatasetError(str(data), f"{table.file}: column {column.name} {reason}")

    if not column.is_optional and cells.null_count():
        refuse("has an empty cell, and may have none")
    known = cells.drop_nulls()
    if len(known) == 0:
        return
    pattern = _PATTERNS.get(column.kind)
    if pattern is not None:
        strange = known.filter(~known.str.contains(pattern))
        if len(strange):
            refuse(f"holds {strange[0]!r}, expected {column.kind}")
    is_time = column.kind is Kind.TIME
    low, high = (_EARLIEST_S, _LATEST_S) if is_time else (column.low, column.high)
    if low is not None and (least := float(str(known.min()))) < low:
        refuse(f"holds {least:g}, the least is {low:g}")
    if high is not None and (most := float(str(known.max()))) > high:
        refuse(f"holds {most:g}, the most is {high:g}")
