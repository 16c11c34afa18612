"""`python -m training baselines`: fits the baselines of every task on its training span and freezes them in a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oracle.domain.units import TimestampS
from oracle.scoring.bundle import Bundle, load_bundle
from training.errors import TrainingError
from training.evaluation.baselines import FROZEN_FILE, Frozen, encode_frozen, fit_frozen
from training.evaluation.plan import PLAN
from training.evaluation.task import TaskRows
from training.evaluation.tasks import TASKS

DEFAULT_BUNDLES = ("borrower-1", "collateral-1")


def add_parser(commands: Any) -> None:
    """Declare the options."""
    parser = commands.add_parser("baselines", help="fit the baselines of the tasks and freeze them")
    parser.add_argument("--data", required=True, help="folder of the public data sets")
    parser.add_argument("--out", default=str(FROZEN_FILE), help="file to write (default: the committed one)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fit and write."""
    bundles = [load_bundle(name, allow_sandbox=False) for name in DEFAULT_BUNDLES]
    path = Path(options.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(encode_frozen(fit_all(Path(options.data), bundles)), encoding="utf-8")
    print(f"baselines: {path}")
    return 0


def fit_all(data: Path, bundles: Sequence[Bundle]) -> dict[str, Frozen]:
    """Return what each task's training span gives. A bundle is only there to build the rows: nothing of its scores is used."""
    by_kind = {bundle.kind: bundle for bundle in bundles}
    fitted = {}
    for name, task in TASKS.items():
        bundle = by_kind.get(PLAN[name].kind)
        if bundle is None:
            raise TrainingError(f"{name} needs a bundle of kind {PLAN[name].kind.name.lower()}")
        until_s = int(datetime.combine(PLAN[name].trained_until, datetime.min.time(), UTC).timestamp())
        rows = task(data, bundle, TimestampS(0), TimestampS(until_s))
        frozen = fit_frozen(rows, until_s) if isinstance(rows, TaskRows) else None
        if frozen is not None:
            fitted[name] = frozen
            print(f"{name}: {frozen.n} rows, {frozen.positives} positive, {frozen.first} to {frozen.until}", flush=True)
    return fitted
