"""Recovery: a restarted node goes on from its votes and never contradicts them.

A vote's note holds what is needed to send the same message again: salt and root of a commitment, set hash, salt and root of a reveal, the report of a prepare, the
prepared certificate of a commit, the body of a wish, a stalled cut, the proof of the decision behind an attestation. What a leader sent is not repeated: a leader that restarts does not lead the views that it led before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from oracle.consensus.agreement import decode_outcome
from oracle.consensus.bodies import (
    Body,
    CommitBody,
    CommitmentBody,
    CommittedBody,
    CutBody,
    MessageKind,
    PrepareBody,
    RevealBody,
    ViewWishBody,
)
from oracle.consensus.decoding import decode_body, decode_report
from oracle.consensus.events import PersistOutcome, Vote
from oracle.consensus.messages import Message, decode_message
from oracle.consensus.observation import compute_commitment
from oracle.consensus.state import Decision, EpochState, Local, NodeState, Prepared, once, put
from oracle.consensus.words import Reader
from oracle.domain.ids import Hash32
from oracle.domain.report import Cut, Report
from oracle.domain.units import Epoch, NodeId
from oracle.errors import LocalProtocolError, MalformedValueError

_NOT_OF_A_VIEW = (MessageKind.CUT, MessageKind.VIEW_WISH, MessageKind.ATTESTATION)


def restore(node: NodeState, votes: Iterable[Vote], outcomes: Iterable[PersistOutcome]) -> NodeState:
    """Return `new_node(...)` with the votes and outcomes that were on disk; then send BoundaryReached for the current epoch.

    Votes of another configuration are ignored. Keeping those of the last two epochs is enough.

    Raises:
        LocalProtocolError: if two votes of one kind and view differ.
    """
    epochs: dict[Epoch, EpochState] = dict(node.epochs)
    for vote in votes:
        if vote.config_digest == node.local.committee.config_digest:
            state = epochs.get(vote.epoch, EpochState(epoch=vote.epoch))
            epochs[vote.epoch] = _add_vote(state, vote)
    for outcome in outcomes:
        if outcome.epoch in epochs:
            epochs[outcome.epoch] = _add_outcome(epochs[outcome.epoch], outcome)
    return replace(node, epochs=epochs, epoch=max(epochs, default=node.epoch))


def message_of(local: Local, vote: Vote) -> Message | None:
    """Return the message that a vote stands for; None for those of a leader and for attestations, which are not repeated from a vote."""
    body = _body_of(vote, local.node)
    if body is None:
        return None
    return Message(
        config_digest=vote.config_digest,
        epoch=vote.epoch,
        view=vote.view,
        cut_hash=vote.cut_hash,
        sender=local.node,
        body=body,
    )


def _body_of(vote: Vote, node: NodeId) -> Body | None:
    match vote.kind:
        case MessageKind.COMMITMENT:
            commitment = compute_commitment(
                config_digest=vote.config_digest,
                epoch=vote.epoch,
                view=vote.view,
                cut_hash=vote.cut_hash,
                node=node,
                salt=Hash32(vote.note[:32]),
                root=Hash32(vote.note[32:]),
            )
            return CommitmentBody(commitment=commitment)
        case MessageKind.REVEAL:
            words = Reader(data=vote.note)
            return RevealBody(set_hash=words.word(0), salt=words.word(1), entries_root=words.word(2))
        case MessageKind.PREPARE:
            return PrepareBody(report_hash=_report_of(vote).hash)
        case MessageKind.COMMIT:
            return CommitBody(report_hash=_prepared_of(vote).report.hash)
        case MessageKind.VIEW_WISH | MessageKind.CUT:
            return decode_body(vote.kind, vote.note)
        case _:
            return None


def _add_vote(state: EpochState, vote: Vote) -> EpochState:
    key = (vote.kind, vote.view)
    if state.votes.get(key, vote) != vote:
        raise LocalProtocolError(f"epoch {vote.epoch}: two stored votes of kind {vote.kind.name} in view {vote.view}")
    state = replace(state, votes=put(state.votes, key, vote))
    if vote.kind not in _NOT_OF_A_VIEW:
        state = replace(state, view=max(state.view, vote.view))
    if vote.kind is MessageKind.CUT:
        state = replace(state, cut=_cut_of(vote))
    elif vote.kind is MessageKind.COMMITMENT:
        state = replace(state, salts=put(state.salts, vote.view, Hash32(vote.note[:32])))
    elif vote.kind is MessageKind.PREPARE:
        state = _know(state, _report_of(vote))
    elif vote.kind is MessageKind.COMMIT:
        prepared = _prepared_of(vote)
        newer = state.prepared is None or prepared.view > state.prepared.view
        state = replace(_know(state, prepared.report), prepared=prepared if newer else state.prepared)
    elif vote.kind is MessageKind.ATTESTATION:
        decision = _decision_of(vote)
        state = replace(_know(state, decision.report), decision=decision)
    return state


def _add_outcome(state: EpochState, outcome: PersistOutcome) -> EpochState:
    """Keep stored entries; damaged ones are fetched again instead."""
    try:
        scores = decode_outcome(outcome.scores_root, outcome.entries)
    except MalformedValueError:
        return state
    state = once(state, ("persisted", outcome.scores_root))
    return replace(state, outcomes=put(state.outcomes, outcome.scores_root, scores))


def _know(state: EpochState, report: Report) -> EpochState:
    return replace(state, reports=put(state.reports, report.hash, report))


def _report_of(vote: Vote) -> Report:
    return decode_report(Reader(data=vote.note), 0)


def _cut_of(vote: Vote) -> Cut:
    body = decode_body(MessageKind.CUT, vote.note)
    if not isinstance(body, CutBody):
        raise LocalProtocolError(f"epoch {vote.epoch}: the stored CUT holds none")
    return Cut(epoch=vote.epoch, chains=body.chains, stalled_chains=body.stalled_chains)


def _decision_of(vote: Vote) -> Decision:
    body = decode_body(MessageKind.COMMITTED, vote.note)
    if not isinstance(body, CommittedBody):
        raise LocalProtocolError(f"epoch {vote.epoch}: the stored attestation has no proof of the decision")
    return Decision(view=decode_message(body.commits[0]).view, report=body.report, commits=body.commits)


def _prepared_of(vote: Vote) -> Prepared:
    body = decode_body(MessageKind.VIEW_WISH, vote.note)
    if not isinstance(body, ViewWishBody) or body.prepared is None:
        raise LocalProtocolError(f"epoch {vote.epoch}: the stored COMMIT of view {vote.view} has no certificate")
    return Prepared(view=body.prepared_view, report=body.prepared, prepares=body.prepares)
