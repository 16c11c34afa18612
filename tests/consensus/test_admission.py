"""What is dropped, counted and attributed. C-12: memory is bounded whatever peers send."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.consensus import events
from oracle.consensus.admission import MAX_VIEWS_AHEAD
from oracle.consensus.bodies import (
    BodiesBody,
    CommitmentBody,
    CutBody,
    DigestsBody,
    MessageKind,
    OutcomeBody,
    PrepareBody,
)
from oracle.consensus.machine import step
from oracle.consensus.messages import SignedMessage
from oracle.consensus.state import new_node
from oracle.domain.ids import Hash32
from oracle.domain.units import Epoch, NodeId
from oracle.errors import PeerProtocolError
from tests.consensus.committee_driver import COMMITTEE, EPOCH, TRUTH, Driver, agreed, count, message, proposed, started
from tests.simulation.world import TIMING, borrower, sign

VOTE = PrepareBody(report_hash=Hash32(b"\x07" * 32))


def changed(signed: SignedMessage, **fields: object) -> SignedMessage:
    plain = replace(signed.message, **fields)  # type: ignore[arg-type]
    return SignedMessage(message=plain, signature=sign(signed.sender, plain.digest))


@pytest.mark.parametrize(
    "bad",
    [
        changed(message(1, VOTE), config_digest=Hash32(bytes(32))),
        changed(message(1, VOTE), epoch=Epoch(EPOCH + 2)),
        message(4, VOTE),
        message(1, VOTE, view=MAX_VIEWS_AHEAD + 1),
        message(1, CutBody(chains=(), stalled_chains=0)),
    ],
    ids=["another committee", "far epoch", "no member", "far view", "cut without stall"],
)
def test_receive__message_that_cannot_belong_here__is_refused_and_changes_nothing(bad: SignedMessage) -> None:
    (node, *_) = started()
    before = node.state

    with pytest.raises(PeerProtocolError):
        node.receive(bad)

    assert node.state is before


def test_receive__before_the_first_boundary__is_ignored() -> None:
    state = new_node(COMMITTEE, NodeId(0), TIMING)

    after, effects = step(state, events.MessageReceived(signed=message(1, VOTE)))

    assert (after, effects) == (state, ())


def test_receive__retired_epoch__is_ignored() -> None:
    (node, *_) = started()
    node.feed(events.BoundaryReached(epoch=Epoch(EPOCH + 2)))
    before = node.state

    node.receive(message(1, VOTE))

    assert node.state is before


def test_receive__next_epoch__is_kept_until_the_clock_is_there() -> None:
    (node, *_) = started()
    early = changed(message(1, VOTE), epoch=Epoch(EPOCH + 1))

    node.receive(early)

    assert node.state.epochs[Epoch(EPOCH + 1)].inbox == {(MessageKind.PREPARE, 0, 1): early}


def test_receive__same_message_many_times__is_kept_once() -> None:
    (node, *_) = started()

    node.receive(*[message(1, VOTE)] * 5)

    assert sum(kind is MessageKind.PREPARE for kind, _, _ in node.epoch.inbox) == 1


def test_receive__everything_a_peer_can_vary__is_bounded() -> None:
    (node, *_) = started()
    start = len(node.epoch.inbox)

    for view in range(MAX_VIEWS_AHEAD + 1):
        for variant in range(20):
            node.receive(message(1, PrepareBody(report_hash=Hash32(bytes([variant]) * 32)), view=view))
            node.receive(message(1, CommitmentBody(commitment=Hash32(bytes([variant]) * 32)), view=view))

    # One PREPARE for each view, one COMMITMENT for each view that this node leads (0, 4, 8); the rest is evidence handed out once.
    assert len(node.epoch.inbox) - start == (MAX_VIEWS_AHEAD + 1) + 3, "C-12"
    blames = [e for e in node.effects if isinstance(e, events.Blame)]
    assert len(blames) == (MAX_VIEWS_AHEAD + 1) + 3


def test_receive__content_nobody_asked_for__is_not_kept() -> None:
    (node, *_) = started()
    before = node.epoch
    root = Hash32(b"\x01" * 32)

    node.receive(
        message(1, DigestsBody(entries_root=root, bucket_digests=(Hash32(bytes(32)),) * 256)),
        message(1, BodiesBody(entries_root=root, buckets=(3,), bodies=(TRUTH[0].encoded,))),
        message(1, OutcomeBody(scores_root=root, entries=TRUTH[0].encoded)),
    )

    assert node.epoch == before, "C-12"


def test_take_in__digests_that_do_not_hash_to_the_root_asked_for__are_refused() -> None:
    nodes = started(n3=(borrower(1, -5),))
    nodes[3].receive(proposed(nodes))
    (ask,) = nodes[3].sent(MessageKind.FETCH)
    root = getattr(ask.body, "entries_root", Hash32(bytes(32)))

    with pytest.raises(PeerProtocolError) as caught:
        nodes[3].receive(message(1, DigestsBody(entries_root=root, bucket_digests=(Hash32(bytes(32)),) * 256)))

    assert caught.value.sender == 1


def test_note_foreign_cut__one_node_and_then_f_plus_one__alarms_only_then() -> None:
    (node, *_) = started()
    other = Hash32(b"\x33" * 32)

    first = node.receive(changed(message(1, VOTE), cut_hash=other))
    second = node.receive(changed(message(2, VOTE), cut_hash=other))

    assert first == []
    assert second == [events.Alarm(epoch=EPOCH, reason=events.AlarmReason.CUT_MISMATCH)]


def test_on_boundary__undecided_epoch_is_retired__alarms() -> None:
    (node, *_) = started()

    effects = node.feed(events.BoundaryReached(epoch=Epoch(EPOCH + 2)))

    assert events.Alarm(epoch=EPOCH, reason=events.AlarmReason.EPOCH_MISSED) in effects
    assert sorted(node.state.epochs) == [EPOCH + 2]


def test_blame__liar_of_four__is_named_with_subject_field_and_both_scores() -> None:
    lie = (borrower(1, -9_000), *TRUTH[1:])
    nodes = started(n3=lie)
    agreed(nodes)

    honest = nodes[1]
    for kind, answer in ((MessageKind.FETCH, MessageKind.DIGESTS), (MessageKind.FETCH, MessageKind.BODIES)):
        for ask in honest.sent(kind):
            honest.receive(*nodes[3].sent(answer, nodes[3].receive(ask)))

    (blame,) = [e for e in honest.effects if isinstance(e, events.Blame)]
    assert (blame.node, blame.reason) == (3, events.BlameReason.DIFFERENT_ENTRY)
    assert (blame.subject, blame.field) == (lie[0].subject, "state_offset")
    assert (blame.theirs, blame.agreed, blame.differing_subjects_count) == (lie[0], TRUTH[0], 1)


def test_resend__nothing_heard__repeats_the_commitment_at_growing_intervals() -> None:
    (_, node, *_) = started()

    rounds = [node.fire(events.TimerKind.RESEND) for _ in range(3)]

    assert [len(node.sent(MessageKind.COMMITMENT, effects)) for effects in rounds] == [1, 1, 1]
    delays = [e.delay_ms for effects in rounds for e in effects if isinstance(e, events.SetTimer)]
    assert delays == [TIMING.resend_ms * factor for factor in (2, 4, 8)]
    assert count(node.effects, events.PersistVote) == 1


def test_on_timer__of_another_view__does_nothing() -> None:
    node = Driver(node=NodeId(1)).start()

    assert node.fire(events.TimerKind.VIEW, view=3) == []
