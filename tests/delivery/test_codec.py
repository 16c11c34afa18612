"""Bytes of calls and answers, against worked values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from oracle.delivery import codec
from oracle.domain.ids import keccak256
from oracle.domain.units import NodeId
from oracle.errors import UnreadableAnswerError
from tests.delivery.conftest import Agreed, borrower_score


def test_selector__transfer_of_erc20__is_the_known_one() -> None:
    assert codec.selector("transfer(address,uint256)").hex() == "a9059cbb"


def test_pack_attestations__odd_and_even_v__folds_parity_into_s() -> None:
    r, s = b"\x11" * 32, b"\x22" * 32

    packed = codec.pack_attestations({NodeId(2): r + s + b"\x1c", NodeId(0): r + s + b"\x1b"}, 2)

    assert packed == b"\x00" + r + s + b"\x02" + r + b"\xa2" + b"\x22" * 31


def test_pack_attestations__more_than_the_quorum__takes_the_lowest_ids() -> None:
    signature = bytes(64) + b"\x1b"

    packed = codec.pack_attestations({NodeId(n): signature for n in (3, 1, 0, 2)}, 3)

    assert [packed[i] for i in range(0, len(packed), 65)] == [0, 1, 2]


def test_pack_attestations__fewer_than_the_quorum__is_refused() -> None:
    with pytest.raises(ValueError, match="1 attestations, 2 are needed"):
        codec.pack_attestations({NodeId(0): bytes(65)}, 2)


def test_decode_published__log_of_a_publish__gives_the_report(agreed: Agreed) -> None:
    r = agreed.report
    topics = (codec.REPORT_PUBLISHED_TOPIC, r.epoch.to_bytes(32, "big"), r.config_digest)
    values = (r.scores_root, r.cut_hash, r.observers, r.borrowers, r.collaterals, r.stalled_chains, 0b0111)
    data = encode(("bytes32", "bytes32", "uint32", "uint32", "uint32", "uint32", "uint32"), values)

    published = codec.decode_published([topics[0], topics[1], topics[2]], data)

    assert published == codec.Published(report=r, signers=7)


def test_decode_posted_borrower__stored_score__keeps_sign() -> None:
    types = ("uint64", "int32", "int32", "uint32", "uint32", "uint16", "uint8", "bytes4")
    answer = encode(types, (9, -1, -77, 10, 20, 700, 4, b"abcd"))

    posted = codec.decode_posted_borrower(answer)

    assert posted == codec.PostedBorrower(epoch=9, behaviour_margin=-77, pd_upper_ppm=20, grade=4)  # type: ignore[arg-type]


def test_explain_revert__custom_error__names_it_with_both_numbers() -> None:
    data = codec.selector("StaleReport(uint64,uint64)") + (7).to_bytes(32, "big") + (9).to_bytes(32, "big")

    assert codec.explain_revert(data) == "StaleReport(7, 9)"
    assert codec.explain_revert(b"") == "without a reason"
    assert codec.explain_revert(b"\xde\xad\xbe\xef") == "0xdeadbeef"


def test_encode_post__two_scores__stand_in_the_order_of_the_proof(agreed: Agreed) -> None:
    from eth_abi.abi import decode

    from oracle.domain.merkle import MerkleTree

    two = [borrower_score(5), borrower_score(2)]
    proof = MerkleTree(s.leaf for s in agreed.scores).multiproof([s.leaf for s in two])

    _, entries, _, _ = decode(
        ("uint64", "bytes[]", "bytes32[]", "bool[]"), codec.encode_post(agreed.report.epoch, two, proof)[4:]
    )

    leaves = [keccak256(keccak256(entry)) for entry in entries]
    assert leaves == sorted(leaves)
    assert set(leaves) == {s.leaf for s in two}


def test_pack_attestations__frozen_vectors__recover_from_the_packed_form(vectors_dir: Path) -> None:
    case: Any = json.loads((vectors_dir / "report.json").read_text())["cases"][0]
    signatures = {NodeId(i): bytes.fromhex(a[2:]) for i, a in enumerate(case["attestations"])}

    packed = codec.pack_attestations(signatures, 3)

    for i in range(3):
        record = packed[65 * i : 65 * i + 65]
        v = 27 + (record[33] >> 7)
        assert record[1:33] + bytes((record[33] & 0x7F,)) + record[34:] + bytes((v,)) == signatures[NodeId(i)]


@pytest.mark.parametrize(("topics", "data"), [([b"\x01" * 32], bytes(224)), ([bytes(32)] * 3, bytes(223))])
def test_decode_published__log_cut_short__says_so(topics: list[bytes], data: bytes) -> None:
    with pytest.raises(UnreadableAnswerError, match="ReportPublished"):
        codec.decode_published(topics, data)
