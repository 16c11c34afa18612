"""What `assay node check` found: well, worth knowing, or in the way of a start."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from oracle.errors import OracleError


class Level(StrEnum):
    """How bad a finding is; a warning is what another operator may still mend, and fails no check."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    level: Level
    detail: str


def good(name: str, detail: str) -> Finding:
    """Return that something is well."""
    return Finding(name=name, level=Level.OK, detail=detail)


def warn(name: str, detail: str) -> Finding:
    """Return that something is worth knowing."""
    return Finding(name=name, level=Level.WARN, detail=detail)


def bad(name: str, detail: str) -> Finding:
    """Return that something keeps the node from working."""
    return Finding(name=name, level=Level.BAD, detail=detail)


def failed(name: str, error: OracleError) -> Finding:
    """Return an error as a finding; the name is not said twice."""
    return bad(name, str(error).removeprefix(f"{name}: ").removeprefix(f"{name} "))
