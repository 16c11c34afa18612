"""The laws of the contracts, both ways: each is quoted by a Solidity test, and nothing quotes a law that does not exist."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from tests.architecture.source_tree import ROOT, tracked_paths

LAW = re.compile(r"\b[A-Z]-\d{2}\b")
DEFINITION = re.compile(r"^- \*\*([A-Z]-\d{2})\*\* ", re.MULTILINE)
IN_A_NAME = re.compile(r"\b(?:testFuzz|invariant|check)_([A-Z])(\d{2})_")


@cache
def defined() -> tuple[str, ...]:
    return tuple(DEFINITION.findall((ROOT / "contracts" / "INVARIANTS.md").read_text(encoding="utf-8")))


def quoted(prefix: str) -> set[str]:
    """Return the laws that the Solidity files under `prefix` name, in comments and in names of tests."""
    found: set[str] = set()
    for path in tracked_paths():
        if path.startswith(prefix) and path.endswith(".sol"):
            text = (ROOT / path).read_text(encoding="utf-8")
            found |= set(LAW.findall(text))
            found |= {f"{letter}-{number}" for letter, number in IN_A_NAME.findall(text)}
    return found


def test_laws__numbers__are_given_once() -> None:
    repeated = [law for law, times in Counter(defined()).items() if times > 1]

    assert len(defined()) > 30
    assert repeated == []


def test_laws__every_one__is_quoted_by_a_test() -> None:
    assert sorted(set(defined()) - quoted("contracts/test/")) == []


def test_laws__quoted_anywhere__exist() -> None:
    assert sorted(quoted("contracts/") - set(defined())) == []


def test_laws__quoted_in_a_comment_or_a_name__are_found() -> None:
    assert LAW.findall("/// Quotes O-01: the head only rises.") == ["O-01"]
    assert IN_A_NAME.findall("function invariant_Q02_Quorum_IsNeverMissed() public") == [("Q", "02")]
