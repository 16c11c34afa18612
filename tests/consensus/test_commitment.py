"""Commit and reveal. C-02: a node reveals once per view, only to a set that holds its own commitment. C-03: and serves its entries only after that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.consensus import events
from oracle.consensus.bodies import (
    BodiesBody,
    ClosedSetBody,
    CommitmentBody,
    DigestsBody,
    FetchBody,
    MessageKind,
    RevealBody,
)
from oracle.consensus.commitment import set_hash_of
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.units import NodeId
from oracle.errors import PeerProtocolError
from tests.consensus.committee_driver import EPOCH, Driver, closed, message, started
from tests.simulation.world import borrower


def test_commit__salt_drawn__is_persisted_before_it_is_sent_to_the_leader() -> None:
    (node,) = started()[1:2]

    order = [e for e in node.effects if isinstance(e, events.PersistVote | events.Send)]

    assert isinstance(order[0], events.PersistVote)
    assert isinstance(order[1], events.Send)
    assert order[0].vote.kind is MessageKind.COMMITMENT
    assert order[0].vote.body_hash == keccak256(order[1].message.encoded_body)
    assert order[1].to == (NodeId(0),)


def test_commit__same_root_of_two_nodes__looks_different() -> None:
    nodes = started()

    commitments = {node.one(MessageKind.COMMITMENT).message.encoded_body for node in nodes}

    assert len(commitments) == 4


def test_close_set__all_commitments__closes_at_once() -> None:
    nodes = started()

    body = closed(nodes).body

    assert isinstance(body, ClosedSetBody)
    assert body.members == 0b1111


def test_close_set__three_of_four__waits_for_the_grace_time() -> None:
    nodes = started()
    leader = nodes[0]

    leader.receive(nodes[1].one(MessageKind.COMMITMENT), nodes[3].one(MessageKind.COMMITMENT))
    waiting = leader.sent(MessageKind.CLOSED_SET)
    leader.fire(events.TimerKind.COMMITMENTS)

    assert waiting == []
    body = leader.one(MessageKind.CLOSED_SET).body
    assert isinstance(body, ClosedSetBody)
    assert body.members == 0b1011


def test_close_set__two_of_four__never_closes() -> None:
    nodes = started()

    nodes[0].receive(nodes[1].one(MessageKind.COMMITMENT))
    nodes[0].fire(events.TimerKind.COMMITMENTS)

    assert nodes[0].sent(MessageKind.CLOSED_SET) == []


def test_reveal__set_with_own_commitment__opens_it_for_that_set() -> None:
    nodes = started()
    closed_set = closed(nodes)

    nodes[2].receive(closed_set)

    reveal = nodes[2].one(MessageKind.REVEAL).body
    observation = nodes[2].epoch.observation
    assert isinstance(reveal, RevealBody)
    assert observation is not None
    assert reveal.set_hash == set_hash_of(closed_set)
    assert reveal.entries_root == observation.root


def test_reveal__set_without_own_commitment__stays_hidden() -> None:
    nodes = started()
    nodes[0].receive(nodes[1].one(MessageKind.COMMITMENT), nodes[3].one(MessageKind.COMMITMENT))
    nodes[0].fire(events.TimerKind.COMMITMENTS)

    nodes[2].receive(nodes[0].one(MessageKind.CLOSED_SET))

    assert nodes[2].sent(MessageKind.REVEAL) == [], "C-02"


def test_reveal__set_with_a_forged_own_commitment__stays_hidden() -> None:
    nodes = started()
    own = message(2, CommitmentBody(commitment=Hash32(b"\x05" * 32)))
    wires = [m.wire for m in (nodes[0].one(MessageKind.COMMITMENT), nodes[1].one(MessageKind.COMMITMENT), own)]

    nodes[2].receive(message(0, ClosedSetBody(members=0b111, commitments=tuple(wires))))

    assert nodes[2].sent(MessageKind.REVEAL) == [], "C-02"


def test_reveal__second_set_of_the_same_leader__is_blamed_and_not_revealed_to() -> None:
    nodes = started()
    first = closed(nodes)
    wires = tuple(m.wire for m in first.nested[1:])
    second = message(0, ClosedSetBody(members=0b1110, commitments=wires))

    nodes[2].receive(first)
    effects = nodes[2].receive(second)

    assert len(nodes[2].sent(MessageKind.REVEAL)) == 1, "C-02"
    (blame,) = [e for e in effects if isinstance(e, events.Blame)]
    assert (blame.node, blame.reason, blame.evidence) == (0, events.BlameReason.EQUIVOCATION, (first, second))


@pytest.mark.parametrize("change", ["bitmap", "order", "too few", "not the leader", "other view"])
def test_closed_set__that_contradicts_itself__is_refused(change: str) -> None:
    nodes = started()
    wires = [node.one(MessageKind.COMMITMENT).wire for node in nodes]
    body = ClosedSetBody(members=0b1111, commitments=tuple(wires))
    other = message(3, CommitmentBody(commitment=Hash32(bytes(32))), view=1).wire
    bad = {
        "bitmap": message(0, replace(body, members=0b0111)),
        "order": message(0, replace(body, commitments=tuple(reversed(wires)))),
        "too few": message(0, ClosedSetBody(members=0b11, commitments=tuple(wires[:2]))),
        "not the leader": message(1, body),
        "other view": message(0, replace(body, commitments=(*wires[:3], other))),
    }[change]

    with pytest.raises(PeerProtocolError) as caught:
        nodes[2].receive(bad)

    assert caught.value.sender == bad.sender


def test_serve__before_and_after_the_reveal__answers_only_after_it() -> None:
    nodes = started()
    closed_set = closed(nodes)
    observation = nodes[2].epoch.observation
    assert observation is not None
    ask = message(1, FetchBody(entries_root=observation.root, buckets=()))

    before = nodes[2].receive(ask)
    nodes[2].receive(closed_set)
    after = nodes[2].receive(ask)

    assert before == [], "C-03"
    (answer,) = nodes[2].sent(MessageKind.DIGESTS, after)
    assert answer.body == DigestsBody(entries_root=observation.root, bucket_digests=observation.bucket_digests)


def test_serve__bucket_of_a_public_root__is_its_body() -> None:
    nodes = started()
    nodes[2].receive(closed(nodes))
    observation = nodes[2].epoch.observation
    assert observation is not None
    bucket = next(i for i, entries in enumerate(observation.buckets) if entries)

    effects = nodes[2].receive(message(1, FetchBody(entries_root=observation.root, buckets=(bucket,))))

    (answer,) = nodes[2].sent(MessageKind.BODIES, effects)
    assert answer.body == BodiesBody(
        entries_root=observation.root,
        buckets=(bucket,),
        bodies=(b"".join(score.encoded for score in observation.buckets[bucket]),),
    )


def test_check_observation__other_scores_than_committed__alarms_once() -> None:
    (node,) = started()[1:2]

    effects = node.feed(events.ObservationReady(epoch=EPOCH, scores=(borrower(1, 101),)))
    again = node.feed(events.ObservationReady(epoch=EPOCH, scores=(borrower(1, 102),)))

    assert effects == [events.Alarm(epoch=EPOCH, reason=events.AlarmReason.OBSERVATION_CHANGED)]
    assert again == []


def test_driver__of_these_tests__starts_without_a_view_change() -> None:
    assert Driver(node=NodeId(1)).start().epoch.view == 0
