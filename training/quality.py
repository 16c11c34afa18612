"""The data-quality report: what each folder holds, what was wrong with it, and what it can and cannot show. Markdown.

A folder that is absent is reported absent; a table that is not as declared is reported with the reason, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from training.datasets.folders import BaseRate, Folder
from training.datasets.schema import Table, read_table
from training.errors import DatasetError

_OWNERS = "borrower liquidatee user userWallet wallet account owner vault cup redeemer symbol src_sym asset_address chain".split()
_LARGE_ROWS = 500_000


@dataclass(frozen=True, kw_only=True)
class TableQuality:
    """A table as it was read; `refusal` says why it could not be, else None."""

    table: Table
    n_read: int = 0
    n_duplicates: int = 0
    n_kept: int = 0
    n_owners: int | None = None
    span_s: tuple[int, int] | None = None
    defects: tuple[tuple[str, str, int], ...] = ()
    refusal: str | None = None


@dataclass(frozen=True, kw_only=True)
class FolderQuality:
    """A folder as it was found."""

    folder: Folder
    tables: tuple[TableQuality, ...]
    base_rates: tuple[BaseRate, ...]

    @property
    def is_absent(self) -> bool:
        """Return whether the folder is not there."""
        return not self.tables


def measure_folders(data: Path, folders: Iterable[Folder]) -> tuple[FolderQuality, ...]:
    """Return what is found of each folder.

    Raises:
        DatasetError: if there is no such data folder.
    """
    if not data.is_dir():
        raise DatasetError(str(data), "there is no such folder: pass the one that holds the data sets with --data")
    return tuple(_measure_folder(data, folder) for folder in folders)


def write_report(qualities: Iterable[FolderQuality]) -> str:
    """Return the report."""
    found = tuple(qualities)
    read = [t for q in found for t in q.tables]
    absent = [str(q.folder.name) for q in found if q.is_absent]
    lines = [
        "# Data quality",
        "",
        (
            f"{len(found) - len(absent)} of {len(found)} folders, {sum(t.n_read for t in read):,} rows read, "
            f"{sum(t.n_duplicates for t in read):,} duplicates dropped, {sum(t.refusal is not None for t in read)} tables refused."
        ),
        f"Absent: {', '.join(absent) if absent else 'none'}.",
        "",
        "A defect that is counted leaves its rows in; the adapter or the task that reads them says how it takes them.",
    ]
    for quality in found:
        lines += ["", f"## {quality.folder.name}", "", *_folder_lines(quality)]
    return "\n".join(lines) + "\n"


def _measure_folder(data: Path, folder: Folder) -> FolderQuality:
    if not (data / folder.name).is_dir():
        return FolderQuality(folder=folder, tables=(), base_rates=())
    tables, frames = [], {}
    for table in folder.tables:
        quality, frame = _measure_table(data, table)
        tables.append(quality)
        # A rate is counted from small tables only, so that large ones do not stay in memory.
        if frame is not None and len(frame) <= _LARGE_ROWS:
            frames[table.file] = frame
    is_complete = all(t.refusal is None for t in tables)
    rates = folder.base_rates(frames) if is_complete else ()
    return FolderQuality(folder=folder, tables=tuple(tables), base_rates=rates)


def _measure_table(data: Path, table: Table) -> tuple[TableQuality, pl.DataFrame | None]:
    try:
        reading = read_table(data, table)
    except DatasetError as error:
        return TableQuality(table=table, refusal=error.reason), None
    frame, time = reading.frame, table.time_column
    owner = next((name for name in _OWNERS if name in frame.columns), None)
    span = None if time is None or len(frame) == 0 else (int(str(frame[time].min())), int(str(frame[time].max())))
    return (
        TableQuality(
            table=table,
            n_read=reading.n_read,
            n_duplicates=reading.n_duplicates,
            n_kept=len(frame),
            n_owners=None if owner is None else frame[owner].n_unique(),
            span_s=span,
            defects=tuple((d.name, d.handling, reading.defects[d.name]) for d in table.defects),
        ),
        frame,
    )


def _folder_lines(quality: FolderQuality) -> list[str]:
    if quality.is_absent:
        return ["Absent."]
    lines = ["| table | rows | duplicates | kept | subjects | span, UTC |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    lines += [_table_line(table) for table in quality.tables]
    lines += [""] + [f"- Refused: `{t.table.file.name}`: {t.refusal}" for t in quality.tables if t.refusal is not None]
    for table in quality.tables:
        lines += [f"- `{table.table.file.name}`: {name}: {n:,} {handling}" for name, handling, n in table.defects if n]
    lines += [f"- Base rate: {r.positives:,} of {r.n:,} {r.what}{_percent(r)}" for r in quality.base_rates]
    return [*lines, f"- Use: {quality.folder.use}.", f"- Cannot show: {quality.folder.limits}."]


def _table_line(table: TableQuality) -> str:
    owners = "-" if table.n_owners is None else f"{table.n_owners:,}"
    span = (
        "-" if table.span_s is None else " to ".join(f"{datetime.fromtimestamp(s, UTC):%Y-%m-%d}" for s in table.span_s)
    )
    counts = f"{table.n_read:,} | {table.n_duplicates:,} | {table.n_kept:,}"
    return f"| {table.table.file.name} | {counts} | {owners} | {span} |"


def _percent(rate: BaseRate) -> str:
    return f" ({100 * rate.positives / rate.n:.1f} %)" if rate.n else ""
