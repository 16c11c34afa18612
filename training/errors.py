"""Errors of training: what is wrong with data or a run, and what to do."""

from __future__ import annotations

from oracle.errors import OracleError


class TrainingError(OracleError):
    """A model could not be trained or exported."""


class DatasetError(TrainingError):
    """A data folder is missing, or does not hold what it should."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"data folder {path}: {reason}")


class ReproductionError(TrainingError):
    """Training gave another model than the one that is committed."""

    def __init__(self, name: str, expected: str, given: str) -> None:
        self.name = name
        self.expected = expected
        self.given = given
        super().__init__(
            f"{name}: model id {given}, expected {expected}: the code, the data or a library changed; "
            "if on purpose, update training/expected.json"
        )
