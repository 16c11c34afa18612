"""Messages are the committee's own, of a live epoch, and signed by whom they name, evidence included (N-03, N-04)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oracle.consensus.bodies import CommitBody, CommittedBody, MessageKind, PrepareBody
from oracle.consensus.messages import Message, SignedMessage, encode_batch
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.units import Epoch, NodeId, View
from oracle.node.authentication import (
    Authenticator,
    DropCounters,
    DroppedMessageError,
    DropReason,
    EpochWindow,
)
from tests.consensus.vectors import load, raw, signed_of
from tests.node.committee import SIGNERS, vector_config

VECTORS: Any = load("messages")
EPOCH = Epoch(489_555)
WINDOW = EpochWindow.around(EPOCH)
LAYER_REASONS = {
    "wire": {DropReason.MALFORMED, DropReason.WRONG_SIGNATURE},
    "signature": {DropReason.WRONG_SIGNATURE, DropReason.MALFORMED},
    "envelope": {DropReason.MALFORMED, DropReason.UNKNOWN_SENDER, DropReason.OTHER_COMMITTEE},
    "body": {DropReason.MALFORMED},
    "nested": {DropReason.MALFORMED, DropReason.WRONG_SIGNATURE, DropReason.UNKNOWN_SENDER},
}


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(vector_config())


def signed(sender: int = 0, *, epoch: Epoch = EPOCH, signer: int | None = None, digest: bytes | None = None) -> bytes:
    message = Message(
        config_digest=Hash32(digest) if digest is not None else vector_config().digest,
        epoch=epoch,
        view=View(0),
        cut_hash=keccak256(b"cut"),
        sender=NodeId(sender),
        body=PrepareBody(report_hash=keccak256(b"report")),
    )
    key = SIGNERS[sender if signer is None else signer]
    return SignedMessage(message=message, signature=key.sign_digest(message.digest)).wire


def reason_of(authenticator: Authenticator, wire: bytes) -> DroppedMessageError:
    with pytest.raises(DroppedMessageError) as caught:
        authenticator.read(wire, WINDOW)
    return caught.value


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"{case['name']}-{case['sender']}")
def test_read__every_kind_of_the_vectors__is_taken(authenticator: Authenticator, case: Any) -> None:
    expected = signed_of(case)

    assert authenticator.read(expected.wire, WINDOW) == expected


@pytest.mark.parametrize("case", VECTORS["malformed"], ids=lambda case: case["reason"])
def test_read__every_malformed_vector__is_dropped_with_its_reason(authenticator: Authenticator, case: Any) -> None:
    error = reason_of(authenticator, raw(case["wire"]))

    assert error.why in LAYER_REASONS.get(case["layer"], set(DropReason))
    # Whoever signed the envelope answers for what is inside it; before that, nobody does.
    assert error.sender is None or case["layer"] in ("body", "nested", "envelope")


def test_read__malformed_body_with_a_good_signature__is_attributed_to_its_author(authenticator: Authenticator) -> None:
    bodies = [case for case in VECTORS["malformed"] if case["layer"] == "body"]

    senders = {reason_of(authenticator, raw(case["wire"])).sender for case in bodies}

    assert None not in senders


def test_read__signed_by_another_member__is_dropped_and_nobody_blamed(authenticator: Authenticator) -> None:
    error = reason_of(authenticator, signed(0, signer=1))

    assert (error.why, error.sender) == (DropReason.WRONG_SIGNATURE, None)


def test_read__key_outside_the_committee__is_dropped(authenticator: Authenticator) -> None:
    assert reason_of(authenticator, signed(3, signer=5)).why is DropReason.WRONG_SIGNATURE


def test_read__sender_outside_the_committee__is_dropped_before_signatures(authenticator: Authenticator) -> None:
    assert reason_of(authenticator, signed(4)).why is DropReason.UNKNOWN_SENDER


def test_read__another_committee__is_dropped(authenticator: Authenticator) -> None:
    assert reason_of(authenticator, signed(digest=keccak256(b"other"))).why is DropReason.OTHER_COMMITTEE


@pytest.mark.parametrize(("offset", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_read__epochs_around_the_clock__only_the_live_ones(
    authenticator: Authenticator, offset: int, is_taken: bool
) -> None:
    wire = signed(epoch=Epoch(EPOCH + offset))

    if is_taken:
        assert authenticator.read(wire, WINDOW).epoch == EPOCH + offset
    else:
        assert reason_of(authenticator, wire).why is DropReason.OTHER_EPOCH


def test_read__replayed_in_a_later_epoch__is_dropped(authenticator: Authenticator) -> None:
    wire = signed()
    authenticator.read(wire, WINDOW)

    with pytest.raises(DroppedMessageError) as caught:
        authenticator.read(wire, EpochWindow.around(Epoch(EPOCH + 2)))

    assert (caught.value.why, caught.value.sender) == (DropReason.OTHER_EPOCH, 0)


def test_read__nested_signature_forged__is_dropped_and_the_carrier_named(authenticator: Authenticator) -> None:
    case = next(c for c in VECTORS["cases"] if c["kind"] == MessageKind.COMMITTED)
    genuine = signed_of(case)
    inner = genuine.nested[0]
    assert isinstance(inner.body, CommitBody)
    forged_inner = replace(inner, signature=SIGNERS[6].sign_digest(inner.message.digest))
    commits = (forged_inner.wire, *(m.wire for m in genuine.nested[1:]))
    assert isinstance(genuine.body, CommittedBody)
    message = replace(genuine.message, body=replace(genuine.body, commits=commits))
    forged = SignedMessage(message=message, signature=SIGNERS[message.sender].sign_digest(message.digest))

    error = reason_of(authenticator, forged.wire)

    assert (error.why, error.sender) == (DropReason.WRONG_SIGNATURE, message.sender)


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 64, encode_batch([b"a"]) + b"\0" * 32])
def test_read_batch__malformed__is_dropped(authenticator: Authenticator, content: bytes) -> None:
    with pytest.raises(DroppedMessageError) as caught:
        authenticator.read_batch(content)

    assert caught.value.why is DropReason.MALFORMED


def test_counters__drops__are_kept_by_member_and_reason() -> None:
    drops = DropCounters()

    drops.count(NodeId(2), DropReason.PROTOCOL)
    drops.count(NodeId(2), DropReason.PROTOCOL)
    drops.count(None, DropReason.TOO_LARGE)

    assert drops.of(NodeId(2)) == {DropReason.PROTOCOL: 2}
    assert drops.of(None) == {DropReason.TOO_LARGE: 1}
