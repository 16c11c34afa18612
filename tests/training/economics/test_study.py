"""The study's models: each knows only what lay before it, and is said before it is trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oracle.domain.units import DAY_S
from tests.training.test_collateral_validation import FIRST_S, RECIPE, rows_of
from training.economics.static_terms import StaticTerms
from training.economics.study import AssetLoans, keep_days, keep_eth, keep_recorded, keep_recorded_majors, train_until

CUTOFF_S = FIRST_S + 700 * DAY_S


def test_train_until__falls_after_the_day__change_no_model_of_it() -> None:
    rows, said = rows_of(), list[str]()
    is_later = rows.as_of_s + DAY_S > CUTOFF_S
    other = replace(rows, falls_bps=np.where(is_later, 9_000, rows.falls_bps))

    (first,), (second,) = (train_until(part, RECIPE, [CUTOFF_S], said.append) for part in (rows, other))

    assert first.known_until_s == second.known_until_s == CUTOFF_S
    assert first.model.tables == second.model.tables
    assert first.model.trees.leaves.tolist() == second.model.trees.leaves.tolist()
    assert said == [f"replay: model 1 of 1, on {int((~is_later).sum())} rows before 2023-01-02"] * 2


def loans() -> AssetLoans:
    return AssetLoans(
        days=np.array([3, 4, 5]),
        is_recorded=np.array([False, True, True]),
        granted=np.ones(3),
        liquidated=np.zeros(3),
        bad_debt=np.zeros((3, 1)),
    )


def test_keep__each_choice__picks_its_loans_by_hand() -> None:
    terms = StaticTerms(ltv_bps=np.array([0, 0, 0, 80, 0, 80]), threshold_bps=np.zeros(6))

    assert keep_recorded("LINK", loans()).tolist() == [False, True, True]
    assert keep_recorded_majors("LINK", loans()).tolist() == [False, False, False]
    assert keep_recorded_majors("ETH", loans()).tolist() == [False, True, True]
    assert keep_days(4, 5)("LINK", loans()).tolist() == [False, True, False]
    assert keep_eth(terms)("ETH", loans()).tolist() == [True, False, True]
    assert keep_eth(terms)("LINK", loans()).tolist() == [False, False, False]
