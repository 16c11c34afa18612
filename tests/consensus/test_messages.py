"""Messages against the frozen vectors, and everything that must be refused. C-13: one value has one encoding."""

from __future__ import annotations

from typing import Any

import coincurve
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.consensus.bodies import MessageKind
from oracle.consensus.messages import MESSAGE_TYPEHASH, Claim, SignedMessage, decode_batch, decode_message, encode_batch
from oracle.domain.ids import keccak256
from oracle.errors import PeerProtocolError
from tests.consensus.vectors import h32, load, raw, signed_of

VECTORS = load("messages")
CASES = VECTORS["cases"]
MALFORMED = VECTORS["malformed"]
# What only the shell can know: whether the bytes of a signature are the sender's.
SHELL_LAYER = {"signed by another member", "high s", "v of 0 or 1", "body changed after signing"}
COMMITTEE = {"sender 4 of a committee of four", "another committee"}
SIGNERS = [raw(signer["address"]) for signer in load("report")["signers"]]


def name_of(case: Any) -> str:
    return f"{case['name']}-{case['sender']}"


def recover(claim: Claim) -> bytes:
    signature = claim.signature[:64] + bytes([claim.signature[64] - 27])
    key = coincurve.PublicKey.from_signature_and_message(signature, claim.digest, hasher=None)
    return keccak256(key.format(compressed=False)[1:])[-20:]


def first(kind: MessageKind) -> SignedMessage:
    return signed_of(next(case for case in CASES if case["kind"] == kind))


def test_message_typehash__of_the_type_string__equals_the_vector() -> None:
    assert h32(VECTORS["messageTypeHash"]) == MESSAGE_TYPEHASH


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_message__every_kind__has_the_digest_and_wire_of_the_vector(case: Any) -> None:
    signed = signed_of(case)

    assert signed.message.encoded_body == raw(case["body"])
    assert signed.message.digest == h32(case["digest"])
    assert keccak256(signed.wire) == h32(case["wireHash"])


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_decode_message__wire_of_the_vector__gives_the_message_back(case: Any) -> None:
    signed = signed_of(case)

    assert decode_message(signed.wire) == signed


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_claims__every_vector__are_signed_by_the_members_named(case: Any) -> None:
    claims = list(signed_of(case).claims())

    assert [recover(claim) for claim in claims] == [SIGNERS[claim.signer] for claim in claims]


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (MessageKind.PREPARE, 1),
        (MessageKind.ATTESTATION, 2),  # its envelope, and the attestation
        (MessageKind.CLOSED_SET, 1 + 4),
        (MessageKind.COMMITTED, 1 + 3),
        (MessageKind.PROPOSAL, 1 + (1 + 4) + 4),
        (MessageKind.NEW_VIEW, 1 + (1 + 3) + 1 + (1 + 3)),  # the middle wish has no certificate
    ],
)
def test_claims__nested_evidence__counts_every_signature(kind: MessageKind, count: int) -> None:
    assert len(list(first(kind).claims())) == count


@pytest.mark.parametrize(
    "case", [c for c in MALFORMED if c["reason"] not in SHELL_LAYER | COMMITTEE], ids=lambda c: c["reason"]
)
def test_decode_message__malformed_wire__is_refused(case: Any) -> None:
    with pytest.raises(PeerProtocolError):
        decode_message(raw(case["wire"]))


@pytest.mark.parametrize("case", [c for c in MALFORMED if c["reason"] in SHELL_LAYER], ids=lambda c: c["reason"])
def test_claims__bad_signature__is_left_for_the_shell_to_see(case: Any) -> None:
    claims = list(decode_message(raw(case["wire"])).claims())

    assert len(claims) == 1


def test_nested__message_of_another_kind__is_refused() -> None:
    closed = first(MessageKind.CLOSED_SET)
    prepare = first(MessageKind.PREPARE).wire
    wrong = SignedMessage(
        message=closed.message.__class__(
            **{**closed.message.__dict__, "body": type(closed.body)(members=1, commitments=(prepare,))}  # type: ignore[call-arg]
        ),
        signature=closed.signature,
    )

    with pytest.raises(PeerProtocolError, match="does not belong") as caught:
        list(wrong.claims())
    assert caught.value.sender == closed.sender


def test_decode_batch__example_request__gives_the_wires() -> None:
    body = raw(VECTORS["exampleRequest"]["body"])

    wires = decode_batch(body)

    assert [decode_message(wire).sender for wire in wires] == [0, 1, 2, 3]
    assert encode_batch(wires) == body
    assert decode_batch(raw(VECTORS["emptyRequest"])) == ()


@given(data=st.binary(max_size=400))
def test_decode_message__any_bytes__are_refused_without_another_error(data: bytes) -> None:
    with pytest.raises(PeerProtocolError):
        decode_message(data)


@given(data=st.data())
def test_decode_message__one_changed_byte__is_refused_or_another_message(data: st.DataObject) -> None:
    signed = signed_of(data.draw(st.sampled_from(CASES)))
    position = data.draw(st.integers(0, len(signed.wire) - 1))
    changed = bytearray(signed.wire)
    changed[position] ^= data.draw(st.integers(1, 255))

    try:
        other = decode_message(bytes(changed))
    except PeerProtocolError:
        return
    assert other.wire == bytes(changed)
    assert other.message.digest != signed.message.digest or other.signature != signed.signature
