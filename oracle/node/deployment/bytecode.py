"""Compiled contracts as a deployment needs them: what creates one, and what must stand at its address afterwards.

An immutable is a hole in the runtime code that creation fills; the holes are left out of the comparison. What fills them is bound by the address, which
is a hash of the creation code with its arguments (CREATE2).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from oracle.errors import MissingArtifactError

ARTIFACTS = Path(__file__).resolve().parents[3] / "build" / "forge"
COMMAND = "make contracts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A contract's creation and runtime code; `holes` are (offset, length) in the runtime code."""

    name: str
    creation: bytes
    runtime: bytes
    holes: tuple[tuple[int, int], ...]

    def is_at(self, deployed: bytes) -> bool:
        """Return whether deployed code is this one, immutables aside."""
        return len(deployed) == len(self.runtime) and self._masked(deployed) == self._masked(self.runtime)

    def _masked(self, code: bytes) -> bytes:
        masked = bytearray(code)
        for offset, length in self.holes:
            masked[offset : offset + length] = bytes(length)
        return bytes(masked)


def load_code(name: str, artifacts: Path = ARTIFACTS) -> Code:
    """Return a contract of ours by its name. Raises: MissingArtifactError if it is not compiled."""
    path = artifacts / f"{name}.sol" / f"{name}.json"
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError as cause:
        raise MissingArtifactError(str(path), COMMAND) from cause
    deployed = content["deployedBytecode"]
    places = [place for places in deployed.get("immutableReferences", {}).values() for place in places]
    return Code(
        name=name,
        creation=bytes.fromhex(content["bytecode"]["object"].removeprefix("0x")),
        runtime=bytes.fromhex(deployed["object"].removeprefix("0x")),
        holes=tuple((place["start"], place["length"]) for place in places),
    )


def tables_code(tables: bytes) -> Code:
    """Return a borrower model's tables as a contract that never runs: a STOP, then the tables. Source: `ScoreTables.deploy`."""
    runtime = b"\0" + tables
    creation = b"\x61" + len(runtime).to_bytes(2, "big") + bytes.fromhex("80600a3d393df3") + runtime
    return Code(name="borrower tables", creation=creation, runtime=runtime, holes=())
