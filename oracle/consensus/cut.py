"""Phase 1, the cut: derived by each node alone, or taken under the stall rule; once in an epoch (C-09, C-15)."""

from __future__ import annotations

from dataclasses import replace

from oracle.consensus import admission, resend, stall
from oracle.consensus.bodies import CutBody
from oracle.consensus.events import AlarmReason, Effect
from oracle.consensus.state import ANY_VIEW, EpochState, Local, Step, alarm_once, draft, enter_view, send_vote
from oracle.domain.report import Cut


def on_derived(local: Local, state: EpochState, cut: Cut) -> Step:
    """Take the cut once; a node whose votes are for another one abstains (C-09), unless only stalled chains went on since."""
    if state.cut is not None and (state.cut.hash == cut.hash or stall.is_overtaken(state.cut, cut)):
        return state, ()
    if state.cut is not None or any(vote.cut_hash != cut.hash for vote in state.votes.values()):
        state = replace(state, is_abstaining=True, cut=state.cut or cut)
        return alarm_once(state, AlarmReason.CUT_CHANGED) or (state, ())
    return take(local, replace(state, cut=cut))


def adopt(local: Local, state: EpochState) -> Step | None:
    """Take a stalled cut that this node's blocks confirm, bound on disk, and tell everyone (C-15)."""
    cut = stall.choose(local, state)
    if cut is None:
        return None
    state = replace(state, cut=cut)
    body = CutBody(chains=cut.chains, stalled_chains=cut.stalled_chains)
    message = draft(local, state, body, view=ANY_VIEW)
    state, said = send_vote(local, state, message, note=message.encoded_body, to=local.committee.members)
    state, alarms = alarm_once(state, AlarmReason.CHAIN_STALLED) or (state, ())
    state, taken = take(local, state)
    return state, (*said, *alarms, *taken)


def compare(_: Local, state: EpochState) -> Step | None:
    """Tell the operator if the epoch was decided at other blocks than this node's."""
    if state.cut is None or state.decision is None or state.decision.report.cut_hash == state.cut.hash:
        return None
    return alarm_once(state, AlarmReason.CUT_MISMATCH)


def take(local: Local, state: EpochState) -> Step:
    """Start working at the cut: drop what is about another one, enter the newest view announced, repeat what is outstanding."""
    state, alarms = admission.drop_foreign(local, state)
    effects: list[Effect] = list(alarms)
    ahead = max((v for v in state.new_views), default=state.view)
    state, timers = enter_view(local, state, max(state.view, ahead))
    return state, (*effects, *timers, *resend.outstanding(local, state))
