"""Phase 2, commit and reveal: nobody can copy within a view, but a leader that signs two closed sets, which names it (`equivocation`).

Each node commits to its root under a salt. The leader closes the set of commitments, all n or at least 2f+1 after a grace time, and only then does anybody
reveal: once per view, only to a set that holds its own commitment, and bound to that set's hash.
"""

from __future__ import annotations

from oracle.consensus import quorum
from oracle.consensus.bodies import ClosedSetBody, CommitmentBody, MessageKind, RevealBody
from oracle.consensus.events import AlarmReason, DrawSalt, RequestObservation, TimerKind
from oracle.consensus.messages import Message, SignedMessage
from oracle.consensus.observation import compute_commitment, compute_set_hash
from oracle.consensus.state import EpochState, Local, Step, alarm_once, draft, once, send_vote, start_timer
from oracle.domain.ids import Hash32
from oracle.domain.units import NodeId
from oracle.errors import PeerProtocolError


def request_observation(local: Local, state: EpochState) -> Step | None:
    """Ask for this node's scores as soon as the cut is known."""
    if state.cut is None or "observation" in state.done:
        return None
    return once(state, "observation"), (RequestObservation(cut=state.cut),)


def draw_salt(local: Local, state: EpochState) -> Step | None:
    """Ask for a fresh salt in each view that this node will commit in."""
    wanted = state.may_vote and state.observation is not None and not state.has_voted(MessageKind.COMMITMENT)
    carried = state.view in state.new_views and not state.is_open
    if not wanted or carried or ("salt", state.view) in state.done:
        return None
    return once(state, ("salt", state.view)), (DrawSalt(epoch=state.epoch, view=state.view),)


def commit(local: Local, state: EpochState) -> Step | None:
    """Commit to the root and send it to the leader."""
    salt = state.salts.get(state.view)
    if not state.may_vote or salt is None or state.observation is None or state.has_voted(MessageKind.COMMITMENT):
        return None
    root = state.observation.root
    body = CommitmentBody(commitment=commitment_of(local, state, local.node, salt, root))
    leader = local.committee.leader(state.epoch, state.view)
    return send_vote(local, state, draft(local, state, body), note=salt + root, to=(leader,))


def close_set(local: Local, state: EpochState) -> Step | None:
    """As leader: close the set at n commitments, or after the grace time with at least 2f+1."""
    is_leader = local.committee.leader(state.epoch, state.view) == local.node
    if not is_leader or not state.may_vote or not state.is_open or state.has_voted(MessageKind.CLOSED_SET):
        return None
    commitments = state.received(MessageKind.COMMITMENT)
    if len(commitments) < local.committee.observation_quorum:
        return None
    if len(commitments) < local.committee.n and not state.has_fired(TimerKind.COMMITMENTS):
        return start_timer(state, TimerKind.COMMITMENTS, local.timing.grace_ms)
    members = sorted(commitments)
    body = ClosedSetBody(members=quorum.bitmap(members), commitments=tuple(commitments[m].wire for m in members))
    return send_vote(local, state, draft(local, state, body), note=b"", to=local.committee.members)


def reveal(local: Local, state: EpochState) -> Step | None:
    """Open the commitment to a closed set that holds it (C-02)."""
    leader = local.committee.leader(state.epoch, state.view)
    closed = state.inbox.get((MessageKind.CLOSED_SET, state.view, leader))
    own = state.votes.get((MessageKind.COMMITMENT, state.view))
    if closed is None or own is None or not state.may_vote or not state.is_open:
        return None
    if state.has_voted(MessageKind.REVEAL):
        return None
    salt, root = Hash32(own.note[:32]), Hash32(own.note[32:])
    if commitments_of(closed).get(local.node) != commitment_of(local, state, local.node, salt, root):
        return None
    body = RevealBody(set_hash=set_hash_of(closed), salt=salt, entries_root=root)
    return send_vote(local, state, draft(local, state, body), note=body.set_hash + own.note, to=(leader,))


def check_observation(local: Local, state: EpochState) -> Step | None:
    """Tell the operator if the entries that this node recomputed after a restart differ from those it committed to."""
    if state.observation is None or AlarmReason.OBSERVATION_CHANGED in state.done:
        return None
    notes = [vote.note for (kind, _), vote in state.votes.items() if kind is MessageKind.COMMITMENT]
    if all(note[32:] == state.observation.root for note in notes):
        return None
    return alarm_once(state, AlarmReason.OBSERVATION_CHANGED)


def commitments_of(closed: SignedMessage) -> dict[NodeId, Hash32]:
    """Return the commitments in a closed set, by member."""
    return {m.sender: m.body.commitment for m in closed.nested if isinstance(m.body, CommitmentBody)}


def set_hash_of(closed: SignedMessage) -> Hash32:
    """Return the hash that reveals to this closed set carry."""
    commitments = commitments_of(closed)
    return compute_set_hash(quorum.bitmap(commitments), list(commitments.values()))


def commitment_of(local: Local, place: EpochState | Message, node: NodeId, salt: Hash32, root: Hash32) -> Hash32:
    """Return the commitment of a node in the epoch, view and cut of a state or message."""
    return compute_commitment(
        config_digest=local.committee.config_digest,
        epoch=place.epoch,
        view=place.view,
        cut_hash=place.cut_hash,
        node=node,
        salt=salt,
        root=root,
    )


def check_closed_set(local: Local, closed: SignedMessage) -> None:
    """Check what a closed set says about itself.

    Raises:
        PeerProtocolError: if members are too few, unsorted, repeated or of another view, or the bitmap does not name them.
    """
    body = closed.body
    senders = [m.sender for m in closed.nested]
    same_view = all(m.view == closed.view for m in closed.nested)
    if not isinstance(body, ClosedSetBody) or senders != sorted(set(senders)) or not same_view:
        raise PeerProtocolError(closed.sender, "a closed set's commitments are not ascending and of its view")
    if quorum.bitmap(senders) != body.members or len(senders) < local.committee.observation_quorum:
        raise PeerProtocolError(
            closed.sender, f"a closed set of {len(senders)} does not match its bitmap or is too small"
        )
