"""The collateral model meets its baselines on every kind of split, and training knows nothing of what is tested."""

from __future__ import annotations

import numpy as np

from oracle.domain.units import DAY_S
from oracle.features.registry import COLLATERAL_SCHEMA
from training.collateral_validation import SIGNALS, baseline_logits, collateral_splits, validate_collateral_model
from training.evaluation.baselines import SCORECARD
from training.labels import GAP_FALL_BPS
from training.rows import CollateralRows
from training.splits import Fold, SplitKind
from training.train import Recipe

RECIPE = Recipe(rounds=5, depth=2, learning_rate=0.2, min_child_weight=5, l2=5)
FIRST_S = 1_612_137_600  # 2021-02-01


def rows_of() -> CollateralRows:
    """Return ten pairs every tenth day to the end of 2024; five are wild, and fall deep now and then."""
    random = np.random.default_rng(8)
    pairs, steps = (part.ravel() for part in np.meshgrid(np.arange(10), np.arange(143), indexing="ij"))
    is_wild = pairs % 2 == 0
    falls = random.exponential(np.where(is_wild, 700, 200)).astype(np.int64)
    vectors = random.integers(100, 200, (len(pairs), len(COLLATERAL_SCHEMA)))
    vectors[:, :6] += np.where(is_wild, 5_000, 1_000)[:, None]
    return CollateralRows(
        vectors=vectors,
        falls_bps=falls,
        hour_falls_bps=falls // 4,
        clusters=pairs,
        as_of_s=FIRST_S + steps * 10 * DAY_S,
    )


def test_collateral_splits__four_years__every_kind_is_there_and_purged() -> None:
    rows = rows_of()

    splits = collateral_splits(rows)

    assert {s.kind for s in splits} == set(SplitKind)
    assert [s.name for s in splits if s.kind is SplitKind.SHOCK] == [
        "May 2021",
        "June 2022",
        "November 2022",
        "August 2024",
    ]
    for split in splits:
        tested, trained = rows.as_of_s[split.fold.test], rows.as_of_s[split.fold.train]
        is_before, is_after = trained + DAY_S <= tested.min(), trained > tested.max()
        assert (is_before | (is_after & (split.kind is SplitKind.SHOCK))).all()


def test_baseline_logits__outcomes_of_tested_rows_changed__predictions_stay() -> None:
    """R-02."""
    rows = rows_of()
    outcome = (rows.falls_bps >= GAP_FALL_BPS).astype(np.int64)
    fold = Fold(train=np.arange(1_000), test=np.arange(1_000, 1_430))
    changed = outcome.copy()
    changed[1_000:] = 1 - changed[1_000:]

    first, second = (baseline_logits(rows, given, fold) for given in (outcome, changed))

    assert {name: values.tolist() for name, values in first.items()} == {n: v.tolist() for n, v in second.items()}


def test_validate_collateral_model__risk_by_volatility__is_ranked() -> None:
    validation = validate_collateral_model(rows_of(), RECIPE, n_draws=20)

    pooled = next(r for r in validation.pooled if r.kind is SplitKind.ROLLING).figures
    assert set(pooled.paired) == {"random", SCORECARD, *SIGNALS}
    auc = pooled.scores["model"]["auc"].value
    assert auc is not None
    assert auc > 0.7
    assert len(COLLATERAL_SCHEMA) > len(validation.splits[0].inputs) > 0
