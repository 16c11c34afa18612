"""View change: leaving a leader that does not deliver, without losing what may be committed.

A wish carries the sender's highest prepared certificate. f+1 wishes amplify, a Byzantine quorum enters, timeouts double. The new leader forwards the wishes; every
follower recomputes the choice from them: the report of the highest certificate, or none. Whoever wished to leave a view never again votes in it.
Source: Castro and Liskov (1999), section 4.4; OCR3 pacemaker.
"""

from __future__ import annotations

from dataclasses import replace

from oracle.consensus import quorum
from oracle.consensus.agreement import belongs, certificate_of
from oracle.consensus.bodies import MessageKind, NewViewBody, PrepareBody, ViewWishBody
from oracle.consensus.events import TimerKind
from oracle.consensus.messages import SignedMessage
from oracle.consensus.state import EpochState, Local, Step, draft, enter_view, put, send_vote
from oracle.domain.report import Report
from oracle.domain.units import View
from oracle.errors import PeerProtocolError


def wish(local: Local, state: EpochState) -> Step | None:
    """Wish for the next view when this one's time is over, or for one that f+1 nodes wish for."""
    if state.cut is None or state.is_abstaining or state.decision is not None:
        return None
    wished = state.wished_view
    late = state.has_fired(TimerKind.VIEW) and wished == state.view
    others = quorum.nth_highest((m.view for m in state.wishes.values()), local.committee.honest_witness_quorum)
    target = View(max(state.view + 1 if late else 0, others or 0))
    if target <= wished:
        return None
    message = draft(local, state, certificate_of(state.prepared), view=target)
    return send_vote(local, state, message, note=message.encoded_body, to=local.committee.members)


def enter(local: Local, state: EpochState) -> Step | None:
    """Enter the view that a Byzantine quorum wishes for, or wishes to be beyond."""
    if state.cut is None or state.is_abstaining or state.decision is not None:
        return None
    target = quorum.nth_highest((m.view for m in state.wishes.values()), local.committee.byzantine_quorum)
    if target is None or target <= state.view:
        return None
    return enter_view(local, state, View(target))


def announce(local: Local, state: EpochState) -> Step | None:
    """As leader of a later view: forward the wishes that it was entered by."""
    leads = local.committee.leader(state.epoch, state.view) == local.node
    if state.view == 0 or not leads or not state.may_vote or state.has_voted(MessageKind.NEW_VIEW):
        return None
    wishes = [m for _, m in sorted(state.wishes.items()) if m.view >= state.view]
    if len(wishes) < local.committee.byzantine_quorum:
        return None
    body = NewViewBody(wishes=tuple(m.wire for m in wishes))
    return send_vote(local, state, draft(local, state, body), note=b"", to=local.committee.members)


def take_in_new_view(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    """Recompute the choice of a NEW_VIEW and enter its view if it is ahead of this node's.

    Raises:
        PeerProtocolError: if its wishes are no Byzantine quorum for its view, or one of them is invalid.
    """
    senders = [m.sender for m in signed.nested]
    if senders != sorted(set(senders)) or len(senders) < local.committee.byzantine_quorum:
        raise PeerProtocolError(signed.sender, f"NEW_VIEW with {len(set(senders))} ascending wishes")
    for message in signed.nested:
        if message.view < signed.view:
            raise PeerProtocolError(signed.sender, "NEW_VIEW with a wish for an earlier view")
        check_wish(local, state, message)
    if signed.view in state.new_views or signed.view < state.view:
        return state, ()
    choice = compute_choice(signed)
    state = replace(state, new_views=put(state.new_views, signed.view, choice))
    if choice is not None:
        state = replace(state, reports=put(state.reports, choice.hash, choice))
    if signed.view > state.view and state.cut is not None and state.decision is None:
        return enter_view(local, state, signed.view)
    return state, ()


def compute_choice(new_view: SignedMessage) -> Report | None:
    """Return the report of the highest prepared certificate among the wishes, None if there is none (C-07)."""
    bodies = [m.body for m in new_view.nested if isinstance(m.body, ViewWishBody)]
    certified = [(body.prepared_view, body.prepared) for body in bodies if body.prepared is not None]
    return max(certified, key=lambda item: item[0])[1] if certified else None


def check_wish(local: Local, state: EpochState, signed: SignedMessage) -> None:
    """Check the prepared certificate of a wish.

    Raises:
        PeerProtocolError: if it is no Byzantine quorum of PREPAREs of one earlier view over its report.
    """
    body = signed.body
    if not isinstance(body, ViewWishBody) or signed.view == 0:
        raise PeerProtocolError(signed.sender, "a wish for view 0")
    if body.prepared is None:
        if body.prepares or body.prepared_view:
            raise PeerProtocolError(signed.sender, "a wish with prepares for no report")
        return
    senders = [m.sender for m in signed.nested]
    enough = len(senders) >= local.committee.byzantine_quorum and senders == sorted(set(senders))
    of_view = body.prepared_view < signed.view and all(m.view == body.prepared_view for m in signed.nested)
    bodies = [m.body for m in signed.nested]
    of_report = all(isinstance(b, PrepareBody) and b.report_hash == body.prepared.hash for b in bodies)
    if not (enough and of_view and of_report and belongs(local, state, signed, body.prepared)):
        raise PeerProtocolError(signed.sender, "a wish whose prepared certificate does not hold")
