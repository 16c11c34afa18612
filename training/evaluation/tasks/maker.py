"""Maker vaults: liquidated above dust within 30 days of a borrow, and within 30 or 7 days of a weekly look."""

from __future__ import annotations

from pathlib import Path

from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import Bundle
from training.borrow_rows import build_borrow_rows
from training.datasets.maker import read_maker, read_maker_borrows
from training.evaluation.task import TaskRows
from training.evaluation.tasks.loans import FIRST, build_loan_task
from training.labels import HORIZON_S
from training.rows import build_rows_at

_WEEK_S = 7 * DAY_S


def build_maker_borrow(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per borrow, valued right after it."""
    rows = build_borrow_rows(read_maker_borrows(data), first_s=first_s, end_s=end_s)
    return build_loan_task(rows, bundle, HORIZON_S, {FIRST: rows.is_first})


def build_maker_weekly_30(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per vault with debt and week."""
    return _weekly(data, bundle, first_s, end_s, HORIZON_S)


def build_maker_weekly_7(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return the same with an outcome of 7 days."""
    return _weekly(data, bundle, first_s, end_s, _WEEK_S)


def _weekly(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS, horizon_s: int) -> TaskRows:
    dataset = read_maker(data)
    cuts = [t for t in dataset.cuts_s if first_s <= t < end_s and t + horizon_s <= dataset.end_s]
    return build_loan_task(build_rows_at(dataset, cuts[::7], horizon_s=horizon_s), bundle, horizon_s, {})
