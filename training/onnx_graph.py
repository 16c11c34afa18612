"""The ONNX graph of integer trees: one TreeEnsembleRegressor, SUM, margin only.

Written here and not by a converter: sigmoids, base scores and rounded thresholds of converters break exactness. Branches whose leaves are all
equal become one leaf, so that padding costs nothing at run time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from oracle.scoring.model import Trees
from training.units import LEAF_UNITS

_ML_OPSET, _OPSET, _IR_VERSION = 3, 17, 8


def build_graph(trees: Trees, n_features: int) -> bytes:
    """Return the serialised graph: float32 (n, n_features) `vector`, missing as NaN, to float32 (n, 1) `margin`."""
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["vector"],
        ["margin"],
        domain="ai.onnx.ml",
    )
    attributes = {"n_targets": 1, "aggregate_function": "SUM", "post_transform": "NONE", **_Columns(trees).attributes}
    node.attribute.extend(helper.make_attribute(name, value) for name, value in sorted(attributes.items()))
    graph = helper.make_graph(
        [node],
        "assay",
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [None, n_features])],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="assay")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


class _Columns:
    """Collects the operator's parallel attribute lists, tree by tree."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        names = "treeids nodeids featureids modes values truenodeids falsenodeids missing_value_tracks_true".split()
        self._nodes: dict[str, list[Any]] = {f"nodes_{name}": [] for name in names}
        self._targets: dict[str, list[Any]] = {f"target_{n}": [] for n in "treeids nodeids ids weights".split()}
        for tree in range(trees.n_trees):
            self._next_id = 0
            self._add(tree, 0, 0, 1 << trees.depth)

    @property
    def attributes(self) -> dict[str, list[Any]]:
        """Return the operator's attributes."""
        return self._nodes | self._targets

    def _add(self, tree: int, k: int, first: int, width: int) -> int:
        """Add node k, above `width` leaves from `first`; return its id."""
        node_id, self._next_id = self._next_id, self._next_id + 1
        leaves = self._trees.leaves[tree, first : first + width]
        row = len(self._nodes["nodes_nodeids"])
        if np.all(leaves == leaves[0]):
            self._append(tree, node_id, 0, "LEAF", 0.0, default_left=0)
            self._targets["target_treeids"].append(tree)
            self._targets["target_nodeids"].append(node_id)
            self._targets["target_ids"].append(0)
            self._targets["target_weights"].append(float(leaves[0]) / LEAF_UNITS)
            return node_id
        feature, threshold = int(self._trees.features[tree, k]), float(self._trees.thresholds[tree, k])
        self._append(
            tree, node_id, feature, "BRANCH_LT", threshold, default_left=int(self._trees.default_left[tree, k])
        )
        self._nodes["nodes_truenodeids"][row] = self._add(tree, 2 * k + 1, first, width // 2)
        self._nodes["nodes_falsenodeids"][row] = self._add(tree, 2 * k + 2, first + width // 2, width // 2)
        return node_id

    def _append(self, tree: int, node_id: int, feature: int, mode: str, value: float, *, default_left: int) -> None:
        row = (tree, node_id, feature, mode, value, 0, 0, default_left)
        for column, item in zip(self._nodes.values(), row, strict=True):
            column.append(item)
