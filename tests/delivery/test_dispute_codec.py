"""Calls and answers of the dispute contract, against worked values; selectors are those of the compiled contract."""

from __future__ import annotations

import pytest
from eth_abi.abi import decode, encode

from oracle.delivery import codec, dispute_codec
from oracle.delivery.dispute_codec import SignedReport, Standing
from oracle.domain.ids import Address, Hash32, keccak256
from oracle.domain.merkle import MerkleTree
from oracle.domain.units import Epoch, NodeId
from oracle.errors import UnreadableAnswerError
from tests.delivery.conftest import Agreed

REPORT = "(bytes32,uint64,bytes32,bytes32,uint32,uint32,uint32,uint32)"
EVIDENCE = f"({REPORT},bytes,((bytes32,uint8,address,uint64,uint64),(bytes32,bytes32))[])"
LEAF = keccak256(b"leaf")


def signed(agreed: Agreed) -> SignedReport:
    return SignedReport(report=agreed.report, attestations=b"\0" + b"\1" * 64 + b"\2" + b"\3" * 64)


def test_signed_report__signers__are_the_first_bytes_of_the_records(agreed: Agreed) -> None:
    assert signed(agreed).signers == (0, 2)


def test_encode_wrong_score__decoded__is_what_was_given(agreed: Agreed) -> None:
    entry, proof, vector = agreed.scores[0].encoded, (keccak256(b"a"), keccak256(b"b")), b"\0\1\0\2"

    data = dispute_codec.encode_wrong_score(signed(agreed), entry, proof, vector)

    evidence, *rest = decode((EVIDENCE, "bytes", "bytes32[]", "bytes"), data[4:])
    assert data[:4] == codec.selector(f"proveWrongScore({EVIDENCE},bytes,bytes32[],bytes)")
    assert evidence == (codec.report_fields(agreed.report), signed(agreed).attestations, ())
    assert rest == [entry, proof, vector]


def test_encode_equivocation__decoded__holds_both_reports(agreed: Agreed) -> None:
    one = signed(agreed)

    data = dispute_codec.encode_equivocation(one, one)

    first, second = decode((EVIDENCE, EVIDENCE), data[4:])
    assert first == second == (codec.report_fields(agreed.report), one.attestations, ())


def test_decode_publish__what_publish_was_called_with__comes_back(agreed: Agreed) -> None:
    attestations = codec.pack_attestations({NodeId(1): b"\4" * 64 + b"\x1b"}, 1)

    found = dispute_codec.decode_publish(codec.encode_publish(agreed.report, attestations))

    assert found == SignedReport(report=agreed.report, attestations=attestations)
    assert found.report.hash == agreed.report.hash
    assert dispute_codec.decode_publish(codec.encode_head()) is None


def test_decode_post__what_post_was_called_with__comes_back(agreed: Agreed) -> None:
    tree = MerkleTree(score.leaf for score in agreed.scores)
    posted = agreed.scores[2:4]
    multi = tree.multiproof([score.leaf for score in posted])

    found = dispute_codec.decode_post(codec.encode_post(Epoch(100), posted, multi))

    assert found is not None
    epoch, entries, proof = found
    assert (epoch, proof) == (100, multi)
    assert sorted(entries) == sorted(score.encoded for score in posted)
    assert dispute_codec.decode_post(codec.encode_head()) is None


def test_decode_demand__word_of_each_field__is_read() -> None:
    answer = encode(("address", "uint40", "uint8"), ("0x" + "ab" * 20, 1_700, 2))

    demand = dispute_codec.decode_demand(answer)

    assert (demand.demander, demand.answer_by_s, demand.standing) == (Address(b"\xab" * 20), 1_700, Standing.ANSWERED)


def test_decode_demanded__log__names_epoch_leaf_and_deadline() -> None:
    topics = [dispute_codec.VECTOR_DEMANDED_TOPIC, Hash32((9).to_bytes(32, "big")), LEAF, Hash32(bytes(32))]

    demanded = dispute_codec.decode_demanded(topics, (1_800).to_bytes(32, "big"))

    assert (demanded.epoch, demanded.leaf, demanded.answer_by_s) == (9, LEAF, 1_800)
    with pytest.raises(UnreadableAnswerError):
        dispute_codec.decode_demanded(topics[:3], b"")


def test_decode_case__numbered_and_not__is_read_or_none() -> None:
    answer = encode(("address", "uint40", "uint104"), ("0x" + "ab" * 20, 1_900, 150))

    case = dispute_codec.decode_case(answer)

    assert case is not None
    assert (case.challenger, case.payable_at_s, case.pending_amount) == (Address(b"\xab" * 20), 1_900, 150)
    assert dispute_codec.decode_case(bytes(96)) is None
