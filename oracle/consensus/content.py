"""Digests and bodies: asking for them, serving them, and taking in only what was asked for and hashes to what was asked.

Content is addressed by hash, so it does not matter who serves it. A node serves its own entries only after it revealed their root. Large requests are cut
into pieces of at most 32 buckets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from oracle.consensus.bodies import BodiesBody, DigestsBody, FetchBody, MessageKind
from oracle.consensus.events import Effect, Send
from oracle.consensus.messages import SignedMessage
from oracle.consensus.observation import (
    Observation,
    compute_bucket_digest,
    compute_entries_root,
    decode_bucket,
    encode_entries,
)
from oracle.consensus.outcome import Store, Wanted
from oracle.consensus.state import EpochState, Local, Step, draft, is_answered, mark_answered, put
from oracle.domain.ids import Hash32
from oracle.domain.score import Score
from oracle.domain.units import NodeId
from oracle.errors import MalformedValueError, PeerProtocolError

BUCKETS_PER_REQUEST = 32


def keep_observation(store: Store, observation: Observation) -> Store:
    """Return the store with a whole observation in it."""
    bodies = {
        (bucket, digest): entries
        for bucket, (digest, entries) in enumerate(zip(observation.bucket_digests, observation.buckets, strict=True))
    }
    digests = put(store.digests, observation.root, observation.bucket_digests)
    return Store(digests=digests, bodies={**store.bodies, **bodies})


def request(
    local: Local, state: EpochState, wanted: Iterable[Wanted], holders: Mapping[Hash32, Iterable[NodeId]]
) -> Step | None:
    """Fetch content from everyone who says to hold it; None if all of it was asked for before."""
    effects: list[Effect] = []
    for item in wanted:
        to = tuple(node for node in sorted(holders.get(item.root, ())) if node != local.node)
        for buckets in _pieces(item.buckets):
            marks = _marks(item.root, buckets)
            if to and not marks <= state.done:
                state = replace(state, done=state.done | marks)
                effects.append(
                    Send(message=draft(local, state, FetchBody(entries_root=item.root, buckets=buckets)), to=to)
                )
    return (state, tuple(effects)) if effects else None


def serve(local: Local, state: EpochState, signed: SignedMessage) -> Step:
    """Answer a FETCH with what is here and public (C-03), and was not sent to that node since the last repetition (C-14)."""
    body = signed.body
    if not isinstance(body, FetchBody) or not _is_public(state, body.entries_root):
        return state, ()
    root = body.entries_root
    digests = state.store.digests[root]
    answer: DigestsBody | BodiesBody
    whats: list[tuple[object, ...]]
    if body.buckets:
        found = {b: state.store.bucket(b, digests[b]) for b in body.buckets if not is_answered(state, signed, root, b)}
        here = [(b, encode_entries(found[b] or ())) for b in found if found[b] is not None][:BUCKETS_PER_REQUEST]
        answer = BodiesBody(
            entries_root=root, buckets=tuple(b for b, _ in here), bodies=tuple(data for _, data in here)
        )
        whats = [(root, b) for b in answer.buckets]
    else:
        answer = DigestsBody(entries_root=root, bucket_digests=digests)
        whats = [(root,)] if not is_answered(state, signed, root) else []
    if not whats:
        return state, ()
    state = mark_answered(state, signed, whats)
    return state, (Send(message=draft(local, state, answer), to=(signed.sender,)),)


def take_in(state: EpochState, signed: SignedMessage) -> EpochState:
    """Keep DIGESTS or BODIES that this node asked for, and the message as evidence.

    Raises:
        PeerProtocolError: if they do not hash to what was asked for.
    """
    body = signed.body
    if not isinstance(body, DigestsBody | BodiesBody):
        return state
    buckets = body.buckets if isinstance(body, BodiesBody) else ()
    if not _marks(body.entries_root, buckets) & state.done:
        return state
    grown = absorb(state, signed)
    if grown is state:
        return state
    root = body.entries_root
    return replace(grown, evidence=put(grown.evidence, root, (*grown.evidence.get(root, ()), signed)))


def absorb(state: EpochState, signed: SignedMessage) -> EpochState:
    """Add the content of DIGESTS or BODIES to the store; the same state if nothing was new.

    Raises:
        PeerProtocolError: if it does not hash to what it claims.
    """
    body = signed.body
    store = state.store
    if isinstance(body, DigestsBody) and body.entries_root not in store.digests:
        if compute_entries_root(body.bucket_digests) != body.entries_root:
            raise PeerProtocolError(signed.sender, "DIGESTS that do not hash to their root")
        digests = put(store.digests, body.entries_root, body.bucket_digests)
        return replace(state, store=Store(digests=digests, bodies=store.bodies))
    if isinstance(body, BodiesBody) and body.entries_root in store.digests:
        new = _new_bodies(store, body, signed.sender)
        if new:
            return replace(state, store=Store(digests=store.digests, bodies={**store.bodies, **new}))
    return state


def _new_bodies(store: Store, body: BodiesBody, sender: NodeId) -> dict[tuple[int, Hash32], tuple[Score, ...]]:
    new = {}
    digests = store.digests[body.entries_root]
    for bucket, data in zip(body.buckets, body.bodies, strict=True):
        if store.bucket(bucket, digests[bucket]) is not None:
            continue
        try:
            entries = decode_bucket(bucket, data)
        except MalformedValueError as error:
            raise PeerProtocolError(sender, str(error)) from error
        if compute_bucket_digest(entries) != digests[bucket]:
            raise PeerProtocolError(sender, f"body of bucket {bucket} does not hash to its digest")
        new[bucket, digests[bucket]] = entries
    return new


def _is_public(state: EpochState, root: Hash32) -> bool:
    if root not in state.store.digests:
        return False
    own = state.observation is not None and state.observation.root == root
    return not own or state.decision is not None or any(kind is MessageKind.REVEAL for kind, _ in state.votes)


def _pieces(buckets: tuple[int, ...]) -> list[tuple[int, ...]]:
    step = BUCKETS_PER_REQUEST
    return [buckets[i : i + step] for i in range(0, len(buckets), step)] or [()]


def _marks(root: Hash32, buckets: tuple[int, ...]) -> frozenset[object]:
    if not buckets:
        return frozenset({("digests", root)})
    return frozenset(("bucket", root, bucket) for bucket in buckets)
