"""The stall rule. C-15: one stalled cut in an epoch, confirmed by the node's own finalised blocks and bound on disk before it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.consensus import events
from oracle.consensus.bodies import CommitBody, CommittedBody, CutBody, MessageKind, PrepareBody
from oracle.consensus.messages import SignedMessage
from oracle.consensus.recovery import restore
from oracle.consensus.stall import is_overtaken
from oracle.consensus.state import new_node
from oracle.domain.ids import Hash32
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import BlockNumber, NodeId
from oracle.errors import PeerProtocolError
from tests.consensus.committee_driver import COMMITTEE, EPOCH, Driver, agreed, count, deliver_all, message
from tests.consensus.test_view import make_report
from tests.simulation.world import TIMING, cut_of, stalled_cut_of

STALLED = stalled_cut_of(EPOCH)
STALL = events.TimerKind.STALL


def say(sender: int, cut: Cut = STALLED) -> SignedMessage:
    body = CutBody(chains=cut.chains, stalled_chains=cut.stalled_chains)
    return message(sender, body, cut_hash=cut.hash)


def waiting(node: int, turns: int = 1) -> Driver:
    """Return a node one of whose chains has no cut, after some turns of the stall rule."""
    driver = Driver(node=NodeId(node), stalled=STALLED).start()
    for _ in range(turns):
        driver.fire(STALL)
    return driver


def later_head() -> Cut:
    """Return the stalled cut of a node that sees one more block of the stalled chain as final."""
    live, stalled = STALLED.chains
    moved = replace(stalled, block_number=BlockNumber(stalled.block_number + 1))
    return replace(STALLED, chains=(live, moved))


def test_on_boundary__new_epoch__starts_the_time_after_which_a_chain_is_stalled() -> None:
    node = waiting(1, turns=0)

    delays = {e.timer.kind: e.delay_ms for e in node.effects if isinstance(e, events.SetTimer)}

    assert delays[STALL] == TIMING.stall_ms
    assert node.sent(MessageKind.CUT) == []


def test_find__leader_in_a_stalled_epoch__proposes_its_finalised_head_with_the_vote_on_disk_first() -> None:
    leader = waiting(0)

    assert leader.one(MessageKind.CUT) == say(0)
    kinds = [type(e) for e in leader.effects if isinstance(e, events.PersistVote | events.Send)]
    assert kinds[:2] == [events.PersistVote, events.Send], "C-15"
    assert leader.votes()[0].kind is MessageKind.CUT
    assert events.Alarm(epoch=EPOCH, reason=events.AlarmReason.CHAIN_STALLED) in leader.effects


def test_find__chain_gets_its_cut_first__the_derived_one_is_taken() -> None:
    node = Driver(node=NodeId(0), stalled=STALLED).start()

    node.feed(events.CutDerived(cut=cut_of(EPOCH)))
    node.fire(STALL)

    assert node.epoch.cut == cut_of(EPOCH)
    assert node.sent(MessageKind.CUT) == []


@pytest.mark.parametrize(("member", "turns"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_find__silent_leaders__each_member_proposes_when_its_turn_comes(member: int, turns: int) -> None:
    early, timely = waiting(member, turns - 1), waiting(member, turns)

    assert early.sent(MessageKind.CUT) == []
    assert timely.one(MessageKind.CUT) == say(member)


def test_on_turn__every_member_had_its_turn__ends() -> None:
    node = Driver(node=NodeId(3), stalled=STALLED).start()
    node.receive(*(message(i, PrepareBody(report_hash=make_report(7).hash)) for i in (1, 2)))

    for _ in range(6):
        node.fire(STALL)

    delays = [e.delay_ms for e in node.effects if isinstance(e, events.SetTimer) and e.timer.kind is STALL]
    assert delays == [TIMING.stall_ms] + [TIMING.view_timeout_ms] * COMMITTEE.n
    assert node.epoch.cut is None


def test_adopt__leaders_cut_confirmed_by_own_blocks__is_taken_and_said() -> None:
    follower = waiting(2)

    follower.receive(say(0))

    assert follower.epoch.cut == STALLED
    assert follower.one(MessageKind.CUT) == say(2)
    assert follower.one(MessageKind.COMMITMENT).message.cut_hash == STALLED.hash


@pytest.mark.parametrize("why", ["own time is not over", "not its turn", "own blocks say otherwise"])
def test_adopt__cut_that_may_not_be_taken_yet_or_ever__is_not(why: str) -> None:
    turns = 0 if why == "own time is not over" else 1
    follower = waiting(2, turns)
    sender = 3 if why == "not its turn" else 0
    cut = later_head() if why == "own blocks say otherwise" else STALLED

    effects = follower.receive(say(sender, cut))

    assert follower.epoch.cut is None
    assert count(effects, events.Send) == 0


def test_adopt__time_over_after_the_proposal_came__takes_it_then() -> None:
    follower = waiting(2, turns=0)
    follower.receive(say(0))

    follower.fire(STALL)

    assert follower.epoch.cut == STALLED


def test_check__same_cut_from_many__is_checked_once() -> None:
    follower = waiting(2, turns=2)
    wrong = later_head()

    effects = follower.receive(say(0, wrong), say(0, wrong), say(1, wrong))

    assert [e.cut for e in effects if isinstance(e, events.CheckCut)] == [wrong]


def test_choose__f_plus_one_work_with_another_cut__waits_for_that_one() -> None:
    node = Driver(node=NodeId(0), stalled=STALLED).start()
    node.receive(*(message(i, PrepareBody(report_hash=make_report(7).hash)) for i in (1, 2)))

    node.fire(STALL)

    assert node.epoch.cut is None
    assert node.sent(MessageKind.CUT) == []


def test_choose__decided_with_another_cut__takes_none_and_learns_the_decision() -> None:
    node = Driver(node=NodeId(0), stalled=STALLED).start()
    report = make_report(7)
    commits = tuple(message(i, CommitBody(report_hash=report.hash)).wire for i in range(3))
    node.receive(message(1, CommittedBody(report=report, commits=commits)))

    node.fire(STALL)

    assert node.epoch.decision is not None
    assert node.epoch.cut is None


@pytest.mark.parametrize("change", ["no stalled chain", "unknown chain bit", "other chains", "envelope", "view"])
def test_check_cut__cut_that_contradicts_itself__is_refused(change: str) -> None:
    good = say(0)
    bad = {
        "no stalled chain": say(0, replace(STALLED, stalled_chains=0)),
        "unknown chain bit": say(0, replace(STALLED, stalled_chains=4)),
        "other chains": say(0, replace(STALLED, chains=STALLED.chains[:1])),
        "envelope": message(0, good.body, cut_hash=cut_of(EPOCH).hash),
        "view": message(0, good.body, view=1, cut_hash=STALLED.hash),
    }[change]
    node = waiting(2)

    with pytest.raises(PeerProtocolError):
        node.receive(bad)

    assert node.epoch.inbox == {}


def test_receive__two_cuts_of_one_member__are_blamed() -> None:
    node = waiting(2, turns=0)

    effects = node.receive(say(0), say(0, later_head()))

    assert [(e.node, e.reason) for e in effects if isinstance(e, events.Blame)] == [
        (NodeId(0), events.BlameReason.EQUIVOCATION)
    ]


def test_step__four_nodes_without_one_chain__attest_a_report_that_says_so() -> None:
    nodes = [waiting(i, turns=0) for i in range(4)]
    for node in nodes:
        node.fire(STALL)
    deliver_all(nodes, MessageKind.CUT)
    agreed(nodes)

    (report,) = {e.report for node in nodes for e in node.effects if isinstance(e, events.OutcomeAgreed)}

    assert (report.stalled_chains, report.cut_hash) == (0b10, STALLED.hash)
    assert all(count(node.effects, events.SignAttestation) == 1 for node in nodes)


def block(number: int, salt: int = 0) -> ChainCut:
    block_hash = Hash32(bytes([number, salt]) * 16)
    return ChainCut(chain_id=COMMITTEE.chain_ids[1], block_number=BlockNumber(number), block_hash=block_hash)


@pytest.mark.parametrize(
    ("derived", "is_same_history"),
    [((block(5), block(7)), True), ((block(5), block(8)), True), ((block(5), block(6)), False),
     ((block(5), block(7, 1)), False), ((block(6), block(8)), False)],
    ids=["same blocks", "stalled chain went on", "stalled chain went back", "stalled block replaced", "live chain moved"],
)  # fmt: skip
def test_is_overtaken__derived_after_a_stalled_cut__only_stalled_chains_may_have_gone_on(
    derived: tuple[ChainCut, ChainCut], is_same_history: bool
) -> None:
    stalled = Cut(epoch=EPOCH, chains=(block(5), block(7)), stalled_chains=0b10)

    assert is_overtaken(stalled, Cut(epoch=EPOCH, chains=derived)) is is_same_history


def test_on_derived__chain_goes_on_after_its_stalled_cut_was_taken__keeps_it_without_alarm() -> None:
    node = waiting(0)
    live, stalled = STALLED.chains
    moved = replace(stalled, block_number=BlockNumber(stalled.block_number + 9))

    effects = node.feed(events.CutDerived(cut=Cut(epoch=EPOCH, chains=(live, moved))))

    assert effects == []
    assert node.epoch.cut == STALLED
    assert not node.epoch.is_abstaining


def test_on_derived__live_chain_differs_from_the_stalled_cut_taken__abstains() -> None:
    node = waiting(0)
    live, stalled = STALLED.chains
    replaced = replace(live, block_number=BlockNumber(live.block_number + 1))

    effects = node.feed(events.CutDerived(cut=Cut(epoch=EPOCH, chains=(replaced, stalled))))

    assert effects == [events.Alarm(epoch=EPOCH, reason=events.AlarmReason.CUT_CHANGED)], "C-09"


def test_restore__stalled_cut_was_taken__goes_on_with_it_though_the_chain_recovered() -> None:
    before = waiting(2)
    before.receive(say(0))
    fresh = Driver(node=NodeId(2))
    fresh.state = restore(new_node(COMMITTEE, NodeId(2), TIMING), before.votes(), [])

    fresh.start()

    assert fresh.epoch.cut == STALLED, "C-15"
    assert fresh.one(MessageKind.CUT) == say(2)
    assert fresh.one(MessageKind.COMMITMENT) == before.one(MessageKind.COMMITMENT)
    assert not fresh.epoch.is_abstaining


def test_outstanding__others_have_not_said_the_cut__it_is_repeated_to_them_alone() -> None:
    leader = waiting(0)
    leader.receive(say(2))

    effects = leader.fire(events.TimerKind.RESEND)

    receivers = [e.to for e in effects if isinstance(e, events.Send) and e.message.kind is MessageKind.CUT]
    assert receivers == [(1, 3)]
