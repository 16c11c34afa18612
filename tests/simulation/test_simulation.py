"""The committee under faults and bad weather. The invariants C-01, C-04, C-05, C-06, C-08, C-10, C-11 and C-15 are asserted inside, see `checks.py`.

Each scenario has f Byzantine nodes, which may also score wrongly, and honest nodes that crash and go on from their votes. 430 epochs in `make test`.
"""

from __future__ import annotations

import pytest

from oracle.consensus.events import BlameReason
from tests.simulation.scenario import make_network, run

SCENARIOS = [
    # (n, fault, lie, crashing, skew percent, epochs)
    (4, "", "", 0, 0, 20),
    (4, "", "", 1, 100, 30),
    (4, "", "one", 1, 0, 30),
    (4, "silent", "", 0, 0, 20),
    (4, "silent", "", 1, 40, 30),
    (4, "equivocate", "", 0, 0, 30),
    (4, "equivocate", "one", 1, 40, 40),
    (4, "equivocate+withhold", "all", 1, 100, 30),
    (4, "garbage", "all", 1, 100, 20),
    (4, "withhold", "one", 2, 100, 20),
    (4, "replay", "one", 1, 0, 12),
    (4, "equivocate+favourites", "one", 1, 40, 12),
    (7, "", "all", 2, 40, 10),
    (7, "silent", "", 1, 0, 10),
    (7, "equivocate", "one", 1, 40, 20),
    (7, "equivocate+withhold", "all", 2, 100, 10),
]


@pytest.mark.parametrize(("n", "fault", "lie", "crashing", "skew", "epochs"), SCENARIOS)
def test_simulation__faulty_committee__agrees_on_honest_scores_in_every_epoch(
    n: int, fault: str, lie: str, crashing: int, skew: int, epochs: int
) -> None:
    network = make_network(n, seed=n + epochs, fault=fault, lie=lie, crashing_count=crashing)

    figures = run(network, epochs, skew_percent=skew)

    assert figures.epochs_count == epochs
    assert crashing == 0 or figures.crashes_count > 0


@pytest.mark.parametrize(
    ("n", "fault", "crashing", "epochs"),
    [(4, "", 1, 12), (4, "stall", 1, 12), (4, "silent", 0, 8), (4, "equivocate", 1, 12), (7, "stall", 1, 4)],
)
def test_simulation__a_chain_stands_still__every_epoch_is_reported_without_it(
    n: int, fault: str, crashing: int, epochs: int
) -> None:
    network = make_network(n, seed=n + epochs, fault=fault, crashing_count=crashing)

    run(network, epochs, stall="lasting")

    assert set(network.checks.stalled.values()) == {0b10}


@pytest.mark.parametrize("fault", ["stall", "equivocate"])
def test_simulation__chain_goes_on_when_it_is_given_up__never_two_outcomes(fault: str) -> None:
    network = make_network(4, seed=21, fault=fault, crashing_count=1)

    figures = run(network, 20, stall="passing", check_liveness=False)

    assert set(network.checks.stalled.values()) == {0b00, 0b10}
    assert figures.epochs_count >= 10


def test_simulation__faulty_member_gives_up_a_chain_that_goes_on__nobody_follows() -> None:
    network = make_network(4, seed=22, fault="stall")

    run(network, 5)

    assert set(network.checks.stalled.values()) == {0}


def test_simulation__liar_in_calm_weather__is_named_by_everyone_in_every_epoch() -> None:
    network = make_network(4, seed=5, fault="", lie="one")
    network.weather.subjects_count = 12
    (liar,) = network.liars

    for number in range(5):
        start_ms = network.now_ms
        network.start_epoch(type(network.epoch)(500 + number))
        network.run_until(start_ms + 5_000)

    blames = network.checks.blames
    assert len(blames) == 5 * 3
    assert {(b.node, b.reason, b.field) for b in blames} == {(liar, BlameReason.DIFFERENT_ENTRY, "state_offset")}
    assert all(b.theirs is not None and b.theirs.margin == b.agreed.margin - 9_999 for b in blames if b.agreed)
    assert {b.differing_subjects_count for b in blames} == {1}


def test_simulation__same_seed_twice__is_the_same_run() -> None:
    first = make_network(4, seed=3, fault="equivocate", crashing_count=1)
    second = make_network(4, seed=3, fault="equivocate", crashing_count=1)

    figures = run(first, 4), run(second, 4)

    assert figures[0] == figures[1]
    assert first.checks.decided == second.checks.decided


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_simulation__many_seeds__hold_every_invariant(seed: int) -> None:
    n, fault, lie, crashing, skew, _ = SCENARIOS[seed % len(SCENARIOS)]
    network = make_network(n, seed=1_000 + seed, fault=fault, lie=lie, crashing_count=crashing)

    figures = run(network, 100, skew_percent=skew)

    assert figures.epochs_count == 100
