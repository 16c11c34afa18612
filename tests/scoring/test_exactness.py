"""One model, three machines, no mismatch: xgboost, ONNX Runtime at any thread count, batch and tree order, and the integer reference.

S-01 and S-02 on 200,000 rows with missing values and values at thresholds; the model is as large as any may be: 200 trees of depth 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import xgboost as xgb

from oracle.features.registry import Feature, Monotone, Schema
from oracle.scoring.model import IntArray, Trees
from oracle.scoring.reference import compute_attributions, compute_margins
from oracle.scoring.session import UNITS, TreeSession
from training.onnx_graph import build_graph
from training.snap import pack_trees, snap_booster
from training.train import Recipe, to_floats, train_trees

N_ROWS = 200_000
N_FEATURES = 12
BASE_UNITS = -9_123
SCHEMA: Schema = tuple(
    Feature(name=f"f{slot}", slot=slot, unit="1", kind="ratio", lo=1, hi=65_534, monotone=Monotone(slot % 3 - 1))
    for slot in range(N_FEATURES)
)


@dataclass(frozen=True)
class Trained:
    """A snapped model in its forms, rows, and what the reference says of them."""

    booster: xgb.Booster
    trees: Trees
    rows: IntArray
    margins: IntArray


@pytest.fixture(scope="module")
def trained() -> Trained:
    random = np.random.default_rng(17)
    sample = random.integers(1, 65_535, (12_000, N_FEATURES))
    sample[random.random(sample.shape) < 0.1] = 0
    score = ((sample - 32_768) * (np.arange(N_FEATURES) % 3 - 1)).sum(axis=1) / 40_000 + sample[:, 1] % 7000 / 7000
    labels = (random.random(len(sample)) < 1 / (1 + np.exp(-score))).astype(np.int64)
    recipe = Recipe(rounds=200, depth=5, learning_rate=0.1, min_child_weight=1, l2=1)
    nodes, booster = snap_booster(train_trees(sample, labels, SCHEMA, recipe), base_units=BASE_UNITS)
    trees = pack_trees(nodes)
    rows = exact_rows(trees, random)
    return Trained(booster, trees, rows, compute_margins(trees, rows))


def exact_rows(trees: Trees, random: np.random.Generator) -> IntArray:
    """Return rows of which a third of the slots are at a threshold or one beside it, and a seventh is missing."""
    rows = random.integers(1, 65_535, (N_ROWS, N_FEATURES))
    for slot in range(N_FEATURES):
        thresholds = trees.thresholds[trees.features == slot]
        at = random.choice(thresholds, N_ROWS) + random.integers(-1, 2, N_ROWS)
        is_at = random.random(N_ROWS) < 1 / 3
        rows[is_at, slot] = np.clip(at[is_at], 1, 65_534)
    rows[random.random(rows.shape) < 1 / 7] = 0
    return rows


def test_trained__largest_model__uses_every_tree_and_many_margins(trained: Trained) -> None:
    assert (trained.trees.n_trees, trained.trees.depth) == (200, 5)
    assert len(np.unique(trained.margins)) > 10_000


def test_xgboost__snapped_booster__equals_the_reference(trained: Trained) -> None:
    data = xgb.DMatrix(to_floats(trained.rows), base_margin=np.zeros(N_ROWS, dtype=np.float32), nthread=1)

    output = trained.booster.predict(data, output_margin=True).astype(np.float64) * UNITS

    assert np.count_nonzero(output != trained.margins) == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_runtime__all_rows_at_once__equals_the_reference(trained: Trained, threads: int) -> None:
    session = TreeSession(build_graph(trained.trees, N_FEATURES), trained.trees, intra_op_threads=threads)

    assert np.count_nonzero(session.margins(trained.rows) != trained.margins) == 0


@pytest.mark.parametrize("batch", [64, 1])
def test_runtime__small_batches__equal_the_reference(trained: Trained, batch: int) -> None:
    session = TreeSession(build_graph(trained.trees, N_FEATURES), trained.trees)

    margins = np.concatenate([session.raw_margins(trained.rows[i : i + batch]) for i in range(0, N_ROWS, batch)])

    assert np.count_nonzero(margins != trained.margins) == 0


def test_runtime__shuffled_trees__equal_the_reference(trained: Trained) -> None:
    order = np.random.default_rng(1).permutation(trained.trees.n_trees)
    t = trained.trees
    shuffled = replace(
        t,
        features=t.features[order],
        thresholds=t.thresholds[order],
        default_left=t.default_left[order],
        leaves=t.leaves[order],
    )
    session = TreeSession(build_graph(shuffled, N_FEATURES), shuffled)

    assert np.count_nonzero(session.margins(trained.rows) != trained.margins) == 0


def test_attributions__many_rows__add_up_exactly(trained: Trained) -> None:
    """S-06."""
    bias, contributions = compute_attributions(trained.trees, trained.rows[:5_000])

    assert np.count_nonzero(bias + contributions.sum(axis=1) != trained.margins[:5_000]) == 0
