"""What one message can make a node send or keep. C-12, C-14: an answer goes to a node at most once between two own repetitions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from oracle.consensus import events
from oracle.consensus.bodies import FetchBody, MessageKind, OutcomeFetchBody, PrepareBody
from oracle.consensus.machine import step
from oracle.consensus.messages import SignedMessage
from oracle.consensus.state import new_node
from oracle.domain.units import NodeId
from tests.consensus.committee_driver import COMMITTEE, EPOCH, Driver, agreed, count, message, revealed, started
from tests.consensus.test_equivocation import under_another_cut
from tests.consensus.test_view import NOTHING, new_view
from tests.simulation.world import TIMING, cut_of


def finished() -> list[Driver]:
    nodes = started()
    agreed(nodes)
    return nodes


def requests(nodes: Sequence[Driver]) -> dict[str, SignedMessage]:
    """Return what node 3 may say to a node that is done, each of which calls for an answer."""
    assert nodes[1].epoch.decision is not None
    assert nodes[1].epoch.observation is not None
    report, root = nodes[1].epoch.decision.report, nodes[1].epoch.observation.root
    return {
        "outcome": message(3, OutcomeFetchBody(scores_root=report.scores_root)),
        "digests": message(3, FetchBody(entries_root=root, buckets=())),
        "bodies": message(3, FetchBody(entries_root=root, buckets=tuple(range(32)))),
        "wish": message(3, NOTHING, view=1),
        "prepare": message(3, PrepareBody(report_hash=report.hash)),
    }


@pytest.mark.parametrize("what", ["outcome", "digests", "bodies", "wish", "prepare"])
def test_serve__same_request_many_times__is_answered_once_between_two_repetitions(what: str) -> None:
    nodes = finished()
    ask = requests(nodes)[what]

    first = nodes[1].receive(*[ask] * 20)
    nodes[1].fire(events.TimerKind.RESEND)
    second = nodes[1].receive(*[ask] * 20)

    assert (count(first, events.Send), count(second, events.Send)) == (1, 1), "C-14"


def test_serve__same_buckets_asked_for_in_many_ways__are_sent_once() -> None:
    nodes = started()
    revealed(nodes)
    observation = nodes[1].epoch.observation
    assert observation is not None
    asks = [message(3, FetchBody(entries_root=observation.root, buckets=tuple(range(i, 32)))) for i in range(32)]

    effects = nodes[1].receive(*asks)

    assert count(effects, events.Send) == 1, "C-14"


def test_on_resend__decided_before_the_cut_is_known__asks_for_the_outcome_again() -> None:
    nodes = finished()
    (proof,) = nodes[1].sent(MessageKind.COMMITTED, nodes[1].receive(message(3, NOTHING, view=1)))
    away, opened = step(new_node(COMMITTEE, NodeId(3), TIMING), events.BoundaryReached(epoch=EPOCH))
    away, asked = step(away, events.MessageReceived(signed=proof))

    timers = [e.timer for e in opened if isinstance(e, events.SetTimer) and e.timer.kind is events.TimerKind.RESEND]
    again = [effect for timer in timers for effect in step(away, events.TimerFired(timer=timer))[1]]

    fetches = [e.message for e in (*asked, *again) if isinstance(e, events.Send)]
    assert [m.kind for m in fetches] == [MessageKind.OUTCOME_FETCH] * 2


def test_on_cut__new_view_of_another_cut_came_before__is_forgotten() -> None:
    wishes = [under_another_cut(message(i, NOTHING, view=1)) for i in range(3)]
    foreign = under_another_cut(new_view(1, 1, *wishes))
    late, _ = step(new_node(COMMITTEE, NodeId(3), TIMING), events.BoundaryReached(epoch=EPOCH))
    late, _ = step(late, events.MessageReceived(signed=foreign))

    late, _ = step(late, events.CutDerived(cut=cut_of(EPOCH)))

    assert late.epochs[EPOCH].view == 0
    assert late.epochs[EPOCH].new_views == {}
