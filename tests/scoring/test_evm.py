"""A model as contract code: sections that join to the same bytes, and a self-test that nobody can reorder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oracle.domain.ids import ZERO_HASH, keccak256, to_hex
from oracle.errors import BundleError, MalformedValueError, SandboxBundleError
from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.bundle import BUNDLES_DIR, SELFTEST_COUNT, released_bundles
from oracle.scoring.codec import encode_model
from oracle.scoring.evm import (
    MAX_CHUNK_BYTES,
    SelfTestCase,
    data_code,
    data_init_code,
    read_self_test,
    self_test_batches,
    self_test_hashes,
    split_model,
)
from tests.scoring.model_runs import make_largest_model

CASES = tuple(SelfTestCase(vector=bytes([i, 0]), leaf=bytes([i]) * 32) for i in range(SELFTEST_COUNT))


def test_split_model__shared_models__same_code(vectors_dir: Path) -> None:
    models = json.loads((vectors_dir / "model.json").read_text())["models"]
    cases = json.loads((vectors_dir / "model_code.json").read_text())["cases"]

    for model, case in zip(models, cases, strict=True):
        code = split_model(bytes.fromhex(model["bin"][2:]))
        assert (to_hex(code.model_id), to_hex(code.header)) == (case["modelId"], case["header"])
        assert [len(part) for part in code.parts] == case["partBytes"]
        assert [to_hex(keccak256(data_code(part))) for part in code.parts] == case["codeHashes"]
        assert to_hex(code.code_digest) == case["codeDigest"]


def test_self_test_hashes__shared_cases__same_hashes(vectors_dir: Path) -> None:
    for case in json.loads((vectors_dir / "model_code.json").read_text())["cases"]:
        pairs = zip(case["vectors"], case["leaves"], strict=True)
        cases = [SelfTestCase(vector=bytes.fromhex(v[2:]), leaf=bytes.fromhex(leaf[2:])) for v, leaf in pairs]

        assert [to_hex(value) for value in self_test_hashes(cases)] == case["hashes"]


@pytest.mark.parametrize("name", released_bundles())
def test_split_model__released_bundle__joins_to_the_same_bytes(name: str) -> None:
    """S-01: the id is that of what goes on chain."""
    data = (BUNDLES_DIR / name / "model.bin").read_bytes()

    code = split_model(data)

    assert code.header + b"".join(code.parts) == data
    assert code.model_id == keccak256(data)
    assert len(code.header) == 44
    assert len(code.tables) == (2_062 if name.startswith("collateral") else 5_919)


def test_split_model__largest_model__takes_two_full_contracts_and_no_more() -> None:
    code = split_model(encode_model(make_largest_model()))

    assert [len(chunk) for chunk in code.chunks] == [MAX_CHUNK_BYTES, 32 * 5 + 200 * 188 - MAX_CHUNK_BYTES]
    assert len(data_code(code.chunks[0])) == 24_576


def test_split_model__truncated__is_refused() -> None:
    data = (BUNDLES_DIR / "collateral-1" / "model.bin").read_bytes()

    with pytest.raises(MalformedValueError):
        split_model(data[:-1])


def test_data_init_code__three_bytes__is_the_documented_one() -> None:
    """IScoreTables: 0x61, the length with the zero byte, 0x80600a3d393df3, then the code."""
    assert data_init_code(b"\x11\x22\x33") == bytes.fromhex("61000480600a3d393df300112233")


def test_code_digest__two_parts__hashes_their_code_hashes() -> None:
    code = split_model((BUNDLES_DIR / "borrower-1" / "model.bin").read_bytes())

    by_hand = keccak256(keccak256(b"\0" + code.tables) + keccak256(b"\0" + code.chunks[0]))

    assert code.code_digest == by_hand


def test_self_test_hashes__three_cases__are_chained_from_the_end() -> None:
    first, second, third = CASES[:3]

    hashes = self_test_hashes(CASES[:3])

    last = keccak256(keccak256(third.vector) + keccak256(third.leaf) + ZERO_HASH)
    middle = keccak256(keccak256(second.vector) + keccak256(second.leaf) + last)
    assert hashes == [keccak256(keccak256(first.vector) + keccak256(first.leaf) + middle), middle, last, ZERO_HASH]


@pytest.mark.parametrize(("size", "done"), [(100, 0), (256, 0), (1, 250), (100, 30), (1_000, 0)])
def test_self_test_batches__any_size_and_start__cover_the_rest_in_order(size: int, done: int) -> None:
    batches = list(self_test_batches(CASES, cases_per_batch=size, done=done))

    assert [case for batch in batches for case in batch.cases] == list(CASES[done:])
    assert all(len(batch.cases) <= size for batch in batches)
    hashes = self_test_hashes(CASES)
    for batch in batches:
        done += len(batch.cases)
        assert batch.rest == hashes[done]


def test_self_test_batches__all_done__are_none() -> None:
    assert list(self_test_batches(CASES, cases_per_batch=64, done=SELFTEST_COUNT)) == []


@pytest.mark.parametrize(("cases", "done"), [(CASES[:-1], 0), (CASES, 257), (CASES, -1)])
def test_self_test_batches__wrong_count__is_refused(cases: tuple[SelfTestCase, ...], done: int) -> None:
    with pytest.raises(MalformedValueError, match="256 cases"):
        list(self_test_batches(cases, cases_per_batch=64, done=done))


def test_read_self_test__released_bundle__has_every_case() -> None:
    data, cases = read_self_test("collateral-1", allow_sandbox=False)

    assert data == (BUNDLES_DIR / "collateral-1" / "model.bin").read_bytes()
    assert len(cases) == SELFTEST_COUNT
    assert {(len(case.vector), len(case.leaf)) for case in cases} == {(2 * len(COLLATERAL_SCHEMA), 352)}


def test_read_self_test__bundle_that_does_not_load__is_refused() -> None:
    """S-05, and a name that nobody released."""
    with pytest.raises(SandboxBundleError):
        read_self_test("borrower-sandbox-1", allow_sandbox=False)
    with pytest.raises(BundleError, match="no such bundle"):
        read_self_test("borrower-0", allow_sandbox=True)
