"""`python -m tests.contracts.findings SLITHER_JSON`: hold what slither found against the findings that were read, and stand with a reason.

A finding is named by its detector and by what slither names first, without lines, so that it keeps its name when code moves. What is new fails;
so does a reason that no finding needs any more. What slither could not read (it says so, and goes on) fails too.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.contracts.seeds import ROOT

TRIAGE = ROOT / "contracts" / "tools" / "slither.toml"
REPORTED = frozenset({"High", "Medium"})

type Name = tuple[str, str]


def count_findings(report: Mapping[str, Any]) -> Counter[Name]:
    """Return how often each detector names each place, medium and above, from what `slither --json` wrote.

    Raises:
        ValueError: slither did not come to its end.
    """
    if not report.get("success"):
        raise ValueError(f"slither failed: {report.get('error')}")
    found = report["results"].get("detectors", [])
    return Counter((item["check"], item["description"].split(" (")[0]) for item in found if item["impact"] in REPORTED)


def read_triage(text: str) -> Counter[Name]:
    """Return how often each finding is expected; each states its reason."""
    counts: Counter[Name] = Counter()
    for item in tomllib.loads(text)["finding"]:
        if not item.get("reason", "").strip():
            raise ValueError(f"no reason for {item['check']} in {item['where']}")
        counts[item["check"], item["where"]] += item.get("count", 1)
    return counts


def compare(found: Counter[Name], expected: Counter[Name]) -> list[str]:
    """Return what is wrong, a line each: findings without a reason, then reasons without a finding."""
    new, gone = found - expected, expected - found
    return [f"new: {check} ({count}) in {where}" for (check, where), count in sorted(new.items())] + [
        f"gone: {check} ({count}) in {where}" for (check, where), count in sorted(gone.items())
    ]


def unread(log: str) -> list[str]:
    """Return what slither could not turn into its own code, and so did not look at."""
    return [line for line in log.splitlines() if line.startswith("Impossible to generate IR")]


def main() -> int:
    """Print what is wrong; 0 if nothing is."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.contracts.findings", description="Hold slither's findings against their reasons."
    )
    parser.add_argument("report", type=Path, help="what `slither --json` wrote")
    parser.add_argument("log", type=Path, help="what slither printed")
    arguments = parser.parse_args()
    found = count_findings(json.loads(arguments.report.read_text(encoding="utf-8")))
    wrong = compare(found, read_triage(TRIAGE.read_text(encoding="utf-8"))) + unread(
        arguments.log.read_text(encoding="utf-8")
    )
    print("\n".join([*wrong, f"slither: {found.total()} findings of medium or above, {len(wrong)} to look at"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
