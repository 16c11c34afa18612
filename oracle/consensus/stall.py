"""The stall rule: what a node does when a chain has no cut long after the boundary.

Members take turns, the leader of view 0 first; a turn lasts one view timeout. Whose turn has come proposes its finalised head for each chain without a cut, in a CUT message. A
node that waited in vain itself takes the cut of a member whose turn has come, if its own finalised blocks confirm it, and from then on says CUT too. It takes one cut in an
epoch, bound on disk, so a stalled cut changes nothing about votes. No clock: who waits wrongly loses time, never safety.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from oracle.consensus.bodies import CutBody, MessageKind
from oracle.consensus.events import CheckCut, RequestStalledCut, SetTimer, Timer, TimerKind
from oracle.consensus.messages import SignedMessage
from oracle.consensus.state import ANY_VIEW, EpochState, Local, Step, once
from oracle.domain.ids import Hash32
from oracle.domain.report import Cut
from oracle.domain.units import Epoch, NodeId
from oracle.errors import PeerProtocolError


def first_turn(local: Local, epoch: Epoch) -> SetTimer:
    """Return the timer after which a chain without a cut counts as stalled."""
    return SetTimer(timer=_timer(epoch), delay_ms=local.timing.stall_ms)


def on_turn(local: Local, state: EpochState) -> Step:
    """Let the next member's turn come, unless the cut is known."""
    if state.cut is not None or state.stall_turns_count >= local.committee.n:
        return state, ()
    again = SetTimer(timer=_timer(state.epoch), delay_ms=local.timing.view_timeout_ms)
    return replace(state, stall_turns_count=state.stall_turns_count + 1), (again,)


def find(local: Local, state: EpochState) -> Step | None:
    """Ask for this node's own stalled cut when its turn comes."""
    if state.cut is not None or not _has_turn(local, state, local.node) or "stalled cut" in state.done:
        return None
    return once(state, "stalled cut"), (RequestStalledCut(epoch=state.epoch),)


def check(local: Local, state: EpochState) -> Step | None:
    """Have the cuts of members whose turn has come checked against this node's finalised blocks, each once."""
    if state.cut is not None:
        return None
    for _, signed in sorted(proposals_of(state).items()):
        mark = ("cut", signed.message.cut_hash)
        if _has_turn(local, state, signed.sender) and mark not in state.done:
            return once(state, mark), (CheckCut(cut=cut_in(signed)),)
    return None


def choose(local: Local, state: EpochState) -> Cut | None:
    """Return a confirmed cut that this node may take: the one that f+1 members or a decision work with, if there is such."""
    if state.cut is not None or state.is_abstaining or state.stall_turns_count == 0:
        return None
    taken = {vote.cut_hash for vote in state.votes.values()} or _settled_cuts(local, state)
    return next((cut for cut_hash, cut in state.stalled_cuts.items() if not taken or cut_hash in taken), None)


def is_overtaken(stalled: Cut, derived: Cut) -> bool:
    """Return whether a derived cut only shows that the stalled chains of an earlier one went on: their old heads still stand."""
    pairs = enumerate(zip(stalled.chains, derived.chains, strict=True))
    return stalled.stalled_chains != 0 and all(
        old == new or (bool(stalled.stalled_chains >> i & 1) and new.block_number > old.block_number)
        for i, (old, new) in pairs
    )


def check_cut(local: Local, signed: SignedMessage) -> None:
    """Check what a CUT says about itself.

    Raises:
        PeerProtocolError: if it is not a cut of the configured chains with a stalled one, or its envelope names another.
    """
    body, chain_ids = signed.body, local.committee.chain_ids
    if not isinstance(body, CutBody) or tuple(chain.chain_id for chain in body.chains) != chain_ids:
        raise PeerProtocolError(signed.sender, "CUT of other chains than the committee's")
    if not 0 < body.stalled_chains < 1 << len(chain_ids):
        raise PeerProtocolError(signed.sender, f"CUT with stalled chains {body.stalled_chains:b}")
    if cut_in(signed).hash != signed.message.cut_hash or signed.view != ANY_VIEW:
        raise PeerProtocolError(signed.sender, "CUT whose envelope names another cut or a view")


def cut_in(signed: SignedMessage) -> Cut:
    """Return the cut in a CUT.

    Raises:
        PeerProtocolError: if it is none.
    """
    if not isinstance(signed.body, CutBody):
        raise PeerProtocolError(signed.sender, f"{signed.kind.name} where a CUT belongs")
    return Cut(epoch=signed.epoch, chains=signed.body.chains, stalled_chains=signed.body.stalled_chains)


def proposals_of(state: EpochState) -> dict[NodeId, SignedMessage]:
    """Return the CUT of each member that sent one."""
    return {who: signed for (kind, _, who), signed in state.inbox.items() if kind is MessageKind.CUT}


def _settled_cuts(local: Local, state: EpochState) -> set[Hash32]:
    """Return the cut of the decision, else those that f+1 members, so an honest one, work with."""
    if state.decision is not None:
        return {state.decision.report.cut_hash}
    messages = (*state.inbox.values(), *state.wishes.values())
    counts = Counter(cut_hash for _, cut_hash in {(m.sender, m.message.cut_hash) for m in messages})
    return {cut_hash for cut_hash, count in counts.items() if count >= local.committee.honest_witness_quorum}


def _has_turn(local: Local, state: EpochState, member: NodeId) -> bool:
    return (member - state.epoch) % local.committee.n < state.stall_turns_count


def _timer(epoch: Epoch) -> Timer:
    return Timer(kind=TimerKind.STALL, epoch=epoch, view=ANY_VIEW)
