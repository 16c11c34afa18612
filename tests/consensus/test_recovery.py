"""Restart from stored votes. C-05: a restarted node never contradicts itself. C-09: it abstains if its blocks changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.consensus import events
from oracle.consensus.bodies import MessageKind, OutcomeFetchBody
from oracle.consensus.machine import step
from oracle.consensus.recovery import message_of, restore
from oracle.consensus.state import Local, new_node
from oracle.domain.ids import Hash32
from oracle.domain.units import NodeId
from oracle.errors import LocalProtocolError
from tests.consensus.committee_driver import (
    COMMITTEE,
    EPOCH,
    TRUTH,
    Driver,
    agreed,
    closed,
    count,
    deliver_all,
    message,
    proposed,
    started,
)
from tests.consensus.test_view import NOTHING, prepared
from tests.simulation.world import TIMING, borrower, cut_of

LOCAL = Local(committee=COMMITTEE, node=NodeId(2), timing=TIMING)


def restarted(driver: Driver) -> Driver:
    """Return the node after a crash: votes and outcomes are all that is left."""
    outcomes = [e for e in driver.effects if isinstance(e, events.PersistOutcome)]
    fresh = Driver(node=driver.node, scores=driver.scores)
    fresh.state = restore(new_node(COMMITTEE, driver.node, TIMING), driver.votes(), outcomes)
    return fresh.start()


def test_message_of__every_vote_of_a_follower__is_the_message_that_was_sent() -> None:
    nodes = started()
    agreed(nodes)
    nodes[2].effects += _wish_of(nodes[2])
    votes = [vote for vote in nodes[2].votes() if vote.kind is not MessageKind.ATTESTATION]

    for vote in votes:
        assert message_of(LOCAL, vote) == nodes[2].one(vote.kind).message

    kinds = {MessageKind.COMMITMENT, MessageKind.REVEAL, MessageKind.PREPARE, MessageKind.COMMIT, MessageKind.VIEW_WISH}
    assert {vote.kind for vote in votes} == kinds


def _wish_of(node: Driver) -> list[events.Effect]:
    other = Driver(node=node.node).start()
    return [e for e in other.fire(events.TimerKind.VIEW) if isinstance(e, events.PersistVote | events.Send)]


def test_restore__after_the_commitment__sends_the_same_one_and_draws_no_salt() -> None:
    nodes = started()

    again = restarted(nodes[2])

    assert again.one(MessageKind.COMMITMENT) == nodes[2].one(MessageKind.COMMITMENT)
    assert count(again.effects, events.DrawSalt) == 0
    assert again.votes() == []


def test_restore__recomputed_scores_differ__reveals_what_it_committed_to() -> None:
    nodes = started()
    closed_set = closed(nodes)
    changed = nodes[2]
    changed.scores = (borrower(1, 5),)

    again = restarted(changed)
    again.receive(closed_set)

    nodes[3].receive(closed_set)
    body = again.one(MessageKind.REVEAL).body
    theirs = nodes[3].one(MessageKind.REVEAL).body
    assert getattr(body, "entries_root", 1) == getattr(theirs, "entries_root", 2), "C-05"
    assert events.Alarm(epoch=EPOCH, reason=events.AlarmReason.OBSERVATION_CHANGED) in again.effects


def test_restore__after_the_reveal__reveals_to_no_other_set() -> None:
    nodes = started()
    nodes[2].receive(closed(nodes))
    other = started()
    other[0].receive(*(node.one(MessageKind.COMMITMENT) for node in other[1:3]))
    other[0].fire(events.TimerKind.COMMITMENTS)

    again = restarted(nodes[2])
    again.receive(other[0].one(MessageKind.CLOSED_SET))

    assert set(again.sent(MessageKind.REVEAL)) == {nodes[2].one(MessageKind.REVEAL)}, "C-05"


def test_restore__after_the_prepare__repeats_it_and_takes_no_other_proposal() -> None:
    nodes = started()
    proposal = proposed(nodes)
    nodes[2].receive(proposal)

    again = restarted(nodes[2])

    assert again.one(MessageKind.PREPARE) == nodes[2].one(MessageKind.PREPARE)
    assert again.epoch.outcomes == nodes[2].epoch.outcomes


def test_restore__after_the_commit__wishes_with_its_certificate() -> None:
    nodes = started()
    report = prepared(nodes)

    again = restarted(nodes[1])
    again.fire(events.TimerKind.VIEW)

    body = again.one(MessageKind.VIEW_WISH).body
    assert getattr(body, "prepared", None) == report, "C-05"


def test_restore__after_a_wish__casts_no_vote_in_the_view_it_left() -> None:
    nodes = started()
    proposal = proposed(nodes)
    nodes[2].fire(events.TimerKind.VIEW)

    again = restarted(nodes[2])
    again.receive(proposal)

    assert again.sent(MessageKind.PREPARE) == [], "C-06"
    assert again.one(MessageKind.VIEW_WISH) == nodes[2].one(MessageKind.VIEW_WISH)


def test_restore__leader_that_proposed__does_not_lead_that_view_again() -> None:
    nodes = started()
    proposed(nodes)
    commitments = [node.one(MessageKind.COMMITMENT) for node in nodes[1:]]

    again = restarted(nodes[0])
    again.receive(*commitments)
    again.fire(events.TimerKind.COMMITMENTS)

    assert again.sent(MessageKind.CLOSED_SET) == [], "C-05"
    assert again.sent(MessageKind.PROPOSAL) == [], "C-05"


def test_restore__after_the_attestation__signs_the_same_report_again() -> None:
    nodes = started()
    agreed(nodes)

    again = restarted(nodes[2])

    assert again.one(MessageKind.ATTESTATION).body == nodes[2].one(MessageKind.ATTESTATION).body
    (outcome,) = [e for e in again.effects if isinstance(e, events.OutcomeAgreed)]
    assert outcome.scores == TRUTH


def test_restore__after_the_attestation__proves_the_decision_to_a_laggard() -> None:
    nodes = started()
    agreed(nodes)
    late = Driver(node=NodeId(3)).start()

    again = restarted(nodes[2])
    late.fire(events.TimerKind.VIEW)
    again.receive(late.one(MessageKind.VIEW_WISH))
    late.receive(*again.sent(MessageKind.COMMITTED))

    assert late.epoch.decision == nodes[2].epoch.decision, "C-11"


def test_restore__outcome_lost_from_disk__is_fetched_from_the_others() -> None:
    nodes = started()
    agreed(nodes)
    fresh = Driver(node=NodeId(2))
    fresh.state = restore(new_node(COMMITTEE, NodeId(2), TIMING), nodes[2].votes(), [])
    fresh.start()

    (ask,) = fresh.sent(MessageKind.OUTCOME_FETCH)
    fresh.receive(*nodes[1].sent(MessageKind.OUTCOME, nodes[1].receive(ask)))

    assert fresh.one(MessageKind.ATTESTATION).body == nodes[2].one(MessageKind.ATTESTATION).body


def test_restore__asked_for_an_outcome_before_its_cut_is_back__does_not_answer_yet() -> None:
    nodes = started()
    report = prepared(nodes)
    outcomes = [e for e in nodes[2].effects if isinstance(e, events.PersistOutcome)]
    state = restore(new_node(COMMITTEE, NodeId(2), TIMING), nodes[2].votes()[:3], outcomes)
    ask = message(1, OutcomeFetchBody(scores_root=report.scores_root))

    _, effects = step(state, events.MessageReceived(signed=ask))

    assert effects == ()


def test_restore__other_blocks_than_it_voted_on__abstains_loudly() -> None:
    nodes = started()
    moved = [replace(vote, cut_hash=Hash32(b"\x01" * 32)) for vote in nodes[2].votes()]
    fresh = Driver(node=NodeId(2))
    fresh.state = restore(new_node(COMMITTEE, NodeId(2), TIMING), moved, [])

    fresh.start()

    assert events.Alarm(epoch=EPOCH, reason=events.AlarmReason.CUT_CHANGED) in fresh.effects, "C-09"
    assert count(fresh.effects, events.Send) == 0, "C-09"


def test_on_cut__changes_after_a_vote__stops_signing() -> None:
    nodes = started()
    closed_set = closed(nodes)

    effects = nodes[2].feed(events.CutDerived(cut=replace(cut_of(EPOCH), stalled_chains=1)))
    nodes[2].receive(closed_set)

    assert effects == [events.Alarm(epoch=EPOCH, reason=events.AlarmReason.CUT_CHANGED)]
    assert nodes[2].sent(MessageKind.REVEAL) == [], "C-09"


def test_restore__two_votes_of_one_kind_and_view__is_refused() -> None:
    (vote,) = started()[2].votes()

    with pytest.raises(LocalProtocolError, match="two stored votes"):
        restore(new_node(COMMITTEE, NodeId(2), TIMING), [vote, replace(vote, body_hash=Hash32(bytes(32)))], [])


def test_restore__votes_of_another_committee__are_ignored() -> None:
    votes = [replace(vote, config_digest=Hash32(bytes(32))) for vote in started()[2].votes()]

    assert restore(new_node(COMMITTEE, NodeId(2), TIMING), votes, []).epochs == {}


@settings(max_examples=40)
@given(kept=st.integers(0, 12), wishes_first=st.booleans())
def test_restore__crash_after_any_vote__never_signs_anything_else(kept: int, wishes_first: bool) -> None:
    nodes = started()
    proposal = proposed(nodes)
    if wishes_first:
        nodes[2].fire(events.TimerKind.VIEW)
    for node in nodes[1:]:
        node.receive(proposal)
    for kind in (MessageKind.PREPARE, MessageKind.COMMIT, MessageKind.VIEW_WISH):
        deliver_all(nodes, kind)
    stored = nodes[2].votes()[:kept]
    fresh = Driver(node=NodeId(2))
    fresh.state = restore(new_node(COMMITTEE, NodeId(2), TIMING), stored, [])

    fresh.start()
    fresh.receive(
        nodes[0].one(MessageKind.CLOSED_SET), proposal, message(0, NOTHING, view=1), message(1, NOTHING, view=1)
    )

    before = {(v.kind, v.view): v.body_hash for v in stored}
    for vote in fresh.votes():
        assert before.get((vote.kind, vote.view), vote.body_hash) == vote.body_hash, "C-05"
