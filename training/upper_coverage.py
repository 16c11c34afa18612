"""How often upper bounds hold out of time: shares of bins in which no more came true than `pd_upper` allows.

Before each fold, probabilities and bounds are made as a release makes them, from the looks that earlier folds held out and whose horizon had then ended; the
fold's rows are cut by margin into ten bins of equal number. The bounds are one-sided at 95 %, for the rate of borrowers like these at any time: a crash that the past
did not show breaks them in many bins at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from training import calibrate
from training.borrower import Validation
from training.labels import HORIZON_S
from training.rows import BorrowerRows

type Array = np.ndarray[Any, Any]

BINS = 10
_LEAST_POSITIVES = 10


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Bins of one kind of row in one fold: how many, in how many no more came true than was allowed, and both rates over all of them."""

    kind: str
    tested: tuple[date, date]
    positives: int
    bins: int
    covered: int
    allowed: float
    realised: float


def compute_coverage(rows: BorrowerRows, validation: Validation, *, is_active: bool) -> tuple[Coverage, ...]:
    """Return the coverage of every fold that has looks with outcomes before it, by kind of row."""
    margins = validation.structural_margins + (validation.tree_margins if is_active else 0)
    found: list[Coverage] = []
    start = 0
    for fold in validation.folds:
        stop = start + len(fold.test)
        first_s = int(rows.as_of_s[fold.test].min())
        known = _known_looks(rows, validation.rows[:start], first_s)
        past = validation.rows[:start][known]
        if rows.is_positive[past].sum() >= _LEAST_POSITIVES:
            upper = _bounds(margins[:start][known], rows.is_positive[past], rows.clusters[past])
            found += _cover_kinds(rows, fold.test, margins[start:stop], upper)
        start = stop
    return tuple(found)


def coverage_lines(coverages: tuple[Coverage, ...]) -> list[str]:
    """Return the card's table, with the share of bins per kind of row."""
    rows = [
        f"| {c.kind} | {c.tested[0]} to {c.tested[1]} | {c.positives} | {c.covered} of {c.bins} | {c.allowed:.2%} | {c.realised:.2%} |"
        for c in coverages
    ]
    shares = []
    for kind in dict.fromkeys(c.kind for c in coverages):
        bins, covered = (sum(getattr(c, name) for c in coverages if c.kind == kind) for name in ("bins", "covered"))
        shares.append(f"{kind} {covered / bins:.0%}")
    if not rows:
        return ["## Upper bounds out of time", "No fold has looks with outcomes enough before it."]
    return [
        "## Upper bounds out of time",
        f"Bins of equal number by margin in which no more came true than `pd_upper`, made before the fold as a release makes it: {', '.join(shares)}.",
        "",
        "| rows | tested | positive | covered | mean bound | happened |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]


def _known_looks(rows: BorrowerRows, held_out: Array, first_s: int) -> Array:
    is_look = ~rows.is_borrow[held_out] & (rows.sources[held_out] == 0)
    return np.asarray(is_look & (rows.as_of_s[held_out] + HORIZON_S <= first_s))


def _bounds(margins: Array, is_positive: Array, clusters: Array) -> Array:
    pd_ppm = calibrate.probability_table(*calibrate.fit_recalibration(margins, is_positive))
    return np.array(calibrate.upper_bound_table(pd_ppm, margins, is_positive, clusters)) / 1e6


def _cover_kinds(rows: BorrowerRows, test: Array, margins: Array, upper: Array) -> list[Coverage]:
    is_first_source, is_borrow = rows.sources[test] == 0, rows.is_borrow[test]
    kinds = {
        "weekly": is_first_source & ~is_borrow,
        "borrows": is_first_source & is_borrow,
        "borrows of other sources, level known": ~is_first_source & is_borrow & rows.is_level_known[test],
        "borrows of other sources, level unknown": ~is_first_source & is_borrow & ~rows.is_level_known[test],
    }
    return [
        cover(kind, rows.select(test[mask]), upper[calibrate.table_index(margins[mask])], margins[mask])
        for kind, mask in kinds.items()
        if mask.sum() >= BINS
    ]


def cover(kind: str, rows: BorrowerRows, allowed: Array, margins: Array) -> Coverage:
    """Return the coverage of rows with these bounds, in bins of equal number by margin."""
    parts = np.array_split(np.argsort(margins, kind="stable"), BINS)
    covered = sum(bool(rows.is_positive[part].mean() <= allowed[part].mean()) for part in parts)
    return Coverage(
        kind=kind,
        tested=(_day(int(rows.as_of_s.min())), _day(int(rows.as_of_s.max()))),
        positives=int(rows.is_positive.sum()),
        bins=BINS,
        covered=covered,
        allowed=float(allowed.mean()),
        realised=float(rows.is_positive.mean()),
    )


def _day(time_s: int) -> date:
    return datetime.fromtimestamp(time_s, UTC).date()
