"""`python -m training data-report`: what the data folders hold, what is wrong with them, what they can and cannot show."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.datasets.folders import FOLDERS
from training.errors import TrainingError
from training.quality import measure_folders, write_report


def add_parser(commands: Any) -> None:
    """Declare the options."""
    parser = commands.add_parser("data-report", help="rows, duplicates, defects and base rates of the data folders")
    parser.add_argument("--data", required=True, help="folder of the public data sets")
    parser.add_argument("--out", help="file to write, Markdown (default: standard output)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the report; 1 if a table is not as declared.

    Raises:
        TrainingError: if the data folder is absent, or the file cannot be written.
    """
    qualities = measure_folders(Path(options.data), FOLDERS)
    report = write_report(qualities)
    if options.out is None:
        print(report, end="")
    else:
        try:
            Path(options.out).write_text(report, encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"{options.out} cannot be written ({error.strerror}): pass another --out") from error
    return int(any(table.refusal is not None for quality in qualities for table in quality.tables))
