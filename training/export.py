"""Writes a bundle: model.bin, its graph, schema, self-test, card, reference and manifest, and loads it again to be sure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from oracle.domain.ids import keccak256
from oracle.features.registry import MAX_FEATURES, Monotone, Schema, schema_json
from oracle.scoring.bundle import (
    CARD,
    GRAPH,
    MANIFEST,
    MODEL,
    REFERENCE,
    SCHEMA,
    SCHEMAS,
    SELFTEST,
    SELFTEST_COUNT,
    Bundle,
    load_bundle,
    manifest_json,
)
from oracle.scoring.codec import encode_model
from oracle.scoring.drift import select_columns
from oracle.scoring.model import Model, Support, find_defects
from oracle.scoring.population import encode_reference, make_reference
from oracle.scoring.reference import compute_margins
from oracle.scoring.selftest import make_cases
from training.errors import TrainingError
from training.onnx_graph import build_graph

type Array = np.ndarray[Any, Any]

_FACTS = frozenset({"z", "issuer_risk", "bridge_risk"})


def compute_support(schema: Schema, vectors: Array, required: frozenset[int]) -> tuple[Support, ...]:
    """Return where a subject is rated: not beyond what training saw on a slot's risky side; on its safe side anywhere.

    Position state and the committee's facts are bounded by their domain only.
    """
    supports = []
    for feature in schema:
        seen = vectors[:, feature.slot][vectors[:, feature.slot] > 0]
        lo, hi = feature.lo, feature.hi
        if len(seen) and feature.name not in _FACTS:
            lo = lo if feature.monotone is Monotone.RISES else int(seen.min())
            hi = hi if feature.monotone is Monotone.FALLS else int(seen.max())
        supports.append(Support(lo=lo, hi=hi, is_required=feature.slot in required))
    return tuple(supports)


def write_bundle(folder: Path, model: Model, card: str, rows: Array, scored: Array | None = None) -> Bundle:
    """Write the bundle named like `folder` and return it as a node would load it.

    `rows`, those trained on, seed the self-test. `scored`, those of a kind that a node scores, are the reference of drift; all rows where none are given.

    Raises:
        TrainingError: if the model is not fit to run.
    """
    if defects := find_defects(model):
        raise TrainingError(f"{folder.name} is not fit to run: {'; '.join(defects)}")
    schema = SCHEMAS[model.kind]
    data = encode_model(model)
    bundle = Bundle(
        name=folder.name,
        model=model,
        model_id=keccak256(data),
        schema=schema,
        graph=build_graph(model.trees, model.n_features),
        card=card,
    )
    seen = rows if scored is None else scored
    cases = make_cases(bundle, selftest_vectors(model, rows))
    files = {
        MODEL: data,
        GRAPH: bundle.graph,
        SCHEMA: schema_json(schema).encode(),
        SELFTEST: (json.dumps(cases, indent=0) + "\n").encode(),
        CARD: card.encode(),
        REFERENCE: encode_reference(
            make_reference(select_columns(model, seen, compute_margins(model.trees, seen)))
        ).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / MANIFEST).write_text(manifest_json(folder.name, model, files))
    return load_bundle(folder, allow_sandbox=True)


def selftest_vectors(model: Model, rows: Array) -> Array:
    """Return 256 vectors: rows of training, the same with slots missing, and values at, above and below thresholds."""
    random = np.random.default_rng(11)
    vectors = rows[random.integers(0, len(rows), SELFTEST_COUNT)].astype(np.int64)
    quarter = SELFTEST_COUNT // 4
    blank = random.random((quarter, model.n_features)) < 0.3
    vectors[quarter : 2 * quarter][blank] = 0
    vectors[2 * quarter :] = threshold_vectors(model, SELFTEST_COUNT - 2 * quarter, random)
    vectors[-1], vectors[-2], vectors[-3] = 0, 1, 65_534
    return vectors


def threshold_vectors(model: Model, count: int, random: np.random.Generator) -> Array:
    """Return vectors whose slots are a threshold of their feature, one less or one more, sometimes missing."""
    vectors = np.zeros((count, model.n_features), dtype=np.int64)
    for slot in range(min(model.n_features, MAX_FEATURES)):
        used = np.unique(model.trees.thresholds[model.trees.features == slot])
        used = np.append(used, [1, 2, 32_768, 65_534])
        vectors[:, slot] = np.clip(random.choice(used, count) + random.integers(-1, 2, count), 1, 65_534)
    vectors[random.random(vectors.shape) < 0.1] = 0
    return vectors
