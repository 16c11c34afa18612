"""The collateral's margin and tables: laws of proportional odds, staircases that add up, percentiles and Pareto tails that are known."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.domain.units import DAY_S
from oracle.features.registry import COLLATERAL_SCHEMA
from oracle.scoring.reference import compute_margins
from training.calibrate import table_index
from training.collateral_ladder import LADDER_FEATURES, Ladder, fit_ladder, ladder_trees
from training.collateral_tables import (
    TABLE_LO,
    cross_margins,
    drawdown_table,
    fit_tail,
    gap_table,
    pareto_tail,
    scaled_falls,
)
from training.collateral_trees import fit_offsets, train_collateral_trees
from training.errors import TrainingError
from training.rows import CollateralRows
from training.snap import pack_trees
from training.train import Recipe
from training.units import LEAF_UNITS, sigmoid

type Array = np.ndarray[tuple[int], np.dtype[np.int64]]

RECIPE = Recipe(rounds=3, depth=2, learning_rate=0.1, min_child_weight=20, l2=10)
WEEK_VOLATILITY = next(f.slot for f in COLLATERAL_SCHEMA if f.name == "volatility_7d")
N_SLOTS = len(COLLATERAL_SCHEMA)


def slot_rows(values: Array) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return vectors of which only the week's volatility varies."""
    vectors = np.full((len(values), N_SLOTS), 100, dtype=np.int64)
    vectors[:, WEEK_VOLATILITY] = values
    return vectors


def one_slope(slope: float, middle: float) -> Ladder:
    at = LADDER_FEATURES.index("volatility_7d")
    return Ladder(
        intercept=-4.0,
        slopes=tuple(slope if i == at else 0.0 for i in range(len(LADDER_FEATURES))),
        middles=tuple(middle if i == at else 0.0 for i in range(len(LADDER_FEATURES))),
    )


def drawn_rows(n_rows: int, slope: float) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], Array]:
    """Return vectors and falls for which log-odds(fall >= d) = slope * log(volatility) - 3 * log(d) + constant holds exactly."""
    random = np.random.default_rng(3)
    volatility = np.exp(random.uniform(np.log(50), np.log(20_000), n_rows))
    uniform = random.uniform(size=n_rows)
    median = 400.0 * (volatility / 2_000.0) ** (slope / 3)
    falls = median * (uniform / (1 - uniform)) ** (1 / 3)
    return slot_rows(np.rint(volatility).astype(np.int64)), np.minimum(falls, 10_000).astype(np.int64)


def test_fit_ladder__falls_of_proportional_odds__slope_is_found() -> None:
    vectors, falls = drawn_rows(20_000, slope=1.5)

    ladder = fit_ladder(vectors, falls)

    # Few of 20,000 rows carry the deep falls that weigh: the slope's standard error is about 0.05.
    assert ladder.slopes[LADDER_FEATURES.index("volatility_7d")] == pytest.approx(1.5, abs=0.15)
    assert sum(ladder.slopes) == ladder.slopes[LADDER_FEATURES.index("volatility_7d")]


def test_fit_ladder__no_fall_of_15_percent__says_so() -> None:
    with pytest.raises(TrainingError, match="no fall of 15 % in 50 rows"):
        fit_ladder(slot_rows(np.arange(1, 51)), np.full(50, 900))


def test_ladder_trees__sum__follows_the_logarithm_within_a_step() -> None:
    values = np.unique(np.geomspace(10, 60_000, 5_000).astype(np.int64))
    vectors = slot_rows(values)

    trees = pack_trees(ladder_trees(one_slope(1.5, np.log(1_000)), vectors))
    margins = compute_margins(trees, vectors) / LEAF_UNITS

    exact = -4.0 + 1.5 * (np.log(values) - np.log(1_000))
    # 62 even thresholds over log(6,000) are 0.15 apart; a row lies at most half of that from the middle, times the slope, and at the lowest end a whole one.
    assert np.abs(margins - exact).max() < 1.5 * np.log(6_000) / 61
    assert np.abs(margins - exact).mean() < 0.25 * 1.5 * np.log(6_000) / 61
    assert bool((np.diff(margins) >= 0).all())


def test_ladder_trees__missing_slot__adds_what_the_middle_adds() -> None:
    vectors = slot_rows(np.arange(10, 5_000))
    trees = pack_trees(ladder_trees(one_slope(2.0, np.log(500)), vectors))

    missing, middle = compute_margins(trees, slot_rows(np.array([0, 500]))).tolist()

    assert missing == middle


def test_fit_offsets__spread_margins__mean_probability_is_the_rate() -> None:
    margins = np.random.default_rng(2).normal(-4, 2, 5_000)

    offsets = fit_offsets(margins, np.array([0.5, 0.01]))

    for offset, rate in zip(offsets.tolist(), (0.5, 0.01), strict=True):
        assert sigmoid(margins + offset).mean() == pytest.approx(rate, abs=1e-4)


def test_train_collateral_trees__same_rows_twice__same_nodes() -> None:
    vectors, falls = drawn_rows(3_000, slope=1.5)

    assert train_collateral_trees(vectors, falls, RECIPE) == train_collateral_trees(vectors, falls, RECIPE)


def test_train_collateral_trees__volatility_rises__margin_never_falls() -> None:
    vectors, falls = drawn_rows(3_000, slope=1.5)
    trees = pack_trees(train_collateral_trees(vectors, falls, RECIPE))

    margins = compute_margins(trees, slot_rows(np.arange(1, 65_535)))

    assert bool((np.diff(margins) >= 0).all())


def test_cross_margins__falls_of_one_half_year_change__its_own_margins_do_not() -> None:
    vectors, falls = drawn_rows(2_000, slope=1.5)
    times = np.arange(2_000) // 5 * DAY_S
    is_first = times < 182 * DAY_S
    changed = np.where(is_first, falls // 2, falls)

    before, after = (
        cross_margins(
            CollateralRows(
                vectors=vectors, falls_bps=f, hour_falls_bps=f, clusters=np.zeros(2_000, dtype=np.int64), as_of_s=times
            ),
            RECIPE,
        )
        for f in (falls, changed)
    )

    assert np.array_equal(before[is_first], after[is_first])
    assert not np.array_equal(before[~is_first], after[~is_first])


def test_gap_table__margins_twice_too_bold__are_halved_and_kept_above_the_floor() -> None:
    """Outcomes by log-odds of half the margin: at 0 one in two, at -4 e^-2 / (1 + e^-2) = 11.9 %; far below, 20 ppm."""
    random = np.random.default_rng(8)
    log_odds = random.uniform(-12, 2, 200_000)
    is_positive = random.random(200_000) < 1 / (1 + np.exp(-log_odds / 2))

    gap = np.array(gap_table(np.rint(log_odds * LEAF_UNITS).astype(np.int64), is_positive.astype(np.int64)))

    at = table_index(np.array([0, -4 * LEAF_UNITS, -14 * LEAF_UNITS]), TABLE_LO)
    assert gap[at[0]] == pytest.approx(500_000, rel=0.05)
    assert gap[at[1]] == pytest.approx(119_000, rel=0.05)
    assert gap.min() >= 20


def test_drawdown_table__falls_known_by_margin__holds_their_percentile() -> None:
    # Falls are uniform on 0..1,000 at margin -8 and on 0..3,000 at -2: the 99th percentiles are 990 and 2,970.
    random = np.random.default_rng(4)
    margins = np.repeat([-8 * LEAF_UNITS, -2 * LEAF_UNITS], 50_000)
    falls = np.concatenate((random.integers(0, 1_001, 50_000), random.integers(0, 3_001, 50_000)))

    table = np.array(drawdown_table(margins, falls))

    calm, wild = table[table_index(np.array([-8, -2]) * LEAF_UNITS, TABLE_LO)].tolist()
    assert calm == pytest.approx(990, abs=15)
    assert wild == pytest.approx(2_970, abs=40)
    assert len(table) == 256
    assert bool((np.diff(table) >= 0).all())


def test_scaled_falls__fall_as_large_as_its_table__is_one() -> None:
    assert scaled_falls((200,) * 256, np.array([0, -9_999]), np.array([200, 50])).tolist() == [1.0, 0.25]


def test_pareto_tail__pareto_losses__shape_and_far_quantile_are_theirs() -> None:
    # P(X > x) = x^-4: shape 1/4, 99.9th percentile 1000^(1/4) = 5.623, mean beyond the 99th 100^(1/4) * 4/3 = 4.216.
    losses = np.random.default_rng(5).uniform(size=400_000) ** -0.25

    shape, shortfall, far = pareto_tail(losses)

    assert shape == pytest.approx(0.25, abs=0.05)
    assert far == pytest.approx(5.623, rel=0.03)
    assert shortfall == pytest.approx(4.216, rel=0.03)


def test_fit_tail__independent_weeks__interval_holds_the_truth() -> None:
    # Exponential losses: shape 0; mean beyond the 99th percentile log(100) + 1 = 5.605.
    losses = np.random.default_rng(6).exponential(size=40_000)

    tail = fit_tail(losses, np.arange(40_000) // 100 * 7 * DAY_S)

    assert tail.shape[1] < 0 < tail.shape[2]
    assert tail.shortfall[1] < 5.605 < tail.shortfall[2]


def test_pareto_tail__losses_all_alike__nothing_is_known() -> None:
    assert np.isnan(pareto_tail(np.ones(100))).all()
