"""A canonical folder whose tables do not fit in memory: its borrowers in batches, and the same training rows as `folder.read_dataset` gives.

DuckDB sorts each table of borrowers by subject under a memory limit, spilling to disk; the sorted tables are then read side by side, a few thousand rows at a
time, and checked as the whole table would be. What all borrowers share (prices, facts of tokens, cuts) and the finished rows, one vector each, stay in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from heapq import merge
from itertools import batched, groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import polars as pl

from oracle.domain.ids import SubjectId
from training.datasets.canonical import Borrower, Dataset, collect_borrowers
from training.datasets.folder import ROWS, check_rows, parse_rows, read_without_borrowers
from training.errors import DatasetError
from training.rows import BorrowerRows, build_borrower_rows

_ROW_NUMBER = "file_row_number"

type Row = tuple[SubjectId, int, Any]
"""Subject, number of its table in `ROWS`, value."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much is held at once: memory of the sort, rows read of a table, borrowers in a batch."""

    sort_mb: int = 512
    chunk_rows: int = 20_000
    batch_borrowers: int = 2_000


def stream_borrower_rows(folder: Path, bounds: Bounds, *, step_days: int) -> tuple[BorrowerRows, str, int]:
    """Return the rows that `build_borrower_rows` makes of the whole dataset, in its order, with the dataset's name and number of borrowers.

    Raises:
        DatasetError: as `read_dataset`; a row of the wrong kind is numbered within the sorted chunk it was found in.
    """
    shared = read_without_borrowers(folder)
    parts, first = [], 0
    for borrowers in stream_borrowers(folder, shared, bounds):
        rows = build_borrower_rows(replace(shared, borrowers=borrowers), step_days=step_days)
        if len(rows.as_of_s):
            parts.append(replace(rows, clusters=rows.clusters + first))
        first += len(borrowers)
    if not parts:
        return build_borrower_rows(shared, step_days=step_days), shared.name, first
    together = BorrowerRows(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(BorrowerRows)}
    )
    return together.select(np.lexsort((together.clusters, together.as_of_s))), shared.name, first


def stream_borrowers(folder: Path, shared: Dataset, bounds: Bounds) -> Iterator[tuple[Borrower, ...]]:
    """Yield batches of borrowers, ascending by subject over all batches.

    Raises:
        DatasetError: as `read_dataset`.
    """
    with TemporaryDirectory(prefix="assay-sort-") as scratch:
        streams = []
        for number, table in enumerate(ROWS):
            check_rows(folder, table, _scan(folder, folder / f"{table}.parquet").head(0).collect(), shared)
            try:
                _sort_by_subject(folder / f"{table}.parquet", Path(scratch) / f"{table}.parquet", bounds)
            except duckdb.Error as error:
                reason = str(error).splitlines()[0]
                raise DatasetError(
                    str(folder),
                    f"{table}.parquet could not be sorted in {bounds.sort_mb} MB: {reason}; give more with --memory-mb",
                ) from error
            streams.append(_rows(folder, Path(scratch), number, shared, bounds.chunk_rows))
        by_subject = groupby(merge(*streams, key=lambda row: row[:2]), key=lambda row: row[0])
        for batch in batched((list(group) for _, group in by_subject), bounds.batch_borrowers):
            yield collect_borrowers(*(_of_table(batch, number) for number in range(len(ROWS))))


def _of_table(batch: tuple[list[Row], ...], number: int) -> Iterator[tuple[SubjectId, Any]]:
    return ((subject, value) for rows in batch for subject, table, value in rows if table == number)


def _sort_by_subject(source: Path, target: Path, bounds: Bounds) -> None:
    """Write the rows by subject, those of one subject in the order of the file."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{bounds.sort_mb}MB",
        "temp_directory": str(target.parent),
        "threads": 1,
    }
    with duckdb.connect(config=settings) as connection:
        rows = connection.read_parquet(str(source), file_row_number=True)
        names = [f'"{name}"' for name in rows.columns if name != _ROW_NUMBER]
        ordered = rows.order(f"subject, {_ROW_NUMBER}").project(", ".join(names))
        ordered.write_parquet(str(target), compression="zstd", row_group_size=bounds.chunk_rows)


def _rows(folder: Path, scratch: Path, number: int, shared: Dataset, chunk_rows: int) -> Iterator[Row]:
    table = ROWS[number]
    source = _scan(folder, scratch / f"{table}.parquet")
    n_rows = int(source.select(pl.len()).collect().item())
    for first in range(0, n_rows, chunk_rows):
        chunk = check_rows(folder, table, source.slice(first, chunk_rows).collect(), shared)
        for subject, value in parse_rows(folder, table, chunk):
            yield subject, number, value


def _scan(folder: Path, path: Path) -> pl.LazyFrame:
    frame = pl.scan_parquet(path)
    try:
        frame.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise DatasetError(str(folder), f"{path.name} is no Parquet file: {str(error).splitlines()[0]}") from error
    return frame
