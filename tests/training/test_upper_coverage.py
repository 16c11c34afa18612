"""Coverage of upper bounds out of time: bins by hand, bounds that know the past only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.training.test_borrower_validation import RECIPE, rows_of
from training.borrower import validate_borrower
from training.labels import HORIZON_S
from training.rows import BorrowerRows
from training.upper_coverage import BINS, compute_coverage, cover, coverage_lines


def two_sources() -> BorrowerRows:
    """Return a source of looks, and later borrows of another whose levels are known for every second one."""
    looks, later = rows_of(), rows_of()
    other = replace(
        later,
        as_of_s=later.as_of_s + 800 * 86_400,
        sources=np.ones_like(later.sources),
        clusters=later.clusters + 100,
        is_borrow=np.ones_like(later.is_borrow),
        is_level_known=np.arange(len(later.sources)) % 2 == 0,
    )
    return BorrowerRows(
        **{
            name: np.concatenate([getattr(looks, name), getattr(other, name)])
            for name in BorrowerRows.__dataclass_fields__
        }
    )


def test_cover__half_the_bins_above_their_bound__counts_the_other_half() -> None:
    rows = rows_of().select(np.arange(1_000))
    happened = np.repeat([0, 1] * (BINS // 2), 1_000 // BINS)

    found = cover("weekly", replace(rows, is_positive=happened), np.full(1_000, 0.5), np.arange(1_000))

    assert (found.covered, found.bins, found.positives) == (5, 10, 500)
    assert (found.allowed, found.realised) == (0.5, 0.5)


def test_compute_coverage__kinds_and_folds__each_with_looks_before_it() -> None:
    rows = two_sources()
    validation = validate_borrower(rows, RECIPE, is_sandbox=False)

    found = compute_coverage(rows, validation, is_active=False)

    assert [c.kind for c in found].count("weekly") == len(validation.folds) - 2
    assert [c.kind for c in found][-2:] == [
        "borrows of other sources, level known",
        "borrows of other sources, level unknown",
    ]
    assert all(c.realised < 1 and 0 < c.allowed < 1 for c in found)


def test_compute_coverage__outcomes_of_the_last_fold_changed__bounds_stay() -> None:
    rows = two_sources()
    validation = validate_borrower(rows, RECIPE, is_sandbox=False)
    last = validation.folds[-1].test
    changed = replace(rows, is_positive=np.where(np.isin(np.arange(len(rows.sources)), last), 1, rows.is_positive))

    before, after = (compute_coverage(r, validation, is_active=False) for r in (rows, changed))

    assert [c.allowed for c in before] == [c.allowed for c in after]
    assert [c.covered for c in before[:-2]] == [c.covered for c in after[:-2]]
    assert [c.covered for c in after[-2:]] == [0, 0]


def test_compute_coverage__looks_whose_horizon_is_not_over__make_no_bound() -> None:
    """All outcomes of the month before a fold are turned; what the bounds of that fold allow stays."""
    rows = rows_of()
    validation = validate_borrower(rows, RECIPE, is_sandbox=False)
    second = validation.folds[1].test
    first_s = int(rows.as_of_s[second].min())
    recent = (rows.as_of_s + HORIZON_S > first_s) & (rows.as_of_s < first_s)
    turned = replace(rows, is_positive=np.where(recent, 1 - rows.is_positive, rows.is_positive))

    before, after = (compute_coverage(r, validation, is_active=False)[0] for r in (rows, turned))

    assert recent.any()
    assert before == after


def test_coverage_lines__two_folds_of_a_kind__add_up_to_a_share() -> None:
    rows = rows_of().select(np.arange(100))
    fold = cover("weekly", replace(rows, is_positive=np.zeros(100, dtype=np.int64)), np.full(100, 0.1), np.arange(100))
    none = replace(fold, covered=5)

    lines = coverage_lines((fold, none))

    assert "weekly 75%" in lines[1]
    assert sum(line.startswith("| weekly |") for line in lines) == 2
    assert "No fold" in coverage_lines(())[1]
