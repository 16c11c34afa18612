"""Phase 4, agree: PREPARE and COMMIT over the report's hash, each a Byzantine quorum of one view.

An honest node prepares only a report that it recomputed or that a NEW_VIEW carries, and only when it holds the entries on disk, so any PREPARE voter can serve them.
Source: Castro and Liskov, Practical Byzantine Fault Tolerance (1999).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from oracle.consensus.bodies import (
    CommitBody,
    CommittedBody,
    MessageKind,
    OutcomeBody,
    OutcomeFetchBody,
    PrepareBody,
    ProposalBody,
    ViewWishBody,
)
from oracle.consensus.events import Effect, OutcomeAgreed, PersistOutcome, Send
from oracle.consensus.messages import SignedMessage
from oracle.consensus.observation import build_observation, encode_entries
from oracle.consensus.state import (
    Decision,
    EpochState,
    Local,
    Prepared,
    Step,
    draft,
    is_answered,
    mark_answered,
    once,
    put,
    send_vote,
)
from oracle.domain.ids import Hash32
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.score import Score, decode_scores
from oracle.domain.units import NodeId, View
from oracle.errors import MalformedValueError, PeerProtocolError


def prepare(local: Local, state: EpochState) -> Step | None:
    """Vote for the valid report of this view, with its entries on disk first."""
    if not state.may_vote or state.has_voted(MessageKind.PREPARE):
        return None
    report = state.valid.get(state.view) if state.is_open else state.new_views.get(state.view)
    if report is None:
        return None
    if report.scores_root not in state.outcomes:
        return ask_for_outcome(local, state, report)
    state, persist = persist_outcome(state, report)
    message = draft(local, state, PrepareBody(report_hash=report.hash))
    state, effects = send_vote(local, state, message, note=report.encoded, to=local.committee.members)
    return state, persist + effects


def commit_report(local: Local, state: EpochState) -> Step | None:
    """Vote to commit the report that a Byzantine quorum prepared in this view."""
    if not state.may_vote or state.has_voted(MessageKind.COMMIT):
        return None
    report, prepares = _find_quorum(local, state, MessageKind.PREPARE, state.view, state.reports)
    if report is None:
        return None
    prepared = Prepared(view=state.view, report=report, prepares=prepares)
    state = replace(state, prepared=prepared)
    message = draft(local, state, CommitBody(report_hash=report.hash))
    return send_vote(local, state, message, note=certificate_of(prepared).encoded(), to=local.committee.members)


def decide(local: Local, state: EpochState) -> Step | None:
    """Decide the report that a Byzantine quorum committed in any one view (C-01), also without a cut to check it by: the quorum did."""
    if state.decision is not None:
        return None
    proposed = (message.body.report for message in state.inbox.values() if isinstance(message.body, ProposalBody))
    known = {report.hash: report for report in (*proposed, *state.reports.values())}
    for view in sorted({view for kind, view, _ in state.inbox if kind is MessageKind.COMMIT}):
        report, commits = _find_quorum(local, state, MessageKind.COMMIT, view, known)
        if report is not None:
            return replace(state, decision=Decision(view=view, report=report, commits=commits)), ()
    return None


def agree(local: Local, state: EpochState) -> Step | None:
    """Hand out the decided report once its entries are here."""
    decision = state.decision
    if decision is None or "agreed" in state.done:
        return None
    report = decision.report
    scores = state.outcomes.get(report.scores_root)
    if scores is None:
        return ask_for_outcome(local, state, report)
    state, persist = persist_outcome(once(state, "agreed"), report)
    state = replace(state, agreed=build_observation(scores))
    return state, (*persist, OutcomeAgreed(report=report, scores=scores, view=decision.view))


def ask_for_outcome(local: Local, state: EpochState, report: Report) -> Step | None:
    """Ask everyone for the entries under a certified scores root, the first time."""
    mark = ("outcome", report.scores_root)
    if mark in state.done:
        return None
    message = draft(local, state, OutcomeFetchBody(scores_root=report.scores_root))
    return once(state, mark), (Send(message=message, to=others(local)),)


def serve_outcome(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    """Answer an OUTCOME_FETCH, once between two repetitions (C-14)."""
    body = signed.body
    scores = state.outcomes.get(body.scores_root) if isinstance(body, OutcomeFetchBody) else None
    has_place = state.cut is not None or state.decision is not None
    if not isinstance(body, OutcomeFetchBody) or scores is None or not has_place:
        return state, ()
    if is_answered(state, signed, body.scores_root):
        return state, ()
    state = mark_answered(state, signed, [(body.scores_root,)])
    answer = OutcomeBody(scores_root=body.scores_root, entries=encode_entries(scores))
    return state, (Send(message=draft(local, state, answer), to=(signed.sender,)),)


def take_in_outcome(state: EpochState, signed: SignedMessage) -> EpochState:
    """Keep the entries of an OUTCOME that this node asked for.

    Raises:
        PeerProtocolError: if they do not hash to the root.
    """
    body = signed.body
    if not isinstance(body, OutcomeBody) or ("outcome", body.scores_root) not in state.done:
        return state
    if body.scores_root in state.outcomes:
        return state
    try:
        scores = decode_outcome(body.scores_root, body.entries)
    except MalformedValueError as error:
        raise PeerProtocolError(signed.sender, str(error)) from error
    return replace(state, outcomes=put(state.outcomes, body.scores_root, scores))


def decode_outcome(scores_root: Hash32, entries: bytes) -> tuple[Score, ...]:
    """Return the entries under a root.

    Raises:
        MalformedValueError: if they are not canonical, not ascending, or hash to another root.
    """
    scores = decode_scores(entries)
    if not scores or any(a.subject >= b.subject for a, b in pairwise(scores)):
        raise MalformedValueError("outcome entries", f"{len(scores)} entries", "entries ascending by subject")
    if MerkleTree(score.leaf for score in scores).root != scores_root:
        raise MalformedValueError("outcome entries", "another root", f"the scores root 0x{scores_root.hex()}")
    return scores


def take_in_committed(local: Local, state: EpochState, signed: SignedMessage) -> EpochState:
    """Decide by another node's proof; it needs neither our cut nor our view.

    Raises:
        PeerProtocolError: if the commits are no Byzantine quorum over the report.
    """
    body = signed.body
    if not isinstance(body, CommittedBody):
        return state
    commits = signed.nested
    senders = [m.sender for m in commits]
    votes_for_it = all(isinstance(m.body, CommitBody) and m.body.report_hash == body.report.hash for m in commits)
    one_view = len({m.view for m in commits}) == 1
    if senders != sorted(set(senders)) or len(senders) < local.committee.byzantine_quorum:
        raise PeerProtocolError(signed.sender, f"COMMITTED with {len(set(senders))} ascending commits")
    if not votes_for_it or not one_view or not belongs(local, state, signed, body.report):
        raise PeerProtocolError(signed.sender, "COMMITTED whose commits are not for its report in one view")
    if state.decision is not None:
        return state
    decision = Decision(view=commits[0].view, report=body.report, commits=body.commits)
    return replace(state, decision=decision)


def belongs(local: Local, state: EpochState, signed: SignedMessage, report: Report) -> bool:
    """Return whether a report inside a message is of this committee and epoch and of the message's cut."""
    same_place = report.epoch == state.epoch and report.config_digest == local.committee.config_digest
    return same_place and report.cut_hash == signed.message.cut_hash


def persist_outcome(state: EpochState, report: Report) -> tuple[EpochState, tuple[Effect, ...]]:
    """Put the entries of a report on disk, once."""
    mark = ("persisted", report.scores_root)
    if mark in state.done:
        return state, ()
    entries = encode_entries(state.outcomes[report.scores_root])
    effect = PersistOutcome(epoch=state.epoch, scores_root=report.scores_root, entries=entries)
    return once(state, mark), (effect,)


def certificate_of(prepared: Prepared | None) -> ViewWishBody:
    """Return a prepared certificate in the form that a wish carries it."""
    if prepared is None:
        return ViewWishBody(prepared_view=View(0), prepared=None, prepares=())
    return ViewWishBody(prepared_view=prepared.view, prepared=prepared.report, prepares=prepared.prepares)


def others(local: Local) -> tuple[NodeId, ...]:
    """Return every member but this one."""
    return tuple(node for node in local.committee.members if node != local.node)


def _find_quorum(
    local: Local, state: EpochState, kind: MessageKind, view: View, known: Mapping[Hash32, Report]
) -> tuple[Report | None, tuple[bytes, ...]]:
    """Return the `known` report that a Byzantine quorum of one view voted for, and those votes ascending by sender."""
    votes: dict[Hash32, list[SignedMessage]] = {}
    for (inbox_kind, inbox_view, _), message in state.inbox.items():
        body = message.body
        if inbox_kind is not kind or inbox_view != view or not isinstance(body, PrepareBody | CommitBody):
            continue
        report = known.get(body.report_hash)
        # Before the cut is known, votes under any cut are kept; as proof for others all have to be under the report's.
        if report is not None and report.cut_hash == message.message.cut_hash:
            votes.setdefault(report.hash, []).append(message)
    for report_hash, messages in votes.items():
        if len(messages) >= local.committee.byzantine_quorum:
            ordered = sorted(messages, key=lambda m: m.sender)
            return known[report_hash], tuple(m.wire for m in ordered)
    return None, ()
