"""Files of a data folder, found by name or refused with what to do."""

from __future__ import annotations

from pathlib import Path

from training.errors import DatasetError


def data_file(data: Path, relative: Path) -> Path:
    """Return a file of the data folder.

    Raises:
        DatasetError: if it is not there.
    """
    path = data / relative
    if not path.is_file():
        raise DatasetError(
            str(data), f"{relative} is not there: pass the folder that holds it with --data (make train DATA=...)"
        )
    return path
