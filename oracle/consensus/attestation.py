"""Phase 5, attest: a separate signature over a committed report, and nothing else.

A node attests one report in an epoch, after it is committed, agrees with the node's own cut and its entries are here. COMMIT signatures are never attestations.
"""

from __future__ import annotations

from dataclasses import replace

from oracle.consensus import transmission
from oracle.consensus.bodies import AttestationBody, CommittedBody, MessageKind
from oracle.consensus.events import (
    Attested,
    Effect,
    PersistVote,
    Send,
    SetTimer,
    SignAttestation,
    Timer,
    TimerKind,
    Vote,
)
from oracle.consensus.messages import SignedMessage
from oracle.consensus.state import ANY_VIEW, EpochState, Local, Step, draft, is_answered, mark_answered, once, put
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.units import NodeId


def attest(local: Local, state: EpochState) -> Step | None:
    """Bind this node to the decided report and ask for its signature (C-08)."""
    decision = state.decision
    if decision is None or state.agreed is None or state.cut is None or state.is_abstaining:
        return None
    report = decision.report
    if "attest" in state.done or state.cut.hash != report.cut_hash:
        return None
    key = (MessageKind.ATTESTATION, ANY_VIEW)
    state = once(state, "attest")
    if key in state.votes:
        # Restored: the promise is on disk already, and it is the one that made the decision known.
        same = state.votes[key].body_hash == keccak256(report.hash)
        return state, (SignAttestation(report=report),) if same else ()
    vote = Vote(
        config_digest=local.committee.config_digest,
        epoch=state.epoch,
        view=ANY_VIEW,
        kind=MessageKind.ATTESTATION,
        cut_hash=report.cut_hash,
        body_hash=keccak256(report.hash),
        note=CommittedBody(report=report, commits=decision.commits).encoded(),
    )
    state = replace(state, votes=put(state.votes, key, vote))
    return state, (PersistVote(vote=vote), SignAttestation(report=report))


def send_attestation(local: Local, state: EpochState, report_hash: Hash32, signature: bytes) -> Step:
    """Send the signed attestation to everyone."""
    if state.decision is None or state.decision.report.hash != report_hash:
        return state, ()
    body = AttestationBody(report_hash=report_hash, signature=signature)
    return state, (Send(message=draft(local, state, body, view=ANY_VIEW), to=local.committee.members),)


def complete(local: Local, state: EpochState) -> Step | None:
    """Hand out q attestations, and start this node's turn on every chain."""
    if state.decision is None or state.agreed is None or "attested" in state.done:
        return None
    signatures = signatures_of(state)
    if len(signatures) < local.committee.q:
        return None
    effects: list[Effect] = [Attested(report=state.decision.report, attestations=signatures)]
    for chain_id in local.committee.chain_ids:
        timer = Timer(kind=TimerKind.TRANSMIT, epoch=state.epoch, view=ANY_VIEW, chain_id=chain_id)
        stage = transmission.stage_of(local.committee, state.epoch, chain_id, local.node)
        effects.append(SetTimer(timer=timer, delay_ms=stage * local.timing.stage_ms))
    return once(state, "attested"), tuple(effects)


def signatures_of(state: EpochState) -> dict[NodeId, bytes]:
    """Return the attestations of the decided report, by member id ascending."""
    if state.decision is None:
        return {}
    report_hash = state.decision.report.hash
    return {
        node: message.body.signature
        for node, message in sorted(state.attestations.items())
        if isinstance(message.body, AttestationBody) and message.body.report_hash == report_hash
    }


def answer(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    """Send our attestation to a node that repeats its own, for it may lack ours; once between two repetitions, so that two nodes do not echo."""
    own = state.attestations.get(local.node)
    if own is None or signed.sender == local.node or is_answered(state, signed, MessageKind.ATTESTATION):
        return state, ()
    return mark_answered(state, signed, [(MessageKind.ATTESTATION,)]), (Send(message=own.message, to=(signed.sender,)),)
