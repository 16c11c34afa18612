"""Drift and the reference population: hand-worked indices, bins, and what a file must say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.fixed_point import Z_NO_DEBT
from oracle.domain.score import ScoreKind
from oracle.features.registry import BORROWER_SCHEMA, COLLATERAL_SCHEMA
from oracle.scoring.bundle import load_bundle
from oracle.scoring.drift import Shift, compute_drifts, compute_psi, select_columns
from oracle.scoring.population import SCORE, make_reference
from oracle.scoring.reference import compute_margins

counts = st.lists(st.integers(0, 10**6), min_size=2, max_size=12).filter(any)


def random_columns(seed: int, rows: int, kind: ScoreKind = ScoreKind.BORROWER) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    schema = BORROWER_SCHEMA if kind is ScoreKind.BORROWER else COLLATERAL_SCHEMA
    columns = {f.name: random.integers(0, 500, rows) for f in schema}
    return {**columns, SCORE: random.integers(-30_000, 10_000, rows)}


def test_compute_psi__hand_worked__is_the_sum_over_bins() -> None:
    # Half a row in each bin: p = 90.5/101, 10.5/101; q = 50.5/101 twice.
    psi, by_chance = compute_psi([90, 10], [50, 50])

    assert psi == pytest.approx((50.5 - 90.5) / 101 * math.log(50.5 / 90.5) + 40 / 101 * math.log(50.5 / 10.5))
    assert by_chance == pytest.approx(1 / 100 + 1 / 100)


def test_compute_psi__bin_that_neither_holds__says_nothing() -> None:
    """Ten thousand rows and twenty of one distribution: a slot that is never missing must not look like drift."""
    assert compute_psi([0, 5_000, 5_000], [0, 10, 10]) == compute_psi([5_000, 5_000], [10, 10])


@given(before=counts)
def test_compute_psi__same_counts__is_zero(before: list[int]) -> None:
    assert compute_psi(before, before)[0] == 0


def test_compute_psi__no_drift__its_mean_is_what_chance_gives() -> None:
    random = np.random.default_rng(3)

    def draw(rows: int) -> list[int]:
        counted: list[int] = random.multinomial(rows, np.full(10, 0.1)).tolist()
        return counted

    found = [compute_psi(draw(2_000), draw(500)) for _ in range(2_000)]

    assert np.mean([psi for psi, _ in found]) == pytest.approx(found[0][1], rel=0.05)


def test_make_reference__most_rows_at_the_largest_value__tells_the_others_apart() -> None:
    """Nine borrowers in ten were never liquidated, which is the largest number of days since."""
    columns = {**random_columns(1, 100), "days_since_liquidation": np.array([65_534] * 90 + [31] * 10)}

    histogram = make_reference(columns).columns["days_since_liquidation"]

    assert (histogram.edges, histogram.counts) == ((0, 31), (0, 10, 90))


@given(seed=st.integers(0, 1_000), rows=st.integers(1, 300))
def test_make_reference__own_rows__have_no_drift(seed: int, rows: int) -> None:
    columns = random_columns(seed, rows)

    drifts = compute_drifts(make_reference(columns), columns)

    assert [drift.psi for drift in drifts] == [0.0] * len(columns)
    assert {drift.shift for drift in drifts} == {Shift.STEADY}


def test_compute_drifts__one_feature_moved__is_named() -> None:
    reference = make_reference(random_columns(1, 5_000))
    now = random_columns(2, 5_000)
    now["debt_age"] = now["debt_age"] + 250

    moved = {drift.name: drift.shift for drift in compute_drifts(reference, now) if drift.shift is not Shift.STEADY}

    assert moved == {"debt_age": Shift.LARGE}


def test_compute_drifts__no_rows__says_nothing() -> None:
    reference = make_reference(random_columns(1, 100))

    assert compute_drifts(reference, random_columns(1, 0)) == ()


def test_select_columns__borrower_without_debt__is_left_out() -> None:
    model = load_bundle("borrower-1", allow_sandbox=False).model
    vectors = np.ones((3, len(BORROWER_SCHEMA)), dtype=np.int64)
    vectors[:, 0] = [33_000, Z_NO_DEBT, 40_000]

    columns = select_columns(model, vectors, compute_margins(model.trees, vectors))

    assert columns["z"].tolist() == [33_000, 40_000]
    # Trees in shadow: the score is the offset alone.
    assert columns[SCORE].tolist() == [model.borrower_tables.state_offset(z) for z in (33_000, 40_000)]
