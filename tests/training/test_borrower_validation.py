"""The borrower model meets every baseline on every kind of split, and training knows nothing of what is tested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oracle.domain.units import DAY_S
from oracle.features.registry import BORROWER_SCHEMA
from training.borrower import BOTH, DISTANCE, HEALTH, TREES
from training.borrower_validation import (
    baseline_logits,
    borrower_splits,
    validate_borrower_model,
)
from training.evaluation.baselines import SCORECARD
from training.evaluation.task import NO_EVENT_DAY
from training.rows import BorrowerRows
from training.rules import BARRIER_30, BARRIER_365, EPISODES, LOW_HEALTH
from training.splits import Fold, SplitKind
from training.train import Recipe

HORIZON_S = 30 * DAY_S
FIRST_S = 1_609_459_200  # 2021-01-01
RECIPE = Recipe(rounds=5, depth=2, learning_rate=0.1, min_child_weight=5, l2=10)


def rows_of() -> BorrowerRows:
    """Return 20 borrowers over two years of weeks; risk falls with the distance."""
    random = np.random.default_rng(6)
    owners, weeks = (part.ravel() for part in np.meshgrid(np.arange(20), np.arange(104), indexing="ij"))
    distance = random.uniform(0.1, 4, len(owners))
    vectors = random.integers(1, 400, (len(owners), len(BORROWER_SCHEMA)))
    vectors[:, 0] = 32_768 + np.rint(1024 * distance)
    is_positive = (random.random(len(owners)) < 0.6 * np.exp(-distance)).astype(np.int64)
    as_of_s = FIRST_S + weeks * 7 * DAY_S
    return BorrowerRows(
        vectors=vectors,
        is_positive=is_positive,
        clusters=owners,
        as_of_s=as_of_s,
        log_health=distance * 0.2,
        volatility_30d=np.full(len(owners), 0.7),
        volatility_365d=np.full(len(owners), 0.8),
        event_days=np.where(is_positive == 1, as_of_s // DAY_S + 10, NO_EVENT_DAY),
        is_borrow=np.zeros(len(owners), dtype=bool),
        is_first=np.zeros(len(owners), dtype=bool),
        is_level_known=np.ones(len(owners), dtype=bool),
        sources=np.zeros(len(owners), dtype=np.int64),
    )


def test_baseline_logits__outcomes_of_tested_rows_changed__predictions_stay() -> None:
    """R-02."""
    rows = rows_of()
    fold = Fold(train=np.arange(1_500), test=np.arange(1_500, 2_000))
    changed = rows.is_positive.copy()
    changed[1_500:] = 1 - changed[1_500:]

    first, second = (baseline_logits(given, fold) for given in (rows, replace(rows, is_positive=changed)))

    assert {name: values.tolist() for name, values in first.items()} == {n: v.tolist() for n, v in second.items()}


def test_borrower_splits__two_years__every_kind_is_there_and_purged() -> None:
    rows = rows_of()

    splits = borrower_splits(rows)

    assert {s.kind for s in splits} == set(SplitKind)
    for split in splits:
        tested, trained = rows.as_of_s[split.fold.test], rows.as_of_s[split.fold.train]
        is_before, is_after = trained + HORIZON_S <= tested.min(), trained > tested.max()
        assert (is_before | (is_after & (split.kind is SplitKind.SHOCK))).all()


@pytest.mark.parametrize("is_active", [False, True])
def test_validate_borrower_model__trees_or_not__judges_what_the_bundle_scores_with(*, is_active: bool) -> None:
    validation = validate_borrower_model(rows_of(), RECIPE, is_active=is_active, n_draws=20)

    judged, other = (TREES, DISTANCE) if is_active else (DISTANCE, TREES)
    assert validation.model == judged
    pooled = validation.pooled[0].figures
    assert set(pooled.paired) == {
        "random",
        HEALTH,
        BOTH,
        BARRIER_30,
        BARRIER_365,
        LOW_HEALTH,
        EPISODES,
        SCORECARD,
        other,
    }
    assert validation.pooled[0].kind is SplitKind.ROLLING
