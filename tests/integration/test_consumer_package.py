"""The package for consumers as npm packs it: whole, and compiled by a project that has nothing else of ours."""

from __future__ import annotations

import subprocess
import tarfile
from typing import Any

import orjson
import pytest

from oracle.sandbox.artifacts import REPOSITORY

PACKAGE = "assay-consumer"
EXAMPLE_LINES = 60
FOREIGN = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
import { ScoreConsumer } from "assay-consumer/src/consumer/ScoreConsumer.sol";
import { IScoreOracle } from "assay-consumer/src/interfaces/IScoreOracle.sol";

contract Foreign is ScoreConsumer {
    constructor(IScoreOracle oracle_) ScoreConsumer(oracle_) { }

    function gradeOf(uint64 epoch, IScoreOracle.BorrowerScore calldata score, bytes32[] calldata proof)
        external view returns (uint8)
    {
        return _ratingOf(msg.sender, epoch, score, proof).grade;
    }
}
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The packed Solidity files by the name that an importer gives them."""
    folder = tmp_path_factory.mktemp("package")
    command = ["npm", "pack", "--silent", "--offline", "--ignore-scripts", "--pack-destination", str(folder)]
    subprocess.run([*command, str(REPOSITORY / "contracts")], check=True, capture_output=True, timeout=60)
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    root = folder / "package"
    return {f"{PACKAGE}/{path.relative_to(root)}": path.read_text() for path in sorted(root.rglob("*.sol"))}


def compile_sources(sources: dict[str, str]) -> dict[str, Any]:
    """Return what the pinned compiler makes of these files and no others."""
    request = {
        "language": "Solidity",
        "sources": {name: {"content": content} for name, content in sources.items()},
        "settings": {"outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}}},
    }
    command = [str(REPOSITORY / "contracts" / "tools" / "solc"), "--standard-json"]
    done = subprocess.run(command, input=orjson.dumps(request), capture_output=True, check=True, timeout=60)
    output: dict[str, Any] = orjson.loads(done.stdout)
    errors = [error["formattedMessage"] for error in output.get("errors", ()) if error["severity"] == "error"]
    assert not errors, errors[0]
    return output["contracts"]  # type: ignore[no-any-return]


def test_package__in_a_foreign_project__compiles_alone(sources: dict[str, str]) -> None:
    compiled = compile_sources({**sources, "Foreign.sol": FOREIGN})

    assert compiled["Foreign.sol"]["Foreign"]["evm"]["bytecode"]["object"]
    functions = {entry.get("name") for entry in compiled["Foreign.sol"]["Foreign"]["abi"]}
    assert {"gradeOf", "oracle", "NotYourScore"} <= functions


def test_package__worked_example__is_short_and_whole(sources: dict[str, str]) -> None:
    example = sources[f"{PACKAGE}/src/examples/ScoredVault.sol"]

    assert example.count("\n") < EXAMPLE_LINES
    assert compile_sources(sources)[f"{PACKAGE}/src/examples/ScoredVault.sol"]["ScoredVault"]["evm"]["bytecode"][
        "object"
    ]
