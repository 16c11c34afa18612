"""The integer reference: walks the tables themselves. It is the authority; ONNX Runtime has to agree with it.

Rows are walked in blocks, all trees at once, level by level. Source: `tests/vectors/FORMATS.md`, section 8.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oracle.scoring.model import IntArray, Trees

_BLOCK_ROWS = 2_048


def compute_margins(trees: Trees, vectors: IntArray) -> IntArray:
    """Return the sum of leaves for each row of `vectors` (n, n_features)."""
    margins = np.zeros(len(vectors), dtype=np.int64)
    for start, rows in _blocks(vectors):
        node = np.zeros((len(rows), trees.n_trees), dtype=np.int64)
        for _ in range(trees.depth):
            node = _step(trees, rows, node)[1]
        leaf = node - ((1 << trees.depth) - 1)
        margins[start : start + len(rows)] = np.take_along_axis(trees.leaves, leaf.T, axis=1).sum(axis=0)
    return margins


def compute_attributions(trees: Trees, vectors: IntArray) -> tuple[int, IntArray]:
    """Return (bias, contributions (n, n_features)); bias plus a row's contributions is exactly its margin.

    A split contributes the change of node value along the path; a node's value is the mean of its children's, rounded down.
    """
    values = trees.node_values
    contributions = np.zeros(vectors.shape, dtype=np.int64)
    tree = np.arange(trees.n_trees)
    for start, rows in _blocks(vectors):
        n_rows, n_features = rows.shape
        node = np.zeros((n_rows, trees.n_trees), dtype=np.int64)
        sums = np.zeros(n_rows * n_features, dtype=np.int64)
        offset = np.arange(n_rows)[:, None] * n_features
        for _ in range(trees.depth):
            feature, child = _step(trees, rows, node)
            change = values[tree, child] - values[tree, node]
            # float64 weights are exact here: sums stay far below 2^53.
            sums += np.bincount((offset + feature).ravel(), change.ravel(), len(sums)).astype(np.int64)
            node = child
        contributions[start : start + n_rows] = sums.reshape(n_rows, n_features)
    return int(values[:, 0].sum()), contributions


def _blocks(vectors: IntArray) -> Iterator[tuple[int, IntArray]]:
    for start in range(0, len(vectors), _BLOCK_ROWS):
        yield start, vectors[start : start + _BLOCK_ROWS].astype(np.int64)


def _step(trees: Trees, rows: IntArray, node: IntArray) -> tuple[IntArray, IntArray]:
    """Return the slot each row is split on in each tree, and the child it goes to."""
    tree = np.arange(trees.n_trees)
    feature = trees.features[tree, node]
    x = np.take_along_axis(rows, feature, axis=1)
    goes_left = np.where(x == 0, trees.default_left[tree, node] == 1, x < trees.thresholds[tree, node])
    return feature, 2 * node + 2 - goes_left
