"""A model as contract code: its bytes cut into the data contracts that `ModelRegistry` hashes and runs, and its self-test in batches.

`model.bin` is header ‖ tables ‖ support and trees. The registry takes the header as it is, the tables as one data contract (the one that markets
read too), and the rest as data contracts of at most 24,575 bytes; a data contract's code is a zero byte and those bytes, so that a call to it
stops at once. Nothing is repacked: joined again, the sections are `model.bin`. Source: `tests/vectors/FORMATS.md`, section 13.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oracle.domain.ids import ZERO_HASH, Hash32, keccak256
from oracle.errors import MalformedValueError
from oracle.scoring.bundle import MODEL, SELFTEST, SELFTEST_COUNT, bundle_folder, load_bundle
from oracle.scoring.codec import HEADER_BYTES, decode_model, encode_tables, model_id

MAX_CHUNK_BYTES = 24_575
"""EIP-170 allows a contract 24,576 bytes; the first one is STOP."""
INIT_PREFIX = bytes.fromhex("80600a3d393df3")


@dataclass(frozen=True, kw_only=True)
class ModelCode:
    """The sections of one `model.bin`, as the registry takes them; `chunks` hold support and trees."""

    model_id: Hash32
    header: bytes
    tables: bytes
    chunks: tuple[bytes, ...]

    @property
    def parts(self) -> tuple[bytes, ...]:
        """Return what each data contract holds, tables first."""
        return (self.tables, *self.chunks)

    @property
    def code_digest(self) -> Hash32:
        """Return what the registry stores of the code: keccak of the code hashes, tables first."""
        return keccak256(b"".join(keccak256(data_code(part)) for part in self.parts))


@dataclass(frozen=True, kw_only=True)
class SelfTestCase:
    """One vector, two bytes a slot, and the encoded leaf recorded for it."""

    vector: bytes
    leaf: bytes


@dataclass(frozen=True, kw_only=True)
class SelfTestBatch:
    """Consecutive cases, and the hash of the case after them: zero after the last."""

    cases: tuple[SelfTestCase, ...]
    rest: Hash32


def split_model(data: bytes) -> ModelCode:
    """Return the sections of `model.bin`.

    Raises:
        MalformedValueError: if the bytes are no model.
    """
    tables = encode_tables(decode_model(data).tables)
    body = data[HEADER_BYTES + len(tables) :]
    return ModelCode(
        model_id=model_id(data),
        header=data[:HEADER_BYTES],
        tables=tables,
        chunks=tuple(body[i : i + MAX_CHUNK_BYTES] for i in range(0, len(body), MAX_CHUNK_BYTES)),
    )


def data_code(part: bytes) -> bytes:
    """Return the runtime code of the data contract that holds `part`."""
    return b"\0" + part


def data_init_code(part: bytes) -> bytes:
    """Return creation code that leaves `data_code(part)` behind; the factory `ScoreTables` does the same."""
    code = data_code(part)
    return b"\x61" + len(code).to_bytes(2, "big") + INIT_PREFIX + code


def read_self_test(name_or_path: str | Path, *, allow_sandbox: bool) -> tuple[bytes, tuple[SelfTestCase, ...]]:
    """Return `model.bin` and the self-test of a bundle, after loading it: every byte is checked, and the self-test runs here first.

    Raises:
        BundleError: if the bundle does not load.
        SandboxBundleError: if it is for the sandbox only and that is not allowed.
    """
    folder = bundle_folder(name_or_path)
    load_bundle(folder, allow_sandbox=allow_sandbox)
    cases = json.loads((folder / SELFTEST).read_bytes())
    return (folder / MODEL).read_bytes(), tuple(
        SelfTestCase(vector=bytes.fromhex(case["vector"][2:]), leaf=bytes.fromhex(case["leaf"][2:])) for case in cases
    )


def self_test_hashes(cases: Sequence[SelfTestCase]) -> list[Hash32]:
    """Return for each case the hash of it and all after it, and zero at the end; the first one names the self-test.

    A batch is checked against the hash of its first case, so that nobody can put other cases in between.
    """
    hashes = [ZERO_HASH]
    for case in reversed(cases):
        hashes.append(keccak256(keccak256(case.vector) + keccak256(case.leaf) + hashes[-1]))
    return hashes[::-1]


def self_test_batches(cases: Sequence[SelfTestCase], *, cases_per_batch: int, done: int = 0) -> Iterator[SelfTestBatch]:
    """Return the batches still to run where `done` cases have passed.

    Raises:
        MalformedValueError: if there are not 256 cases, or `done` is not a number of them.
    """
    if len(cases) != SELFTEST_COUNT or not 0 <= done <= len(cases):
        raise MalformedValueError("self-test", f"{len(cases)} cases, {done} done", f"{SELFTEST_COUNT} cases")
    hashes = self_test_hashes(cases)
    for start in range(done, len(cases), cases_per_batch):
        end = min(start + cases_per_batch, len(cases))
        yield SelfTestBatch(cases=tuple(cases[start:end]), rest=hashes[end])
