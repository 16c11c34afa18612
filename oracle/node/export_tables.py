"""Parquet tables of the canonical dataset, written a batch at a time: memory holds one batch, whatever the size of the chain."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from oracle.domain.canonical import TABLES, Column, ColumnKind, Row

if TYPE_CHECKING:
    import polars as pl

BATCH_ROWS = 50_000


class TableFolder:
    """The tables of one dataset while they grow; each becomes one file on `close`, and nothing stays of an attempt that failed."""

    def __init__(self, folder: Path, *, batch_rows: int = BATCH_ROWS) -> None:
        self._folder = folder
        self._batch_rows = batch_rows
        self._parts = folder / ".parts"
        self._batches: dict[str, list[Row]] = {name: [] for name in TABLES}
        self._files: dict[str, list[Path]] = {name: [] for name in TABLES}
        self.counts: dict[str, int] = dict.fromkeys(TABLES, 0)

    def __enter__(self) -> Self:
        shutil.rmtree(self._parts, ignore_errors=True)
        self._parts.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._parts, ignore_errors=True)

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """Append rows to a table."""
        batch = self._batches[table]
        for row in rows:
            batch.append(row)
            if len(batch) >= self._batch_rows:
                self._flush(table)

    def close(self) -> None:
        """Write every table's file."""
        import polars as pl

        for table, files in self._files.items():
            self._flush(table)
            target = self._folder / f"{table}.parquet"
            if len(files) == 1:
                files[0].replace(target)
            else:
                pl.scan_parquet(files).sink_parquet(target, compression="zstd")

    def _flush(self, table: str) -> None:
        import polars as pl

        batch, files = self._batches[table], self._files[table]
        if not batch and files:
            return
        path = self._parts / f"{table}-{len(files):06}.parquet"
        pl.DataFrame(batch, schema=_schema(TABLES[table])).write_parquet(path, compression="zstd")
        files.append(path)
        self.counts[table] += len(batch)
        batch.clear()


def _schema(columns: tuple[Column, ...]) -> dict[str, Any]:
    return {column.name: _type(column) for column in columns}


def _type(column: Column) -> pl.DataType:
    import polars as pl

    inner = {
        ColumnKind.INTEGER: pl.Int64(),
        ColumnKind.BYTES: pl.Binary(),
        ColumnKind.TEXT: pl.String(),
        ColumnKind.DECIMAL: pl.String(),
    }[column.kind]
    return pl.List(inner) if column.is_list else inner
