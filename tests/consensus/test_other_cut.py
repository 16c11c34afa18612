"""A node without a cut, or with another one, still learns what was decided, and attests nothing of it (C-08)."""

from __future__ import annotations

from oracle.consensus import events
from oracle.consensus.bodies import MessageKind
from oracle.domain.units import NodeId
from tests.consensus.committee_driver import EPOCH, Driver, agreed, count, message, started
from tests.consensus.test_stall import STALLED, waiting
from tests.consensus.test_view import NOTHING


def test_receive__laggard_with_other_blocks__gets_the_proof_and_raises_an_alarm() -> None:
    nodes = started()
    agreed(nodes)
    lost = waiting(3, turns=4)

    (proof,) = nodes[1].sent(
        MessageKind.COMMITTED, nodes[1].receive(message(3, NOTHING, view=1, cut_hash=STALLED.hash))
    )
    effects = lost.receive(proof)

    assert lost.epoch.decision is not None
    assert events.Alarm(epoch=EPOCH, reason=events.AlarmReason.CUT_MISMATCH) in effects
    assert count(effects, events.SignAttestation) == 0, "C-08"


def test_decide__no_cut_of_its_own__learns_the_decision_from_proposal_and_commits() -> None:
    nodes = started()
    agreed(nodes)
    blind = Driver(node=NodeId(3), stalled=STALLED).start()

    blind.receive(nodes[0].one(MessageKind.PROPOSAL), *(node.one(MessageKind.COMMIT) for node in nodes[:3]))
    (ask,) = blind.sent(MessageKind.OUTCOME_FETCH)
    blind.receive(*nodes[1].sent(MessageKind.OUTCOME, nodes[1].receive(ask)))

    assert count(blind.effects, events.OutcomeAgreed) == 1
    assert count(blind.effects, events.PersistVote) == 0, "C-08"


def test_decide__commit_under_another_cut__does_not_count_for_a_node_without_one() -> None:
    nodes = started()
    agreed(nodes)
    blind = Driver(node=NodeId(3), stalled=STALLED).start()
    honest = [node.one(MessageKind.COMMIT) for node in nodes[:3]]
    foreign = message(0, honest[0].body, cut_hash=STALLED.hash)

    blind.receive(nodes[0].one(MessageKind.PROPOSAL), foreign, *honest[1:])

    assert blind.epoch.decision is None
