"""Messages: envelope, wire form, digest, nested evidence, and the signatures that the shell has to check.

`decode_message` turns a wire form into a `SignedMessage`, nested evidence included; `SignedMessage.claims` lists every (signer, digest, signature) in it. A
message reaches `step` only after the shell recovered each claim to the key of that member. Source: `tests/vectors/FORMATS.md`, section 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from oracle.consensus.bodies import (
    SIGNATURE_BYTES,
    AttestationBody,
    BodiesBody,
    Body,
    ClosedSetBody,
    CommitBody,
    CommitmentBody,
    CommittedBody,
    CutBody,
    DigestsBody,
    FetchBody,
    MessageKind,
    NewViewBody,
    OutcomeBody,
    OutcomeFetchBody,
    PrepareBody,
    ProposalBody,
    RevealBody,
    ViewWishBody,
)
from oracle.consensus.decoding import decode_body
from oracle.consensus.words import Reader, bytes_array_tail, bytes_tail, encode_tuple
from oracle.domain.ids import Hash32, keccak256, uint_word
from oracle.domain.report import typed_data_hash
from oracle.domain.units import Epoch, NodeId, View
from oracle.errors import MalformedValueError, PeerProtocolError

MESSAGE_TYPEHASH = keccak256(
    b"Message(bytes32 configDigest,uint64 epoch,uint32 view,bytes32 cutHash,uint8 kind,uint8 sender,bytes32 bodyHash)"
)
KIND_OF_BODY: dict[type[Body], MessageKind] = {
    CutBody: MessageKind.CUT,
    CommitmentBody: MessageKind.COMMITMENT,
    ClosedSetBody: MessageKind.CLOSED_SET,
    RevealBody: MessageKind.REVEAL,
    DigestsBody: MessageKind.DIGESTS,
    FetchBody: MessageKind.FETCH,
    BodiesBody: MessageKind.BODIES,
    ProposalBody: MessageKind.PROPOSAL,
    PrepareBody: MessageKind.PREPARE,
    CommitBody: MessageKind.COMMIT,
    ViewWishBody: MessageKind.VIEW_WISH,
    NewViewBody: MessageKind.NEW_VIEW,
    AttestationBody: MessageKind.ATTESTATION,
    CommittedBody: MessageKind.COMMITTED,
    OutcomeFetchBody: MessageKind.OUTCOME_FETCH,
    OutcomeBody: MessageKind.OUTCOME,
}


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message before it is signed; the shell signs `digest` with the node's key."""

    config_digest: Hash32
    epoch: Epoch
    view: View
    cut_hash: Hash32
    sender: NodeId
    body: Body

    @property
    def kind(self) -> MessageKind:
        """Return the kind byte."""
        return KIND_OF_BODY[type(self.body)]

    @cached_property
    def encoded_body(self) -> bytes:
        """Return the ABI encoding of the body."""
        return self.body.encoded()

    @cached_property
    def digest(self) -> Hash32:
        """Return the EIP-712 digest that the sender signs."""
        words = (
            MESSAGE_TYPEHASH,
            self.config_digest,
            uint_word(self.epoch),
            uint_word(self.view),
            self.cut_hash,
            uint_word(self.kind),
            uint_word(self.sender),
            keccak256(self.encoded_body),
        )
        return typed_data_hash(keccak256(b"".join(words)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Member `signer` is said to have signed `digest`."""

    signer: NodeId
    digest: Hash32
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class SignedMessage:
    """A message with its sender's signature; the shell makes one of each message that it sends."""

    message: Message
    signature: bytes

    @property
    def kind(self) -> MessageKind:
        """Return the kind byte."""
        return self.message.kind

    @property
    def sender(self) -> NodeId:
        """Return the member that the envelope names."""
        return self.message.sender

    @property
    def epoch(self) -> Epoch:
        """Return the epoch in the envelope."""
        return self.message.epoch

    @property
    def view(self) -> View:
        """Return the view in the envelope."""
        return self.message.view

    @property
    def body(self) -> Body:
        """Return the body."""
        return self.message.body

    @cached_property
    def wire(self) -> bytes:
        """Return the wire form."""
        m = self.message
        head = m.config_digest + uint_word(m.epoch) + uint_word(m.view) + m.cut_hash + uint_word(m.kind)
        return encode_tuple(head, uint_word(m.sender), bytes_tail(m.encoded_body), bytes_tail(self.signature))

    @cached_property
    def nested(self) -> tuple[SignedMessage, ...]:
        """Return the messages that the body holds as evidence, in the order of the body.

        Raises:
            PeerProtocolError: if one is malformed, of a kind that does not belong there, or of another committee, epoch or cut.
        """
        return tuple(self._decode_nested(wire, kinds) for wire, kinds in _nested_wires(self.body))

    def nested_of(self, *kinds: MessageKind) -> tuple[SignedMessage, ...]:
        """Return the nested messages of the given kinds."""
        return tuple(message for message in self.nested if message.kind in kinds)

    def claims(self) -> Iterator[Claim]:
        """Yield every signature to check: the envelope's, that of all evidence inside, and an attestation's own.

        Raises:
            PeerProtocolError: as `nested`.
        """
        yield Claim(signer=self.sender, digest=self.message.digest, signature=self.signature)
        if isinstance(self.body, AttestationBody):
            yield Claim(signer=self.sender, digest=self.body.report_hash, signature=self.body.signature)
        for message in self.nested:
            yield from message.claims()

    def _decode_nested(self, wire: bytes, kinds: tuple[MessageKind, ...]) -> SignedMessage:
        inner = decode_message(wire, carrier=self.sender)
        same_place = inner.epoch == self.epoch and inner.message.cut_hash == self.message.cut_hash
        same_committee = inner.message.config_digest == self.message.config_digest
        if inner.kind not in kinds or not same_place or not same_committee:
            raise PeerProtocolError(self.sender, f"{inner.kind.name} does not belong in this {self.kind.name}")
        return inner


def decode_message(data: bytes, *, carrier: NodeId | None = None) -> SignedMessage:
    """Return the message of one wire form; `carrier` is who is blamed for it while its own sender is not authenticated.

    Raises:
        PeerProtocolError: if `data` or the body is not canonical.
    """
    try:
        signed = _decode(Reader(data=data))
    except MalformedValueError as error:
        raise PeerProtocolError(carrier, str(error)) from error
    if signed.wire != data:
        raise PeerProtocolError(carrier, f"{signed.kind.name} is not in canonical wire form")
    return signed


def encode_batch(wires: Sequence[bytes]) -> bytes:
    """Return abi(bytes[] messages), the content of one HTTP request."""
    return encode_tuple(bytes_array_tail(wires))


def decode_batch(data: bytes) -> tuple[bytes, ...]:
    """Return the wire forms of one HTTP request.

    Raises:
        PeerProtocolError: if `data` is not canonical.
    """
    try:
        wires = Reader(data=data).bytes_array_at(0)
    except MalformedValueError as error:
        raise PeerProtocolError(None, str(error)) from error
    if encode_batch(wires) != data:
        raise PeerProtocolError(None, "a request is not in canonical form")
    return wires


def _decode(reader: Reader) -> SignedMessage:
    kind_byte = reader.uint(4, 8)
    if kind_byte not in set(MessageKind):
        raise MalformedValueError("message kind", str(kind_byte), "1..16")
    signature = reader.bytes_at(7)
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedValueError("signature", f"{len(signature)} bytes", f"{SIGNATURE_BYTES} bytes")
    message = Message(
        config_digest=reader.word(0),
        epoch=Epoch(reader.uint(1, 64)),
        view=View(reader.uint(2, 32)),
        cut_hash=reader.word(3),
        sender=NodeId(reader.uint(5, 8)),
        body=decode_body(MessageKind(kind_byte), reader.bytes_at(6)),
    )
    return SignedMessage(message=message, signature=signature)


def _nested_wires(body: Body) -> Iterator[tuple[bytes, tuple[MessageKind, ...]]]:
    match body:
        case ClosedSetBody():
            yield from ((wire, (MessageKind.COMMITMENT,)) for wire in body.commitments)
        case ProposalBody():
            yield body.closed_set, (MessageKind.CLOSED_SET,)
            yield from ((wire, (MessageKind.REVEAL,)) for wire in body.reveals)
            yield from ((wire, (MessageKind.DIGESTS, MessageKind.BODIES)) for wire in body.bodies)
        case ViewWishBody():
            yield from ((wire, (MessageKind.PREPARE,)) for wire in body.prepares)
        case NewViewBody():
            yield from ((wire, (MessageKind.VIEW_WISH,)) for wire in body.wishes)
        case CommittedBody():
            yield from ((wire, (MessageKind.COMMIT,)) for wire in body.commits)
        case _:
            return
