"""Snapping: thresholds up, leaves to 2^-12, the base spread exactly, trees completed."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.scoring.reference import compute_margins
from tests.scoring.test_exactness import SCHEMA
from training.errors import TrainingError
from training.snap import Leaf, Node, Split, pack_trees, snap_booster, snap_threshold
from training.train import Recipe, train_trees
from training.units import LEAF_UNITS


@pytest.mark.parametrize(
    ("value", "threshold"), [(3.0, 3), (3.5, 4), (0.2, 1), (-7.0, 1), (131_064.0, 65_535), (float("inf"), 65_535)]
)
def test_snap_threshold__any_value__parts_integers_alike(value: float, threshold: int) -> None:
    assert snap_threshold(value) == threshold
    assert all((x < value) == (x < threshold) for x in (1, 2, 3, 4, 65_534))


def test_pack_trees__unequal_depths__are_padded_with_equal_leaves() -> None:
    """A stump beside a tree of depth 2: by hand, x0 < 10 gives 5, else 7; and a chain on slot 1."""
    stump: Node = Split(feature=0, threshold=10, default_left=True, left=Leaf(units=5), right=Leaf(units=7))
    chain: Node = Split(
        feature=1,
        threshold=3,
        default_left=False,
        left=Leaf(units=100),
        right=Split(feature=0, threshold=20, default_left=True, left=Leaf(units=200), right=Leaf(units=300)),
    )
    trees = pack_trees([stump, chain])

    margins = compute_margins(trees, np.array([[9, 2], [10, 3], [20, 3], [0, 0]]))

    assert trees.depth == 2
    assert margins.tolist() == [105, 207, 307, 205]


@pytest.mark.parametrize("units", [2**15, -(2**15) - 1])
def test_pack_trees__leaf_beyond_int16__is_refused(units: int) -> None:
    with pytest.raises(TrainingError):
        pack_trees([Leaf(units=units)])


def test_pack_trees__sum_beyond_float32__is_refused() -> None:
    with pytest.raises(TrainingError):
        pack_trees([Leaf(units=2**15 - 1)] * 201)


def test_snap_booster__base_units__are_spread_exactly() -> None:
    random = np.random.default_rng(2)
    rows = random.integers(1, 60_000, (500, len(SCHEMA)))
    labels = (rows[:, 2] > 30_000).astype(np.int64)
    booster = train_trees(rows, labels, SCHEMA, Recipe(rounds=7, depth=2, learning_rate=0.3, min_child_weight=1, l2=1))

    plain = compute_margins(pack_trees(snap_booster(booster)[0]), rows)
    shifted = compute_margins(pack_trees(snap_booster(booster, base_units=-1_234)[0]), rows)

    assert set((shifted - plain).tolist()) == {-1_234}


def test_snap_booster__margins__are_within_half_a_unit_per_tree() -> None:
    random = np.random.default_rng(3)
    rows = random.integers(1, 60_000, (500, len(SCHEMA)))
    labels = (rows[:, 2] + rows[:, 5] > 60_000).astype(np.int64)
    recipe = Recipe(rounds=20, depth=3, learning_rate=0.3, min_child_weight=1, l2=1)
    booster = train_trees(rows, labels, SCHEMA, recipe)

    nodes, snapped = snap_booster(booster)

    import xgboost as xgb

    data = xgb.DMatrix(rows.astype(np.float32), base_margin=np.zeros(500, dtype=np.float32), nthread=1)
    before = booster.predict(data, output_margin=True) * LEAF_UNITS
    assert np.abs(compute_margins(pack_trees(nodes), rows) - before).max() <= 0.5 * 20 + 0.1
    assert (snapped.predict(data, output_margin=True) * LEAF_UNITS == compute_margins(pack_trees(nodes), rows)).all()
