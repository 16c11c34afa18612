"""Behaviour trees of two sources: hiding history never pays, a source's level is not learned, slot 0 is never split on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oracle.domain.ids import SubjectId
from oracle.features.registry import BORROWER_SCHEMA
from oracle.scoring.bundle import load_bundle
from oracle.scoring.calibration import score_borrowers
from oracle.scoring.reference import compute_margins
from tests.training.test_borrower_validation import rows_of
from training.behaviour import fit_behaviour, mask_as_others, source_intercepts, worst_case
from training.rows import BorrowerRows, concatenate
from training.train import Recipe

type Array = np.ndarray[Any, Any]

RECIPE = Recipe(rounds=20, depth=3, learning_rate=0.2, min_child_weight=1, l2=1)
SHOWN_BY_BOTH = [0, 5, 6]
N_SLOTS = len(BORROWER_SCHEMA)


def two_sources() -> BorrowerRows:
    """Return a source that shows everything and one that shows three slots, five times as often positive; risk rises with liquidation episodes."""
    random = np.random.default_rng(8)
    full = rows_of()
    rows = concatenate([full, full])
    vectors = rows.vectors.copy()
    vectors[:, 5] = random.integers(1, 6, len(vectors))
    is_partial = rows.sources == 1
    hidden = [slot for slot in range(N_SLOTS) if slot not in SHOWN_BY_BOTH]
    vectors[np.ix_(np.flatnonzero(is_partial), hidden)] = 0
    chance = 0.02 * vectors[:, 5] * np.where(is_partial, 5, 1)
    changed = {"vectors": vectors, "is_positive": (random.random(len(vectors)) < chance).astype(np.int64)}
    return BorrowerRows(**{**{f: getattr(rows, f) for f in rows.__dataclass_fields__}, **changed})


@pytest.fixture(scope="module")
def released() -> Any:
    return load_bundle("borrower-1", allow_sandbox=False).model.trees


def random_vectors() -> Array:
    random = np.random.default_rng(2)
    highs = np.array([feature.hi for feature in BORROWER_SCHEMA])
    vectors = np.rint(1 + random.random((2_000, N_SLOTS)) ** 4 * (highs - 1)).astype(np.int64)
    vectors[random.random(vectors.shape) < 0.2] = 0
    return np.asarray(vectors)


def test_released_trees__any_slot_masked__margin_never_lower(released: Any) -> None:
    """The law on deleted history: whoever hides a slot is not better off."""
    vectors = random_vectors()
    before = compute_margins(released, vectors)

    for slot in range(N_SLOTS):
        masked = vectors.copy()
        masked[:, slot] = 0
        assert np.all(compute_margins(released, masked) >= before)


def test_released_bundle__all_missing__is_the_prior_that_the_card_declares(released: Any) -> None:
    nothing = np.zeros((1, N_SLOTS), dtype=np.int64)
    card = load_bundle("borrower-1", allow_sandbox=False).card

    prior = int(compute_margins(released, nothing)[0])

    assert f"the behaviour margin is {prior} units" in card
    assert prior >= compute_margins(released, random_vectors()).max()


def test_released_bundle__beyond_what_training_saw__unrated() -> None:
    model = load_bundle("borrower-1", allow_sandbox=False).model
    seen = np.array([support.lo for support in model.support], dtype=np.int64)
    bounded = [s for s in range(1, N_SLOTS) if model.support[s].hi < BORROWER_SCHEMA[s].hi]
    beyond = np.array([np.where(np.arange(N_SLOTS) == s, model.support[s].hi + 1, seen) for s in bounded])

    scores = score_borrowers(
        model, [SubjectId(bytes([i]) * 32) for i in range(len(beyond))], beyond, compute_margins(model.trees, beyond)
    )

    assert bounded
    assert {score.grade for score in scores} == {0}


def test_fit_behaviour__second_source_riskier__level_is_not_in_the_trees() -> None:
    rows = two_sources()
    offsets = np.full(len(rows.vectors), -8_192)

    trees = fit_behaviour(rows, offsets, RECIPE)

    # The same history under either mask: a source five times as risky moves it by less than a tenth of ln 5.
    shown = rows.vectors[rows.sources == 0]
    masked = np.where(np.isin(np.arange(N_SLOTS), SHOWN_BY_BOTH), shown, 0)
    gap = compute_margins(trees, masked).mean() - compute_margins(trees, shown).mean()
    assert 0 <= gap / 4_096 < 0.5 * np.log(5)
    assert not np.any((trees.features == 0) & (trees.thresholds < 65_535))
    worse = masked.copy()
    worse[:, 5] += 3
    assert compute_margins(trees, worse).mean() > compute_margins(trees, masked).mean() + 1_000


def test_source_intercepts__by_hand__are_the_log_odds_of_each_source() -> None:
    # From offsets of 0 a source's intercept is the log-odds of its rate.
    rows = two_sources()
    intercepts = source_intercepts(rows, np.zeros(len(rows.vectors)))

    for source in (0, 1):
        rate = rows.is_positive[rows.sources == source].mean()
        assert intercepts[rows.sources == source] == pytest.approx(np.log(rate / (1 - rate)), abs=1e-6)


def test_mask_as_others__full_rows__once_as_they_are_and_once_masked_at_half_weight() -> None:
    rows = two_sources()
    n_full = int((rows.sources == 0).sum())

    vectors, take, weights = mask_as_others(rows)

    added = vectors[len(rows.vectors) :]
    assert len(added) == n_full
    assert np.all((added[:, SHOWN_BY_BOTH] > 0).all(axis=1))
    assert np.all(np.delete(added, SHOWN_BY_BOTH, axis=1) == 0)
    assert weights.sum() == len(rows.vectors)
    assert np.array_equal(take[len(rows.vectors) :], np.flatnonzero(rows.sources == 0))


def test_worst_case__missing_slots__stand_at_the_risky_end() -> None:
    floats = worst_case(np.zeros((1, N_SLOTS), dtype=np.int64), BORROWER_SCHEMA)[0]

    ends = {-1: 0.0, 1: 65_535.0}
    assert floats[1:].tolist() == [ends[int(f.monotone)] for f in BORROWER_SCHEMA[1:]]
