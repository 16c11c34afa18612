"""Ten thousand vectors per model, at every edge and at random, with what the integer reference says of each: run by pytest and forge alike.

`python -m tests.scoring.model_runs` writes build/model_runs/<name>/ with `model.bin`, `self_test.bin` (256 of vector ‖ leaf) and `rows.bin`
(10,000 of vector ‖ int32 sum of the trees ‖ leaf, subject and reasons zero); rows are drawn from PCG64, so the bytes are the same everywhere, and
`model_runs.json` beside this file freezes their hashes (`--freeze` writes it). The models are the released ones and the largest that any may be.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from oracle.domain.ids import SubjectId, keccak256, to_hex
from oracle.domain.score import Reasons, Score, ScoreKind
from oracle.scoring.bundle import load_bundle, released_bundles
from oracle.scoring.calibration import score_borrowers, score_collaterals
from oracle.scoring.codec import decode_model, encode_model
from oracle.scoring.evm import SelfTestCase, read_self_test, self_test_hashes, split_model
from oracle.scoring.model import IntArray, Model, ModelFlag, Support, Trees
from oracle.scoring.reference import compute_margins

FOLDER = Path("build/model_runs")
FROZEN = Path(__file__).with_name("model_runs.json")
ROW_COUNT = 10_000
MAX_EDGE_ROWS = 5_000
MAX_SLOT = 65_534
LARGEST = "largest"


@dataclass(frozen=True, kw_only=True)
class ModelRun:
    """One model with its rows; `leaves` have neither subject nor reasons."""

    name: str
    model: Model = field(repr=False)
    data: bytes = field(repr=False)
    self_test: tuple[SelfTestCase, ...] = field(repr=False)
    vectors: IntArray = field(repr=False)
    margins: IntArray = field(repr=False)
    leaves: list[bytes] = field(repr=False)

    @property
    def rows(self) -> bytes:
        """Return `rows.bin`."""
        packed = self.vectors.astype(">u2")
        rows = zip(packed, self.margins.tolist(), self.leaves, strict=True)
        return b"".join(row.tobytes() + margin.to_bytes(4, "big", signed=True) + leaf for row, margin, leaf in rows)


class Draws:
    """Numbers from the raw words of PCG64, whose stream numpy never changes."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def below(self, bound: int, shape: int | tuple[int, ...]) -> IntArray:
        """Return numbers of 0..bound-1; the bias of the modulo is below 2^-40."""
        words: Any = self._bits.random_raw(int(np.prod(shape)))
        numbers: IntArray = (words % np.uint64(bound)).astype(np.int64).reshape(shape)
        return numbers


def make_runs() -> list[ModelRun]:
    """Return the runs of every released model, and of the largest one."""
    runs = []
    for seed, name in enumerate(released_bundles()):
        data, self_test = read_self_test(name, allow_sandbox=True)
        runs.append(make_run(name, data, self_test, seed))
    data = encode_model(make_largest_model())
    model = decode_model(data)
    vectors = Draws(98).below(MAX_SLOT + 1, (256, model.n_features))
    leaves = encode_leaves(model, vectors, compute_margins(model.trees, vectors))
    cases = tuple(
        SelfTestCase(vector=row.astype(">u2").tobytes(), leaf=leaf) for row, leaf in zip(vectors, leaves, strict=True)
    )
    return [*runs, make_run(LARGEST, data, cases, 99)]


def make_run(name: str, data: bytes, self_test: tuple[SelfTestCase, ...], seed: int) -> ModelRun:
    """Return a model's rows and what the integer reference says of them."""
    model = decode_model(data)
    vectors = draw_vectors(model, Draws(seed))
    margins = compute_margins(model.trees, vectors)
    leaves = encode_leaves(model, vectors, margins)
    return ModelRun(
        name=name, model=model, data=data, self_test=self_test, vectors=vectors, margins=margins, leaves=leaves
    )


def encode_leaves(model: Model, vectors: IntArray, margins: IntArray) -> list[bytes]:
    """Return the encoded scores of rows, subject and reasons zero."""
    subjects = [SubjectId(bytes(32))] * len(vectors)
    if model.kind is ScoreKind.BORROWER:
        scores: list[Score] = [
            replace(score, reasons=Reasons(bytes(4))) for score in score_borrowers(model, subjects, vectors, margins)
        ]
    else:
        scores = [*score_collaterals(model, subjects, vectors, margins)]
    return [score.encoded for score in scores]


def draw_vectors(model: Model, draws: Draws) -> IntArray:
    """Return rows at every edge of one slot, then rows inside the support, then rows anywhere."""
    edges = [edges_of(model, slot) for slot in range(model.n_features)]
    middle = np.array([(s.lo + min(s.hi, MAX_SLOT)) // 2 for s in model.support], dtype=np.int64)
    single = np.array([(slot, value) for slot, values in enumerate(edges) for value in values], dtype=np.int64)
    single = single[:: len(single) // MAX_EDGE_ROWS + 1]
    at_edges = np.tile(middle, (len(single), 1))
    at_edges[np.arange(len(single)), single[:, 0]] = single[:, 1]
    ends = np.array([[value] * model.n_features for value in (0, 1, MAX_SLOT)], dtype=np.int64)
    left = ROW_COUNT - len(ends) - len(at_edges)
    inside = np.stack([_draw_inside(model, slot, edges[slot], draws, left // 2) for slot in range(len(edges))], axis=1)
    anywhere = np.stack([_draw_anywhere(values, draws, left - left // 2) for values in edges], axis=1)
    return np.concatenate([ends, at_edges, inside, anywhere])


def edges_of(model: Model, slot: int) -> IntArray:
    """Return the values of a slot at which something may change, and one beside each."""
    support = model.support[slot]
    centers = [0, 1, MAX_SLOT, support.lo, support.hi, *model.trees.thresholds[model.trees.features == slot].tolist()]
    if model.kind is ScoreKind.BORROWER and slot == 0:
        centers += [256 * knot for knot in range(0, 257, 4)]
    around = {center + step for center in centers for step in (-1, 0, 1)}
    return np.array(sorted(value for value in around if 0 <= value <= MAX_SLOT), dtype=np.int64)


def _draw_inside(model: Model, slot: int, edges: IntArray, draws: Draws, count: int) -> IntArray:
    support = model.support[slot]
    lo, hi = support.lo, min(support.hi, MAX_SLOT)
    near = edges[(edges >= lo) & (edges <= hi)]
    values = np.where(
        draws.below(2, count) == 0, near[draws.below(len(near), count)], lo + draws.below(hi - lo + 1, count)
    )
    if not support.is_required:
        values[draws.below(6, count) == 0] = 0
    return values


def _draw_anywhere(edges: IntArray, draws: Draws, count: int) -> IntArray:
    values = np.where(
        draws.below(2, count) == 0, edges[draws.below(len(edges), count)], draws.below(MAX_SLOT + 1, count)
    )
    values[draws.below(8, count) == 0] = 0
    return values


def make_largest_model() -> Model:
    """Return 200 trees of depth 5 over 32 slots with the tables of `borrower-1`: what the gas limit is stated for."""
    draws = Draws(97)
    nodes = (200, 31)
    trees = Trees(
        depth=5,
        features=1 + draws.below(31, nodes),
        thresholds=1 + draws.below(65_535, nodes),
        default_left=draws.below(2, nodes),
        leaves=draws.below(1_401, (200, 32)) - 700,
    )
    # A wide support, so that some rows are rated although there are 32 slots.
    support = tuple(Support(lo=1 + slot, hi=65_534 - slot, is_required=slot < 3) for slot in range(32))
    released = load_bundle("borrower-1", allow_sandbox=False).model
    return replace(
        released,
        n_features=32,
        flags=ModelFlag.TREES_ACTIVE,
        schema_digest=keccak256(b"largest"),
        support=support,
        trees=trees,
    )


def describe(run: ModelRun) -> dict[str, object]:
    """Return what `model_runs.json` holds of a run."""
    code = split_model(run.data)
    return {
        "name": run.name,
        "modelId": to_hex(code.model_id),
        "codeDigest": to_hex(code.code_digest),
        "selfTestHash": to_hex(self_test_hashes(run.self_test)[0]),
        "rows": len(run.vectors),
        "rowsHash": to_hex(keccak256(run.rows)),
    }


def write_run(run: ModelRun, folder: Path) -> None:
    """Write the three files of a run."""
    target = folder / run.name
    target.mkdir(parents=True, exist_ok=True)
    (target / "model.bin").write_bytes(run.data)
    (target / "self_test.bin").write_bytes(b"".join(case.vector + case.leaf for case in run.self_test))
    (target / "rows.bin").write_bytes(run.rows)


def main() -> None:
    """Write every run, and the frozen hashes if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--freeze", action="store_true", help="write model_runs.json anew")
    arguments = parser.parse_args()
    runs = make_runs()
    for run in runs:
        write_run(run, FOLDER)
    if arguments.freeze:
        FROZEN.write_text(json.dumps({"models": [describe(run) for run in runs]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
