"""The reference population of a bundle: bins, its file, and that the file is bound to its bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.score import ScoreKind
from oracle.errors import BundleError
from oracle.features.registry import BORROWER_SCHEMA
from oracle.scoring.bundle import BUNDLES_DIR, FILES, MANIFEST, REFERENCE, load_bundle, manifest_json
from oracle.scoring.drift import select_columns
from oracle.scoring.population import Histogram, Reference, decode_reference, encode_reference, make_reference
from oracle.scoring.reference import compute_margins
from tests.scoring.test_bundle import random_vectors
from tests.scoring.test_drift import random_columns


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "borrower-1"
    shutil.copytree(BUNDLES_DIR / "borrower-1", folder)
    return folder


def test_histogram__values_at_an_edge__belong_to_the_bin_below() -> None:
    histogram = Histogram(edges=(0, 10, 20), counts=(0, 0, 0, 0))

    assert histogram.count(np.array([0, 1, 10, 11, 20, 21, 65_534])) == (1, 2, 2, 2)


def test_make_reference__missing__has_a_bin_of_its_own() -> None:
    reference = make_reference({"x": np.array([0] * 7 + list(range(1, 101)))})

    histogram = reference.columns["x"]
    assert histogram.edges[0] == 0
    assert histogram.counts[0] == 7
    assert sum(histogram.counts) == 107
    assert all(abs(count - 10) <= 1 for count in histogram.counts[1:])


@given(seed=st.integers(0, 100), kind=st.sampled_from(ScoreKind))
def test_reference__written_and_read__is_the_same(seed: int, kind: ScoreKind) -> None:
    reference = make_reference(random_columns(seed, 50, kind))

    assert decode_reference(encode_reference(reference), kind) == reference


@pytest.mark.parametrize(
    ("histogram", "message"),
    [
        (Histogram(edges=(0, 0), counts=(1, 1, 1)), "bins"),
        (Histogram(edges=(0,), counts=(1,)), "bins"),
        (Histogram(edges=(0,), counts=(1, -1)), "bins"),
        (Histogram(edges=(0,), counts=(0, 0)), "no rows"),
    ],
)
def test_decode_reference__impossible_bins__are_refused(histogram: Histogram, message: str) -> None:
    sound = make_reference(random_columns(1, 50))
    text = encode_reference(Reference(columns={**sound.columns, "z": histogram}))

    with pytest.raises(ValueError, match=message):
        decode_reference(text, ScoreKind.BORROWER)


def test_decode_reference__other_kind__is_refused() -> None:
    text = encode_reference(make_reference(random_columns(1, 50)))

    with pytest.raises(ValueError, match="other columns"):
        decode_reference(text, ScoreKind.COLLATERAL)


def with_reference(folder: Path) -> Path:
    """Give a bundle without a reference one, as its writer would."""
    bundle = load_bundle(folder, allow_sandbox=False)
    vectors = random_vectors(BORROWER_SCHEMA, 300, 5)
    columns = select_columns(bundle.model, vectors, compute_margins(bundle.model.trees, vectors))
    (folder / REFERENCE).write_text(encode_reference(make_reference(columns)))
    files = {name: (folder / name).read_bytes() for name in (*FILES, REFERENCE)}
    (folder / MANIFEST).write_text(manifest_json(folder.name, bundle.model, files))
    return folder


def test_load_bundle__with_a_reference__has_the_same_model_id(copy: Path) -> None:
    before = load_bundle("borrower-1", allow_sandbox=False)

    after = load_bundle(with_reference(copy), allow_sandbox=False)

    assert after.model_id == before.model_id
    assert after.reference is not None


@pytest.mark.parametrize("damage", ["flipped", "removed"])
def test_load_bundle__reference_damaged__is_refused(copy: Path, damage: str) -> None:
    """S-03."""
    path = with_reference(copy) / REFERENCE
    data = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flipped":
        data[len(data) // 2] ^= 0x01
        path.write_bytes(data)

    with pytest.raises(BundleError, match="does not load"):
        load_bundle(copy, allow_sandbox=False)


def test_load_bundle__reference_that_the_manifest_does_not_name__is_refused(copy: Path) -> None:
    """S-03."""
    manifest = json.loads((with_reference(copy) / MANIFEST).read_text())
    del manifest["files"][REFERENCE]
    (copy / MANIFEST).write_text(json.dumps(manifest, sort_keys=True, indent=2) + "\n")

    with pytest.raises(BundleError, match=REFERENCE):
        load_bundle(copy, allow_sandbox=False)
