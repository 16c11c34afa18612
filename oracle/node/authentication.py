"""Who really sent a message: every signature in it, nested evidence included, is recovered to the member it names.

Cheap checks come first, so that a flood of foreign messages costs little: committee, sender, the envelope's signature, epoch; only then is a body
decoded, so that whatever is wrong with it has an author. What was verified is remembered: the same evidence travels in many messages.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from oracle.consensus.machine import RETAINED_EPOCHS
from oracle.consensus.messages import MESSAGE_TYPEHASH, Claim, SignedMessage, decode_batch, decode_message
from oracle.consensus.words import Reader, bytes_tail, encode_tuple
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import keccak256
from oracle.domain.report import typed_data_hash
from oracle.domain.units import Epoch, NodeId
from oracle.errors import MalformedValueError, PeerProtocolError
from oracle.signing.verify import is_signed_by

REMEMBERED_CLAIMS = 20_000
PAST_EPOCHS = RETAINED_EPOCHS - 1
FUTURE_EPOCHS = 1
"""The protocol keeps what a node with a slightly faster clock says about the next epoch."""
_WORD = 32


class DropReason(StrEnum):
    """Why a message was dropped."""

    MALFORMED = "malformed"
    OTHER_COMMITTEE = "other_committee"
    OTHER_EPOCH = "other_epoch"
    UNKNOWN_SENDER = "unknown_sender"
    WRONG_SIGNATURE = "wrong_signature"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"


class DroppedMessageError(PeerProtocolError):
    """A message that never reaches the protocol; `sender` is None unless the envelope's own signature holds."""

    def __init__(self, sender: NodeId | None, why: DropReason, detail: str) -> None:
        self.why = why
        super().__init__(sender, f"{why}: {detail}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochWindow:
    """Epochs whose messages are looked at."""

    oldest: Epoch
    newest: Epoch

    @classmethod
    def around(cls, epoch: Epoch) -> EpochWindow:
        """Return the window around the newest epoch that the clock reached."""
        return cls(oldest=Epoch(max(0, epoch - PAST_EPOCHS)), newest=Epoch(epoch + FUTURE_EPOCHS))


class DropCounters:
    """Dropped messages by (author or None, reason), for metrics and for an operator who asks who misbehaves.

    The author signed the message; who passed it on, or repeated it, is not known.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[NodeId | None, DropReason]] = Counter()

    def count(self, sender: NodeId | None, reason: DropReason) -> int:
        """Add one and return how many there are now."""
        self.counts[(sender, reason)] += 1
        return self.counts[(sender, reason)]

    def of(self, sender: NodeId | None) -> dict[DropReason, int]:
        """Return the counts of a member."""
        return {reason: count for (who, reason), count in self.counts.items() if who == sender}


class Authenticator:
    """Checks messages of one committee."""

    def __init__(self, config: CommitteeConfig) -> None:
        self._config = config
        self._verified: OrderedDict[Claim, None] = OrderedDict()

    def read_batch(self, content: bytes) -> tuple[bytes, ...]:
        """Return the wire forms of a request.

        Raises:
            DroppedMessageError: if it is malformed.
        """
        try:
            return decode_batch(content)
        except PeerProtocolError as error:
            raise DroppedMessageError(None, DropReason.MALFORMED, error.reason) from error

    def read(self, wire: bytes, window: EpochWindow) -> SignedMessage:
        """Return an authenticated message.

        Raises:
            DroppedMessageError: with the reason, and the sender once the envelope's signature holds.
        """
        self._check_words(wire)
        sender = self._authenticate_envelope(wire)
        epoch = int.from_bytes(wire[_WORD : 2 * _WORD], "big")
        if not window.oldest <= epoch <= window.newest:
            detail = f"epoch {epoch} is outside {window.oldest}..{window.newest}"
            raise DroppedMessageError(sender, DropReason.OTHER_EPOCH, detail)
        try:
            signed = decode_message(wire)
            claims = list(signed.claims())
        except PeerProtocolError as error:
            raise DroppedMessageError(sender, DropReason.MALFORMED, error.reason) from error
        for claim in claims:
            if not self.is_genuine(claim):
                detail = f"{signed.kind.name} holds no signature of member {claim.signer}"
                raise DroppedMessageError(sender, DropReason.WRONG_SIGNATURE, detail)
        return signed

    def is_genuine(self, claim: Claim) -> bool:
        """Return whether the member signed the digest."""
        if claim in self._verified:
            self._verified.move_to_end(claim)
            return True
        if claim.signer >= self._config.n:
            return False
        if not is_signed_by(self._config.members[claim.signer], claim.digest, claim.signature):
            return False
        self._verified[claim] = None
        if len(self._verified) > REMEMBERED_CLAIMS:
            self._verified.popitem(last=False)
        return True

    def _authenticate_envelope(self, wire: bytes) -> NodeId:
        """Return the member that signed the envelope; its digest needs the body's hash only, so nothing of the body is decoded before."""
        reader = Reader(data=wire)
        try:
            body, signature = reader.bytes_at(6), reader.bytes_at(7)
        except MalformedValueError as error:
            raise DroppedMessageError(None, DropReason.MALFORMED, str(error)) from error
        if encode_tuple(wire[: 6 * _WORD], bytes_tail(body), bytes_tail(signature)) != wire:
            # The signature does not cover the wrapping: whoever passed it on may have changed it, so nobody is named.
            raise DroppedMessageError(None, DropReason.MALFORMED, "it is not in canonical wire form")
        digest = typed_data_hash(keccak256(MESSAGE_TYPEHASH + wire[: 6 * _WORD] + keccak256(body)))
        sender = NodeId(int.from_bytes(wire[5 * _WORD : 6 * _WORD], "big"))
        if not self.is_genuine(Claim(signer=sender, digest=digest, signature=signature)):
            raise DroppedMessageError(None, DropReason.WRONG_SIGNATURE, f"it is not signed by member {sender}")
        return sender

    def _check_words(self, wire: bytes) -> None:
        """Look at the fixed words only: config digest and sender."""
        if len(wire) < 8 * _WORD:
            raise DroppedMessageError(None, DropReason.MALFORMED, f"{len(wire)} bytes are no message")
        if wire[:_WORD] != self._config.digest:
            raise DroppedMessageError(None, DropReason.OTHER_COMMITTEE, f"config digest 0x{wire[:_WORD].hex()}")
        sender = int.from_bytes(wire[5 * _WORD : 6 * _WORD], "big")
        if sender >= self._config.n:
            raise DroppedMessageError(None, DropReason.UNKNOWN_SENDER, f"{sender} of {self._config.n}")
