"""The self-test of a bundle: 256 vectors whose leaves this machine has to reproduce, by ONNX Runtime and by the reference."""

from __future__ import annotations

import numpy as np

from oracle.domain.ids import SubjectId, to_hex
from oracle.domain.score import Score, ScoreKind
from oracle.errors import InexactScoreError
from oracle.scoring import calibration
from oracle.scoring.bundle import Bundle
from oracle.scoring.model import IntArray
from oracle.scoring.reference import compute_margins
from oracle.scoring.session import Scorer

_SUBJECT = SubjectId(bytes(32))


def make_cases(bundle: Bundle, vectors: IntArray) -> list[dict[str, str]]:
    """Return the self-test of `vectors`, by the integer reference."""
    margins = compute_margins(bundle.model.trees, vectors)
    return [
        {"vector": _packed(row), "trees_margin": str(margin), "leaf": to_hex(score.encoded)}
        for row, margin, score in zip(vectors, margins.tolist(), _by_reference(bundle, vectors), strict=True)
    ]


def find_failures(bundle: Bundle, cases: list[dict[str, str]]) -> list[str]:
    """Return, in words, each vector whose margin or leaf differs from what the release recorded."""
    vectors = np.array([_unpacked(case["vector"]) for case in cases], dtype=np.int64)
    try:
        scorer = Scorer(bundle)
        margins = scorer.trees_margins(vectors)
    except InexactScoreError as error:
        return [str(error)]
    except Exception as error:  # noqa: BLE001 -- whatever the runtime throws at a graph it cannot read
        return [f"ONNX Runtime does not run the graph: {type(error).__name__}"]
    subjects = [_SUBJECT] * len(cases)
    scores: list[Score] = (
        [*scorer.score_borrowers(subjects, vectors)]
        if bundle.kind is ScoreKind.BORROWER
        else [*scorer.score_collaterals(subjects, vectors)]
    )
    reference = compute_margins(bundle.model.trees, vectors).tolist()
    failures = []
    for index, (case, score) in enumerate(zip(cases, scores, strict=True)):
        if str(margins[index]) != case["trees_margin"] or reference[index] != margins[index]:
            failures.append(f"vector {index} has margin {margins[index]}, recorded {case['trees_margin']}")
        elif to_hex(score.encoded) != case["leaf"]:
            failures.append(f"vector {index} has another leaf")
    return failures


def _by_reference(bundle: Bundle, vectors: IntArray) -> list[Score]:
    margins = compute_margins(bundle.model.trees, vectors)
    subjects = [_SUBJECT] * len(vectors)
    if bundle.kind is ScoreKind.BORROWER:
        return [*calibration.score_borrowers(bundle.model, subjects, vectors, margins)]
    return [*calibration.score_collaterals(bundle.model, subjects, vectors, margins)]


def _packed(row: IntArray) -> str:
    return to_hex(row.astype(">u2").tobytes())


def _unpacked(text: str) -> list[int]:
    return np.frombuffer(bytes.fromhex(text[2:]), dtype=">u2").tolist()
