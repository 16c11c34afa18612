"""Equivocation: two different messages of one signer under one key, wherever they are seen: received, or inside other messages as evidence.

A leader that shows one closed set to see a reveal and goes on with another is found out here, as is a voter whose PREPARE in a certificate is not the
one that it sent. No honest node signs two different messages of one kind and view, so no honest node is ever blamed (C-05, C-10).
"""

from __future__ import annotations

from collections.abc import Iterator

from oracle.consensus.bodies import AttestationBody, MessageKind
from oracle.consensus.events import Blame, BlameReason, Effect
from oracle.consensus.messages import SignedMessage
from oracle.consensus.state import EpochState, Step, once

BINDING_KINDS = frozenset(
    {
        MessageKind.CUT,
        MessageKind.COMMITMENT,
        MessageKind.CLOSED_SET,
        MessageKind.REVEAL,
        MessageKind.PROPOSAL,
        MessageKind.PREPARE,
        MessageKind.COMMIT,
        MessageKind.VIEW_WISH,
        MessageKind.NEW_VIEW,
        MessageKind.ATTESTATION,
    }
)


def contradicts(state: EpochState, signed: SignedMessage) -> SignedMessage | None:
    """Return a message that is kept, of the same signer, kind and view, and says something else; None if there is none."""
    if signed.kind not in BINDING_KINDS:
        return None
    return next((known for known in _known(state, signed) if _says(known) != _says(signed)), None)


def blame_contradictions(state: EpochState, signed: SignedMessage) -> Step:
    """Blame whoever signed something in a message, nested evidence included, that contradicts what is kept; each once."""
    effects: list[Effect] = []
    for statement in _statements(signed):
        before = contradicts(state, statement)
        mark = ("equivocation", statement.kind, statement.view, statement.sender)
        if before is not None and mark not in state.done:
            state = once(state, mark)
            reason, evidence = BlameReason.EQUIVOCATION, (before, statement)
            effects.append(Blame(epoch=state.epoch, node=statement.sender, reason=reason, evidence=evidence))
    return state, tuple(effects)


def _statements(signed: SignedMessage) -> Iterator[SignedMessage]:
    yield signed
    for nested in signed.nested:
        yield from _statements(nested)


def _known(state: EpochState, signed: SignedMessage) -> Iterator[SignedMessage]:
    kept = {
        MessageKind.VIEW_WISH: state.wishes.get(signed.sender),
        MessageKind.ATTESTATION: state.attestations.get(signed.sender),
    }.get(signed.kind, state.inbox.get((signed.kind, signed.view, signed.sender)))
    if kept is not None and (kept.view == signed.view or signed.kind is MessageKind.ATTESTATION):
        yield kept
    if signed.kind is MessageKind.CLOSED_SET:
        proposal = state.inbox.get((MessageKind.PROPOSAL, signed.view, signed.sender))
        yield from proposal.nested_of(MessageKind.CLOSED_SET) if proposal is not None else ()


def _says(signed: SignedMessage) -> object:
    """Return what the signer is bound to; an attestation's own signature may differ, the report may not."""
    return signed.body.report_hash if isinstance(signed.body, AttestationBody) else signed.message
