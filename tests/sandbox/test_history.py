"""Histories end before now, and a replay's key covers what its plans are computed with, whichever room it is in."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from oracle.sandbox.activity import LATEST_ACTION_S
from oracle.sandbox.config import HistorySpec
from oracle.sandbox.history import PLANNED_WITH, ROOM, find_last_hour_s


def list_chain_imports(module: Path) -> set[Path]:
    """Return the files of the chain room that a module imports."""
    names = {node.module for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)}
    return {
        ROOM.parent.joinpath(*name.split(".")[1:]).with_suffix(".py")
        for name in names
        if name is not None and name.startswith("oracle.chain")
    }


def test_world_key__replay__covers_every_module_of_chain_that_it_imports() -> None:
    imported = set().union(*(list_chain_imports(path) for path in (ROOM / "replay").glob("*.py")))

    assert imported == {*PLANNED_WITH}
    assert all(path.is_file() for path in PLANNED_WITH)


@pytest.mark.parametrize("minute", range(60))
def test_last_hour__any_minute_of_an_hour__leaves_room_for_the_last_action(minute: int) -> None:
    now_s = 1_800_000_000 // 3_600 * 3_600 + minute * 60

    last_hour_s = find_last_hour_s(HistorySpec(), now_s)

    assert last_hour_s % 3_600 == 0
    assert last_hour_s + LATEST_ACTION_S + 120 < now_s < last_hour_s + LATEST_ACTION_S + 2 * 3_600


def test_last_hour__fixed_end__is_its_full_hour() -> None:
    assert find_last_hour_s(HistorySpec(end_s=7_300), 10**9) == 7_200
