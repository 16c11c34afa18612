"""ABI encodings, signatures and wires of the vectors, by the Python libraries instead of the JavaScript ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_account import Account
from eth_utils.crypto import keccak

FOLDER = Path(__file__).parent


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return data


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


MESSAGES = load("messages")
BODY_TYPES = {row["kind"]: row["types"] for row in MESSAGES["bodyTypes"]}
KEYS = [signer["privateKey"] for signer in load("report")["signers"]]


def is_canonical(types: list[str], data: bytes) -> bool:
    try:
        return encode(types, decode(types, data)) == data
    except Exception:  # noqa: BLE001  the library raises several unrelated kinds, OverflowError among them
        return False


@pytest.mark.parametrize("case", MESSAGES["cases"], ids=lambda case: f"{case['name']}-{case['sender']}")
def test_message__python_libraries__same_body_signature_and_wire(case: dict[str, Any]) -> None:
    body = raw(case["body"])

    signature = Account.unsafe_sign_hash(raw(case["digest"]), KEYS[case["sender"]]).signature
    envelope = [raw(case["configDigest"]), int(case["epoch"]), case["view"], raw(case["cutHash"]), case["kind"]]
    wire = encode(MESSAGES["wireTypes"], [*envelope, case["sender"], body, bytes(signature)])

    assert is_canonical(BODY_TYPES[case["kind"]], body)
    assert keccak(body) == raw(case["bodyHash"])
    assert bytes(signature) == raw(case["signature"])
    assert keccak(wire) == raw(case["wireHash"])


def test_messages__kinds__all_sixteen() -> None:
    assert {case["kind"] for case in MESSAGES["cases"]} == set(range(1, 17)) == set(BODY_TYPES)


@pytest.mark.parametrize("case", MESSAGES["malformed"], ids=lambda case: case["reason"])
def test_malformed_wire__envelope_encoding__broken_only_where_it_says(case: dict[str, Any]) -> None:
    assert is_canonical(MESSAGES["wireTypes"], raw(case["wire"])) == (case["layer"] != "wire")


@pytest.mark.parametrize("index", range(4))
def test_attestation__python_signer__same_bytes(index: int) -> None:
    for case in load("report")["cases"]:
        signature = Account.unsafe_sign_hash(raw(case["reportHash"]), KEYS[index]).signature
        assert bytes(signature) == raw(case["attestations"][index])


@pytest.mark.parametrize(
    ("column", "types"),
    [
        ("borrower", "uint8 bytes32 int32 int32 uint32 uint32 uint16 uint8 bytes4 bytes32"),
        ("collateral", "uint8 bytes32 int32 uint32 uint32 uint32 uint16 uint16 uint16 uint8 bytes32"),
    ],
)
def test_entry__python_abi__same_encoding_and_leaf(column: str, types: str) -> None:
    columns = load("leaves")["columns"][column]
    names = [name for name in columns if name not in {"inRange", "encoded", "bucket", "leaf"}]

    for row in zip(*(columns[name] for name in [*names, "encoded", "leaf"]), strict=True):
        *fields, encoded, leaf = row
        values = [raw(v) if str(v).startswith("0x") else int(v) for v in fields]
        assert encode(types.split(), values) == raw(encoded)
        assert keccak(keccak(raw(encoded))) == raw(leaf)
