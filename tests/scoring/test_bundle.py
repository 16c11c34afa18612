"""Bundles: what ships loads; one changed byte anywhere, and it does not."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.domain.ids import SubjectId, keccak256
from oracle.domain.score import ScoreKind, decode_score
from oracle.domain.units import Margin
from oracle.errors import BundleError, SandboxBundleError, VectorShapeError
from oracle.features.registry import BORROWER_SCHEMA, COLLATERAL_SCHEMA, Schema
from oracle.scoring.bundle import (
    BUNDLES_DIR,
    FILES,
    MANIFEST,
    load_bundle,
    read_source_spans,
    read_training_span,
    released_bundles,
    training_span_line,
)
from oracle.scoring.codec import encode_tables
from oracle.scoring.model import IntArray
from oracle.scoring.reference import compute_margins
from oracle.scoring.session import Scorer

RELEASED = released_bundles()
SUBJECT = SubjectId(bytes(31) + b"\x01")


def subjects(count: int) -> list[SubjectId]:
    return [SubjectId(n.to_bytes(32, "big")) for n in range(count)]


def random_vectors(schema: Schema, count: int, seed: int) -> IntArray:
    random = np.random.default_rng(seed)
    return np.stack([random.integers(f.lo, f.hi + 1, count) for f in schema], axis=1)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "borrower-1"
    shutil.copytree(BUNDLES_DIR / "borrower-1", folder)
    return folder


def test_released__bundles__are_the_three_that_nodes_and_demo_need() -> None:
    assert {"borrower-1", "collateral-1", "borrower-sandbox-1"} <= set(RELEASED)


@pytest.mark.parametrize("name", RELEASED)
def test_load_bundle__released__has_its_id_tables_and_card(name: str) -> None:
    bundle = load_bundle(name, allow_sandbox=True)

    data = (BUNDLES_DIR / name / "model.bin").read_bytes()
    assert bundle.model_id == keccak256(data)
    assert encode_tables(bundle.model.tables) == bundle.tables_bytes
    assert bundle.tables_bytes in data
    first_line = bundle.card.splitlines()[0]
    assert ("ACTIVE" in first_line) == bundle.trees_active
    assert ("SHADOW" in first_line) != bundle.trees_active


def test_load_bundle__sandbox_not_allowed__is_refused() -> None:
    """S-05."""
    assert load_bundle("borrower-sandbox-1", allow_sandbox=True).is_sandbox_only

    with pytest.raises(SandboxBundleError, match="generated activity"):
        load_bundle("borrower-sandbox-1", allow_sandbox=False)


def test_load_bundle__unknown_name__says_what_there_is() -> None:
    with pytest.raises(BundleError, match="collateral-1"):
        load_bundle("borrower-99", allow_sandbox=True)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_load_bundle__file_missing__is_refused_by_name(copy: Path, name: str) -> None:
    (copy / name).unlink()

    with pytest.raises(BundleError, match=name):
        load_bundle(copy, allow_sandbox=False)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.31, 0.5, 0.77, 0.999])
def test_load_bundle__one_flipped_byte__is_refused(copy: Path, name: str, share: float) -> None:
    """S-03."""
    data = bytearray((copy / name).read_bytes())
    data[int(share * len(data))] ^= 0x01
    (copy / name).write_bytes(data)

    with pytest.raises(BundleError, match="does not load"):
        load_bundle(copy, allow_sandbox=False)


def test_load_bundle__every_byte_of_the_manifest__is_checked(copy: Path) -> None:
    """S-03: nothing in the manifest is free to change."""
    original = (copy / MANIFEST).read_bytes()

    for position in range(len(original)):
        data = bytearray(original)
        data[position] ^= 0x01
        (copy / MANIFEST).write_bytes(data)
        with pytest.raises(BundleError):
            load_bundle(copy, allow_sandbox=False)


def test_training_span__in_the_card__is_in_the_manifest_too(copy: Path) -> None:
    """The card's line and the manifest's entry are one fact, so a manifest without it does not load."""
    bundle = load_bundle(copy, allow_sandbox=False)
    assert bundle.training_span is not None
    manifest = json.loads((copy / MANIFEST).read_text())

    assert manifest["training_span"] == [str(day) for day in bundle.training_span]
    del manifest["training_span"]
    (copy / MANIFEST).write_text(json.dumps(manifest, sort_keys=True, indent=2) + "\n")
    with pytest.raises(BundleError, match="does not describe"):
        load_bundle(copy, allow_sandbox=False)


@pytest.mark.parametrize("name", released_bundles())
def test_training_span__of_every_release__is_stated_and_ascends(name: str) -> None:
    span = load_bundle(name, allow_sandbox=True).training_span

    assert span is not None
    assert span[0] < span[1]


def test_source_spans__each_source__has_its_own_and_the_whole_stays() -> None:
    first, until, later = date(2020, 1, 2), date(2021, 3, 4), date(2025, 6, 7)
    card = "\n".join(
        (
            training_span_line(first, later),
            training_span_line(first, until, "maker_ethb_vaults"),
            training_span_line(until, later, "morpho_base_2025"),
        )
    )

    assert read_training_span(card) == (first, later)
    assert read_source_spans(card) == {"maker_ethb_vaults": (first, until), "morpho_base_2025": (until, later)}


def test_training_span__card_without_it__is_unknown() -> None:
    assert read_training_span("# borrower-0\n\nNothing is said.\n") is None
    assert read_training_span(training_span_line(date(2020, 1, 2), date(2021, 3, 4))) == (
        date(2020, 1, 2),
        date(2021, 3, 4),
    )


def test_load_bundle__renamed_folder__is_refused(copy: Path) -> None:
    renamed = copy.rename(copy.parent / "borrower-2")

    with pytest.raises(BundleError, match="borrower-1"):
        load_bundle(renamed, allow_sandbox=False)


def test_load_bundle__selftest_of_another_leaf__is_refused(copy: Path) -> None:
    """S-04: hashes made right again do not help a self-test that fails."""
    cases = json.loads((copy / "selftest.json").read_text())
    cases[7]["leaf"] = cases[8]["leaf"]
    content = json.dumps(cases).encode()
    (copy / "selftest.json").write_bytes(content)
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["files"]["selftest.json"] = "0x" + keccak256(content).hex()
    (copy / MANIFEST).write_text(json.dumps(manifest, sort_keys=True, indent=2) + "\n")

    with pytest.raises(BundleError, match="self-test: vector 7"):
        load_bundle(copy, allow_sandbox=False)


def test_score_borrowers__shadow_trees__have_behaviour_margin_zero() -> None:
    """S-07."""
    bundle = load_bundle("borrower-1", allow_sandbox=False)
    vectors = random_vectors(BORROWER_SCHEMA, 200, seed=1)

    scores = Scorer(bundle).score_borrowers(subjects(200), vectors)

    assert not bundle.trees_active
    assert {s.behaviour_margin for s in scores} == {0}


def test_score_borrowers__active_trees__follow_the_tables() -> None:
    bundle = load_bundle("borrower-sandbox-1", allow_sandbox=True)
    vectors = random_vectors(BORROWER_SCHEMA, 500, seed=2)
    vectors[::7, 3] = 0
    margins = compute_margins(bundle.model.trees, vectors)
    tables = bundle.model.borrower_tables

    for row, score in enumerate(Scorer(bundle).score_borrowers(subjects(500), vectors)):
        assert score.behaviour_margin == margins[row]
        assert score.state_offset == tables.state_offset(int(vectors[row, 0]))
        assert score.pd_ppm == tables.pd_ppm[tables.table_index(score.margin)]
        assert score.pd_upper_ppm == tables.pd_upper_ppm_at(score.margin) >= score.pd_ppm
        assert score.points == tables.points(score.pd_ppm)
        is_unrated = bundle.model.is_unrated(tuple(vectors[row].tolist()))
        assert score.grade == (0 if is_unrated else tables.grade(score.pd_ppm))
        assert decode_score(score.encoded) == score


@pytest.mark.parametrize("name", RELEASED)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**31))
def test_margins__riskier_in_the_declared_directions__never_fall(name: str, seed: int) -> None:
    """With F-04 this is the law: what never improves a vector never improves a score."""
    bundle = load_bundle(name, allow_sandbox=True)
    first, second = (random_vectors(bundle.schema, 64, seed + k) for k in range(2))
    signs = np.array([int(f.monotone) for f in bundle.schema])
    riskier = np.where(signs > 0, np.maximum(first, second), np.where(signs < 0, np.minimum(first, second), first))

    assert (compute_margins(bundle.model.trees, riskier) >= compute_margins(bundle.model.trees, first)).all()


@pytest.mark.parametrize("name", RELEASED)
def test_explain__any_vector__adds_up_to_the_margin(name: str) -> None:
    """S-06."""
    bundle = load_bundle(name, allow_sandbox=True)
    scorer = Scorer(bundle)
    vectors = random_vectors(bundle.schema, 20, seed=3)

    for vector in vectors.tolist():
        explanation = scorer.explain(vector)
        if bundle.kind is ScoreKind.BORROWER:
            expected: Margin = scorer.score_borrowers([SUBJECT], [vector])[0].margin
        else:
            expected = scorer.score_collaterals([SUBJECT], [vector])[0].margin
        assert explanation.margin == expected
        assert explanation.bias + sum(c.margin for c in explanation.contributions) == expected


def test_reasons__in_the_leaf__are_the_four_strongest_adverse_slots() -> None:
    scorer = Scorer(load_bundle("borrower-sandbox-1", allow_sandbox=True))

    for vector in random_vectors(BORROWER_SCHEMA, 30, seed=4).tolist():
        score = scorer.score_borrowers([SUBJECT], [vector])[0]
        strongest = [c.slot + 1 for c in scorer.explain(vector).adverse[:4]]
        assert list(score.reasons) == strongest + [0] * (4 - len(strongest))


@pytest.mark.parametrize("shape", ["short", "negative", "large", "flat"])
def test_scorer__vectors_of_another_shape__are_refused(shape: str) -> None:
    scorer = Scorer(load_bundle("collateral-1", allow_sandbox=False))
    good = [1] * len(COLLATERAL_SCHEMA)
    vectors = {"short": good[:-1], "negative": [-1, *good[1:]], "large": [65_535, *good[1:]], "flat": []}

    with pytest.raises(VectorShapeError):
        scorer.score_collaterals([SUBJECT], [vectors[shape]])


def test_scorer__no_subjects__gives_no_scores() -> None:
    assert Scorer(load_bundle("collateral-1", allow_sandbox=False)).score_collaterals([], []) == []


def test_score_collaterals__unrated__lends_nothing() -> None:
    scorer = Scorer(load_bundle("collateral-1", allow_sandbox=False))

    score = scorer.score_collaterals([SUBJECT], [[0] * len(COLLATERAL_SCHEMA)])[0]

    assert (score.ltv_ceiling_bps, score.ltv_floor_bps, score.liquidation_threshold_bps, score.binding) == (0, 0, 0, 3)


@pytest.mark.parametrize("name", RELEASED)
def test_trees_margins__released_graph_on_many_rows__equals_the_reference(name: str) -> None:
    """S-01 for the very files that ship."""
    bundle = load_bundle(name, allow_sandbox=True)
    vectors = random_vectors(bundle.schema, 20_000, seed=5)
    vectors[np.random.default_rng(6).random(vectors.shape) < 0.15] = 0

    assert (Scorer(bundle).trees_margins(vectors) == compute_margins(bundle.model.trees, vectors)).all()
