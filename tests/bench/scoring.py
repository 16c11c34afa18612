"""Scores per second: the node's ONNX path against xgboost's `inplace_predict`, one thread each, on the same trees.

Both are checked to give the same margins before anything is timed. xgboost gets float32 rows with NaN made beforehand, its fastest input; our path
starts from the integer vectors and includes conversion and the assertion that every output is integral.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import xgboost as xgb

from oracle.domain.ids import SubjectId, uint_word
from oracle.domain.score import ScoreKind
from oracle.features.registry import Feature, Monotone, Schema
from oracle.scoring.bundle import load_bundle
from oracle.scoring.model import IntArray, Trees
from oracle.scoring.session import UNITS, Scorer, TreeSession
from tests.bench.figures import Figure, Peer, measure
from training.onnx_graph import build_graph
from training.snap import pack_trees, snap_booster
from training.train import Recipe, to_floats, train_trees

N_ROWS = 20_000
N_SCORED = 5_000
N_SINGLE = 500
RUNS = 5
N_FEATURES = 12
XGBOOST = "xgboost inplace_predict, one thread"
BUNDLES = ("borrower-1", "borrower-sandbox-1", "collateral-1")
_LARGEST = Recipe(rounds=200, depth=5, learning_rate=0.1, min_child_weight=1, l2=1)


def measure_scoring() -> Iterator[Figure]:
    """Yield rows per second of the largest allowed model, then of each shipped bundle."""
    trees, booster = train_largest()
    session = TreeSession(build_graph(trees, N_FEATURES), trees)
    rows = random_rows(trees, N_FEATURES)
    rate, peer_rate = _measure_margins(session, booster, rows)
    peer = Peer(name=XGBOOST, value=peer_rate)
    yield Figure(name="margins, 200 trees of depth 5", value=rate, unit="rows/s", peer=peer, more_is_better=True)
    yield _measure_single_row(session, booster, rows)
    for name in BUNDLES:
        yield from _measure_bundle(name)


def train_largest() -> tuple[Trees, xgb.Booster]:
    """Return the largest model that may ship, as integer tables and as the booster with the same numbers in it."""
    random = np.random.default_rng(17)
    kinds = [Monotone(slot % 3 - 1) for slot in range(N_FEATURES)]
    schema: Schema = tuple(
        Feature(name=f"f{slot}", slot=slot, unit="1", kind="ratio", lo=1, hi=65_534, monotone=kind)
        for slot, kind in enumerate(kinds)
    )
    sample = random.integers(1, 65_535, (12_000, N_FEATURES))
    sample[random.random(sample.shape) < 0.1] = 0
    score = ((sample - 32_768) * np.array(kinds)).sum(axis=1) / 40_000 + sample[:, 1] % 7_000 / 7_000
    labels = (random.random(len(sample)) < 1 / (1 + np.exp(-score))).astype(np.int64)
    nodes, booster = snap_booster(train_trees(sample, labels, schema, _LARGEST))
    return pack_trees(nodes), booster


def random_rows(trees: Trees, n_features: int) -> IntArray:
    """Return rows spread around the thresholds of each feature, a seventh of the slots missing."""
    random = np.random.default_rng(23)
    rows = random.integers(1, 65_535, (N_ROWS, n_features))
    for slot in range(n_features):
        thresholds = trees.thresholds[(trees.features == slot) & (trees.thresholds < 65_535)]
        if len(thresholds):
            rows[:, slot] = np.clip(random.choice(thresholds, N_ROWS) + random.integers(-9, 10, N_ROWS), 1, 65_534)
    rows[random.random(rows.shape) < 1 / 7] = 0
    return rows


def to_booster(trees: Trees, n_features: int) -> xgb.Booster:
    """Return an xgboost model with the same trees; padding is cut, as it is from our ONNX graph."""
    seed = xgb.train(
        {"max_depth": 1, "objective": "binary:logistic", "base_score": 0.5, "nthread": 1},
        xgb.DMatrix(np.zeros((2, n_features), dtype=np.float32), label=np.array([0, 1])),
        num_boost_round=1,
    )
    document = json.loads(bytes(seed.save_raw("json")))
    model = document["learner"]["gradient_booster"]["model"]
    template = model["trees"][0]
    model["trees"] = [_to_xgboost_tree(trees, i, template, n_features) for i in range(trees.n_trees)]
    model["tree_info"] = [0] * trees.n_trees
    model["iteration_indptr"] = list(range(trees.n_trees + 1))
    model["gbtree_model_param"]["num_trees"] = str(trees.n_trees)
    booster = xgb.Booster()
    booster.load_model(bytearray(json.dumps(document).encode()))
    return booster


def _to_xgboost_tree(trees: Trees, index: int, template: dict[str, Any], n_features: int) -> dict[str, Any]:
    columns = _Columns(trees, index)
    columns.add(0, 0, 1 << trees.depth, 2**31 - 1)
    n_nodes = len(columns.left)
    return template | {
        "id": index,
        "base_weights": [0.0] * n_nodes,
        "loss_changes": [0.0] * n_nodes,
        "sum_hessian": [1.0] * n_nodes,
        "split_type": [0] * n_nodes,
        "left_children": columns.left,
        "right_children": columns.right,
        "parents": columns.parents,
        "split_indices": columns.features,
        "split_conditions": columns.values,
        "default_left": columns.default_left,
        "tree_param": template["tree_param"] | {"num_nodes": str(n_nodes), "num_feature": str(n_features)},
    }


class _Columns:
    """The parallel node lists of one tree."""

    def __init__(self, trees: Trees, index: int) -> None:
        self._trees, self._index = trees, index
        self.left: list[int] = []
        self.right: list[int] = []
        self.parents: list[int] = []
        self.features: list[int] = []
        self.values: list[float] = []
        self.default_left: list[int] = []

    def add(self, k: int, first: int, width: int, parent: int) -> int:
        """Add node k, above `width` leaves from `first`, and return its id."""
        node = len(self.left)
        leaves = self._trees.leaves[self._index, first : first + width]
        is_leaf = bool(np.all(leaves == leaves[0]))
        for column, value in ((self.left, -1), (self.right, -1), (self.parents, parent)):
            column.append(value)
        self.features.append(0 if is_leaf else int(self._trees.features[self._index, k]))
        self.default_left.append(0 if is_leaf else int(self._trees.default_left[self._index, k]))
        threshold = float(self._trees.thresholds[self._index, k]) if not is_leaf else 0.0
        self.values.append(float(leaves[0]) / UNITS if is_leaf else threshold)
        if not is_leaf:
            self.left[node] = self.add(2 * k + 1, first, width // 2, node)
            self.right[node] = self.add(2 * k + 2, first + width // 2, width // 2, node)
        return node


def _measure_margins(session: TreeSession, booster: xgb.Booster, rows: IntArray) -> tuple[float, float]:
    """Return rows per CPU second of our path and of xgboost. Raises: ValueError if they disagree on a row."""
    booster.set_param({"nthread": 1})
    floats = to_floats(rows)
    base = np.zeros(len(rows), dtype=np.float32)

    def predict() -> Any:
        return booster.inplace_predict(floats, predict_type="margin", base_margin=base, validate_features=False)

    differing = np.count_nonzero(np.asarray(predict(), dtype=np.float64) * UNITS != session.margins(rows))
    if differing:
        raise ValueError(f"{differing} of {len(rows)} margins differ from xgboost's: the two do not run the same model")
    ours = measure(lambda: session.margins(rows), runs=RUNS)
    theirs = measure(predict, runs=RUNS)
    return len(rows) / ours.cpu_s, len(rows) / theirs.cpu_s


def _measure_bundle(name: str) -> Iterator[Figure]:
    bundle = load_bundle(name, allow_sandbox=True)
    trees, n_features = bundle.model.trees, bundle.model.n_features
    rows = random_rows(trees, n_features)
    booster = to_booster(trees, n_features)
    rate, peer_rate = _measure_margins(TreeSession(bundle.graph, trees), booster, rows)
    peer = Peer(name=XGBOOST, value=peer_rate)
    size = f"{trees.n_trees} trees of depth {trees.depth}"
    yield Figure(name=f"margins, {name} ({size})", value=rate, unit="rows/s", peer=peer, more_is_better=True)
    scorer, few = Scorer(bundle), rows[:N_SCORED]
    subjects = [SubjectId(uint_word(i)) for i in range(N_SCORED)]
    if bundle.kind is ScoreKind.COLLATERAL:
        cost = measure(lambda: scorer.score_collaterals(subjects, few), runs=3)
        peer = Peer(name=f"{XGBOOST}: a margin only", value=peer_rate)
    else:
        cost = measure(lambda: scorer.score_borrowers(subjects, few), runs=3)
        peer = Peer(
            name="xgboost approximate contributions, one thread: attributions only", value=_explain_rate(booster, few)
        )
    yield Figure(
        name=f"whole scores, {name}", value=N_SCORED / cost.cpu_s, unit="rows/s", peer=peer, more_is_better=True
    )


def _measure_single_row(session: TreeSession, booster: xgb.Booster, rows: IntArray) -> Figure:
    """Return the cost of one row, as the API asks for it: the call dominates, not the trees."""
    floats = to_floats(rows[:N_SINGLE])
    base = np.zeros(1, dtype=np.float32)

    def predict() -> None:
        for i in range(N_SINGLE):
            booster.inplace_predict(floats[i : i + 1], predict_type="margin", base_margin=base, validate_features=False)

    def score() -> None:
        for i in range(N_SINGLE):
            session.margins(rows[i : i + 1])

    ours, theirs = measure(score, runs=RUNS), measure(predict, runs=RUNS)
    peer = Peer(name=XGBOOST, value=theirs.cpu_s / N_SINGLE * 1e6)
    return Figure(name="one margin, 200 trees of depth 5", value=ours.cpu_s / N_SINGLE * 1e6, unit="us", peer=peer)


def _explain_rate(booster: xgb.Booster, rows: IntArray) -> float:
    """Return rows per CPU second of attributions along tree paths, which is what our reasons are made from."""
    data = xgb.DMatrix(to_floats(rows), nthread=1)
    cost = measure(lambda: booster.predict(data, pred_contribs=True, approx_contribs=True), runs=3)
    return len(rows) / cost.cpu_s
