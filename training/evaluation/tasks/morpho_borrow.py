"""Morpho on Base: liquidated above dust within 7 days of a borrow, valued right after it.

For two borrows in three the data do not show the level, see `training.datasets.morpho`: those count with a cautious one, and `level_known` reports the others apart. A first
borrow is one of a position seen from its beginning.
"""

from __future__ import annotations

from pathlib import Path

from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import Bundle
from training.borrow_rows import build_borrow_rows
from training.datasets.morpho import read_morpho
from training.evaluation.task import TaskRows
from training.evaluation.tasks.loans import FIRST, KNOWN, build_loan_task

_HORIZON_S = 7 * DAY_S


def build_morpho_borrow(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per borrow of the two identified markets."""
    rows = build_borrow_rows(read_morpho(data), horizon_s=_HORIZON_S, first_s=first_s, end_s=end_s)
    return build_loan_task(rows, bundle, _HORIZON_S, {FIRST: rows.is_first, KNOWN: rows.is_level_known})
