"""`python -m training train`: bundles from data.

Without `--dataset` it trains `borrower-1` and `collateral-1` on a data folder; with it, one borrower bundle on a canonical dataset.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from oracle.domain.ids import to_hex
from oracle.scoring.bundle import Bundle
from training.datasets.streamed import Bounds
from training.errors import ReproductionError
from training.releases import PROFILES, train_on_canonical, train_on_data

EXPECTED = Path(__file__).parent.parent / "expected.json"
DEFAULT_OUT = Path("build") / "bundles"


def add_parser(commands: Any) -> None:
    """Declare the options."""
    parser = commands.add_parser("train", help="train, snap, calibrate, export")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", help="folder of the public data sets")
    source.add_argument("--dataset", nargs="+", help="folders of canonical datasets, trained on together")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="full")
    parser.add_argument("--bundle", default="borrower-sandbox-1", help="name of the bundle trained on --dataset")
    parser.add_argument("--sandbox", action="store_true", help="trees active, refused outside the sandbox")
    parser.add_argument(
        "--memory-mb",
        type=int,
        help="with --dataset: sort the tables on disk in so much memory, for those that do not fit",
    )
    parser.add_argument(
        "--check", action="store_true", help="fail unless the model ids of training/expected.json come out"
    )
    parser.add_argument("--out", default=str(DEFAULT_OUT), help="folder to write bundles into (default: build/bundles)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train and write; compare with the committed ids where asked."""
    started = time.monotonic()
    if options.dataset:
        folders = [Path(folder) for folder in options.dataset]
        bounds = None if options.memory_mb is None else Bounds(sort_mb=options.memory_mb)
        out = Path(options.out)
        bundles = [train_on_canonical(folders, options.bundle, out, is_sandbox=options.sandbox, bounds=bounds)]
    else:

        def say(stage: str) -> None:
            print(f"{time.monotonic() - started:5.0f} s  {stage}", flush=True)

        bundles = train_on_data(Path(options.data), PROFILES[options.profile], Path(options.out), say)
    for bundle in bundles:
        trees = "active" if bundle.trees_active else "shadow"
        print(f"{bundle.name}: model id {to_hex(bundle.model_id)}, trees {trees}, in {options.out}/{bundle.name}")
        print(f"  {bundle.card.splitlines()[0]}")
    if options.check:
        _check(bundles, options.profile)
    print(f"training took {time.monotonic() - started:.0f} s")
    return 0


def _check(bundles: list[Bundle], profile: str) -> None:
    """Compare with the committed model ids of the profile.

    Raises:
        ReproductionError: at the first that differs.
    """
    expected = json.loads(EXPECTED.read_text()).get(profile, {})
    for bundle in bundles:
        given = to_hex(bundle.model_id)
        if expected.get(bundle.name) != given:
            raise ReproductionError(bundle.name, expected.get(bundle.name, "none committed"), given)
        print(f"{bundle.name}: reproduced")
