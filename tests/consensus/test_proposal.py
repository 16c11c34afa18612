"""Proposing and recomputing. C-04: a report that does not follow from its evidence gets no vote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.consensus import events
from oracle.consensus.bodies import BodiesBody, MessageKind, ProposalBody, RevealBody
from oracle.domain.ids import Hash32
from oracle.domain.merkle import MerkleTree
from oracle.domain.score import Score
from oracle.domain.units import Epoch
from oracle.errors import PeerProtocolError
from tests.consensus.committee_driver import TRUTH, Driver, closed, message, proposed, revealed, started
from tests.simulation.world import borrower, collateral

LIE: tuple[Score, ...] = (borrower(1, -9_000), *TRUTH[1:])
HIGHER: tuple[Score, ...] = (borrower(1, 101), *TRUTH[1:])


def body_of(driver: Driver) -> ProposalBody:
    body = driver.one(MessageKind.PROPOSAL).body
    assert isinstance(body, ProposalBody)
    return body


def exchange(nodes: list[Driver], kind: MessageKind) -> None:
    """Carry everything of one kind to whom it is addressed."""
    for sender in nodes:
        for effect in [e for e in sender.effects if isinstance(e, events.Send) and e.message.kind is kind]:
            for peer in effect.to:
                if peer != sender.node:
                    nodes[peer].receive(sender.seal(effect.message))


def test_propose__four_alike__carries_the_root_and_no_value() -> None:
    nodes = started()

    proposed(nodes)

    body = body_of(nodes[0])
    assert body.report.scores_root == MerkleTree(score.leaf for score in TRUTH).root
    assert (body.report.observers, body.report.borrowers, body.report.collaterals) == (0b1111, 2, 1)
    assert (len(body.reveals), body.bodies) == (4, ())


def test_propose__one_liar__is_the_outcome_of_the_others() -> None:
    nodes = started(n3=LIE)

    proposed(nodes)

    assert body_of(nodes[0]).report.scores_root == MerkleTree(score.leaf for score in TRUTH).root


def test_propose__three_reveals_of_four__waits_for_the_grace_time() -> None:
    nodes = started()
    closed_set = closed(nodes)
    for node in nodes[1:3]:
        node.receive(closed_set)
        nodes[0].receive(*node.sent(MessageKind.REVEAL))

    waiting = nodes[0].sent(MessageKind.PROPOSAL)
    nodes[0].fire(events.TimerKind.REVEALS)

    assert waiting == []
    assert body_of(nodes[0]).report.observers == 0b0111


def test_propose__two_against_two__fetches_and_forwards_one_bucket() -> None:
    nodes = started(n2=HIGHER, n3=HIGHER)
    revealed(nodes)

    exchange(nodes, MessageKind.FETCH)
    exchange(nodes, MessageKind.DIGESTS)
    exchange(nodes, MessageKind.FETCH)
    exchange(nodes, MessageKind.BODIES)

    body = body_of(nodes[0])
    assert body.report.scores_root == MerkleTree(score.leaf for score in HIGHER).root  # the upper of 100, 100, 101, 101
    fetched = [m.body for m in nodes[0].one(MessageKind.PROPOSAL).nested_of(MessageKind.BODIES)]
    assert [len(b.buckets) for b in fetched if isinstance(b, BodiesBody)] == [1]


def test_check_proposal__evidence_inside__is_recomputed_without_fetching() -> None:
    nodes = started(n2=HIGHER, n3=HIGHER)
    revealed(nodes)
    exchange(nodes, MessageKind.FETCH)
    exchange(nodes, MessageKind.DIGESTS)
    exchange(nodes, MessageKind.FETCH)
    exchange(nodes, MessageKind.BODIES)

    effects = nodes[1].receive(nodes[0].one(MessageKind.PROPOSAL))

    assert nodes[1].sent(MessageKind.FETCH, effects) == []
    assert len(nodes[1].sent(MessageKind.PREPARE)) == 1


def test_check_proposal__own_data_differ__fetches_before_it_votes() -> None:
    nodes = started(n3=LIE)
    proposal = proposed(nodes)
    nodes[1].receive(proposal)

    nodes[3].receive(proposal)
    before = nodes[3].sent(MessageKind.PREPARE)
    for kind in (MessageKind.FETCH, MessageKind.DIGESTS, MessageKind.FETCH, MessageKind.BODIES):
        exchange(nodes, kind)

    assert before == []
    assert len(nodes[3].sent(MessageKind.PREPARE)) == 1


def test_propose__observers_without_bodies__are_dropped() -> None:
    nodes = started(n2=HIGHER, n3=(borrower(9, 1), collateral(3, 1)))
    revealed(nodes)
    # Roots a, a, b, c: no majority. Node 2 answers, node 3 does not.
    three = nodes[:3]
    for kind in (MessageKind.FETCH, MessageKind.DIGESTS):
        for sender in three:
            for effect in [e for e in sender.effects if isinstance(e, events.Send) and e.message.kind is kind]:
                for peer in effect.to:
                    if peer not in (sender.node, 3):
                        nodes[peer].receive(sender.seal(effect.message))

    nodes[0].fire(events.TimerKind.BODIES)

    # Without node 3 the roots are a, a, b: a is the strict majority, and nothing more has to travel.
    assert body_of(nodes[0]).report.observers == 0b0111
    assert body_of(nodes[0]).report.scores_root == MerkleTree(score.leaf for score in TRUTH).root


def test_check_proposal__report_that_does_not_follow__is_blamed_and_gets_no_vote() -> None:
    nodes = started()
    body = proposed(nodes).body
    assert isinstance(body, ProposalBody)
    forged = message(0, replace(body, report=replace(body.report, scores_root=Hash32(b"\x09" * 32))))

    effects = nodes[1].receive(forged)

    (blame,) = [e for e in effects if isinstance(e, events.Blame)]
    assert (blame.node, blame.reason) == (0, events.BlameReason.BAD_PROPOSAL)
    assert nodes[1].sent(MessageKind.PREPARE) == [], "C-04"


@pytest.mark.parametrize("change", ["epoch", "committee", "cut", "observers", "two reveals", "reveal of no commitment"])
def test_proposal__whose_evidence_contradicts_itself__is_refused(change: str) -> None:
    nodes = started()
    body = proposed(nodes).body
    assert isinstance(body, ProposalBody)
    report = body.report
    reveal = nodes[1].one(MessageKind.REVEAL).body
    assert isinstance(reveal, RevealBody)
    stranger = message(1, replace(reveal, salt=Hash32(b"\x01" * 32)))
    bad = {
        "epoch": replace(body, report=replace(report, epoch=Epoch(report.epoch + 1))),
        "committee": replace(body, report=replace(report, config_digest=Hash32(bytes(32)))),
        "cut": replace(body, report=replace(report, cut_hash=Hash32(bytes(32)))),
        "observers": replace(body, report=replace(report, observers=0b0111)),
        "two reveals": replace(body, reveals=body.reveals[:2], report=replace(report, observers=0b11)),
        "reveal of no commitment": replace(body, reveals=(body.reveals[0], stranger.wire, *body.reveals[2:])),
    }[change]

    with pytest.raises(PeerProtocolError) as caught:
        nodes[2].receive(message(0, bad))

    assert caught.value.sender == 0
    assert nodes[2].sent(MessageKind.PREPARE) == []


def test_propose__no_entry_with_support__alarms_and_proposes_nothing() -> None:
    nodes = started(**{f"n{i}": (borrower(10 + i, i),) for i in range(4)})
    revealed(nodes)
    for kind in (MessageKind.FETCH, MessageKind.DIGESTS, MessageKind.FETCH, MessageKind.BODIES):
        exchange(nodes, kind)

    alarms = [e.reason for e in nodes[0].effects if isinstance(e, events.Alarm)]

    assert alarms == [events.AlarmReason.NO_ENTRIES]
    assert nodes[0].sent(MessageKind.PROPOSAL) == []
