"""Repetition: what a lost message would have stopped is sent again, at growing intervals, derived from the state alone.

Nothing new is ever signed here: votes are repeated from what is on disk, a leader's messages from what came back to it. Nodes that are done
answer a node that repeats itself with the proof of the decision.
"""

from __future__ import annotations

from dataclasses import replace

from oracle.consensus.agreement import others
from oracle.consensus.bodies import CommittedBody, MessageKind
from oracle.consensus.events import Send, SetTimer, Timer, TimerKind
from oracle.consensus.messages import SignedMessage
from oracle.consensus.recovery import message_of
from oracle.consensus.stall import proposals_of
from oracle.consensus.state import ANY_VIEW, EpochState, Local, Step, draft, is_answered, mark_answered
from oracle.domain.units import Epoch, NodeId, View

MAX_DOUBLINGS = 5
MAX_FETCH_RETRIES = 6
_FETCH_MARKS = ("bucket", "digests", "outcome")
_REPEATED_BY_LAGGARDS = (MessageKind.REVEAL, MessageKind.PREPARE, MessageKind.COMMIT)
_SENT_BY_LAGGARDS = (MessageKind.COMMITMENT, MessageKind.VIEW_WISH)


def first_repetition(local: Local, epoch: Epoch) -> SetTimer:
    """Return the timer that starts repetition in an epoch."""
    timer = Timer(kind=TimerKind.RESEND, epoch=epoch, view=ANY_VIEW)
    return SetTimer(timer=timer, delay_ms=local.timing.resend_ms)


def on_resend(local: Local, state: EpochState) -> Step:
    """Repeat what is outstanding, forget fetches so that the rules ask again and answers so that they are given again, set the next repetition."""
    count = state.resends_count
    timer = Timer(kind=TimerKind.RESEND, epoch=state.epoch, view=ANY_VIEW)
    is_fetching = state.agreed is None or count < MAX_FETCH_RETRIES
    forgotten = (*_FETCH_MARKS, "answered") if is_fetching else ("answered",)
    done = frozenset(mark for mark in state.done if not _is_of(forgotten, mark))
    state = replace(state, resends_count=count + 1, done=done)
    delay_ms = local.timing.resend_ms << min(count + 1, MAX_DOUBLINGS)
    return state, (*outstanding(local, state), SetTimer(timer=timer, delay_ms=delay_ms))


def outstanding(local: Local, state: EpochState) -> tuple[Send, ...]:
    """Return the messages that this node still needs others to have."""
    if state.decision is not None:
        own = state.attestations.get(local.node)
        lacking = tuple(node for node in others(local) if node not in state.attestations)
        return (Send(message=own.message, to=lacking),) if own is not None and lacking else ()
    if state.cut is None or state.is_abstaining:
        return ()
    uninformed = tuple(node for node in others(local) if node not in proposals_of(state))
    cut = _repeat(local, state, MessageKind.CUT, ANY_VIEW, uninformed)
    if state.wished_view > state.view:
        return (*cut, *_repeat(local, state, MessageKind.VIEW_WISH, state.wished_view, local.committee.members))
    return (*cut, *_own_votes(local, state), *_led(local, state))


def answer_laggard(local: Local, state: EpochState, signed: SignedMessage, *, is_repeated: bool) -> Step:
    """Send the proof of the decision to a node that shows that it lacks it, once between two repetitions (C-14)."""
    behind = signed.kind in _SENT_BY_LAGGARDS or (is_repeated and signed.kind in _REPEATED_BY_LAGGARDS)
    decision = state.decision
    if not behind or signed.sender == local.node or decision is None:
        return state, ()
    if is_answered(state, signed, MessageKind.COMMITTED):
        return state, ()
    state = mark_answered(state, signed, [(MessageKind.COMMITTED,)])
    body = CommittedBody(report=decision.report, commits=decision.commits)
    message = replace(draft(local, state, body, view=decision.view), cut_hash=decision.report.cut_hash)
    return state, (Send(message=message, to=(signed.sender,)),)


def _own_votes(local: Local, state: EpochState) -> tuple[Send, ...]:
    leader = (local.committee.leader(state.epoch, state.view),)
    everyone = local.committee.members
    sends: list[Send] = []
    if state.view > 0 and state.view not in state.new_views:
        sends += _repeat(local, state, MessageKind.VIEW_WISH, state.view, everyone)
    if not state.received(MessageKind.CLOSED_SET):
        sends += _repeat(local, state, MessageKind.COMMITMENT, state.view, leader)
    if not state.received(MessageKind.PROPOSAL):
        sends += _repeat(local, state, MessageKind.REVEAL, state.view, leader)
    sends += _repeat(local, state, MessageKind.PREPARE, state.view, everyone)
    sends += _repeat(local, state, MessageKind.COMMIT, state.view, everyone)
    return tuple(sends)


def _led(local: Local, state: EpochState) -> tuple[Send, ...]:
    """Repeat a leader's messages to those who have not shown that they have them."""
    prepared = state.received(MessageKind.PREPARE)
    revealed = state.received(MessageKind.REVEAL)
    lacking = {
        MessageKind.NEW_VIEW: tuple(node for node in others(local) if node not in prepared),
        MessageKind.CLOSED_SET: tuple(node for node in others(local) if node not in revealed and node not in prepared),
        MessageKind.PROPOSAL: tuple(node for node in others(local) if node not in prepared),
    }
    sends = []
    for kind, to in lacking.items():
        own = state.inbox.get((kind, state.view, local.node))
        if own is not None and to:
            sends.append(Send(message=own.message, to=to))
    return tuple(sends)


def _repeat(local: Local, state: EpochState, kind: MessageKind, view: View, to: tuple[NodeId, ...]) -> tuple[Send, ...]:
    vote = state.votes.get((kind, view))
    message = message_of(local, vote) if vote is not None else None
    return (Send(message=message, to=to),) if message is not None and to else ()


def _is_of(names: tuple[str, ...], mark: object) -> bool:
    return isinstance(mark, tuple) and bool(mark) and mark[0] in names
