"""Subjects and hex at the edges, against the shared vectors (D-01, D-03)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oracle.domain.ids import (
    Address,
    SubjectId,
    borrower_subject,
    collateral_subject,
    contract_borrower_subject,
    keccak256,
    parse_address,
    parse_hash,
    to_checksum,
    to_hex,
)
from oracle.domain.units import ChainId
from oracle.errors import MalformedValueError


def subject_of(form: str, chain_id: ChainId, address: Address, numeraire: Address) -> SubjectId:
    if form == "borrower":
        return borrower_subject(address)
    if form == "contract":
        return contract_borrower_subject(chain_id, address)
    return collateral_subject(chain_id, address, numeraire)


def test_subjects__shared_vectors__equal(vectors_dir: Path) -> None:
    for case in json.loads((vectors_dir / "subjects.json").read_text())["cases"]:
        address = parse_address(case["address"])
        chain_id = ChainId(int(case["chainId"]))
        subject = subject_of(case["form"], chain_id, address, parse_address(case["numeraire"]))

        assert to_hex(subject) == case["subject"]


def test_keccak256__empty_input__is_ethereums_not_nists() -> None:
    assert to_hex(keccak256(b"")) == ("0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")


@pytest.mark.parametrize("text", ["", "0x", "00" * 20, "0x" + "0" * 39, "0x" + "zz" * 20])
def test_parse_address__not_twenty_bytes_of_hex__refused(text: str) -> None:
    with pytest.raises(MalformedValueError, match="40 hex digits"):
        parse_address(text)


def test_parse_hash__hash__round_trips() -> None:
    text = "0x" + "ab" * 32

    assert to_hex(parse_hash(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_to_checksum__examples_of_eip_55__same_text(text: str) -> None:
    assert to_checksum(bytes.fromhex(text[2:])) == text
