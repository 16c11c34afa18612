"""The simulation finds what it is there to find: each broken protocol below violates an invariant within a few runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from oracle.consensus import machine, proposal, quorum, stall, view
from oracle.consensus.bodies import MessageKind, ProposalBody
from oracle.consensus.committee import Committee
from oracle.consensus.state import EpochState, Local, Step, put
from oracle.domain.report import Cut
from tests.simulation import network as simulated
from tests.simulation.scenario import make_network, run

pytestmark = pytest.mark.slow


def believe_the_leader(local: Local, state: EpochState) -> Step | None:
    leader = local.committee.leader(state.epoch, state.view)
    signed = state.inbox.get((MessageKind.PROPOSAL, state.view, leader))
    if signed is None or state.view in state.valid or not state.may_vote or not isinstance(signed.body, ProposalBody):
        return None
    report = signed.body.report
    valid = put(state.valid, state.view, report)
    return replace(state, valid=valid, reports=put(state.reports, report.hash, report)), ()


def break_quorum(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Committee, "byzantine_quorum", property(lambda committee: committee.f + 1))


def break_promise(patch: pytest.MonkeyPatch) -> None:
    votes = property(lambda state: state.cut is not None and state.decision is None)
    patch.setattr(EpochState, "may_vote", votes)


def break_memory(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(simulated, "restore", lambda fresh, votes, outcomes: fresh)


def break_choice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(view, "compute_choice", lambda new_view: None)


def break_support(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(quorum, "honest_witness_quorum", lambda f: 1)


def break_recomputation(patch: pytest.MonkeyPatch) -> None:
    rules = (believe_the_leader if rule is proposal.check_proposal else rule for rule in machine.RULES)
    patch.setattr(machine, "RULES", tuple(rules))


# With a lone liar the majority short cut hides what `break_support` breaks: there, honest data differ in every epoch.
BREAKS = [
    (break_quorum, 40),
    (break_promise, 40),
    (break_memory, 40),
    (break_choice, 40),
    (break_support, 100),
    (break_recomputation, 40),
]


@pytest.mark.parametrize(("sabotage", "skew_percent"), BREAKS, ids=lambda b: getattr(b, "__name__", ""))
def test_simulation__broken_protocol__violates_an_invariant(
    sabotage: Callable[[pytest.MonkeyPatch], None], skew_percent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)

    with pytest.raises(AssertionError, match="C-0"):
        run_until_violated(skew_percent)


def test_simulation__stalled_cut_taken_unchecked__violates_an_invariant(monkeypatch: pytest.MonkeyPatch) -> None:
    def believe_anyone(local: Local, state: EpochState) -> Cut | None:
        told = [stall.cut_in(signed) for _, signed in sorted(stall.proposals_of(state).items())]
        found = [*told, *state.stalled_cuts.values()]
        return found[0] if found and state.cut is None and state.stall_turns_count else None

    monkeypatch.setattr(stall, "choose", believe_anyone)

    with pytest.raises(AssertionError, match="C-15"):
        run(make_network(4, 1, fault="stall"), 12, stall="lasting", check_liveness=False)


def run_until_violated(skew_percent: int) -> None:
    for seed in range(20):
        fault = "equivocate" if seed % 3 else "equivocate+withhold"
        lie = ["", "one", "all"][seed % 3]
        network = make_network(4, seed, fault=fault, lie=lie, crashing_count=seed % 3)
        run(network, 8, skew_percent=skew_percent)
