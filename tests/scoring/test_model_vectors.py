"""Whole small models against the shared vectors: bytes, id, margins and every derived field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracle.domain.ids import SubjectId, to_hex
from oracle.domain.score import ScoreKind
from oracle.domain.units import Bps, Margin, Ppm
from oracle.errors import MalformedValueError
from oracle.scoring.calibration import score_borrowers, score_collaterals
from oracle.scoring.codec import decode_model, encode_model, encode_tables, model_id
from oracle.scoring.model import BorrowerTables, Model, find_defects
from oracle.scoring.reference import compute_attributions, compute_margins

HEADER_BYTES = 4 + 1 + 1 + 2 + 1 + 1 + 2 + 32


@pytest.fixture(scope="module")
def document(vectors_dir: Path) -> dict[str, Any]:
    document = dict(json.loads((vectors_dir / "model.json").read_text()))
    document["cases"] = [[numbers(case) for case in cases] for cases in document["cases"]]
    return document


def numbers(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case with its decimal texts (signed numbers) as integers."""
    return {k: int(v) if isinstance(v, str) and not v.startswith("0x") else v for k, v in case.items()}


def model_of(entry: dict[str, Any]) -> Model:
    return decode_model(bytes.fromhex(entry["bin"][2:]))


def test_codec__shared_models__same_bytes_and_id(document: dict[str, Any]) -> None:
    for entry in document["models"]:
        data = bytes.fromhex(entry["bin"][2:])
        model = decode_model(data)

        assert encode_model(model) == data
        assert to_hex(model_id(data)) == entry["modelId"]
        assert data[HEADER_BYTES:].startswith(encode_tables(model.tables))
        assert find_defects(model) == []


def test_find_defects__volatility_slot_not_required__is_named(document: dict[str, Any]) -> None:
    """FORMATS.md, section 8: a missing volatility must not pass for none."""
    model = next(m for m in map(model_of, document["models"]) if m.kind is ScoreKind.COLLATERAL)
    slot = model.collateral_tables.volatility_slot
    support = tuple(replace(s, is_required=s.is_required and i != slot) for i, s in enumerate(model.support))

    assert find_defects(replace(model, support=support)) == ["the volatility slot is not required"]


def test_decode_model__shared_models__same_fields(document: dict[str, Any]) -> None:
    entry = document["models"][0]
    model = model_of(entry)
    tables = model.borrower_tables

    assert list(tables.state_offsets) == [int(x) for x in entry["tables"]["stateOffset"]]
    assert list(tables.pd_upper_ppm) == entry["tables"]["pdUpperPpm"]
    assert list(tables.points_thresholds_ppm) == entry["tables"]["pointsThresholds"]
    assert list(tables.grade_thresholds_ppm) == entry["tables"]["gradeThresholds"]
    assert [(s.lo, s.hi, int(s.is_required)) for s in model.support] == [
        (s["supportLo"], s["supportHi"], s["required"]) for s in entry["support"]
    ]
    assert model.trees.leaves.tolist() == [tree["leaves"] for tree in entry["trees"]]


def test_scores__shared_cases__same_fields(document: dict[str, Any]) -> None:
    for entry, cases in zip(document["models"], document["cases"], strict=True):
        model = model_of(entry)
        vectors = np.array([c["vector"] for c in cases], dtype=np.int64)
        margins = compute_margins(model.trees, vectors)
        subjects = [SubjectId(bytes(32))] * len(cases)
        if model.kind is ScoreKind.BORROWER:
            assert margins.tolist() == [c["treesMargin"] for c in cases]
            for case, score in zip(cases, score_borrowers(model, subjects, vectors, margins), strict=True):
                assert {
                    "stateOffset": score.state_offset,
                    "behaviourMargin": score.behaviour_margin,
                    "pdPpm": score.pd_ppm,
                    "pdUpperPpm": score.pd_upper_ppm,
                    "points": score.points,
                    "grade": score.grade,
                    "featuresHash": to_hex(score.features_hash),
                    "isUnrated": model.is_unrated(tuple(case["vector"])),
                }.items() <= case.items()
        else:
            for case, rated in zip(cases, score_collaterals(model, subjects, vectors, margins), strict=True):
                assert {
                    "margin": rated.margin,
                    "volatilityPpm": rated.volatility_ppm,
                    "drawdownBps": rated.drawdown_bps,
                    "gapPpm": rated.gap_ppm,
                    "ltvCeilingBps": rated.ltv_ceiling_bps,
                    "ltvFloorBps": rated.ltv_floor_bps,
                    "liquidationThresholdBps": rated.liquidation_threshold_bps,
                    "binding": int(rated.binding),
                    "featuresHash": to_hex(rated.features_hash),
                }.items() <= case.items()


def test_attributions__shared_cases__add_up_to_the_margin(document: dict[str, Any]) -> None:
    """S-06."""
    for entry, cases in zip(document["models"], document["cases"], strict=True):
        trees = model_of(entry).trees
        vectors = np.array([c["vector"] for c in cases], dtype=np.int64)

        bias, contributions = compute_attributions(trees, vectors)

        assert (bias + contributions.sum(axis=1)).tolist() == compute_margins(trees, vectors).tolist()


def plain_tables(knots: list[str], lo: int = 0, shift: int = 0) -> BorrowerTables:
    return BorrowerTables(
        state_offsets=tuple(int(k) for k in knots),
        lo=lo,
        shift=shift,
        pd_ppm=tuple(range(1, 257)),
        pd_upper_ppm=tuple(range(1, 257)),
        points_thresholds_ppm=(),
        reference_lgd_bps=Bps(1),
        grade_thresholds_ppm=(),
    )


def test_state_offset__shared_vectors__same(vectors_dir: Path) -> None:
    document = json.loads((vectors_dir / "state_offset.json").read_text())

    for case in document["cases"]:
        tables = plain_tables(document["tables"][case["table"]])
        assert tables.state_offset(case["z"]) == int(case["offset"]), case


def test_table_index__shared_vectors__same(vectors_dir: Path) -> None:
    document = json.loads((vectors_dir / "state_offset.json").read_text())

    for case in document["indexCases"]:
        tables = plain_tables(["0"] * 257, int(case["lo"]), case["shift"])
        assert tables.table_index(Margin(int(case["margin"]))) == case["index"], case


def test_points__shared_vectors__same(vectors_dir: Path) -> None:
    document = json.loads((vectors_dir / "points.json").read_text())
    tables = BorrowerTables(
        state_offsets=(0,) * 257,
        lo=0,
        shift=0,
        pd_ppm=(),
        pd_upper_ppm=(),
        points_thresholds_ppm=tuple(document["thresholds"]),
        reference_lgd_bps=Bps(1),
        grade_thresholds_ppm=(),
    )

    assert [tables.points(Ppm(c["pdPpm"])) for c in document["cases"]] == [c["points"] for c in document["cases"]]


def test_grade__shared_vectors__same(vectors_dir: Path) -> None:
    document = json.loads((vectors_dir / "grades.json").read_text())

    for case in document["cases"]:
        tables = BorrowerTables(
            state_offsets=(0,) * 257,
            lo=0,
            shift=0,
            pd_ppm=(),
            pd_upper_ppm=(),
            points_thresholds_ppm=(),
            reference_lgd_bps=Bps(case["lgdBps"]),
            grade_thresholds_ppm=tuple(document["gradeThresholds"]),
        )
        if case["isRated"]:
            assert tables.grade(Ppm(case["pdPpm"])) == case["grade"], case


@pytest.mark.parametrize("change", ["short", "long", "magic", "kind", "layout", "empty"])
def test_decode_model__damaged_bytes__is_refused(document: dict[str, Any], change: str) -> None:
    data = bytes.fromhex(document["models"][0]["bin"][2:])
    damaged = {
        "short": data[:-1],
        "long": data + b"\0",
        "magic": b"ASY2" + data[4:],
        "kind": data[:4] + b"\x03" + data[5:],
        "layout": data[:10] + b"\x00\x02" + data[12:],
        "empty": b"",
    }[change]

    with pytest.raises(MalformedValueError):
        decode_model(damaged)


def test_decode_model__required_is_neither_0_nor_1__is_refused(document: dict[str, Any]) -> None:
    """A chain refuses such bytes, so a node must not load them as if they said 1."""
    entry = next(e for e in document["models"] if model_of(e).kind is ScoreKind.COLLATERAL)
    data = bytearray.fromhex(entry["bin"][2:])
    first_required = HEADER_BYTES + len(encode_tables(model_of(entry).tables)) + 4
    data[first_required] = 2

    with pytest.raises(MalformedValueError, match="required of slot 0"):
        decode_model(bytes(data))


@pytest.mark.parametrize(("default_left", "defects"), [(1, []), (0, ["a tree splits on slot 0, the position state"])])
def test_find_defects__padding_that_goes_right__is_named(
    document: dict[str, Any], default_left: int, defects: list[str]
) -> None:
    """FORMATS.md, section 8: padding nodes name slot 0 and always go left."""
    model = next(m for m in map(model_of, document["models"]) if m.kind is ScoreKind.BORROWER)
    trees = model.trees
    arrays = [array.copy() for array in (trees.features, trees.thresholds, trees.default_left)]
    for array, value in zip(arrays, (0, 65_535, default_left), strict=True):
        array[0, 0] = value
    padded = replace(trees, features=arrays[0], thresholds=arrays[1], default_left=arrays[2])

    assert find_defects(replace(model, trees=padded)) == defects
