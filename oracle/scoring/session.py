"""Scores in bulk: ONNX Runtime walks the trees, tables do the rest, and every runtime output is asserted to be integral.

One intra-op thread and no spinning: scale by process. 0 becomes NaN here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from oracle.domain.ids import SubjectId
from oracle.domain.score import BorrowerScore, CollateralScore
from oracle.errors import InexactScoreError, VectorShapeError
from oracle.scoring import calibration
from oracle.scoring.bundle import Bundle
from oracle.scoring.model import IntArray, Trees
from oracle.scoring.reasons import Explanation, explain_vector
from oracle.scoring.reference import compute_margins

UNITS = 4_096
_INPUT, _OUTPUT = "vector", "margin"

type Vectors = np.ndarray[Any, Any] | Sequence[Sequence[int]]


class TreeSession:
    """An ONNX graph whose outputs, times 4096, are the integer margins of `trees`."""

    def __init__(self, graph: bytes, trees: Trees, *, intra_op_threads: int = 1) -> None:
        self._trees = trees
        options = ort.SessionOptions()
        options.intra_op_num_threads = intra_op_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        for kind in ("intra", "inter"):
            options.add_session_config_entry(f"session.{kind}_op.allow_spinning", "0")
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def margins(self, vectors: IntArray) -> IntArray:
        """Return the sum of leaves of each row, the first checked against the reference.

        Raises:
            InexactScoreError: if an output is not integral, or the first row's is not the reference's.
        """
        if len(vectors) == 0 or self._trees.n_trees == 0:
            return np.zeros(len(vectors), dtype=np.int64)
        units = self.raw_margins(vectors)
        first = int(compute_margins(self._trees, vectors[:1])[0])
        if int(units[0]) != first:
            raise InexactScoreError(0, float(units[0]), first)
        return units

    def raw_margins(self, vectors: IntArray) -> IntArray:
        """Return what the runtime says of each row, asserted integral.

        Raises:
            InexactScoreError: if an output is not.
        """
        rows = vectors.astype(np.float32)
        rows[vectors == 0] = np.nan
        output = self._session.run([_OUTPUT], {_INPUT: rows})[0].reshape(-1).astype(np.float64) * UNITS
        margins = np.rint(output)
        wrong = np.flatnonzero(margins != output)
        if len(wrong):
            raise InexactScoreError(int(wrong[0]), float(output[wrong[0]]), None)
        units: IntArray = margins.astype(np.int64)
        return units


class Scorer:
    """Scores subjects of one kind with one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._model = bundle.model
        self._session = TreeSession(bundle.graph, bundle.model.trees)

    def trees_margins(self, vectors: Vectors) -> IntArray:
        """Return the trees' sums, also where trees are not active: the shadow margin."""
        return self._session.margins(self._checked(vectors))

    def score_borrowers(self, subjects: Sequence[SubjectId], vectors: Vectors) -> list[BorrowerScore]:
        """Return one score per subject; `vectors` are (n, n_features) slots."""
        rows = self._checked(vectors)
        return calibration.score_borrowers(self._model, subjects, rows, self._session.margins(rows))

    def score_collaterals(self, subjects: Sequence[SubjectId], vectors: Vectors) -> list[CollateralScore]:
        """Return one score per subject; `vectors` are (n, n_features) slots."""
        rows = self._checked(vectors)
        return calibration.score_collaterals(self._model, subjects, rows, self._session.margins(rows))

    def explain(self, vector: Sequence[int]) -> Explanation:
        """Return contributions that add up exactly to the margin: of a borrower, state offset plus behaviour margin."""
        return explain_vector(self.bundle, tuple(self._checked([vector])[0].tolist()))

    def _checked(self, vectors: Vectors) -> IntArray:
        rows = np.asarray(vectors, dtype=np.int64)
        if len(rows) == 0:
            return np.zeros((0, self._model.n_features), dtype=np.int64)
        if rows.ndim != 2 or rows.shape[1] != self._model.n_features:
            raise VectorShapeError(f"an array of shape {rows.shape}", f"rows of {self._model.n_features} slots")
        if rows.min() < 0 or rows.max() > 65_534:
            raise VectorShapeError(f"values in {rows.min()}..{rows.max()}", "slots of 0..65534")
        return rows
