"""Contradictions that only show inside other messages. C-10: whoever signed both sides is named with both as evidence, nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.consensus import events, quorum
from oracle.consensus.bodies import ClosedSetBody, MessageKind, PrepareBody
from oracle.consensus.messages import SignedMessage
from oracle.domain.ids import Hash32
from oracle.domain.units import NodeId
from oracle.errors import PeerProtocolError
from tests.consensus.committee_driver import EPOCH, Driver, closed, message, started
from tests.consensus.test_view import NOTHING, certificate, make_report, new_view
from tests.simulation.world import cut_of, sign

OTHER_CUT = replace(cut_of(EPOCH), stalled_chains=1)


def under_another_cut(signed: SignedMessage) -> SignedMessage:
    plain = replace(signed.message, cut_hash=OTHER_CUT.hash)
    return SignedMessage(message=plain, signature=sign(signed.sender, plain.digest))


def accused(effects: list[events.Effect]) -> list[tuple[NodeId, events.BlameReason, set[SignedMessage]]]:
    return [(e.node, e.reason, set(e.evidence)) for e in effects if isinstance(e, events.Blame)]


def two_sets() -> tuple[list[Driver], SignedMessage, SignedMessage, SignedMessage]:
    """Return nodes, the set that faulty leader 0 shows to node 3 to see its reveal, the set it goes on with, and the proposal over that."""
    nodes = started()
    wide = closed(nodes)
    assert isinstance(wide.body, ClosedSetBody)
    kept = [m for m in wide.nested if m.sender != 1]
    body = ClosedSetBody(members=quorum.bitmap(m.sender for m in kept), commitments=tuple(m.wire for m in kept))
    bait = message(0, body)
    for node in nodes[1:3]:
        node.receive(wide)
        nodes[0].receive(*node.sent(MessageKind.REVEAL))
    nodes[0].fire(events.TimerKind.REVEALS)
    return nodes, bait, wide, nodes[0].one(MessageKind.PROPOSAL)


@pytest.mark.parametrize("bait_first", [True, False])
def test_find_conflicts__leader_closes_a_second_set_after_a_reveal__is_named_by_who_saw_both(bait_first: bool) -> None:
    nodes, bait, wide, proposal = two_sets()

    effects = nodes[3].receive(*((bait, proposal) if bait_first else (proposal, bait)))

    assert accused(effects) == [(NodeId(0), events.BlameReason.EQUIVOCATION, {bait, wide})]


def test_find_conflicts__prepare_inside_a_certificate__is_compared_with_the_one_received() -> None:
    (node, *_) = started()
    report = make_report(3)
    mine = message(2, PrepareBody(report_hash=Hash32(b"\x01" * 32)))
    shown = message(2, PrepareBody(report_hash=report.hash))

    effects = node.receive(mine, message(1, certificate(report, 0), view=1))

    assert accused(effects) == [(NodeId(2), events.BlameReason.EQUIVOCATION, {mine, shown})]


def test_find_conflicts__two_new_views_of_one_view__name_their_leader() -> None:
    nodes = started()
    wishes = [message(i, NOTHING, view=1) for i in range(4)]
    first, second = new_view(1, 1, *wishes[:3]), new_view(1, 1, *wishes[1:])

    effects = nodes[3].receive(first, second)

    assert accused(effects) == [(NodeId(1), events.BlameReason.EQUIVOCATION, {first, second})]


def test_new_view__wishes_under_another_cut__is_refused() -> None:
    nodes = started()
    wishes = [under_another_cut(message(i, NOTHING, view=1)) for i in range(3)]

    with pytest.raises(PeerProtocolError, match="does not belong"):
        nodes[3].receive(new_view(1, 1, *wishes))

    assert nodes[3].epoch.view == 0
