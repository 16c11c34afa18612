"""`python -m training train`: bundles from data; `economics`: what their scores are worth in money.

Without `--dataset` it trains `borrower-1` and `collateral-1` on a data folder; with it, one borrower bundle on a canonical dataset.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from oracle.domain.ids import to_hex
from oracle.errors import OracleError
from oracle.scoring.bundle import Bundle
from training.errors import ReproductionError
from training.releases import PROFILES, train_on_canonical, train_on_data

EXPECTED = Path(__file__).parent / "expected.json"
DEFAULT_OUT = Path("build") / "bundles"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if every bundle was written, and reproduced where asked."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    try:
        if options.command == "economics":
            return _economics(options)
        if options.dataset:
            folders = [Path(folder) for folder in options.dataset]
            bundles = [train_on_canonical(folders, options.bundle, Path(options.out), is_sandbox=options.sandbox)]
        else:
            bundles = train_on_data(Path(options.data), PROFILES[options.profile], Path(options.out))
        for bundle in bundles:
            trees = "active" if bundle.trees_active else "shadow"
            print(f"{bundle.name}: model id {to_hex(bundle.model_id)}, trees {trees}, in {options.out}/{bundle.name}")
        if options.check:
            _check(bundles, options.profile)
    except OracleError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    print(f"training took {time.monotonic() - started:.0f} s")
    return 0


def _economics(options: argparse.Namespace) -> int:
    from training.economics.report import render, write_report

    report = write_report(Path(options.data), Path(options.json) if options.json else None, print)
    print("\n".join(render(report)))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    economics = commands.add_parser("economics", help="replay a market under our terms and under others on real prices")
    economics.add_argument("--data", required=True, help="folder of the public data sets")
    economics.add_argument("--json", help="file to write every figure to")
    train = commands.add_parser("train", help="train, snap, calibrate, export")
    source = train.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", help="folder of the public data sets")
    source.add_argument("--dataset", nargs="+", help="folders of canonical datasets, trained on together")
    train.add_argument("--profile", choices=sorted(PROFILES), default="full")
    train.add_argument("--bundle", default="borrower-sandbox-1", help="name of the bundle trained on --dataset")
    train.add_argument("--sandbox", action="store_true", help="trees active, refused outside the sandbox")
    train.add_argument(
        "--check", action="store_true", help="fail unless the model ids of training/expected.json come out"
    )
    train.add_argument("--out", default=str(DEFAULT_OUT), help="folder to write bundles into (default: build/bundles)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
