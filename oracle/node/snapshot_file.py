"""The folder of a snapshot: `manifest.json` and Parquet parts of each chain's rows, with a digest for every range of blocks.

A range is at most `RANGE_BLOCKS` blocks; the ranges of a chain follow each other without a gap from its first block to its last. Parts hold whole ranges,
so that neither side keeps more than one part in memory. Columns are those of `oracle.chain.rows.LogRow`; a digest is
`oracle.chain.rows.compute_rows_digest` of the range's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oracle.chain.rows import RowTuple, compute_rows_digest
from oracle.errors import ConfigurationError, SnapshotError

FORMAT = 1
RANGE_BLOCKS = 2_000
PART_ROWS = 100_000
"""Rows after which a part ends: about 30 MB in memory."""
MANIFEST = "manifest.json"
_HASH = Field(pattern=r"^0x[0-9a-f]{64}$")
_COLUMNS = ("block_number", "block_hash", "time_s", "log_index", "address", "topics", "data")
_BYTES = frozenset({"block_hash", "address", "topics", "data"})


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeEntry(_Entry):
    """One range of blocks: how many rows it has, their digest, and the part that holds them."""

    first_block: int = Field(ge=0)
    last_block: int = Field(ge=0, lt=2**63)
    rows: int = Field(ge=0)
    digest: str = _HASH
    part: str = Field(pattern=r"^chain-[0-9]+-[0-9]{5}\.parquet$")


class ChainEntry(_Entry):
    """The rows of one chain up to a finalised block; `filter_hash` says which logs they are."""

    chain_id: int = Field(gt=0)
    filter_hash: str = _HASH
    last_block_hash: str = _HASH
    ranges: tuple[RangeEntry, ...] = Field(min_length=1)

    @property
    def first_block(self) -> int:
        """Return the first block that is covered."""
        return self.ranges[0].first_block

    @property
    def last_block(self) -> int:
        """Return the last block that is covered."""
        return self.ranges[-1].last_block

    @property
    def rows_count(self) -> int:
        """Return the number of rows."""
        return sum(item.rows for item in self.ranges)


class Manifest(_Entry):
    """What a snapshot holds."""

    format: int
    chains: tuple[ChainEntry, ...]


def check_polars() -> None:
    """Say which extra is missing, before anything else is done.

    Raises:
        ConfigurationError: if Parquet cannot be read or written.
    """
    if find_spec("polars") is None:
        raise ConfigurationError("`assay snapshot` needs the snapshot extra: pip install 'assay-oracle[snapshot]'")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a snapshot whose ranges follow each other.

    Raises:
        SnapshotError: if it is missing, malformed, of another format, or a range is missing.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except OSError as cause:
        raise SnapshotError(str(folder), f"{MANIFEST} cannot be read: name the folder that was exported") from cause
    except ValidationError as cause:
        first = cause.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise SnapshotError(str(folder), f"{MANIFEST} is malformed at {place or 'the top'}: {first['msg']}") from cause
    if manifest.format != FORMAT:
        raise SnapshotError(str(folder), f"it has format {manifest.format}, this release reads {FORMAT}")
    for chain in manifest.chains:
        _check_ranges(folder, chain)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, last of all: a folder without one is no snapshot."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


def write_part(folder: Path, name: str, rows: Sequence[RowTuple]) -> None:
    """Write the rows of some ranges."""
    import polars as pl

    kinds = {column: pl.Binary if column in _BYTES else pl.Int64 for column in _COLUMNS}
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    frame.write_parquet(folder / name, compression="zstd")


def read_ranges(folder: Path, chain: ChainEntry) -> Iterator[tuple[RangeEntry, list[RowTuple]]]:
    """Yield each range with its rows, which are in order, inside the range and have its digest.

    Raises:
        SnapshotError: if a part is missing or damaged, or a row is not what the manifest says.
    """
    rows: list[RowTuple] = []
    part = ""
    for item in chain.ranges:
        if item.part != part:
            _check_used_up(folder, part, rows)
            part, rows = item.part, _read_part(folder, item.part)
        found, rows = rows[: item.rows], rows[item.rows :]
        span = f"chain {chain.chain_id}, blocks {item.first_block}..{item.last_block}"
        places = [(row[0], row[3]) for row in found]
        if len(found) != item.rows or "0x" + compute_rows_digest(found).hex() != item.digest:
            raise SnapshotError(str(folder), f"{span}: the rows do not have the digest of the manifest: do not use it")
        if places != sorted(set(places)) or not all(item.first_block <= n <= item.last_block for n, _ in places):
            raise SnapshotError(str(folder), f"{span}: rows out of order, doubled or outside the range: do not use it")
        yield item, found
    _check_used_up(folder, part, rows)


def _check_used_up(folder: Path, part: str, rows: Sequence[RowTuple]) -> None:
    if rows:
        raise SnapshotError(str(folder), f"{part} holds {len(rows)} rows that are in no range: do not use it")


def _read_part(folder: Path, name: str) -> list[RowTuple]:
    import polars as pl

    try:
        frame = pl.read_parquet(folder / name)
    except (OSError, pl.exceptions.PolarsError) as cause:
        raise SnapshotError(str(folder), f"{name} is missing or damaged: copy the folder again") from cause
    kinds: dict[str, Any] = {column: pl.Binary if column in _BYTES else pl.Int64 for column in _COLUMNS}
    if dict(frame.schema) != kinds or frame.null_count().sum_horizontal().item():
        raise SnapshotError(str(folder), f"{name} has other columns than {', '.join(_COLUMNS)}: do not use it")
    return frame.rows()


def _check_ranges(folder: Path, chain: ChainEntry) -> None:
    expected = chain.first_block
    for item in chain.ranges:
        if item.first_block != expected or item.last_block < item.first_block:
            gap = f"chain {chain.chain_id}: a range that begins at block {expected} is missing"
            raise SnapshotError(str(folder), f"{gap}: export again")
        expected = item.last_block + 1
