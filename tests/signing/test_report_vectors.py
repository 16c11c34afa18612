"""Attestations of the frozen vectors, made by another implementation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oracle.domain.ids import parse_address, parse_hash
from oracle.signing.signer import LocalSigner
from oracle.signing.verify import is_signed_by, recover


@pytest.fixture(scope="module")
def vectors(vectors_dir: Path) -> Any:
    return json.loads((vectors_dir / "report.json").read_text())


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def test_sign_digest__report_vectors__gives_the_same_attestations(vectors: Any) -> None:
    signers = [LocalSigner(unhex(s["privateKey"])) for s in vectors["signers"]]

    for case in vectors["cases"]:
        digest = parse_hash(case["reportHash"])
        assert [s.sign_digest(digest) for s in signers[: len(case["attestations"])]] == [
            unhex(a) for a in case["attestations"]
        ]


def test_recover__report_vectors__gives_the_members(vectors: Any) -> None:
    addresses = [parse_address(s["address"]) for s in vectors["signers"]]

    for case in vectors["cases"]:
        digest = parse_hash(case["reportHash"])
        for member, attestation in enumerate(case["attestations"]):
            assert recover(digest, unhex(attestation)) == addresses[member]


def test_is_signed_by__refused_vectors__takes_none_from_member_0(vectors: Any) -> None:
    digest = parse_hash(vectors["cases"][0]["reportHash"])
    member = parse_address(vectors["signers"][0]["address"])

    taken = [r["name"] for r in vectors["refused"] if is_signed_by(member, digest, unhex(r["attestation"]))]

    assert taken == []
    assert len(vectors["refused"]) >= 6
