"""A replay's key covers what its plans are computed with, whichever room it is in."""

from __future__ import annotations

import ast
from pathlib import Path

from oracle.sandbox.history import PLANNED_WITH, ROOM


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
