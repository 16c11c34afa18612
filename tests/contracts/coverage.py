"""`python -m tests.contracts.coverage LCOV`: which share of the contracts' lines and branches some test runs; fails below what is asked for.

`forge coverage` compiles without the optimiser and via_ir; what libraries inline is counted in the library. Reads the LCOV of geninfo(1).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

LEAST_LINES, LEAST_BRANCHES = 0.97, 0.92

_FIELDS = frozenset({"LF", "LH", "BRF", "BRH"})


def count_covered(lcov: str) -> Counter[str]:
    """Return lines found and hit (`LF`, `LH`) and branches found and hit (`BRF`, `BRH`), over all files.

    Raises:
        ValueError: the text counts no line.
    """
    counts: Counter[str] = Counter()
    for line in lcov.splitlines():
        field, _, value = line.partition(":")
        if field in _FIELDS:
            counts[field] += int(value)
    if not counts["LF"]:
        raise ValueError("no line was measured: did forge coverage come to its end?")
    return counts


def shares(counts: Counter[str]) -> tuple[float, float]:
    """Return the share of lines and of branches that ran; without a branch, all of them."""
    return counts["LH"] / counts["LF"], counts["BRH"] / counts["BRF"] if counts["BRF"] else 1.0


def main(arguments: list[str] | None = None) -> int:
    """Print both shares; 1 if one is too low or nothing was measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.coverage")
    parser.add_argument("lcov", type=Path, help="the file that `forge coverage --report lcov` wrote")
    options = parser.parse_args(arguments)
    try:
        counts = count_covered(options.lcov.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"coverage: {error}", file=sys.stderr)
        return 1
    lines, branches = shares(counts)
    print(
        f"coverage: {lines:.2%} of {counts['LF']} lines (least {LEAST_LINES:.0%}), "
        f"{branches:.2%} of {counts['BRF']} branches (least {LEAST_BRANCHES:.0%})"
    )
    return 0 if lines >= LEAST_LINES and branches >= LEAST_BRANCHES else 1


if __name__ == "__main__":
    sys.exit(main())
