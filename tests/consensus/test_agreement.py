"""PREPARE, COMMIT, attestation, catch-up and transmission. C-01, C-05 and C-08."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.consensus import events
from oracle.consensus.bodies import (
    AttestationBody,
    CommitBody,
    CommittedBody,
    MessageKind,
    OutcomeBody,
    OutcomeFetchBody,
    PrepareBody,
    ProposalBody,
)
from oracle.consensus.machine import step
from oracle.consensus.transmission import compute_order
from oracle.domain.ids import Hash32
from oracle.domain.report import Report
from oracle.domain.units import Epoch, NodeId, View
from oracle.errors import PeerProtocolError
from tests.consensus.committee_driver import (
    COMMITTEE,
    EPOCH,
    TRUTH,
    Driver,
    agreed,
    count,
    deliver_all,
    message,
    proposed,
    started,
)
from tests.simulation.world import CHAINS, TIMING, cut_of, sign


def report_of(nodes: list[Driver]) -> Report:
    body = nodes[0].one(MessageKind.PROPOSAL).body
    assert isinstance(body, ProposalBody)
    return body.report


def attestation(sender: int, report: Report) -> AttestationBody:
    return AttestationBody(report_hash=report.hash, signature=sign(NodeId(sender), report.hash))


def test_prepare__valid_proposal__has_entries_and_vote_on_disk_before_it_is_sent() -> None:
    nodes = started()

    effects = nodes[1].receive(proposed(nodes))

    kinds = [type(e) for e in effects if not isinstance(e, events.SetTimer)]
    assert kinds[:3] == [events.PersistOutcome, events.PersistVote, events.Send]


def test_commit_report__two_prepares_of_four__is_not_sent() -> None:
    nodes = started()
    nodes[1].receive(proposed(nodes))

    nodes[1].receive(*nodes[0].sent(MessageKind.PREPARE))
    before = nodes[1].sent(MessageKind.COMMIT)
    nodes[1].receive(message(2, PrepareBody(report_hash=report_of(nodes).hash)))

    assert before == []
    assert len(nodes[1].sent(MessageKind.COMMIT)) == 1


def test_commit_report__prepares_for_different_hashes__do_not_add_up() -> None:
    nodes = started()
    nodes[1].receive(proposed(nodes))

    nodes[1].receive(*nodes[0].sent(MessageKind.PREPARE))
    nodes[1].receive(message(2, PrepareBody(report_hash=Hash32(bytes(32)))))
    nodes[1].receive(message(3, PrepareBody(report_hash=report_of(nodes).hash), view=1))

    assert nodes[1].sent(MessageKind.COMMIT) == []


def test_prepare__second_one_of_a_sender__is_equivocation_and_not_counted() -> None:
    nodes = started()
    nodes[1].receive(proposed(nodes))
    other = message(3, PrepareBody(report_hash=Hash32(bytes(32))))
    right = message(3, PrepareBody(report_hash=report_of(nodes).hash))

    effects = nodes[1].receive(other, right, right)

    blames = [e for e in effects if isinstance(e, events.Blame)]
    assert [(b.node, b.reason, b.evidence) for b in blames] == [(3, events.BlameReason.EQUIVOCATION, (other, right))]
    assert nodes[1].sent(MessageKind.COMMIT) == []


def test_agree__quorum_of_commits__hands_out_report_and_scores_once() -> None:
    nodes = started()

    agreed(nodes)

    for node in nodes:
        (outcome,) = [e for e in node.effects if isinstance(e, events.OutcomeAgreed)]
        assert (outcome.report, outcome.scores, outcome.view) == (report_of(nodes), TRUTH, 0)


def test_attest__before_the_commit_quorum__does_not_happen() -> None:
    nodes = started()
    proposal = proposed(nodes)
    for node in nodes[1:]:
        node.receive(proposal)
    deliver_all(nodes, MessageKind.PREPARE)

    assert sum(count(node.effects, events.SignAttestation) for node in nodes) == 0, "C-08"


def test_attest__committed_outcome__is_bound_on_disk_first_and_is_no_commit() -> None:
    nodes = started()

    agreed(nodes)

    effects = nodes[2].effects
    signs = next(i for i, e in enumerate(effects) if isinstance(e, events.SignAttestation))
    before = effects[signs - 1]
    assert isinstance(before, events.PersistVote)
    assert before.vote.kind is MessageKind.ATTESTATION
    commit = nodes[2].one(MessageKind.COMMIT)
    assert commit.message.digest != report_of(nodes).hash, "C-08"


def test_complete__q_attestations__are_handed_out_with_a_turn_on_each_chain() -> None:
    nodes = started()
    agreed(nodes)
    node = nodes[1]
    report = report_of(nodes)

    node.receive(*nodes[0].sent(MessageKind.ATTESTATION))
    before = count(node.effects, events.Attested)
    effects = node.receive(*nodes[3].sent(MessageKind.ATTESTATION))

    assert before == 0
    (attested,) = [e for e in effects if isinstance(e, events.Attested)]
    assert attested.attestations == {NodeId(i): sign(NodeId(i), report.hash) for i in (0, 1, 3)}
    turns = {e.timer.chain_id: e.delay_ms for e in effects if isinstance(e, events.SetTimer)}
    orders = {c: compute_order(COMMITTEE.config_digest, EPOCH, c, 4) for c in CHAINS}
    assert turns == {c: orders[c].index(NodeId(1)) * TIMING.stage_ms for c in CHAINS}


def test_complete__attestation_of_another_report__does_not_count() -> None:
    nodes = started()
    agreed(nodes)
    other = replace(report_of(nodes), observers=0b0111)

    nodes[1].receive(*nodes[0].sent(MessageKind.ATTESTATION), message(3, attestation(3, other)))

    assert count(nodes[1].effects, events.Attested) == 0


def test_transmit__on_turn__sends_and_comes_round_until_it_landed() -> None:
    nodes = started()
    agreed(nodes)
    deliver_all(nodes, MessageKind.ATTESTATION)
    timer = events.Timer(kind=events.TimerKind.TRANSMIT, epoch=EPOCH, view=View(0), chain_id=CHAINS[0])

    first = nodes[1].feed(events.TimerFired(timer=timer))
    nodes[1].feed(events.LandedOnChain(chain_id=CHAINS[0], epoch=EPOCH))
    second = nodes[1].feed(events.TimerFired(timer=timer))

    (transmit, again) = first
    assert isinstance(transmit, events.Transmit)
    assert (transmit.chain_id, transmit.report, len(transmit.attestations)) == (CHAINS[0], report_of(nodes), 4)
    assert again == events.SetTimer(timer=timer, delay_ms=4 * TIMING.stage_ms)
    assert second == []


def test_committed__to_a_node_that_was_away__gives_it_report_and_scores() -> None:
    nodes = started()
    agreed(nodes)
    late = Driver(node=NodeId(3)).start()
    commitment = late.one(MessageKind.COMMITMENT)

    (proof,) = nodes[0].sent(MessageKind.COMMITTED, nodes[0].receive(commitment))
    (ask,) = late.sent(MessageKind.OUTCOME_FETCH, late.receive(proof))
    (answer,) = nodes[0].sent(MessageKind.OUTCOME, nodes[0].receive(ask))
    effects = late.receive(answer)

    (outcome,) = [e for e in effects if isinstance(e, events.OutcomeAgreed)]
    assert (outcome.report, outcome.scores) == (report_of(nodes), TRUTH)


def test_outcome__entries_of_another_root__are_refused() -> None:
    nodes = started()
    agreed(nodes)
    late = Driver(node=NodeId(3)).start()
    late.receive(*nodes[0].sent(MessageKind.COMMITTED, nodes[0].receive(late.one(MessageKind.COMMITMENT))))
    root = report_of(nodes).scores_root

    with pytest.raises(PeerProtocolError) as caught:
        late.receive(message(2, OutcomeBody(scores_root=root, entries=TRUTH[0].encoded)))

    assert caught.value.sender == 2
    assert count(late.effects, events.OutcomeAgreed) == 0


def test_serve_outcome__unknown_root__is_not_answered() -> None:
    (node, *_) = started()

    assert node.receive(message(1, OutcomeFetchBody(scores_root=Hash32(bytes(32))))) == []


@pytest.mark.parametrize("change", ["two commits", "a commit twice", "other hash", "two views", "other epoch"])
def test_committed__without_a_quorum_for_its_report__is_refused(change: str) -> None:
    nodes = started()
    proposed(nodes)
    report = report_of(nodes)
    votes = [message(i, CommitBody(report_hash=report.hash)) for i in range(3)]
    other = message(2, CommitBody(report_hash=Hash32(bytes(32))))
    later = message(2, CommitBody(report_hash=report.hash), view=1)
    commits = {
        "two commits": votes[:2],
        "a commit twice": [votes[0], votes[1], votes[1]],
        "other hash": [votes[0], votes[1], other],
        "two views": [votes[0], votes[1], later],
        "other epoch": votes,
    }[change]
    if change == "other epoch":
        report = replace(report, epoch=Epoch(EPOCH + 1))

    with pytest.raises(PeerProtocolError):
        nodes[3].receive(message(0, CommittedBody(report=report, commits=tuple(m.wire for m in commits))))

    assert nodes[3].epoch.decision is None, "C-01"


def test_attestation__repeated_by_a_peer__is_answered_once_between_repetitions() -> None:
    nodes = started()
    agreed(nodes)
    (theirs,) = dict.fromkeys(nodes[2].sent(MessageKind.ATTESTATION))
    nodes[1].receive(theirs)

    first = nodes[1].receive(theirs)
    second = nodes[1].receive(theirs)

    assert [e.to for e in first if isinstance(e, events.Send)] == [(NodeId(2),)]
    assert second == []


def test_cut__differs_from_the_decided_one__is_not_attested() -> None:
    nodes = started()
    agreed(nodes)
    late = Driver(node=NodeId(3))
    wrong = replace(cut_of(EPOCH), stalled_chains=1)
    late.state, _ = step(late.state, events.BoundaryReached(epoch=EPOCH))
    repeated = nodes[3].one(MessageKind.COMMITMENT)
    late.receive(*nodes[0].sent(MessageKind.COMMITTED, nodes[0].receive(repeated)))

    effects = late.feed(events.CutDerived(cut=wrong))

    assert events.Alarm(epoch=EPOCH, reason=events.AlarmReason.CUT_MISMATCH) in effects
    assert count(late.effects, events.SignAttestation) == 0, "C-08"
