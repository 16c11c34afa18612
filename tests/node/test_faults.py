"""Faults: one deviation each, and none outside the sandbox (N-08)."""

from __future__ import annotations

import pytest

from oracle.consensus.bodies import PrepareBody, ProposalBody
from oracle.consensus.messages import Message
from oracle.domain.ids import keccak256
from oracle.domain.report import Report
from oracle.domain.units import Epoch, NodeId, View
from oracle.errors import FaultRefusedError
from oracle.node.faults import Behaviour, FaultKind, make_behaviour
from tests.delivery.conftest import borrower_score, collateral_score

SCORES = (borrower_score(1, grade=0), borrower_score(2), collateral_score())
EVERYONE = tuple(NodeId(i) for i in range(4))


def message(*, is_proposal: bool) -> Message:
    report = Report(
        config_digest=keccak256(b"config"),
        epoch=Epoch(7),
        cut_hash=keccak256(b"cut"),
        scores_root=keccak256(b"root"),
        observers=15,
        borrowers=2,
        collaterals=1,
        stalled_chains=0,
    )
    body = ProposalBody(report=report, closed_set=b"", reveals=(), bodies=())
    return Message(
        config_digest=report.config_digest,
        epoch=report.epoch,
        view=View(0),
        cut_hash=report.cut_hash,
        sender=NodeId(3),
        body=body if is_proposal else PrepareBody(report_hash=report.hash),
    )


@pytest.mark.parametrize("fault", list(FaultKind))
def test_make_behaviour__outside_the_sandbox__is_refused(fault: FaultKind) -> None:
    with pytest.raises(FaultRefusedError, match="sandbox only"):
        make_behaviour(fault, is_sandbox=False)


def test_make_behaviour__no_fault__is_honest_anywhere() -> None:
    behaviour = make_behaviour(None, is_sandbox=False)

    assert type(behaviour) is Behaviour
    assert behaviour.change_scores(SCORES) is SCORES
    assert list(behaviour.change_send(message(is_proposal=True), EVERYONE)) == [(message(is_proposal=True), EVERYONE)]


@pytest.mark.parametrize(
    ("fault", "field"), [(FaultKind.LIE_SCORE, "behaviour_margin"), (FaultKind.LIE_FEATURES, "features_hash")]
)
def test_change_scores__liar__changes_one_field_of_one_rated_borrower(fault: FaultKind, field: str) -> None:
    lied = make_behaviour(fault, is_sandbox=True).change_scores(SCORES)

    assert [a.subject for a in lied] == [b.subject for b in SCORES]
    assert [i for i, (a, b) in enumerate(zip(lied, SCORES, strict=True)) if a != b] == [1]
    assert getattr(lied[1], field) != getattr(SCORES[1], field)


def test_change_send__equivocator__proposes_two_reports_and_votes_as_all() -> None:
    behaviour = make_behaviour(FaultKind.EQUIVOCATE, is_sandbox=True)

    proposals = [m.body for m, _ in behaviour.change_send(message(is_proposal=True), EVERYONE)]
    votes = list(behaviour.change_send(message(is_proposal=False), EVERYONE))

    assert len({body.report.hash for body in proposals if isinstance(body, ProposalBody)}) == 2
    assert len(votes) == 1


def test_change_send__mute__speaks_to_itself_only() -> None:
    behaviour = make_behaviour(FaultKind.SILENT, is_sandbox=True)

    sent = list(behaviour.change_send(message(is_proposal=False), EVERYONE))

    assert [to for _, to in sent] == [[NodeId(3)]]


def test_extra_wires__replayer__repeats_what_it_said_before() -> None:
    behaviour = make_behaviour(FaultKind.REPLAY, is_sandbox=True)

    first = list(behaviour.extra_wires(b"first"))
    second = list(behaviour.extra_wires(b"second"))

    assert (first, second) == ([], [b"first"])
