"""`python -m training`: trains bundles, fits the baselines of the evaluation, evaluates bundles on data that nobody has seen, replays markets."""

from __future__ import annotations

import argparse
import sys

from oracle.errors import OracleError
from training.commands import baselines, data_report, economics, evaluate, gaming, leave_one_out, train


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if what was asked for was done."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (train, evaluate, baselines, economics, data_report, gaming, leave_one_out):
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except OracleError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
