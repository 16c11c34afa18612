"""Tables larger than memory: the same rows, bit for bit, from a stream that holds little of them, and the same refusals."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from oracle.scoring.bundle import load_bundle
from tests.architecture.source_tree import ROOT
from tests.bench.machine import read_peak_kb
from tests.training.generated import small_dataset
from training.__main__ import main
from training.datasets.canonical import Dataset
from training.datasets.folder import read_dataset, read_without_borrowers, write_dataset
from training.datasets.streamed import Bounds, stream_borrower_rows, stream_borrowers
from training.errors import DatasetError
from training.rows import BorrowerRows, build_borrower_rows

SMALL = Bounds(sort_mb=64, chunk_rows=500, batch_borrowers=30)
COPIES = 120
OUT_OF_MEMORY = (
    "MemoryError",
    "memory allocation",
    "pointer is null",
    "bad_alloc",
    "out of memory",
    "Unable to allocate",
)
LIMIT_MB = 360
ONE_THREAD = dict.fromkeys(("MALLOC_ARENA_MAX", "POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Threads map stacks and heaps that they never touch, which a limit on what is mapped would count."""


def at_one_cut() -> Dataset:
    """Return the generated data with positions at a single cut: quick to make rows of."""
    full = small_dataset()
    cut = full.cuts_s[-45]
    kept = (
        replace(b, positions=tuple(p for p in b.positions if p.as_of_s == cut), listed_s=()) for b in full.borrowers
    )
    return replace(full, cuts_s=(cut,), borrowers=tuple(kept))


def shuffle(folder: Path, copies: int = 1) -> None:
    """Mix the rows of all borrowers, each borrower so many times under other subjects."""
    for table in ("events", "samples", "positions", "listed"):
        frame = pl.read_parquet(folder / f"{table}.parquet")
        parts = [
            frame.with_columns(pl.Series("subject", [bytes([k]) + s[1:] for s in frame["subject"]], dtype=pl.Binary))
            for k in range(copies)
        ]
        pl.concat(parts).sample(fraction=1.0, shuffle=True, seed=1).write_parquet(folder / f"{table}.parquet")


def digest(rows: BorrowerRows) -> str:
    return hashlib.sha256(b"".join(getattr(rows, f.name).tobytes() for f in fields(rows))).hexdigest()


def test_stream_borrowers__any_order_of_rows__are_those_of_the_whole(tmp_path: Path) -> None:
    write_dataset(small_dataset(), tmp_path)
    shuffle(tmp_path)

    batches = list(stream_borrowers(tmp_path, read_without_borrowers(tmp_path), SMALL))

    assert [len(batch) for batch in batches] == [30, 30, 20]
    assert tuple(b for batch in batches for b in batch) == read_dataset(tmp_path).borrowers


def test_stream_borrower_rows__small_batches__same_rows_bit_for_bit(tmp_path: Path) -> None:
    write_dataset(at_one_cut(), tmp_path)
    shuffle(tmp_path)

    rows, name, n_borrowers = stream_borrower_rows(tmp_path, SMALL, step_days=1)

    whole = build_borrower_rows(read_dataset(tmp_path), step_days=1)
    assert len(whole.as_of_s) > 0
    assert digest(rows) == digest(whole)
    assert (name, n_borrowers) == (small_dataset().name, len(small_dataset().borrowers))


def test_stream_borrower_rows__no_borrower__is_no_row(tmp_path: Path) -> None:
    write_dataset(replace(at_one_cut(), borrowers=()), tmp_path)

    rows, _, n_borrowers = stream_borrower_rows(tmp_path, SMALL, step_days=1)

    assert (len(rows.as_of_s), n_borrowers) == (0, 0)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lambda frame: frame.drop("kind"), "lacks the column kind"),
        (lambda frame: frame.with_columns(pl.col("time_s").cast(pl.String)), "time_s is String"),
        (lambda frame: frame.with_columns(pl.col("time_s") + 10**9), "rows of the future"),
        (lambda frame: frame.with_columns(pl.lit(None, dtype=pl.Int64).alias("block_number")), "has an empty cell"),
    ],
)
def test_stream_borrowers__bad_table__is_refused_as_the_whole_would_be(
    tmp_path: Path, how: Callable[[pl.DataFrame], pl.DataFrame], reason: str
) -> None:
    write_dataset(at_one_cut(), tmp_path)
    path = tmp_path / "events.parquet"
    how(pl.read_parquet(path)).write_parquet(path)

    with pytest.raises(DatasetError, match=reason):
        read_dataset(tmp_path)
    with pytest.raises(DatasetError, match=reason):
        list(stream_borrowers(tmp_path, read_without_borrowers(tmp_path), SMALL))


def test_stream_borrowers__too_little_memory__says_what_to_give(tmp_path: Path) -> None:
    write_dataset(at_one_cut(), tmp_path)

    with pytest.raises(DatasetError, match="give more with --memory-mb"):
        list(stream_borrowers(tmp_path, read_without_borrowers(tmp_path), replace(SMALL, sort_mb=1)))


@pytest.mark.slow
def test_train__streamed_from_disk__gives_the_same_model(tmp_path: Path) -> None:
    write_dataset(small_dataset(), tmp_path / "data")
    arguments = ["train", "--dataset", str(tmp_path / "data"), "--sandbox", "--out"]

    assert main([*arguments, str(tmp_path / "whole")]) == 0
    assert main([*arguments, str(tmp_path / "streamed"), "--memory-mb", "64"]) == 0

    whole, streamed = (
        load_bundle(tmp_path / run / "borrower-sandbox-1", allow_sandbox=True) for run in ("whole", "streamed")
    )
    assert whole.model_id == streamed.model_id
    assert whole.card == streamed.card


@pytest.mark.slow
def test_stream_borrower_rows__a_million_rows__fit_under_a_limit_that_kills_the_whole(tmp_path: Path) -> None:
    """The kernel refuses memory beyond the limit (RLIMIT_AS, above what importing takes); 150 MB of it are ever touched, the sort gets 64 MB."""
    write_dataset(at_one_cut(), tmp_path)
    shuffle(tmp_path, COPIES)

    limited, whole, whole_limited = (
        make_rows_apart(tmp_path, way, limit_mb)
        for way, limit_mb in (("streamed", LIMIT_MB), ("whole", 0), ("whole", LIMIT_MB))
    )

    assert limited.returncode == 0, limited.stderr
    assert whole.returncode == 0, whole.stderr
    assert limited.stdout.split()[-1] == whole.stdout.split()[-1]
    # Only the limit differs from the run above. Who asks in vain first, Python, numpy or polars, is chance, and so are the words.
    assert whole_limited.returncode != 0
    assert any(words in whole_limited.stderr for words in OUT_OF_MEMORY), whole_limited.stderr
    start_kb, peak_kb, _ = limited.stdout.split()
    assert int(peak_kb) - int(start_kb) < 150_000


def make_rows_apart(folder: Path, way: str, limit_mb: int) -> subprocess.CompletedProcess[str]:
    """Return another process that made the rows, with so much memory for it to map; it prints its peak before and after, and their digest."""
    command = [sys.executable, "-m", "tests.training.test_streamed", str(folder), way, str(limit_mb)]
    environment = {**os.environ, **ONE_THREAD}
    return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT, env=environment, check=False)


def make_rows(folder: Path, way: str, limit_mb: int) -> None:
    """Print what `make_rows_apart` says; without a limit where it is 0."""
    if limit_mb:
        mapped_kb = next(int(line.split()[1]) for line in read_status() if line.startswith("VmSize:"))
        most = mapped_kb * 1_024 + limit_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    start_kb = read_peak_kb()
    if way == "whole":
        rows = build_borrower_rows(read_dataset(folder), step_days=1)
    else:
        rows, _, _ = stream_borrower_rows(
            folder, Bounds(sort_mb=64, chunk_rows=2_000, batch_borrowers=400), step_days=1
        )
    assert np.isfinite(rows.log_health).all()
    print(start_kb, read_peak_kb(), digest(rows))


def read_status() -> list[str]:
    return Path("/proc/self/status").read_text(encoding="ascii").splitlines()


if __name__ == "__main__":
    make_rows(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
