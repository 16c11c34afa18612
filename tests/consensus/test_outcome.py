"""The outcome against the frozen vectors and by property. C-04: every entry of it was computed in full by an honest node."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.consensus.content import keep_observation
from oracle.consensus.observation import build_observation
from oracle.consensus.outcome import (
    Missing,
    Outcome,
    Store,
    Wanted,
    build_report,
    compute_median,
    compute_outcome,
    find_majority,
)
from oracle.domain.ids import Hash32, uint_word
from oracle.domain.merkle import MerkleTree
from oracle.domain.score import Score, decode_score
from oracle.domain.units import Epoch, NodeId
from tests.consensus.vectors import h32, load, raw
from tests.simulation.world import borrower, collateral, cut_of

VECTORS = load("outcome")
EMPTY = Store(digests={}, bodies={})
margins = st.integers(-50_000, 50_000)


def outcome_of(observations: list[list[Score]], f: int) -> Outcome:
    store = EMPTY
    roots = {}
    for node, scores in enumerate(observations):
        observation = build_observation(scores)
        store = keep_observation(store, observation)
        roots[NodeId(node)] = observation.root
    outcome = compute_outcome(roots, store, f=f)
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda c: c["name"])
def test_compute_median__case_of_the_vector__equals_it(case: Any) -> None:
    entries = [decode_score(raw(entry)) for entry in case["entries"]]
    given_by_nodes = [entries[index] for index in case["byNode"] if index is not None and index >= 0]

    median = compute_median(given_by_nodes, f=case["f"])

    expected = case["outcome"]
    assert median == (None if expected is None or expected < 0 else entries[expected])


@pytest.mark.parametrize("case", VECTORS["rootCases"], ids=lambda c: c["name"])
def test_find_majority__case_of_the_vector__equals_it(case: Any) -> None:
    roots = [Hash32(uint_word(root)) for root in case["roots"]]

    majority = find_majority(roots, f=case["f"])

    expected = case["majority"]
    assert majority == (None if expected is None or expected < 0 else uint_word(expected))


@pytest.mark.parametrize("case", VECTORS["observationCases"], ids=lambda c: c["name"])
def test_compute_outcome__observations_of_the_vector__equal_it(case: Any) -> None:
    pool = [decode_score(raw(entry)) for entry in case["pool"]]
    observations = [[pool[index] for index in indices] for indices in case["observations"]]

    outcome = outcome_of(observations, case["f"])

    assert [build_observation(scores).root for scores in observations] == [h32(root) for root in case["roots"]]
    expected = sorted((pool[index] for index in case["outcome"]), key=lambda score: score.subject)
    assert list(outcome.scores) == expected
    assert len(outcome.disagreements) == len(case["missing"])
    if expected:
        assert MerkleTree(score.leaf for score in outcome.scores).root == h32(case["scoresRoot"])


@given(honest=margins, f=st.integers(0, 5), data=st.data())
def test_compute_median__f_faulty_observers__honest_entry_wins(honest: int, f: int, data: st.DataObject) -> None:
    honest_entry = borrower(1, honest)
    lies = [borrower(1, m) for m in data.draw(st.lists(margins, min_size=f, max_size=f))]

    assert compute_median([honest_entry] * (f + 1) + lies, f=f) == honest_entry


@given(f=st.integers(1, 5), data=st.data())
def test_compute_median__honest_nodes_that_differ__is_an_entry_of_one_of_them(f: int, data: st.DataObject) -> None:
    honest = data.draw(st.lists(st.sampled_from([-300, 0, 40]), min_size=f + 1, max_size=2 * f + 1))
    lies = data.draw(st.lists(st.sampled_from([-9_000, 0, 9_000]), max_size=f))

    median = compute_median([borrower(1, m) for m in honest + lies], f=f)

    assert median is None or median.margin in honest


@given(f=st.integers(1, 3), values=st.lists(margins, min_size=1, max_size=3, unique=True))
def test_compute_median__several_survivors__is_the_upper_one(f: int, values: list[int]) -> None:
    entries = [borrower(1, value) for value in values for _ in range(f + 1)]

    median = compute_median(entries, f=f)

    assert median is not None
    assert median.margin == sorted(values)[len(values) // 2]


@given(data=st.data(), f=st.integers(1, 2))
def test_compute_outcome__f_liars_among_observers__holds_only_honest_leaves(data: st.DataObject, f: int) -> None:
    truth: list[Score] = [borrower(subject, 10 * subject) for subject in range(1, 6)]
    honest_count = data.draw(st.integers(f + 1, 2 * f + 1))
    lies = data.draw(st.lists(st.dictionaries(st.integers(1, 8), margins, max_size=8), min_size=f, max_size=f))
    liars: list[list[Score]] = [[borrower(s, m, b"lie") for s, m in lie.items()] for lie in lies]

    outcome = outcome_of([truth] * honest_count + liars, f)

    assert list(outcome.scores) == truth


def test_compute_outcome__two_against_two_in_one_subject__asks_for_that_bucket_only() -> None:
    ours: list[Score] = [borrower(1, 10), borrower(2, 20), collateral(3, 5)]
    theirs: list[Score] = [borrower(1, 11), borrower(2, 20), collateral(3, 5)]
    own, other = build_observation(ours), build_observation(theirs)
    store = keep_observation(EMPTY, own)
    roots = {NodeId(node): (own if node < 2 else other).root for node in range(4)}

    without_digests = compute_outcome(roots, store, f=1)
    store = Store(digests={**store.digests, other.root: other.bucket_digests}, bodies=store.bodies)
    without_body = compute_outcome(roots, store, f=1)
    complete = compute_outcome(roots, keep_observation(store, other), f=1)

    assert without_digests == Missing(wanted=(Wanted(root=other.root, buckets=()),))
    differing = tuple(b for b in range(256) if own.bucket_digests[b] != other.bucket_digests[b])
    assert without_body == Missing(wanted=(Wanted(root=other.root, buckets=differing),))
    assert len(differing) == 1
    assert complete == Outcome(scores=(theirs[0], ours[1], ours[2]), disagreements=())  # 10, 10, 11, 11: the upper


def test_compute_outcome__root_of_a_majority__needs_no_value_of_the_others() -> None:
    own = build_observation([borrower(1, 10)])
    roots = {NodeId(0): own.root, NodeId(1): own.root, NodeId(2): Hash32(bytes(32))}

    outcome = compute_outcome(roots, keep_observation(EMPTY, own), f=1)

    assert outcome == Outcome(scores=(borrower(1, 10),), disagreements=())


def test_build_report__outcome_of_two_kinds__counts_and_names_observers() -> None:
    outcome = Outcome(scores=(collateral(1, 5), borrower(2, 20)), disagreements=())
    cut = cut_of(Epoch(9))

    report = build_report(outcome, cut=cut, config_digest=Hash32(bytes(32)), observers=[NodeId(0), NodeId(2)])

    assert report is not None
    assert (report.borrowers, report.collaterals, report.observers) == (1, 1, 0b101)
    assert (report.epoch, report.cut_hash, report.stalled_chains) == (9, cut.hash, 0)


def test_build_report__no_entry__is_none() -> None:
    empty = Outcome(scores=(), disagreements=())

    assert build_report(empty, cut=cut_of(Epoch(9)), config_digest=Hash32(bytes(32)), observers=[]) is None
