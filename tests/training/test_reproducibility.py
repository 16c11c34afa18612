"""R-03: the same data and seed give the same bundle, byte for byte, whatever the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.generated import small_dataset
from training.datasets.folder import write_dataset

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dataset")
    write_dataset(small_dataset(), path)
    return path


def train(folder: Path, out: Path, n_threads: int) -> dict[str, bytes]:
    """Return the files of the bundle that a fresh process writes."""
    command = [sys.executable, "-m", "training", "train", "--dataset", str(folder), "--sandbox", "--out", str(out)]
    environment = {**os.environ, **{name: str(n_threads) for name in THREADS}}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in (out / "borrower-sandbox-1").iterdir()}


@pytest.mark.slow
def test_train__one_thread_two_threads_and_again__same_bytes(folder: Path, tmp_path: Path) -> None:
    bundles = [train(folder, tmp_path / str(run), n_threads) for run, n_threads in enumerate((1, 2, 2))]

    assert bundles[0] == bundles[1] == bundles[2]
