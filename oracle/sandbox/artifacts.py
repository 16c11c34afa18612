"""Compiled contracts: Aave's from its npm package, ours from `build/forge`; bytecode is linked here.

Nothing is vendored: a missing artifact is an error that names the command which makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from oracle.errors import MissingArtifactError

REPOSITORY = Path(__file__).resolve().parents[2]
AAVE_ARTIFACTS = REPOSITORY / "node_modules" / "@aave" / "core-v3" / "artifacts" / "contracts"
FORGE_ARTIFACTS = REPOSITORY / "build" / "forge"
WORLDS = REPOSITORY / "build" / "worlds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Creation code with holes for library addresses: (library name, byte offset)."""

    name: str
    code_hex: str
    holes: tuple[tuple[str, int], ...]

    def link(self, libraries: Mapping[str, str]) -> bytes:
        """Return creation code with every hole filled from `libraries` (name to address)."""
        code = self.code_hex
        for library, offset in self.holes:
            start = 2 * offset
            code = code[:start] + libraries[library][2:].lower() + code[start + 40 :]
        return bytes.fromhex(code)


def find_program(name: str) -> Path:
    """Return the path of a foundry program of the npm packages."""
    path = REPOSITORY / "node_modules" / ".bin" / name
    if not path.exists():
        raise MissingArtifactError(str(path.relative_to(REPOSITORY)), "npm ci --ignore-scripts")
    return path


@lru_cache(maxsize=64)
def load_aave_artifact(path: str) -> Artifact:
    """Return an artifact of `@aave/core-v3`, e.g. `protocol/pool/Pool`."""
    name = path.rsplit("/", 1)[-1]
    content = _load(AAVE_ARTIFACTS / f"{path}.sol" / f"{name}.json", "npm ci --ignore-scripts")
    return _to_artifact(name, content["bytecode"], content["linkReferences"])


@lru_cache(maxsize=64)
def load_forge_artifact(name: str) -> Artifact:
    """Return an artifact of our own contracts by contract name."""
    content = _load(FORGE_ARTIFACTS / f"{name}.sol" / f"{name}.json", "forge build")
    return _to_artifact(name, content["bytecode"]["object"], content["bytecode"]["linkReferences"])


def _to_artifact(name: str, code: str, references: Mapping[str, Mapping[str, list[dict[str, int]]]]) -> Artifact:
    holes = [
        (library, place["start"])
        for libraries in references.values()
        for library, places in libraries.items()
        for place in places
    ]
    return Artifact(name=name, code_hex=code.removeprefix("0x"), holes=tuple(holes))


def _load(path: Path, command: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
    except FileNotFoundError as cause:
        raise MissingArtifactError(str(path.relative_to(REPOSITORY)), command) from cause
    return content
