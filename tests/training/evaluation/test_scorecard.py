"""Weights of evidence by hand, and bins that only move one way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from training.evaluation.scorecard import BinnedFeature, Scorecard, bin_feature, evidence_of, fit_scorecard


def test_bin_feature__two_values__weights_by_hand() -> None:
    # Value 0: 1 of 5 positive; value 1: 4 of 5. All: 5 and 5.
    # Evidence of 0: ln(1.5/5) - ln(4.5/5) = ln(1/3); of 1 its opposite.
    column = np.array([0.0] * 5 + [1.0] * 5)
    outcome = np.array([1, 0, 0, 0, 0, 1, 1, 1, 1, 0])

    feature = bin_feature(column, outcome)

    assert feature.edges == (0.0,)
    assert feature.evidence == pytest.approx((-np.log(3), np.log(3)), abs=1e-6)
    assert feature.missing == 0


def test_bin_feature__missing_values__are_a_bin_of_their_own() -> None:
    # Missing: 2 of 2 positive, of 4 positive and 4 negative: ln(2.5/4) - ln(.5/4) = ln 5.
    column = np.array([np.nan, np.nan, 0, 0, 0, 1, 1, 1])
    outcome = np.array([1, 1, 0, 0, 0, 0, 1, 1])

    feature = bin_feature(column, outcome)

    assert feature.missing == pytest.approx(np.log(5), abs=1e-6)
    assert evidence_of(np.array([np.nan, 0.0]), feature).tolist() == pytest.approx([np.log(5), feature.evidence[0]])


def test_bin_feature__risk_that_falls_with_a_bump__bins_are_monotone() -> None:
    random = np.random.default_rng(3)
    column = random.uniform(0, 1, 5_000)
    rate = 0.5 - 0.4 * column + 0.1 * (np.abs(column - 0.55) < 0.06)
    outcome = (random.random(5_000) < rate).astype(int)

    evidence = bin_feature(column, outcome).evidence

    assert len(evidence) > 3
    assert all(a > b for a, b in pairwise(evidence))


def test_scorecard__known_card__sum_by_hand() -> None:
    feature = BinnedFeature(edges=(1.0,), evidence=(-1.0, 2.0), missing=0.5, coefficient=0.8)
    card = Scorecard(intercept=-2.0, features={"x": feature})

    assert card.score({"x": np.array([1.0, 1.5, np.nan])}).tolist() == pytest.approx([-2.8, -0.4, -1.6])


def test_fit_scorecard__one_strong_and_one_useless_column__weighs_the_strong_one() -> None:
    random = np.random.default_rng(5)
    strong, useless = random.normal(size=4_000), random.normal(size=4_000)
    outcome = (random.random(4_000) < 1 / (1 + np.exp(2 - 1.5 * strong))).astype(int)

    card = fit_scorecard({"strong": strong, "useless": useless}, outcome)

    assert card.features["strong"].coefficient == pytest.approx(1, abs=0.15)
    spread = np.ptp(card.features["useless"].evidence) * card.features["useless"].coefficient
    assert spread < 0.3


def test_fit_scorecard__column_never_shown__says_nothing() -> None:
    outcome = np.array([0, 0, 1, 0, 1, 1] * 20)
    signal = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0] * 20)

    alone = fit_scorecard({"signal": signal}, outcome).score({"signal": signal})
    both = fit_scorecard({"signal": signal, "unseen": np.full(120, np.nan)}, outcome)

    assert both.score({"signal": signal, "unseen": np.full(120, np.nan)}) == pytest.approx(alone, abs=1e-4)
