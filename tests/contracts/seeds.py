"""Seeds: one line of a contract each, what to put in its place, and the test that must notice."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEEDS = Path(__file__).with_name("seeds.toml")
SOURCES = Path("contracts/src")
TESTS = Path("contracts/test")


class PatternError(ValueError):
    """A seed's text does not stand exactly once where it should."""

    def __init__(self, seed: str, found: int) -> None:
        self.seed, self.found = seed, found
        super().__init__(
            f"{seed}: its text stands {found} times in its file, not once; bring seeds.toml up to the source"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A wrong line; paths are relative to contracts/src and contracts/test, `case` is a regular expression over names of tests."""

    name: str
    law: str
    file: str
    find: str
    put: str
    test: str
    case: str

    @property
    def source(self) -> Path:
        """Return the contract's path inside the checkout."""
        return SOURCES / self.file

    @property
    def judge_path(self) -> Path:
        """Return the path of the test's file inside the checkout."""
        return TESTS / self.test

    def apply(self, text: str) -> str:
        """Return `text` with the one line wrong.

        Raises:
            PatternError: `find` stands there never, or more than once.
        """
        found = text.count(self.find)
        if found != 1:
            raise PatternError(self.name, found)
        return text.replace(self.find, self.put)


def read_seeds(path: Path = SEEDS) -> tuple[Seed, ...]:
    """Return all seeds in the order of the file; each states every field of `Seed`, and nothing else."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["seed"]
    names = {field.name for field in fields(Seed)}
    wrong = [table.get("name", "?") for table in tables if set(table) != names]
    if wrong:
        raise ValueError(f"{path.name}: these seeds do not state exactly {sorted(names)}: {wrong}")
    return tuple(Seed(**table) for table in tables)
