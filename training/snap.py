"""From a booster to integer tables: thresholds rounded up, leaves to multiples of 2^-12, the base score spread over the trees.

x < t and x < ceil(t) are the same for integers. `snap_booster` also returns the booster with the snapped numbers in it, whose predictions
have to equal the tables' exactly.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from oracle.scoring.model import EXACT_FLOAT32_UNITS, MAX_DEPTH, MAX_TREES, PADDING_THRESHOLD, Trees
from training.errors import TrainingError
from training.units import LEAF_UNITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A leaf, in units of 2^-12."""

    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Left if x < threshold, or missing and `default_left`."""

    feature: int
    threshold: int
    default_left: bool
    left: Node
    right: Node


type Node = Leaf | Split


def snap_booster(booster: xgb.Booster, *, base_units: int = 0) -> tuple[list[Node], xgb.Booster]:
    """Return the snapped trees, and the same booster holding the snapped numbers; `base_units` is spread over the leaves."""
    document = json.loads(bytes(booster.save_raw("json")))
    trees: list[dict[str, Any]] = document["learner"]["gradient_booster"]["model"]["trees"]
    nodes = []
    for index, tree in enumerate(trees):
        # Cumulative rounding: the shares add up to the base exactly.
        share = base_units * (index + 1) // len(trees) - base_units * index // len(trees)
        nodes.append(_snap_node(tree, 0, share))
    snapped = xgb.Booster()
    snapped.load_model(bytearray(json.dumps(document).encode()))
    return nodes, snapped


def _snap_node(tree: dict[str, Any], index: int, share: int) -> Node:
    """Return the snapped node, and write its numbers back into `tree`."""
    left, right = tree["left_children"][index], tree["right_children"][index]
    if left == -1:
        units = int(np.rint(tree["split_conditions"][index] * LEAF_UNITS)) + share
        tree["split_conditions"][index] = units / LEAF_UNITS
        return Leaf(units=units)
    threshold = snap_threshold(tree["split_conditions"][index])
    tree["split_conditions"][index] = float(threshold)
    return Split(
        feature=tree["split_indices"][index],
        threshold=threshold,
        default_left=bool(tree["default_left"][index]),
        left=_snap_node(tree, left, share),
        right=_snap_node(tree, right, share),
    )


def snap_threshold(value: float) -> int:
    """Return the integer threshold of a split, within 1..65535; one beyond every slot parts what is present from what is missing."""
    return math.ceil(min(max(value, 1.0), float(PADDING_THRESHOLD)))


def pack_trees(nodes: list[Node]) -> Trees:
    """Return complete trees of the smallest common depth.

    Raises:
        TrainingError: if there are too many, they are too deep, or a sum of leaves would not be exact in float32.
    """
    depth = max([1, *(_depth(n) for n in nodes)])
    if len(nodes) > MAX_TREES or depth > MAX_DEPTH:
        raise TrainingError(f"{len(nodes)} trees of depth {depth}: at most {MAX_TREES} of depth {MAX_DEPTH} fit")
    shape = (len(nodes), (1 << depth) - 1)
    trees = Trees(
        depth=depth,
        features=np.zeros(shape, dtype=np.int64),
        thresholds=np.full(shape, PADDING_THRESHOLD, dtype=np.int64),
        default_left=np.ones(shape, dtype=np.int64),
        leaves=np.zeros((len(nodes), 1 << depth), dtype=np.int64),
    )
    for index, node in enumerate(nodes):
        _fill(trees, index, node, 0)
    largest = np.abs(trees.leaves).max(axis=1, initial=0)
    if largest.max(initial=0) > 2**15 - 1 or int(largest.sum()) >= EXACT_FLOAT32_UNITS:
        raise TrainingError("leaves are too large for int16, or for exact float32 sums: lower the learning rate")
    return trees


def _depth(node: Node) -> int:
    return 0 if isinstance(node, Leaf) else 1 + max(_depth(node.left), _depth(node.right))


def _fill(trees: Trees, tree: int, node: Node, k: int) -> None:
    n_nodes = trees.features.shape[1]
    if k >= n_nodes:
        if not isinstance(node, Leaf):
            raise TrainingError("a tree is deeper than its own depth")
        trees.leaves[tree, k - n_nodes] = node.units
        return
    left = right = node
    if isinstance(node, Split):
        trees.features[tree, k], trees.thresholds[tree, k] = node.feature, node.threshold
        trees.default_left[tree, k] = int(node.default_left)
        left, right = node.left, node.right
    _fill(trees, tree, left, 2 * k + 1)
    _fill(trees, tree, right, 2 * k + 2)
