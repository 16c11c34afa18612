"""The tracked files and parsed modules that the architecture tests walk."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PURE_ROOMS = ("domain", "features", "terms", "consensus")
type FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One parsed Python file; `path` is relative to the root of the checkout."""

    path: str
    text: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@cache
def tracked_paths() -> tuple[str, ...]:
    """Return every file that is or could be committed, relative to the root, in order."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(sorted(path for path in listing.stdout.split("\0") if path and (ROOT / path).is_file()))


@cache
def modules(*prefixes: str) -> tuple[Module, ...]:
    """Return the parsed Python files whose path starts with one of `prefixes`."""
    found = []
    for path in tracked_paths():
        if path.endswith(".py") and path.startswith(prefixes):
            text = (ROOT / path).read_text(encoding="utf-8")
            found.append(Module(path=path, text=text, tree=ast.parse(text, filename=path)))
    return tuple(found)


def pure_modules() -> tuple[Module, ...]:
    return modules(*(f"oracle/{room}/" for room in PURE_ROOMS))


def imported_names(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield (node, dotted name) for every import, also those inside functions."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"


def functions(module: Module) -> Iterator[FunctionNode]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(function: FunctionNode) -> int:
    """Return the lines from `def` to the end, without the docstring."""
    assert function.end_lineno is not None
    length = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        length -= first.end_lineno - first.lineno + 1
    return length
