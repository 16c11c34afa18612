"""`python -m training evaluate`: figures of a bundle on one task, or on all of its kind, without training."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any

from oracle.scoring.bundle import Bundle, load_bundle
from training.errors import TrainingError
from training.evaluation.baselines import Frozen, read_frozen
from training.evaluation.document import Json, encode
from training.evaluation.plan import PLAN
from training.evaluation.run import evaluate
from training.evaluation.tasks import TASKS


def add_parser(commands: Any) -> None:
    """Declare the options."""
    parser = commands.add_parser("evaluate", help="figures of a bundle on unseen data, without training")
    parser.add_argument("--bundle", required=True, help="folder of a bundle, or the name of a released one")
    parser.add_argument("--data", required=True, help="folder of the public data sets")
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--task", help=f"one of {', '.join(TASKS)}")
    chosen.add_argument("--all-tasks", action="store_true", help="every task of the bundle's kind; --json is a folder")
    parser.add_argument("--from", dest="first", required=True, help="first day of the rows, YYYY-MM-DD, UTC")
    parser.add_argument("--to", dest="until", required=True, help="the day after the last, YYYY-MM-DD, UTC")
    parser.add_argument("--json", help="file to write (default: standard output)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate; 1 if a task of `--all-tasks` could not be."""
    span = parse_day(options.first), parse_day(options.until)
    names = [options.task] if options.task else list(TASKS)
    if options.task and options.task not in TASKS:
        raise TrainingError(f"there is no task {options.task}: choose one of {', '.join(TASKS)}")
    bundle = load_bundle(options.bundle, allow_sandbox=True)
    frozen = read_frozen()
    if not options.all_tasks:
        document = evaluate_task(options.task, bundle, Path(options.data), span, frozen)
        _report(options.task, document, Path(options.json) if options.json else None)
        return 0
    failed = 0
    for name in (n for n in names if PLAN[n].kind is bundle.kind):
        try:
            document = evaluate_task(name, bundle, Path(options.data), span, frozen)
        except TrainingError as error:
            print(f"training: {name}: {error}", file=sys.stderr)
            failed = 1
            continue
        _report(name, document, Path(options.json) / f"{name}.json" if options.json else None)
    return failed


def _report(name: str, document: Json, path: Path | None) -> None:
    """Write the document, and say on standard error what whoever reads its figures must know first."""
    _write(encode(document), path)
    for note in document["notes"]:
        print(f"training: {name}: {note}", file=sys.stderr)


def evaluate_task(name: str, bundle: Bundle, data: Path, span: tuple[date, date], frozen: dict[str, Frozen]) -> Json:
    """Return the document of one task, after checking that the bundle is of its kind.

    Raises:
        OracleError: if something given is wrong.
    """
    if bundle.kind is not PLAN[name].kind:
        wanted = PLAN[name].kind.name.lower()
        raise TrainingError(f"{bundle.name} scores a {bundle.kind.name.lower()}; {name} needs a {wanted} bundle")
    return evaluate(name, TASKS[name], bundle, data, span, frozen.get(name))


def parse_day(text: str) -> date:
    """Return the day.

    Raises:
        TrainingError: if it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise TrainingError(f"{text} is not a day: write it as YYYY-MM-DD") from error


def _write(text: str, path: Path | None) -> None:
    """Write to the file or to standard output.

    Raises:
        TrainingError: if the file cannot be written.
    """
    if path is None:
        print(text, end="")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror}): pass another --json") from error
