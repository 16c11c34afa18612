"""Slither's findings: new ones and reasons without a finding both fail."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.contracts.findings import TRIAGE, compare, count_findings, read_triage, unread

WHERE = "Pot.credit(bytes)"


def finding(impact: str, line: int) -> dict[str, Any]:
    return {"check": "unused-return", "impact": impact, "description": f"{WHERE} (src/Pot.sol#{line}) ignores a value"}


def test_count_findings__two_lines_of_one_place__are_counted_under_one_name() -> None:
    report = {"success": True, "results": {"detectors": [finding("Medium", 3), finding("High", 9), finding("Low", 4)]}}

    assert count_findings(report) == {("unused-return", WHERE): 2}


def test_count_findings__nothing_found__is_none() -> None:
    assert count_findings({"success": True, "results": {}}) == Counter()


def test_count_findings__slither_stopped__is_no_clean_report() -> None:
    with pytest.raises(ValueError, match="no solc"):
        count_findings({"success": False, "error": "no solc", "results": {}})


def test_read_triage__no_reason__is_refused() -> None:
    with pytest.raises(ValueError, match="no reason"):
        read_triage(f'[[finding]]\ncheck = "unused-return"\nwhere = "{WHERE}"\nreason = " "\n')


def test_read_triage__the_committed_file__states_each_once() -> None:
    counts = read_triage(TRIAGE.read_text(encoding="utf-8"))

    assert len(counts) == TRIAGE.read_text(encoding="utf-8").count("[[finding]]")


def test_compare__one_more_and_one_gone__are_both_said() -> None:
    found = Counter({("unused-return", WHERE): 2})
    expected = Counter({("unused-return", WHERE): 1, ("weak-prng", "Ring.at()"): 1})

    assert compare(found, expected) == [f"new: unused-return (1) in {WHERE}", "gone: weak-prng (1) in Ring.at()"]
    assert compare(expected, expected) == []


def test_unread__a_function_that_slither_cannot_read__is_named() -> None:
    line = "Impossible to generate IR for Pot.credit (src/Pot.sol#3-9):"

    assert unread(f"INFO:Detectors:\n{line}\nend") == [line]
