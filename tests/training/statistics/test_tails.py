"""Backtests against the tables and worked examples of their papers and textbooks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from training.statistics.tails import (
    Transitions,
    Zone,
    compute_conditional_coverage,
    compute_independence,
    compute_kupiec,
    compute_pinball,
    compute_shortfall_z,
    count_transitions,
    shortfall_p,
    shortfall_terms,
    traffic_light,
)

# Kupiec (1995), non-rejection regions at 95 % confidence: (probability, days, fewest, most) that still pass.
# The table prints N < 7 for the first; without any exceedance its own formula gives -510 ln 0.99 = 5.13, which is rejected.
KUPIEC_REGIONS = [
    (0.01, 255, 1, 6),
    (0.01, 510, 2, 10),
    (0.01, 1000, 5, 16),
    (0.025, 255, 3, 11),
    (0.025, 510, 7, 20),
    (0.025, 1000, 16, 35),
    (0.05, 255, 7, 20),
    (0.05, 510, 17, 35),
    (0.05, 1000, 38, 64),
    (0.10, 255, 17, 35),
    (0.10, 510, 39, 64),
    (0.10, 1000, 82, 119),
]


@pytest.mark.parametrize(("probability", "days", "fewest", "most"), KUPIEC_REGIONS)
def test_compute_kupiec__regions_of_the_paper__are_reproduced(
    probability: float, days: int, fewest: int, most: int
) -> None:
    passed = [n for n in range(days // 4) if compute_kupiec(days, n, 1 - probability).statistic < 3.841]

    assert (passed[0], passed[-1]) == (fewest, most)


def test_backtests__jorion_question_6_10__statistics_of_the_solution() -> None:
    # Jorion, Value at Risk, chapter 6: six exceptions to 99 % in 252 days, four of them after another: 3.498 and 25.837.
    moves = Transitions(calm_calm=244, calm_hit=2, hit_calm=2, hit_hit=4)

    assert compute_kupiec(252, 6, 0.99).statistic == pytest.approx(3.498, abs=0.001)
    assert compute_independence(moves).statistic == pytest.approx(25.837, abs=0.001)
    both = compute_conditional_coverage(252, 6, 0.99, moves)
    assert both.statistic == pytest.approx(3.498 + 25.837, abs=0.002)
    assert both.p < 1e-5


def test_backtests__jorion_table_6_5__statistics_of_the_table() -> None:
    # 20 exceptions to 95 % in 252 days, six after another: 3.91, 9.53, together 13.44.
    moves = Transitions(calm_calm=218, calm_hit=14, hit_calm=14, hit_hit=6)

    assert compute_kupiec(252, 20, 0.95).statistic == pytest.approx(3.91, abs=0.01)
    assert compute_independence(moves).statistic == pytest.approx(9.53, abs=0.01)
    assert compute_conditional_coverage(252, 20, 0.95, moves).statistic == pytest.approx(13.44, abs=0.02)


def test_backtests__no_exceedance__are_finite() -> None:
    assert compute_kupiec(100, 0, 0.99).statistic == pytest.approx(-200 * np.log(0.99))
    assert compute_independence(Transitions(calm_calm=99, calm_hit=0, hit_calm=0, hit_hit=0)).p == 1


def test_count_transitions__two_owners_and_a_gap__only_next_days_count() -> None:
    hits = np.array([1, 1, 0, 1, 0, 1])
    owners = np.array([0, 0, 0, 1, 1, 1])
    days = np.array([1, 2, 3, 1, 2, 4])

    moves = count_transitions(hits, owners, days, 1)

    assert moves == Transitions(calm_calm=0, calm_hit=0, hit_calm=2, hit_hit=1)


@pytest.mark.parametrize(
    ("hits", "zone"), [(0, Zone.GREEN), (4, Zone.GREEN), (5, Zone.YELLOW), (9, Zone.YELLOW), (10, Zone.RED)]
)
def test_traffic_light__250_days_at_99__zones_of_basel(hits: int, zone: Zone) -> None:
    assert traffic_light(250, hits, 0.99) is zone


def test_compute_pinball__by_hand__and_least_at_the_quantile() -> None:
    losses = np.arange(1.0, 101.0)

    assert compute_pinball(np.array([10.0, 0.0]), np.array([4.0, 4.0]), 0.9) == pytest.approx((5.4 + 0.4) / 2)
    best = min(range(1, 101), key=lambda q: compute_pinball(losses, np.full(100, float(q)), 0.9))
    assert best in (90, 91)


def test_compute_shortfall_z__normal_losses__zero_if_right_negative_if_too_small() -> None:
    """Acerbi and Szekely: Z2 is 0 in the mean under the true model; losses twice the forecast give far below -0.7."""
    level = 0.975
    losses = np.random.default_rng(1).normal(size=200_000)
    quantile, shortfall = norm.ppf(level), norm.pdf(norm.ppf(level)) / (1 - level)

    right = compute_shortfall_z(losses, np.full(losses.shape, quantile), np.full(losses.shape, shortfall), level)
    small = compute_shortfall_z(2 * losses, np.full(losses.shape, quantile), np.full(losses.shape, shortfall), level)

    assert right == pytest.approx(0, abs=0.03)
    assert small < -0.7


def test_shortfall_terms__two_rows_by_hand__mean_is_the_statistic() -> None:
    """At 90 %: a row inside adds 1; one of 6 beyond a forecast of 4 and a shortfall of 5 adds 1 - 1.2 / 0.1 = -11."""
    terms = shortfall_terms(np.array([3.0, 6.0]), np.array([4.0, 4.0]), np.array([5.0, 5.0]), 0.9)

    assert terms.tolist() == pytest.approx([1, -11])


def test_shortfall_p__one_sided__half_at_zero_small_below() -> None:
    assert shortfall_p(0.0, 0.3, 20) == pytest.approx(0.5)
    # A t of -2.086 leaves 2.5 % below it at 20 degrees.
    assert shortfall_p(-2.086, 1.0, 20) == pytest.approx(0.025, abs=1e-4)
    assert shortfall_p(-1.0, 0.0, 20) is None
    assert shortfall_p(-1.0, 1.0, 0) is None
