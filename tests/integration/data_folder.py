"""The folder of recorded data, which is not part of the tree: `ASSAY_DATA` names it, as `make train DATA=DIR` does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "ASSAY_DATA"


def find_data_folder() -> Path:
    """Return the folder; skip the test if none is named, fail it if the one that is named is not there."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"set {VARIABLE}=DIR to the folder of recorded data; .ci/run does")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"{VARIABLE} names {folder}, which is not there")
    return folder
