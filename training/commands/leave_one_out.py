"""`python -m training leave-one-out`: the borrower model without each of its sources, judged on that source, and whether the structural table should pool them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from training.errors import DatasetError


def add_parser(commands: Any) -> None:
    """Declare the options."""
    parser = commands.add_parser("leave-one-out", help="the borrower model without each source, judged there")
    parser.add_argument("--data", required=True, help="folder of the public data sets")
    parser.add_argument("--json", help="file to write the figures into")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print both tables; every figure is in the file.

    Raises:
        DatasetError: if the folder or a data set in it is missing.
    """
    from training.evaluation.document import encode
    from training.leave_one_out import leave_each_out, render, study_sources, to_json
    from training.releases import MAKER_RECIPE, PROFILES, read_borrower_rows

    data = Path(options.data)
    if not data.is_dir():
        raise DatasetError(str(data), "there is no such folder: pass the one that holds the data sets with --data")
    print("leave-one-out: rows of every source", file=sys.stderr, flush=True)
    sources = read_borrower_rows(data, PROFILES["full"])
    left_out = leave_each_out(sources.rows, tuple(sources.parts), MAKER_RECIPE)
    pooling = study_sources(sources.rows)
    if options.json:
        Path(options.json).write_text(encode(to_json(left_out, pooling)), encoding="utf-8")
    print("\n".join(render(left_out, pooling)))
    return 0
