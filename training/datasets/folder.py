"""A canonical dataset as a folder: Parquet tables, facts and meta, checked column by column on the way in.

The tables are declared in `oracle.domain.canonical`; the format is described in `training/README.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from oracle.domain import canonical
from oracle.domain.canonical import Column, ColumnKind, Row
from oracle.domain.ids import SubjectId, parse_address, to_hex
from oracle.domain.market import AssetFacts
from oracle.domain.units import ChainId, TimestampS
from oracle.errors import MalformedValueError
from training.datasets.canonical import Dataset, Token, collect_borrowers
from training.errors import DatasetError

_FILES = (*(f"{table}.parquet" for table in canonical.TABLES), canonical.ASSETS, canonical.META)
_TYPES = {
    ColumnKind.INTEGER: pl.Int64(),
    ColumnKind.BYTES: pl.Binary(),
    ColumnKind.TEXT: pl.String(),
    ColumnKind.DECIMAL: pl.String(),
}
_TIMES = {
    canonical.EVENTS: "time_s",
    canonical.SAMPLES: "time_s",
    canonical.PARAMETERS: "time_s",
    canonical.LISTED: "as_of_s",
    canonical.POSITIONS: "as_of_s",
}
ROWS = (canonical.EVENTS, canonical.SAMPLES, canonical.POSITIONS, canonical.LISTED)
"""The tables of borrowers, in the order that `collect_borrowers` takes them."""
_SUBJECT_BYTES, _ADDRESS_BYTES = 32, 20
_AT_CUTS = (canonical.LISTED, canonical.POSITIONS)


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """Write the canonical folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Iterable[Row]] = {
        canonical.EVENTS: (canonical.event_row(b.subject, e) for b in dataset.borrowers for e in b.events),
        canonical.SAMPLES: (canonical.sample_row(b.subject, s) for b in dataset.borrowers for s in b.samples),
        canonical.LISTED: (
            {"as_of_s": t, "subject": b.subject} for b in dataset.borrowers for t in sorted(b.listed_times)
        ),
        canonical.POSITIONS: (canonical.position_row(b.subject, p) for b in dataset.borrowers for p in b.positions),
        canonical.PRICES: (canonical.price_row(*token, series) for token, series in dataset.prices.items()),
        canonical.PARAMETERS: map(canonical.parameter_row, dataset.parameters),
    }
    for table, columns in canonical.TABLES.items():
        frame = pl.DataFrame(list(rows[table]), schema={c.name: _type(c) for c in columns})
        frame.write_parquet(folder / f"{table}.parquet", compression="zstd")
    assets = [
        {"chain_id": chain, "token": to_hex(token), "numeraire": to_hex(a.numeraire), "decimals": a.decimals}
        | {"price_feed": to_hex(a.price_feed), "issuer_risk": a.issuer_risk, "bridge_risk": a.bridge_risk}
        for (chain, token), a in dataset.assets.items()
    ]
    (folder / canonical.ASSETS).write_text(json.dumps(assets, indent=1) + "\n")
    meta = {
        "format": canonical.FORMAT,
        "name": dataset.name,
        "start_s": dataset.start_s,
        "end_s": dataset.end_s,
        "cuts": [{"as_of_s": as_of_s} for as_of_s in dataset.cuts_s],
    }
    (folder / canonical.META).write_text(json.dumps(meta, indent=1) + "\n")


def read_dataset(folder: Path) -> Dataset:
    """Return the dataset of a canonical folder.

    Raises:
        DatasetError: naming what is missing, of another format or type, or later than the dataset's end.
    """
    empty = read_without_borrowers(folder)
    rows = {table: parse_rows(folder, table, check_rows(folder, table, _read(folder, table), empty)) for table in ROWS}
    return replace(empty, borrowers=collect_borrowers(*(rows[table] for table in ROWS)))


def read_without_borrowers(folder: Path) -> Dataset:
    """Return what borrowers share: prices, facts of tokens, rules, cuts and span.

    Raises:
        DatasetError: as `read_dataset`; the tables of borrowers are only looked for.
    """
    meta = _read_complete_meta(folder)
    empty = Dataset(
        name=meta["name"],
        borrowers=(),
        prices={},
        assets=_read_assets(folder),
        cuts_s=tuple(TimestampS(cut["as_of_s"]) for cut in meta["cuts"]),
        start_s=TimestampS(meta["start_s"]),
        end_s=TimestampS(meta["end_s"]),
    )
    tables = {
        table: check_rows(folder, table, _read(folder, table), empty)
        for table in (canonical.PRICES, canonical.PARAMETERS)
    }
    prices = dict(_values(folder, canonical.PRICES, tables[canonical.PRICES], canonical.parse_prices))
    if late := [to_hex(token) for (_, token), series in prices.items() if series.last_hour_s > empty.end_s]:
        raise DatasetError(
            str(folder), f"prices.parquet: {late[0]} has prices after the dataset's end, {empty.end_s} s"
        )
    rules = _values(folder, canonical.PARAMETERS, tables[canonical.PARAMETERS], canonical.parse_parameter)
    return replace(empty, prices=prices, parameters=tuple(rules))


def check_rows(folder: Path, table: str, frame: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """Return rows of a table whose columns are as declared and which lie within the dataset.

    Raises:
        DatasetError: naming the column or the row that is not.
    """
    name = f"{table}.parquet"
    for column in canonical.TABLES[table]:
        given = frame.schema.get(column.name)
        if given is None:
            raise DatasetError(str(folder), f"{name} lacks the column {column.name} ({_words(column)})")
        if given != _type(column):
            raise DatasetError(str(folder), f"{name}: column {column.name} is {given}, expected {_words(column)}")
        if not column.is_optional and frame[column.name].null_count():
            raise DatasetError(str(folder), f"{name}: column {column.name} has an empty cell, and may have none")
        if column.kind is ColumnKind.BYTES:
            _check_lengths(folder, name, column, frame[column.name].explode() if column.is_list else frame[column.name])
    time = _TIMES.get(table)
    if time is not None and len(late := frame.filter(pl.col(time) > dataset.end_s)):
        raise DatasetError(
            str(folder),
            f"{name} holds {len(late)} rows of the future, the first at {late[time][0]} s, after the dataset's end at {dataset.end_s} s",
        )
    if table in _AT_CUTS and (strange := set(frame["as_of_s"].unique()) - set(dataset.cuts_s)):
        raise DatasetError(str(folder), f"{name} has rows at {min(strange)} s, which is no cut of meta.json")
    return frame


def parse_rows(folder: Path, table: str, frame: pl.DataFrame) -> Iterator[tuple[SubjectId, Any]]:
    """Yield the subject and the value of each row of a table of borrowers.

    Raises:
        DatasetError: naming the row that is malformed.
    """
    return _values(folder, table, frame, _PARSERS[table])


def _read_complete_meta(folder: Path) -> dict[str, Any]:
    missing = [name for name in _FILES if not (folder / name).is_file()]
    meta = _read_meta(folder) if canonical.META not in missing else {}
    if meta.get("format", canonical.FORMAT) != canonical.FORMAT:
        raise DatasetError(
            str(folder),
            f"its format is {meta['format']}, this code reads {canonical.FORMAT}: export it again with `assay export`",
        )
    if missing:
        raise DatasetError(str(folder), f"it lacks {', '.join(missing)}: a canonical dataset has {', '.join(_FILES)}")
    return meta


def _read(folder: Path, table: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(folder / f"{table}.parquet")
    except pl.exceptions.PolarsError as error:
        raise DatasetError(str(folder), f"{table}.parquet is no Parquet file: {str(error).splitlines()[0]}") from error


def _check_lengths(folder: Path, name: str, column: Column, cells: pl.Series) -> None:
    lengths = set(cells.drop_nulls().bin.size().unique())
    expected = _SUBJECT_BYTES if column.name == "subject" else _ADDRESS_BYTES
    if strange := lengths - {expected}:
        raise DatasetError(
            str(folder), f"{name}: column {column.name} has a cell of {min(strange)} bytes, expected {expected}"
        )


def _values[T](folder: Path, table: str, frame: pl.DataFrame, parse: Callable[[Row], T]) -> Iterator[T]:
    for number, row in enumerate(frame.iter_rows(named=True)):
        try:
            yield parse(row)
        except (ValueError, TypeError) as error:
            raise DatasetError(str(folder), f"{table}.parquet, row {number}: {error}") from error


def _parse_listed(row: Row) -> tuple[SubjectId, TimestampS]:
    return SubjectId(row["subject"]), TimestampS(row["as_of_s"])


_PARSERS: dict[str, Callable[[Row], tuple[SubjectId, Any]]] = {
    canonical.EVENTS: canonical.parse_event,
    canonical.SAMPLES: canonical.parse_sample,
    canonical.POSITIONS: canonical.parse_position,
    canonical.LISTED: _parse_listed,
}


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads((folder / canonical.META).read_text())
        if meta.get("format") == canonical.FORMAT:
            _ = meta["name"], int(meta["start_s"]), int(meta["end_s"]), [int(cut["as_of_s"]) for cut in meta["cuts"]]
        return meta | {"format": meta.get("format")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(str(folder), f"meta.json is not that of a dataset: {error!r}; export it again") from error


def _read_assets(folder: Path) -> dict[Token, AssetFacts]:
    try:
        return {
            (ChainId(row["chain_id"]), parse_address(row["token"])): AssetFacts(
                token=parse_address(row["token"]),
                price_feed=parse_address(row["price_feed"]),
                numeraire=parse_address(row["numeraire"]),
                decimals=row["decimals"],
                issuer_risk=row["issuer_risk"],
                bridge_risk=row["bridge_risk"],
            )
            for row in json.loads((folder / canonical.ASSETS).read_text())
        }
    except (ValueError, KeyError, TypeError, MalformedValueError) as error:
        raise DatasetError(str(folder), f"assets.json does not list facts of tokens: {error!r}") from error


def _type(column: Column) -> pl.DataType:
    return pl.List(_TYPES[column.kind]) if column.is_list else _TYPES[column.kind]


def _words(column: Column) -> str:
    return f"a list of {column.kind}" if column.is_list else str(column.kind)
