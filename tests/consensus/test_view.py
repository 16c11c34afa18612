"""View change. C-06: whoever wished to leave a view casts no new vote in it. C-07: the choice is recomputed from the wishes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.consensus import events
from oracle.consensus.bodies import MessageKind, NewViewBody, PrepareBody, ProposalBody, ViewWishBody
from oracle.consensus.committee import MAX_DOUBLINGS
from oracle.consensus.messages import SignedMessage
from oracle.consensus.view import compute_choice
from oracle.domain.ids import Hash32
from oracle.domain.report import Report
from oracle.domain.units import Epoch, NodeId, View
from oracle.errors import PeerProtocolError
from tests.consensus.committee_driver import COMMITTEE, EPOCH, Driver, deliver_all, message, proposed, started
from tests.simulation.world import TIMING, cut_of

NOTHING = ViewWishBody(prepared_view=View(0), prepared=None, prepares=())


def make_report(observers: int) -> Report:
    return Report(
        config_digest=COMMITTEE.config_digest,
        epoch=EPOCH,
        cut_hash=cut_of(EPOCH).hash,
        scores_root=Hash32(bytes([observers]) * 32),
        observers=observers,
        borrowers=2,
        collaterals=1,
        stalled_chains=0,
    )


def certificate(report: Report, view: int, voters: tuple[int, ...] = (0, 1, 2)) -> ViewWishBody:
    prepares = (message(voter, PrepareBody(report_hash=report.hash), view=view).wire for voter in voters)
    return ViewWishBody(prepared_view=View(view), prepared=report, prepares=tuple(prepares))


def new_view(leader: int, view: int, *wishes: SignedMessage) -> SignedMessage:
    return message(leader, NewViewBody(wishes=tuple(wish.wire for wish in wishes)), view=view)


def prepared(nodes: list[Driver]) -> Report:
    """Bring all but node 3 to a prepared certificate, and nobody to a decision."""
    proposal = proposed(nodes)
    for node in nodes[1:3]:
        node.receive(proposal)
    deliver_all(nodes[:3], MessageKind.PREPARE)
    assert isinstance(proposal.body, ProposalBody)
    return proposal.body.report


def test_wish__time_of_the_view_is_over__is_for_the_next_view_without_certificate() -> None:
    (node, *_) = started()

    effects = node.fire(events.TimerKind.VIEW)

    (wish,) = node.sent(MessageKind.VIEW_WISH, effects)
    assert (wish.view, wish.body) == (1, NOTHING)


def test_wish__prepared_report__carries_its_certificate() -> None:
    nodes = started()
    report = prepared(nodes)

    nodes[1].fire(events.TimerKind.VIEW)

    body = nodes[1].one(MessageKind.VIEW_WISH).body
    assert isinstance(body, ViewWishBody)
    assert (body.prepared_view, body.prepared, len(body.prepares)) == (0, report, 3)


@pytest.mark.parametrize(("wishers", "expected"), [((1,), 0), ((1, 2), 1)])
def test_wish__others_wish__f_plus_one_amplify(wishers: tuple[int, ...], expected: int) -> None:
    (node, *_) = started()

    node.receive(*(message(wisher, NOTHING, view=4) for wisher in wishers))

    assert [wish.view for wish in node.sent(MessageKind.VIEW_WISH)] == [4] * expected


def test_enter__byzantine_quorum_of_wishes__enters_with_a_doubled_timeout() -> None:
    (_, _, node, _) = started()

    effects = node.receive(message(0, NOTHING, view=1), message(1, NOTHING, view=1))

    assert node.epoch.view == 1
    timers = {e.timer: e.delay_ms for e in effects if isinstance(e, events.SetTimer)}
    timer = events.Timer(kind=events.TimerKind.VIEW, epoch=EPOCH, view=View(1))
    assert timers[timer] == 2 * TIMING.view_timeout_ms


def test_view_timeout__many_views__doubles_up_to_a_bound() -> None:
    timeouts = [TIMING.view_timeout_of_ms(View(view)) for view in range(MAX_DOUBLINGS + 3)]

    assert timeouts[:4] == [TIMING.view_timeout_ms * factor for factor in (1, 2, 4, 8)]
    assert timeouts[-1] == timeouts[-3] == TIMING.view_timeout_ms * 1024


def test_prepare__after_a_wish_to_leave__is_not_cast() -> None:
    nodes = started()
    proposal = proposed(nodes)
    nodes[1].fire(events.TimerKind.VIEW)

    nodes[1].receive(proposal)

    assert nodes[1].sent(MessageKind.PREPARE) == [], "C-06"


def test_commit_report__after_a_wish_to_leave__is_not_cast_but_a_decision_is_taken() -> None:
    nodes = started()
    report = prepared(nodes)
    slow = nodes[3]
    slow.receive(nodes[0].one(MessageKind.PROPOSAL))
    slow.fire(events.TimerKind.VIEW)

    for node in nodes[:3]:
        slow.receive(*node.sent(MessageKind.PREPARE), *node.sent(MessageKind.COMMIT))

    assert slow.sent(MessageKind.COMMIT) == [], "C-06"
    assert slow.epoch.decision is not None
    assert slow.epoch.decision.report == report


def test_announce__leader_of_the_next_view__forwards_the_wishes() -> None:
    nodes = started()
    nodes[1].receive(message(0, NOTHING, view=1), message(2, NOTHING, view=1))

    body = nodes[1].one(MessageKind.NEW_VIEW)

    assert [(wish.sender, wish.view) for wish in body.nested] == [(0, 1), (1, 1), (2, 1)]


def test_new_view__with_a_certificate__is_prepared_again_by_followers_that_hold_the_entries() -> None:
    nodes = started()
    report = prepared(nodes)
    wishes = [message(i, certificate(report, 0), view=1) for i in range(2)] + [message(3, NOTHING, view=1)]

    nodes[2].receive(new_view(1, 1, *wishes))

    again = [m for m in nodes[2].sent(MessageKind.PREPARE) if m.view == 1]
    assert [m.body for m in again] == [PrepareBody(report_hash=report.hash)]


def test_new_view__certified_entries_missing__are_fetched_before_the_vote() -> None:
    nodes = started()
    report = prepared(nodes)
    wishes = [message(i, certificate(report, 0), view=1) for i in range(3)]
    away = nodes[3]

    effects = away.receive(new_view(1, 1, *wishes))
    before = away.sent(MessageKind.PREPARE)
    (ask,) = away.sent(MessageKind.OUTCOME_FETCH, effects)
    (answer,) = nodes[2].sent(MessageKind.OUTCOME, nodes[2].receive(ask))
    away.receive(answer)

    assert before == []
    assert [m.view for m in away.sent(MessageKind.PREPARE)] == [1]


def test_new_view__without_certificate__lets_its_leader_collect_anew() -> None:
    nodes = started()
    for node in nodes:
        node.fire(events.TimerKind.VIEW)
    deliver_all(nodes, MessageKind.VIEW_WISH)
    deliver_all(nodes, MessageKind.NEW_VIEW)

    commitments = [m for node in nodes for m in node.sent(MessageKind.COMMITMENT) if m.view == 1]
    nodes[1].receive(*(m for m in commitments if m.sender != 1))

    assert nodes[1].sent(MessageKind.CLOSED_SET) != []
    first_views = {m.message.encoded_body for node in nodes for m in node.sent(MessageKind.COMMITMENT)}
    assert len(first_views) == 8  # a fresh salt in each view


@given(data=st.data())
def test_compute_choice__several_certificates__is_the_highest(data: st.DataObject) -> None:
    views = data.draw(st.lists(st.none() | st.integers(0, 4), min_size=3, max_size=4))
    bodies = [NOTHING if view is None else certificate(make_report(view + 1), view) for view in views]

    choice = compute_choice(new_view(1, 5, *(message(i, body, view=5) for i, body in enumerate(bodies))))

    certified = [view for view in views if view is not None]
    assert choice == (make_report(max(certified) + 1) if certified else None), "C-07"


@pytest.mark.parametrize(
    "change", ["two wishes", "a wish twice", "an earlier wish", "not its leader", "forged certificate"]
)
def test_new_view__without_a_quorum_of_valid_wishes__is_refused(change: str) -> None:
    nodes = started()
    wishes = [message(i, NOTHING, view=1) for i in range(3)]
    forged = message(2, certificate(make_report(1), 0, voters=(0, 1)), view=1)
    bad = {
        "two wishes": new_view(1, 1, *wishes[:2]),
        "a wish twice": new_view(1, 1, wishes[0], wishes[1], wishes[1]),
        "an earlier wish": new_view(2, 2, *wishes),
        "not its leader": new_view(3, 1, *wishes),
        "forged certificate": new_view(1, 1, *wishes[:2], forged),
    }[change]

    with pytest.raises(PeerProtocolError):
        nodes[3].receive(bad)

    assert nodes[3].epoch.view == 0


@pytest.mark.parametrize("change", ["few", "other view", "other hash", "its own view", "other epoch", "view 0"])
def test_wish__certificate_that_does_not_hold__is_refused(change: str) -> None:
    (node, *_) = started()
    report = make_report(3)
    prepares = [message(i, PrepareBody(report_hash=report.hash)) for i in range(3)]
    foreign = [*prepares[:2], message(2, PrepareBody(report_hash=report.hash), view=1)]
    other = [*prepares[:2], message(2, PrepareBody(report_hash=Hash32(bytes(32))))]
    of = {"few": prepares[:2], "other view": foreign, "other hash": other}.get(change, prepares)
    shown = make_report(3) if change != "other epoch" else replace(report, epoch=Epoch(EPOCH + 1))
    body = ViewWishBody(prepared_view=View(0), prepared=shown, prepares=tuple(m.wire for m in of))
    view = 0 if change in ("its own view", "view 0") else 1

    with pytest.raises(PeerProtocolError):
        node.receive(message(1, body, view=view))

    assert node.epoch.wishes == {}


def test_wish__two_different_ones_for_a_view__are_blamed() -> None:
    nodes = started()
    report = prepared(nodes)
    first, second = message(2, NOTHING, view=1), message(2, certificate(report, 0), view=1)

    effects = nodes[3].receive(first, second)

    assert [(e.node, e.reason) for e in effects if isinstance(e, events.Blame)] == [
        (NodeId(2), events.BlameReason.EQUIVOCATION)
    ]
