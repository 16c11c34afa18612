"""The ten thousand vectors of each model: ONNX Runtime gives what the integer reference gives, and the rows are the frozen ones.

`contracts/test/differential/ModelRuns.t.sol` runs the same rows in the EVM, from `build/model_runs`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from oracle.scoring.bundle import Bundle, load_bundle
from oracle.scoring.evm import self_test_hashes
from oracle.scoring.model import find_defects
from oracle.scoring.session import Scorer, TreeSession
from tests.scoring.model_runs import (
    FROZEN,
    LARGEST,
    MAX_SLOT,
    ROW_COUNT,
    Draws,
    ModelRun,
    describe,
    encode_leaves,
    make_runs,
    write_run,
)
from training.onnx_graph import build_graph


@pytest.fixture(scope="module")
def runs() -> dict[str, ModelRun]:
    return {run.name: run for run in make_runs()}


def test_runs__every_model__are_the_frozen_ones(runs: dict[str, ModelRun]) -> None:
    """A change here is one of a released model, of its self-test, or of how rows are drawn: `--freeze` says it on purpose."""
    assert json.loads(FROZEN.read_text())["models"] == [describe(run) for run in runs.values()]


@pytest.mark.parametrize("name", ["borrower-1", "borrower-sandbox-1", "collateral-1", LARGEST])
def test_runs__one_model__have_every_kind_of_row(runs: dict[str, ModelRun], name: str) -> None:
    run = runs[name]

    assert len(run.leaves) == ROW_COUNT
    assert (int(run.vectors.min()), int(run.vectors.max())) == (0, MAX_SLOT)
    unrated = np.array([run.model.is_unrated(tuple(row)) for row in run.vectors.tolist()])
    assert 1_000 < np.count_nonzero(unrated) < 9_500
    assert len(np.unique(run.margins)) > 40
    # At a threshold and on either side of it, for nine in ten splits of a slot.
    for slot in range(run.model.n_features):
        thresholds = np.unique(run.model.trees.thresholds[run.model.trees.features == slot])
        values = np.unique(run.vectors[:, slot])
        splits = thresholds[thresholds <= MAX_SLOT]
        found = np.isin(splits, values) & np.isin(splits - 1, values)
        assert np.count_nonzero(found) >= 0.9 * len(splits) or name == LARGEST, slot


@pytest.mark.parametrize("name", ["borrower-1", "borrower-sandbox-1", "collateral-1"])
def test_runs__released_model__onnx_runtime_agrees_on_every_row(runs: dict[str, ModelRun], name: str) -> None:
    """S-01, S-02, S-07, S-08."""
    run = runs[name]
    bundle: Bundle = load_bundle(name, allow_sandbox=True)

    margins = Scorer(bundle).trees_margins(run.vectors)

    assert np.count_nonzero(margins != run.margins) == 0
    assert encode_leaves(run.model, run.vectors, margins) == run.leaves


def test_runs__largest_model__onnx_runtime_agrees_on_every_row(runs: dict[str, ModelRun]) -> None:
    """S-02."""
    run = runs[LARGEST]

    margins = TreeSession(build_graph(run.model.trees, run.model.n_features), run.model.trees).margins(run.vectors)

    assert find_defects(run.model) == []
    assert (run.model.trees.n_trees, run.model.trees.depth, run.model.n_features) == (200, 5, 32)
    assert np.count_nonzero(margins != run.margins) == 0


def test_write_run__one_model__writes_what_forge_reads(runs: dict[str, ModelRun], tmp_path: Path) -> None:
    run = runs["collateral-1"]

    write_run(run, tmp_path)

    assert (tmp_path / run.name / "model.bin").read_bytes() == run.data
    rows = (tmp_path / run.name / "rows.bin").read_bytes()
    vector = 2 * run.model.n_features
    n_bytes = len(rows)
    assert n_bytes == ROW_COUNT * (vector + 4 + 352)
    assert rows[vector : vector + 4] == int(run.margins[0]).to_bytes(4, "big", signed=True)
    assert (tmp_path / run.name / "self_test.bin").stat().st_size == 256 * (vector + 352)
    assert len(self_test_hashes(run.self_test)) == 257


def test_draws__raw_words__are_those_of_pcg64() -> None:
    """The first words of PCG64 seeded with 0, from numpy's own test data: rows cannot drift with numpy."""
    words = Draws(0)._bits.random_raw(3).tolist()

    assert words == [11749869230777074271, 4976686463289251617, 755828109848996024]
