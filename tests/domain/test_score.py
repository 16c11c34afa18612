"""Leaves against the shared vectors; only canonical encodings decode (D-01, D-02)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oracle.domain.ids import keccak256, to_hex
from oracle.domain.score import decode_score, decode_scores
from oracle.errors import MalformedValueError


@pytest.fixture(scope="module")
def cases(vectors_dir: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((vectors_dir / "leaves.json").read_text())["cases"]
    return [case for case in loaded if case["inRange"]]


def encoding_of(case: dict[str, Any]) -> bytes:
    return bytes.fromhex(case["encoded"][2:])


def test_decode_score__shared_vectors__fields_encoding_and_leaf_equal(
    cases: list[dict[str, Any]],
) -> None:
    for case in cases:
        score = decode_score(encoding_of(case))

        assert to_hex(score.leaf) == case["leaf"]
        assert to_hex(score.subject) == case["subject"]
        assert to_hex(score.features_hash) == case["featuresHash"]
        if case["kind"] == 1:
            assert score.margin == int(case["stateOffset"]) + int(case["behaviourMargin"])


def test_features_hash__shared_vectors__keccak_of_two_byte_slots(
    cases: list[dict[str, Any]],
) -> None:
    with_vector = [case for case in cases if case.get("vector")]

    assert with_vector
    for case in with_vector:
        packed = b"".join(x.to_bytes(2, "big") for x in case["vector"])
        assert to_hex(keccak256(packed)) == case["featuresHash"]


def test_decode_scores__bucket_body_of_both_kinds__same_scores(cases: list[dict[str, Any]]) -> None:
    body = b"".join(encoding_of(case) for case in cases)

    scores = decode_scores(body)

    assert [to_hex(s.leaf) for s in scores] == [case["leaf"] for case in cases]


@pytest.mark.parametrize(("word", "bit"), [(1 * 32, 0), (4 * 32, 7), (8 * 32 + 31, 0), (0, 1)])
def test_decode_score__changed_padding_or_kind__refused_or_another_leaf(
    cases: list[dict[str, Any]], word: int, bit: int
) -> None:
    data = bytearray(encoding_of(cases[0]))
    data[word] ^= 1 << bit

    try:
        score = decode_score(bytes(data))
    except MalformedValueError:
        return
    assert to_hex(score.leaf) != cases[0]["leaf"]


@pytest.mark.parametrize("cut_at", [1, 31, 32, 319])
def test_decode_scores__truncated_body__refused(cases: list[dict[str, Any]], cut_at: int) -> None:
    with pytest.raises(MalformedValueError):
        decode_scores(encoding_of(cases[0])[:cut_at])
