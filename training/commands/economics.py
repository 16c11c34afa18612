"""`python -m training economics`: what scores are worth in money, on real prices."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from oracle.scoring.bundle import load_bundle
from training.economics.report import render, write_report
from training.economics.study import ReplayedModels
from training.releases import MAKER, PROFILES


def add_parser(commands: Any) -> None:
    """Declare the options."""
    parser = commands.add_parser("economics", help="replay a market under our terms and under others on real prices")
    parser.add_argument("--data", required=True, help="folder of the public data sets")
    parser.add_argument("--json", help="file to write every figure to")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay, write and print."""
    recipe = PROFILES["full"].collateral_recipe
    borrower, collateral = (load_bundle(name, allow_sandbox=False) for name in ("borrower-1", "collateral-1"))
    maker = borrower.training_span_of(MAKER)
    models = ReplayedModels(
        borrower=borrower.model, maker_known_until=maker[1] if maker else None, collateral=collateral.model
    )
    report = write_report(Path(options.data), Path(options.json) if options.json else None, recipe, print, models)
    print("\n".join(render(report)))
    return 0
