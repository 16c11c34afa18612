"""`python -m training gaming`: what better terms cost to buy under a borrower bundle, and the laws on simulated attackers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from oracle.domain.score import ScoreKind
from oracle.scoring.bundle import load_bundle
from training.datasets.maker import read_maker_borrows
from training.datasets.morpho import read_morpho
from training.errors import TrainingError


def add_parser(commands: Any) -> None:
    """Declare the options."""
    parser = commands.add_parser("gaming", help="price bought records, and hold the laws against simulated attackers")
    parser.add_argument("--bundle", default="borrower-1", help="a released borrower bundle, or its folder")
    parser.add_argument(
        "--data", help="folder of the public data sets: also says what stricter rules for a rating would cost"
    )
    parser.add_argument("--attackers", type=int, default=100_000, help="how many are simulated (default: 100,000)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the part that a card has of it.

    Raises:
        TrainingError: if there is nobody to simulate, or the bundle scores no borrowers.
    """
    from training.economics.cost_to_game import COLLATERAL_BUNDLE, render
    from training.economics.rating_rules import describe_rules

    if options.attackers < 1:
        raise TrainingError(f"--attackers {options.attackers}: at least one is needed")
    bundle = load_bundle(options.bundle, allow_sandbox=True)
    if bundle.kind is not ScoreKind.BORROWER:
        raise TrainingError(f"--bundle {bundle.name}: it scores collateral, and nobody's record")
    pairs = load_bundle(COLLATERAL_BUNDLE, allow_sandbox=False).model
    print("\n".join(render(bundle.model, pairs, attackers=options.attackers)))
    if options.data:
        data = Path(options.data)
        print("\n".join(describe_rules(read_maker_borrows(data), read_morpho(data))))
    return 0
