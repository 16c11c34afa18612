"""Digests that say what an evaluation used: this code, the data folder, and the rows that came of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

import training
from oracle.domain import units
from training.evaluation.task import QuantileRows, TaskRows

type Array = np.ndarray[Any, Any]

_CODE_ROOMS = ("domain", "features", "scoring", "terms")


def code_digest() -> str:
    """Return the SHA-256 of the source of training and of the rooms that it uses, by path."""
    top = Path(str(units.__file__)).parents[1]
    folders = [Path(str(training.__file__)).parent, *(top / room for room in _CODE_ROOMS)]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    return _files_digest(top.parent, files)


def data_digest(data: Path) -> str:
    """Return the SHA-256 of every file of the data folder, by path; the rows of a task come from some of them."""
    return _files_digest(data, [path for path in data.rglob("*") if path.is_file()])


def rows_digest(rows: TaskRows | QuantileRows) -> str:
    """Return the SHA-256 of the rows as they entered: outcome, owner, time, and baselines by name. The model's score is not in it."""
    state = hashlib.sha256()
    outcome = rows.is_positive if isinstance(rows, TaskRows) else rows.losses
    for column in (outcome, rows.owners, rows.as_of_s):
        state.update(np.asarray(column, dtype=np.int64).tobytes())
    for name in sorted(rows.baselines):
        baseline = rows.baselines[name]
        values = baseline if isinstance(baseline, np.ndarray) else baseline.values
        state.update(name.encode())
        state.update(np.round(np.asarray(values, dtype=np.float64), 9).tobytes())
    return state.hexdigest()


def _files_digest(top: Path, files: list[Path]) -> str:
    state = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.relative_to(top).as_posix()):
        with path.open("rb") as file:
            state.update(path.relative_to(top).as_posix().encode() + b"\0")
            state.update(hashlib.file_digest(file, "sha256").digest())
    return state.hexdigest()
