"""A node installs small: each room uses only the libraries of the core, of the standard library, and of its own extra."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions

from tests.architecture.source_tree import ROOT, imported_names, modules

EXTRA_OF_ROOM = {"api": "api", "dashboard": "api"}
ALL_EXTRAS = ("api", "train", "dev")
OURS = frozenset({"oracle", "training", "tests"})


def normalized(requirement: str) -> str:
    """Return the bare name of a requirement: `psycopg[binary]>=3.2` is `psycopg`."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return name.group().lower().replace("_", "-").replace(".", "-")


@cache
def declared(*extras: str) -> frozenset[str]:
    """Return the distributions of the core and of `extras`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = (project["optional-dependencies"][extra] for extra in extras)
    return frozenset(normalized(r) for group in (project["dependencies"], *optional) for r in group)


@cache
def distributions() -> dict[str, frozenset[str]]:
    return {name: frozenset(map(normalized, dists)) for name, dists in packages_distributions().items()}


@cache
def readme_of(room: str) -> str:
    return (ROOT / "oracle" / room / "README.md").read_text(encoding="utf-8").lower()


def find_undeclared(prefix: str, extras: Iterable[str]) -> list[str]:
    """Return the imports outside the core and `extras`; inside a function any extra will do, as its caller asked for it."""
    allowed, allowed_inside = declared(*extras), declared(*ALL_EXTRAS)
    return [
        f"{module.at(node)}: {name}"
        for module in modules(prefix)
        for node, name in imported_names(module)
        if (top := name.split(".")[0]) not in OURS
        and top not in sys.stdlib_module_names
        and not distributions().get(top, frozenset()) & (allowed_inside if node.col_offset else allowed)
    ]


def test_room_imports__of_libraries__are_in_the_core_or_its_extra() -> None:
    rooms = sorted({module.path.split("/")[1] for module in modules("oracle/")})

    undeclared = [
        found
        for room in rooms
        for found in find_undeclared(f"oracle/{room}", [EXTRA_OF_ROOM[room]] if room in EXTRA_OF_ROOM else [])
    ]

    assert undeclared == []


def test_room_readme__of_every_room__names_its_libraries() -> None:
    unnamed = [
        f"{module.at(node)}: {name}"
        for module in modules("oracle/")
        if module.path.count("/") > 1
        for node, name in imported_names(module)
        if (top := name.split(".")[0]) not in OURS | sys.stdlib_module_names
        and not any(dist in readme_of(module.path.split("/")[1]) for dist in distributions().get(top, {top}))
    ]

    assert unnamed == []


def test_training_imports__of_libraries__are_in_its_extra() -> None:
    assert find_undeclared("training/", ["train"]) == []


def test_test_imports__of_libraries__are_declared() -> None:
    assert find_undeclared("tests/", ALL_EXTRAS) == []


def test_core__libraries_of_training__are_left_out() -> None:
    heavy = {"xgboost-cpu", "scikit-learn", "onnx", "duckdb", "polars", "pyarrow", "scipy", "numba", "web3"}

    assert declared() & heavy == set()


def test_lock__every_line__has_hashes_and_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"(?m)^([a-z0-9-]+)==\S+.*\n((?:    .*\n)*)", lock)

    assert len(entries) > 50
    assert [name for name, block in entries if "--hash=sha256:" not in block] == []
    assert "://" not in lock


def test_npm_lock__every_package__has_integrity_and_no_host() -> None:
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")

    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == lock.count('    "node_modules/')
