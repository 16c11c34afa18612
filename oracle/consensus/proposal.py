"""Phase 3, the fresh outcome: the leader proposes it with its evidence, everyone recomputes it.

A proposal carries the closed set, at least 2f+1 reveals and every digest and body that the leader fetched. A follower that lacks content fetches it from the observers. An
observer whose digests or bodies do not come in time is dropped by the leader.
"""

from __future__ import annotations

from dataclasses import replace

from oracle.consensus import content, quorum
from oracle.consensus.bodies import MessageKind, ProposalBody, RevealBody
from oracle.consensus.commitment import check_closed_set, commitment_of, commitments_of, set_hash_of
from oracle.consensus.events import AlarmReason, Blame, BlameReason, TimerKind
from oracle.consensus.messages import SignedMessage
from oracle.consensus.outcome import Missing, Outcome, build_report, compute_outcome, find_majority
from oracle.consensus.state import EpochState, Local, Step, alarm_once, draft, once, put, send_vote, start_timer
from oracle.domain.ids import Hash32
from oracle.domain.report import Report
from oracle.domain.units import NodeId
from oracle.errors import PeerProtocolError


def propose(local: Local, state: EpochState) -> Step | None:
    """As leader: propose the outcome of the reveals, once all or at least 2f+1 after a grace time are here."""
    closed = state.inbox.get((MessageKind.CLOSED_SET, state.view, local.node))
    leads = local.committee.leader(state.epoch, state.view) == local.node
    if not leads or closed is None or not state.may_vote or not state.is_open or state.has_voted(MessageKind.PROPOSAL):
        return None
    reveals = find_reveals(local, state, closed)
    if len(reveals) < local.committee.observation_quorum:
        return None
    if len(reveals) < len(closed.nested) and not state.has_fired(TimerKind.REVEALS):
        return start_timer(state, TimerKind.REVEALS, local.timing.grace_ms)
    dropped = state.dropped_observers.get(state.view, frozenset())
    observers = {node: message for node, message in reveals.items() if node not in dropped}
    if len(observers) < local.committee.observation_quorum:
        return None
    roots = {node: root_of(message) for node, message in observers.items()}
    outcome = compute_outcome(roots, state.store, f=local.committee.f)
    if isinstance(outcome, Missing):
        return _gather(local, state, roots, outcome)
    return _send_proposal(local, state, closed, observers, outcome)


def check_proposal(local: Local, state: EpochState) -> Step | None:
    """Recompute the leader's proposal; a report that does not follow from its evidence is refused (C-04)."""
    leader = local.committee.leader(state.epoch, state.view)
    signed = state.inbox.get((MessageKind.PROPOSAL, state.view, leader))
    decided = state.view in state.valid or ("refused", state.view) in state.done
    if (
        signed is None
        or decided
        or not state.may_vote
        or not state.is_open
        or not isinstance(signed.body, ProposalBody)
    ):
        return None
    roots = {m.sender: root_of(m) for m in signed.nested_of(MessageKind.REVEAL)}
    if ("absorbed", state.view) not in state.done:
        return _absorb_evidence(state, signed, frozenset(roots.values())), ()
    outcome = compute_outcome(roots, state.store, f=local.committee.f)
    if isinstance(outcome, Missing):
        return content.request(local, state, outcome.wanted, holders_of(roots))
    if _expected_report(local, state, outcome, roots) != signed.body.report:
        blame = Blame(epoch=state.epoch, node=leader, reason=BlameReason.BAD_PROPOSAL, evidence=(signed,))
        return once(state, ("refused", state.view)), (blame,)
    return keep_outcome(state, signed.body.report, outcome), ()


def check_proposal_shape(local: Local, signed: SignedMessage) -> None:
    """Check everything about a proposal that needs no entries.

    Raises:
        PeerProtocolError: if the closed set, the reveals or the report's head contradict each other or the protocol.
    """
    closed = next(iter(signed.nested_of(MessageKind.CLOSED_SET)))
    reveals = signed.nested_of(MessageKind.REVEAL)
    body = signed.body
    if closed.sender != signed.sender or closed.view != signed.view:
        raise PeerProtocolError(signed.sender, "a proposal over another leader's closed set")
    check_closed_set(local, closed)
    senders = [m.sender for m in reveals]
    if senders != sorted(set(senders)) or len(senders) < local.committee.observation_quorum:
        raise PeerProtocolError(signed.sender, f"a proposal with {len(set(senders))} ascending reveals")
    if not all(m.view == signed.view and opens(local, closed, m) for m in reveals):
        raise PeerProtocolError(signed.sender, "a proposal with a reveal that opens no commitment of its set")
    if not isinstance(body, ProposalBody) or body.report.observers != quorum.bitmap(senders):
        raise PeerProtocolError(signed.sender, "a proposal whose observers are not its reveals")


def opens(local: Local, closed: SignedMessage, message: SignedMessage) -> bool:
    """Return whether a reveal opens its sender's commitment in a closed set."""
    body = message.body
    if not isinstance(body, RevealBody) or body.set_hash != set_hash_of(closed):
        return False
    expected = commitment_of(local, closed.message, message.sender, body.salt, body.entries_root)
    return commitments_of(closed).get(message.sender) == expected


def find_reveals(local: Local, state: EpochState, closed: SignedMessage) -> dict[NodeId, SignedMessage]:
    """Return the reveals of this view that open a commitment of the set, ascending by sender."""
    received = sorted(state.received(MessageKind.REVEAL).items())
    return {node: message for node, message in received if opens(local, closed, message)}


def root_of(message: SignedMessage) -> Hash32:
    """Return the entries root in a REVEAL."""
    body = message.body
    if not isinstance(body, RevealBody):
        raise PeerProtocolError(message.sender, f"{message.kind.name} where a REVEAL belongs")
    return body.entries_root


def holders_of(roots: dict[NodeId, Hash32]) -> dict[Hash32, list[NodeId]]:
    """Return who holds each root."""
    holders: dict[Hash32, list[NodeId]] = {}
    for node, root in roots.items():
        holders.setdefault(root, []).append(node)
    return holders


def keep_outcome(state: EpochState, report: Report, outcome: Outcome) -> EpochState:
    """Record a recomputed report as the valid one of this view, with its entries."""
    return replace(
        state,
        valid=put(state.valid, state.view, report),
        reports=put(state.reports, report.hash, report),
        outcomes=put(state.outcomes, report.scores_root, outcome.scores),
    )


def _gather(local: Local, state: EpochState, roots: dict[NodeId, Hash32], missing: Missing) -> Step | None:
    """Fetch what is missing; when the time for it is over, drop the observers that did not deliver."""
    if state.has_fired(TimerKind.BODIES):
        late = {node for node, root in roots.items() if root in {item.root for item in missing.wanted}}
        dropped = state.dropped_observers.get(state.view, frozenset()) | late
        timers = {timer for timer in state.fired if timer.kind is TimerKind.BODIES}
        state = replace(state, fired=state.fired - timers, done=state.done - timers)
        return replace(state, dropped_observers=put(state.dropped_observers, state.view, frozenset(dropped))), ()
    asked = content.request(local, state, missing.wanted, holders_of(roots))
    return asked or start_timer(state, TimerKind.BODIES, local.timing.fetch_ms)


def _send_proposal(
    local: Local, state: EpochState, closed: SignedMessage, observers: dict[NodeId, SignedMessage], outcome: Outcome
) -> Step | None:
    roots = {node: root_of(message) for node, message in observers.items()}
    report = _expected_report(local, state, outcome, roots)
    if report is None:
        return alarm_once(state, AlarmReason.NO_ENTRIES)
    travels = find_majority(roots.values(), f=local.committee.f) is None
    evidence = [m for root in sorted(set(roots.values())) for m in state.evidence.get(root, ())] if travels else []
    body = ProposalBody(
        report=report,
        closed_set=closed.wire,
        reveals=tuple(message.wire for message in observers.values()),
        bodies=tuple(message.wire for message in evidence),
    )
    state = keep_outcome(state, report, outcome)
    return send_vote(local, state, draft(local, state, body), note=b"", to=local.committee.members)


def _expected_report(local: Local, state: EpochState, outcome: Outcome, roots: dict[NodeId, Hash32]) -> Report | None:
    if state.cut is None:
        return None
    return build_report(outcome, cut=state.cut, config_digest=local.committee.config_digest, observers=roots)


def _absorb_evidence(state: EpochState, signed: SignedMessage, roots: frozenset[Hash32]) -> EpochState:
    """Take in the content that a proposal carries for its observers' roots; worthless parts are only not used."""
    for kind in (MessageKind.DIGESTS, MessageKind.BODIES):
        for message in signed.nested_of(kind):
            if getattr(message.body, "entries_root", None) in roots:
                try:
                    state = content.absorb(state, message)
                except PeerProtocolError:
                    continue
    return once(state, ("absorbed", state.view))
