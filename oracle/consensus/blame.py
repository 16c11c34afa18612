"""Blame: whose entries differ from the outcome, for which subject and in which field.

After an epoch is agreed, the digests and bodies of every other root that was revealed are fetched on a best-effort basis and compared. Only
the first few differing buckets are, so that a node that lies about everything does not cost everything.
"""

from __future__ import annotations

from dataclasses import fields

from oracle.consensus import content
from oracle.consensus.bodies import MessageKind, ProposalBody
from oracle.consensus.events import Blame, BlameReason
from oracle.consensus.messages import SignedMessage
from oracle.consensus.observation import Observation
from oracle.consensus.outcome import Store, Wanted
from oracle.consensus.proposal import root_of
from oracle.consensus.state import EpochState, Local, Step, once
from oracle.domain.ids import Hash32, SubjectId
from oracle.domain.score import Score
from oracle.domain.units import NodeId

MAX_COMPARED_BUCKETS = 8


def blame(local: Local, state: EpochState) -> Step | None:
    """Compare one more revealed root with the outcome."""
    if state.agreed is None:
        return None
    for node, message in sorted(reveals_of(state).items()):
        root = root_of(message)
        if root == state.agreed.root or ("blamed", node) in state.done:
            continue
        step = _compare(local, state, node, message, root)
        if step is not None:
            return step
    return None


def reveals_of(state: EpochState) -> dict[NodeId, SignedMessage]:
    """Return a REVEAL of each node that is known to have revealed in this epoch."""
    reveals: dict[NodeId, SignedMessage] = {}
    for (kind, _, sender), message in state.inbox.items():
        if kind is MessageKind.REVEAL:
            reveals.setdefault(sender, message)
        if isinstance(message.body, ProposalBody):
            for nested in message.nested_of(MessageKind.REVEAL):
                reveals.setdefault(nested.sender, nested)
    return reveals


def find_difference(theirs: Score | None, agreed: Score | None) -> tuple[BlameReason, str]:
    """Return how an entry differs from the outcome's, and the first differing field."""
    if theirs is None or agreed is None:
        return (BlameReason.MISSING_ENTRY if theirs is None else BlameReason.EXTRA_ENTRY), ""
    if type(theirs) is not type(agreed):
        return BlameReason.DIFFERENT_ENTRY, "kind"
    names = (item.name for item in fields(theirs))
    name = next((name for name in names if getattr(theirs, name) != getattr(agreed, name)), "")
    return BlameReason.DIFFERENT_ENTRY, name


def _compare(local: Local, state: EpochState, node: NodeId, message: SignedMessage, root: Hash32) -> Step | None:
    holders = {root: (node,)}
    digests = state.store.digests.get(root)
    if state.agreed is None or digests is None:
        return content.request(local, state, (Wanted(root=root, buckets=()),), holders)
    pairs = enumerate(zip(digests, state.agreed.bucket_digests, strict=True))
    differing = tuple(bucket for bucket, (a, b) in pairs if a != b)[:MAX_COMPARED_BUCKETS]
    absent = tuple(b for b in differing if state.store.bucket(b, digests[b]) is None)
    if absent:
        return content.request(local, state, (Wanted(root=root, buckets=absent),), holders)
    differences = _differences(state.agreed, state.store, digests, differing)
    subject = min(differences)
    theirs, agreed = differences[subject]
    reason, name = find_difference(theirs, agreed)
    effect = Blame(
        epoch=state.epoch,
        node=node,
        reason=reason,
        evidence=(message, *state.evidence.get(root, ())),
        subject=subject,
        field=name,
        theirs=theirs,
        agreed=agreed,
        differing_subjects_count=len(differences),
    )
    return once(state, ("blamed", node)), (effect,)


def _differences(
    agreed: Observation, store: Store, digests: tuple[Hash32, ...], buckets: tuple[int, ...]
) -> dict[SubjectId, tuple[Score | None, Score | None]]:
    """Return (theirs, agreed) of every subject that differs in the given buckets."""
    differences: dict[SubjectId, tuple[Score | None, Score | None]] = {}
    for bucket in buckets:
        theirs = {score.subject: score for score in store.bucket(bucket, digests[bucket]) or ()}
        ours = {score.subject: score for score in agreed.buckets[bucket]}
        for subject in theirs.keys() | ours.keys():
            pair = (theirs.get(subject), ours.get(subject))
            if pair[0] != pair[1]:
                differences[subject] = pair
    return differences
