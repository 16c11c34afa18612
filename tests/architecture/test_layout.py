"""Size, place and documentation of the tree: what a newcomer may rely on when opening any file."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from tests.architecture.source_tree import ROOT, code_lines, functions, imported_names, modules, tracked_paths

MODULE_LINES = 300
FUNCTION_LINES = 40
CONTRACT_LINES = 500
README_LINES = 40
# The tree of errors is drawn in one place, so that a reader sees which of them a node retries.
UNLIMITED_MODULES = frozenset({"oracle/errors.py"})
TOP_LEVEL_FOLDERS = frozenset({"oracle", "contracts", "training", "tests", "infra", "openapi", ".ci"})
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "stuff"})
TRAINING_MAY_IMPORT = ("oracle.domain", "oracle.features", "oracle.scoring", "oracle.terms", "oracle.errors")
# Assembled from parts, so that this file passes its own test.
MACHINE_PATHS = tuple(f"/{folder}/" for folder in ("work", "root", "home"))
REGISTRY_HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "npmjs" + ".com")
UNFINISHED = re.compile(r"\b(" + "TO" + "DO" + "|FIX" + "ME|XX" + "X)\\b")
TEST_NAME = re.compile(r"test_[a-z0-9]+(_[a-z0-9]+)*(__[a-z0-9]+(_[a-z0-9]+)*){2}")


def line_count(path: str) -> int:
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def text_files() -> list[tuple[str, str]]:
    texts = []
    for path in tracked_paths():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            texts.append((path, content.decode("utf-8", errors="replace")))
    return texts


def rooms() -> list[str]:
    """Return the folders that owe a README: each room of `oracle`, and the other top-level rooms that hold files."""
    inside = {
        "/".join(PurePosixPath(p).parts[:2]) for p in tracked_paths() if p.startswith("oracle/") and p.count("/") > 1
    }
    top = {p.split("/")[0] for p in tracked_paths() if "/" in p} & {"contracts", "training", "infra"}
    return sorted(inside | top)


def test_module__of_every_room__stays_under_its_limit() -> None:
    limited = [m.path for m in modules("oracle/", "training/", "tests/") if m.path not in UNLIMITED_MODULES]
    long = [path for path in limited if line_count(path) >= MODULE_LINES]

    assert long == []


def test_function__of_every_module__stays_under_its_limit() -> None:
    long = [
        f"{module.at(function)}: {function.name} has {code_lines(function)} lines"
        for module in modules("oracle/", "training/", "tests/")
        for function in functions(module)
        if code_lines(function) >= FUNCTION_LINES
    ]

    assert long == []


def test_contract__every_file__stays_under_its_limit() -> None:
    contracts = [p for p in tracked_paths() if p.startswith("contracts/src/") and p.endswith(".sol")]

    long = [path for path in contracts if line_count(path) >= CONTRACT_LINES]

    assert long == []


def test_room__every_one__has_a_short_readme() -> None:
    missing = [room for room in rooms() if not (ROOT / room / "README.md").is_file()]
    long = [room for room in rooms() if room not in missing and line_count(f"{room}/README.md") > README_LINES]

    assert (missing, long) == ([], [])


def test_top_level__folders__are_the_fixed_ones() -> None:
    folders = {path.split("/")[0] for path in tracked_paths() if "/" in path}

    assert folders <= TOP_LEVEL_FOLDERS


def test_module_name__every_file__says_what_it_holds() -> None:
    vague = [path for path in tracked_paths() if PurePosixPath(path).stem.lower() in VAGUE_NAMES]

    assert vague == []


def test_tracked_text__every_file__is_finished_and_names_no_machine_or_registry() -> None:
    offences = [
        f"{path}: {word}"
        for path, text in text_files()
        for word in (*MACHINE_PATHS, *REGISTRY_HOSTS, *(match.group() for match in UNFINISHED.finditer(text)))
        if word in text
    ]

    assert offences == []


def test_module_docstring__every_module__opens_with_a_sentence() -> None:
    silent = [m.path for m in modules("oracle/", "training/") if not (ast.get_docstring(m.tree) or "").strip()]

    assert silent == []


def test_training_imports__of_our_code__are_the_shared_rooms_only() -> None:
    foreign = [
        f"{module.at(node)}: {name}"
        for module in modules("training/")
        for node, name in imported_names(module)
        if name.startswith("oracle") and not f"{name}.".startswith(tuple(f"{room}." for room in TRAINING_MAY_IMPORT))
    ]

    assert foreign == []


def test_client_imports__of_our_code__are_its_own_only() -> None:
    foreign = [
        f"{module.at(node)}: {name}"
        for module in modules("oracle/client/")
        for node, name in imported_names(module)
        if name.startswith(("oracle", "training")) and not name.startswith("oracle.client")
    ]

    assert foreign == []


def test_test_name__every_test__says_unit_case_and_result() -> None:
    unclear = [
        f"{module.at(function)}: {function.name}"
        for module in modules("tests/")
        for function in functions(module)
        if function.name.startswith("test_") and not TEST_NAME.fullmatch(function.name)
    ]

    assert unclear == []
