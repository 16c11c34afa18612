"""Steps from one schema version to the next.

Version 1 is what `oracle/storage/tables.py` makes in an empty file. A release that changes a table raises `SCHEMA_VERSION` and adds the statements
that bring the version before it there; they run in one transaction, in order, by `assay node migrate` and never on their own.
"""

from __future__ import annotations

from collections.abc import Mapping

SCHEMA_VERSION = 1
STEPS: Mapping[int, tuple[str, ...]] = {}
"""Statements that lead to a version from the one before."""
