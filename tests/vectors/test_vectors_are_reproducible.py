"""The vector files are what their generator writes, and their columns are their cases."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
FILES = sorted(FOLDER.glob("*.json"))
HAS_GENERATOR = shutil.which("node") is not None and all(
    (ROOT / "node_modules" / name).exists() for name in ("viem", "@openzeppelin/merkle-tree")
)


def column_groups(data: dict[str, Any]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Pairs (columns, cases they mirror); files with several kinds of cases nest both in their own way."""
    columns, cases = data["columns"], data["cases"]
    if isinstance(columns, list):
        return list(zip(columns, cases, strict=True))
    if {"borrower", "collateral"} == set(columns):
        return [
            (columns[name], [c for c in cases if c["kind"] == kind])
            for kind, name in ((1, "borrower"), (2, "collateral"))
        ]
    if {"wide", "ratio", "signed"} == set(columns):
        return [(columns[rule], [c for c in cases if c["rule"] == rule]) for rule in columns]
    groups = [({name: values for name, values in columns.items() if isinstance(values, list)}, cases)]
    if "index" in columns:
        groups.append((columns["index"], data["indexCases"]))
    return groups


@pytest.mark.skipif(not HAS_GENERATOR, reason="node or node_modules is missing; run `make setup`")
def test_generator__run_again__changes_nothing() -> None:
    script = FOLDER / "generate" / "all.mjs"

    result = subprocess.run(["node", str(script), "--check"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_vector_files__folder__holds_all_of_them() -> None:
    names = {path.stem for path in FILES}

    assert names == set(
        "subjects cut committee certificate leaves tree entries_root report messages ilog2 quantize z points grades state_offset "
        "model model_code terms transmission outcome".split()
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_vector_file__columns__mirror_the_cases(path: Path) -> None:
    data = json.loads(path.read_text())

    assert data["about"]
    assert data["count"] == len(data["cases"]) > 0
    for columns, cases in column_groups(data):
        assert columns
        for name, values in columns.items():
            assert values == [case[name] for case in cases], name
