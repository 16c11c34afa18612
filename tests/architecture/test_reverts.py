"""The errors of the contracts: each that is declared can happen, is expected by a Solidity test, and is typed."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from tests.architecture.source_tree import ROOT, tracked_paths

COMMENT = re.compile(r"//[^\n]*")
OWNER = re.compile(r"^(?:abstract )?(?:contract|interface|library) (\w+)", re.MULTILINE)
DECLARATION = re.compile(r"^\s*error (\w+)\(", re.MULTILINE)
REVERT = re.compile(r"\brevert (?:\w+\.)?(\w+)\(")
EXPECTED = re.compile(r"\b(\w+)\.(\w+)\.selector\b")
UNTYPED = re.compile(r"\brequire\(|\brevert\(\s*(?:\"|\))")


@cache
def sources(prefix: str) -> dict[str, str]:
    """Return the text without comments of each Solidity file under `prefix`."""
    return {
        path: COMMENT.sub("", (ROOT / path).read_text(encoding="utf-8"))
        for path in tracked_paths()
        if path.startswith(prefix) and path.endswith(".sol")
    }


def declared() -> list[tuple[str, str]]:
    """Return (contract, error) of each declaration; a file holds one contract, interface or library that declares any."""
    found = []
    for path, text in sources("contracts/src/").items():
        errors = DECLARATION.findall(text)
        owners = OWNER.findall(text)
        assert not errors or len(owners) == 1, path
        found += [(owners[0], error) for error in errors]
    return found


def unexpected(errors: list[tuple[str, str]], expected: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the errors that no test expects; one whose name is declared twice has to be named by its contract."""
    times = Counter(error for _, error in errors)
    names = {error for _, error in expected}
    return [
        (owner, error)
        for owner, error in errors
        if (owner, error) not in expected and (times[error] > 1 or error not in names)
    ]


def test_errors__every_one__is_expected_by_a_test() -> None:
    expected = {pair for text in sources("contracts/test/").values() for pair in EXPECTED.findall(text)}

    assert len(declared()) > 100
    assert unexpected(declared(), expected) == []


def test_errors__every_one__is_thrown_somewhere() -> None:
    thrown = {error for text in sources("contracts/src/").values() for error in REVERT.findall(text)}

    assert sorted({error for _, error in declared()} - thrown) == []


def test_reverts__in_sources__are_typed() -> None:
    assert [path for path, text in sources("contracts/src/").items() if UNTYPED.search(text)] == []


def test_errors__missing_or_of_another_contract__are_found() -> None:
    errors = [("A", "Shared"), ("B", "Shared"), ("A", "Own"), ("B", "Forgotten")]

    assert unexpected(errors, {("A", "Shared"), ("Heir", "Own")}) == [("B", "Shared"), ("B", "Forgotten")]
    assert all(UNTYPED.search(text) for text in ('require(x > 0, "no");', 'revert("no");', "revert();"))
    assert UNTYPED.search("_require(x); revert Own(1);") is None
