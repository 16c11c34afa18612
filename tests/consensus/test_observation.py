"""Buckets, roots, commitments and set hashes against the frozen vectors."""

from __future__ import annotations

from typing import Any

import pytest

from oracle.consensus.observation import (
    EMPTY_BUCKET_DIGEST,
    build_observation,
    compute_commitment,
    compute_set_hash,
    decode_bucket,
    encode_entries,
)
from oracle.domain.score import decode_score
from oracle.domain.units import Epoch, NodeId, View
from oracle.errors import LocalProtocolError, MalformedValueError
from tests.consensus.vectors import h32, load, raw
from tests.simulation.world import borrower

ENTRIES_ROOT = load("entries_root")


def test_empty_bucket_digest__of_nothing__equals_the_vector() -> None:
    assert h32(ENTRIES_ROOT["emptyBucketDigest"]) == EMPTY_BUCKET_DIGEST


@pytest.mark.parametrize("case", ENTRIES_ROOT["cases"], ids=lambda c: c["name"])
def test_build_observation__entries_of_the_vector__have_its_root_and_buckets(case: Any) -> None:
    observation = build_observation(decode_score(raw(entry)) for entry in case["entries"])

    assert observation.root == h32(case["entriesRoot"])
    filled = {bucket: entries for bucket, entries in enumerate(observation.buckets) if entries}
    assert sorted(filled) == [item["bucket"] for item in case["buckets"]]
    for item in case["buckets"]:
        assert observation.bucket_digests[item["bucket"]] == h32(item["digest"])
        assert encode_entries(filled[item["bucket"]]) == raw(item["body"])
        assert decode_bucket(item["bucket"], raw(item["body"])) == filled[item["bucket"]]


def test_build_observation__subject_twice__is_our_bug() -> None:
    with pytest.raises(LocalProtocolError, match="twice"):
        build_observation([borrower(1, 5), borrower(1, 6)])


def test_decode_bucket__entry_of_another_bucket__is_refused() -> None:
    item = next(c for c in ENTRIES_ROOT["cases"] if c["name"] == "one borrower")["buckets"][0]

    with pytest.raises(MalformedValueError, match="subjects of that bucket only"):
        decode_bucket((item["bucket"] + 1) % 256, raw(item["body"]))


def test_decode_bucket__descending_subjects__are_refused() -> None:
    item = next(c for c in ENTRIES_ROOT["cases"] if c["name"] == "five in bucket 0")["buckets"][0]
    entries = decode_bucket(0, raw(item["body"]))

    with pytest.raises(MalformedValueError, match="ascending"):
        decode_bucket(0, encode_entries(reversed(entries)))


@pytest.mark.parametrize("case", load("messages")["commitments"], ids=lambda c: f"{c['node']}-{c['view']}")
def test_compute_commitment__of_the_vector__equals_it(case: Any) -> None:
    commitment = compute_commitment(
        config_digest=h32(case["configDigest"]),
        epoch=Epoch(int(case["epoch"])),
        view=View(case["view"]),
        cut_hash=h32(case["cutHash"]),
        node=NodeId(case["node"]),
        salt=h32(case["salt"]),
        root=h32(case["entriesRoot"]),
    )

    assert commitment == h32(case["commitment"])


@pytest.mark.parametrize("case", load("messages")["setHashes"], ids=lambda c: str(c["members"]))
def test_compute_set_hash__of_the_vector__equals_it(case: Any) -> None:
    assert compute_set_hash(case["members"], [h32(c) for c in case["commitments"]]) == h32(case["setHash"])
