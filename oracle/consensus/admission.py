"""Admission: which received messages are kept, and what is answered at once.

One message is kept for each (kind, view, sender), one wish and one attestation for each sender, views reach a few ahead and behind: memory is bounded by
n times a constant. A second, different message under one key is equivocation: blamed, with both as evidence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from oracle.consensus import agreement, attestation, content, resend, stall, view
from oracle.consensus.bodies import MessageKind, ProposalBody
from oracle.consensus.commitment import check_closed_set
from oracle.consensus.equivocation import blame_contradictions, contradicts
from oracle.consensus.events import AlarmReason, Effect
from oracle.consensus.messages import SignedMessage
from oracle.consensus.proposal import check_proposal_shape
from oracle.consensus.state import MAX_VIEWS_BEHIND, EpochState, Local, Step, alarm_once, put
from oracle.errors import PeerProtocolError

MAX_VIEWS_AHEAD = 8
_OF_ANY_CUT = (MessageKind.COMMITTED, MessageKind.ATTESTATION, MessageKind.OUTCOME, MessageKind.OUTCOME_FETCH)
_TO_LEADER = (MessageKind.COMMITMENT, MessageKind.REVEAL)
_FROM_LEADER = (MessageKind.CLOSED_SET, MessageKind.PROPOSAL, MessageKind.NEW_VIEW)


def receive(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    """Take in one authenticated message of this epoch.

    Raises:
        PeerProtocolError: if the protocol forbids it; the state is unchanged.
    """
    if state.cut is not None and signed.message.cut_hash != state.cut.hash and signed.kind not in _OF_ANY_CUT:
        state, alarms = note_foreign_cut(local, state, signed)
        state, answers = resend.answer_laggard(local, state, signed, is_repeated=False)
        return state, (*alarms, *answers)
    blamed, blames = blame_contradictions(state, signed)
    if contradicts(state, signed) is not None:
        return blamed, blames
    state, answers = _take_in(local, blamed, signed)
    return state, (*blames, *answers)


def _take_in(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    match signed.kind:
        case MessageKind.CUT:
            stall.check_cut(local, signed)
            return replace(state, inbox=put(state.inbox, (signed.kind, signed.view, signed.sender), signed)), ()
        case MessageKind.DIGESTS | MessageKind.BODIES:
            return content.take_in(state, signed), ()
        case MessageKind.FETCH:
            return content.serve(local, state, signed) if state.cut is not None else (state, ())
        case MessageKind.COMMITTED:
            return agreement.take_in_committed(local, state, signed), ()
        case MessageKind.OUTCOME_FETCH:
            return agreement.serve_outcome(local, state, signed)
        case MessageKind.OUTCOME:
            return agreement.take_in_outcome(state, signed), ()
        case MessageKind.ATTESTATION:
            return _receive_attestation(local, state, signed)
        case MessageKind.VIEW_WISH:
            return _receive_wish(local, state, signed)
        case _:
            return _receive_kept(local, state, signed)


def note_foreign_cut(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    """Count who scores other blocks; f+1 alike mean that an honest node does, so this one may be wrong."""
    cuts = put(state.foreign_cuts, signed.sender, signed.message.cut_hash)
    state = replace(state, foreign_cuts=cuts)
    if max(Counter(cuts.values()).values()) < local.committee.honest_witness_quorum:
        return state, ()
    return alarm_once(state, AlarmReason.CUT_MISMATCH) or (state, ())


def drop_foreign(local: Local, state: EpochState) -> Step:
    """Once the cut is known, drop what was received for another one."""
    if state.cut is None:
        return state, ()
    effects: list[Effect] = []
    foreign = [m for m in (*state.inbox.values(), *state.wishes.values()) if m.message.cut_hash != state.cut.hash]
    for message in foreign:
        state, more = note_foreign_cut(local, state, message)
        effects += more
    inbox = {key: m for key, m in state.inbox.items() if m not in foreign}
    wishes = {who: m for who, m in state.wishes.items() if m not in foreign}
    announced = {view for kind, view, _ in inbox if kind is MessageKind.NEW_VIEW}
    new_views = {view: choice for view, choice in state.new_views.items() if view in announced}
    return replace(state, inbox=inbox, wishes=wishes, new_views=new_views), tuple(effects)


def _receive_kept(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    if signed.view > state.view + MAX_VIEWS_AHEAD and signed.kind is not MessageKind.NEW_VIEW:
        raise PeerProtocolError(signed.sender, f"{signed.kind.name} of view {signed.view}, far ahead of {state.view}")
    if signed.view + MAX_VIEWS_BEHIND < state.view:
        return state, ()
    leader = local.committee.leader(state.epoch, signed.view)
    if signed.kind in _TO_LEADER and leader != local.node:
        return state, ()
    if signed.kind in _FROM_LEADER and leader != signed.sender:
        raise PeerProtocolError(signed.sender, f"{signed.kind.name} from a node that does not lead view {signed.view}")
    _check_shape(local, state, signed)
    key = (signed.kind, signed.view, signed.sender)
    before = state.inbox.get(key)
    state, answers = resend.answer_laggard(local, state, signed, is_repeated=before is not None)
    if signed.kind is MessageKind.NEW_VIEW:
        state, entered = view.take_in_new_view(local, state, signed)
        answers = (*answers, *entered)
    if before is None:
        state = replace(state, inbox=put(state.inbox, key, signed))
    return state, answers


def _check_shape(local: Local, state: EpochState, signed: SignedMessage) -> None:
    if signed.kind is MessageKind.CLOSED_SET:
        check_closed_set(local, signed)
    elif isinstance(signed.body, ProposalBody):
        check_proposal_shape(local, signed)
        if not agreement.belongs(local, state, signed, signed.body.report):
            raise PeerProtocolError(signed.sender, "a proposal of a report for another committee, epoch or cut")


def _receive_wish(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    view.check_wish(local, state, signed)
    before = state.wishes.get(signed.sender)
    if before is None or before.view < signed.view:
        state = replace(state, wishes=put(state.wishes, signed.sender, signed))
    return resend.answer_laggard(local, state, signed, is_repeated=True)


def _receive_attestation(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    if signed.sender not in state.attestations:
        return replace(state, attestations=put(state.attestations, signed.sender, signed)), ()
    return attestation.answer(local, state, signed)
