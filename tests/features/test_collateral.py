"""Collateral features by hand-worked series, and against a plain float computation."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.history import CollateralHistory
from oracle.domain.ids import USD, Address
from oracle.domain.market import AssetFacts, HourlySeries, Pair
from oracle.domain.units import HOUR_S, ChainId, TimestampS
from oracle.features.collateral import compute_collateral_vector, volatility_ppm
from oracle.features.registry import COLLATERAL_SCHEMA

TOKEN = Address(b"\x07" * 20)
AS_OF_S = TimestampS(1_700_006_400)
SLOT = {f.name: f.slot for f in COLLATERAL_SCHEMA}


def history(prices: list[int], *, stale_hours: int = 0, issuer: int = 0, bridge: int = 0) -> CollateralHistory:
    first = AS_OF_S - (len(prices) - 1 + stale_hours) * HOUR_S
    return CollateralHistory(
        pair=Pair(chain_id=ChainId(1), token=TOKEN, numeraire=USD),
        as_of_s=AS_OF_S,
        series=HourlySeries(first_hour_s=TimestampS(first), prices_e8=tuple(prices)),
        facts=AssetFacts(
            token=TOKEN, price_feed=TOKEN, numeraire=USD, decimals=18, issuer_risk=issuer, bridge_risk=bridge
        ),
    )


def value(name: str, prices: list[int]) -> int:
    return compute_collateral_vector(history(prices))[SLOT[name]] - 1


def wandering(seed: int, hours: int, start: int = 10**11) -> list[int]:
    random = np.random.default_rng(seed)
    steps = np.exp(np.cumsum(random.normal(0, 0.008, hours)))
    return [int(start * step) for step in steps]


def test_volatility__alternating_by_one_percent__is_by_hand() -> None:
    """Returns of +1 % and -1/101: the root of their mean square times 8760, in units of 100 ppm."""
    prices = [10**10, 101 * 10**8] * 400

    expected = math.sqrt((0.01**2 + (1 / 101) ** 2) / 2 * 8_760) * 1e4

    assert value("volatility_7d", prices) == pytest.approx(expected, abs=2)
    assert value("volatility_30d", prices) == pytest.approx(expected, abs=2)


@given(seed=st.integers(0, 10**6))
def test_volatility__random_walk__equals_floats_within_rounding(seed: int) -> None:
    prices = wandering(seed, 2_000)

    vector = compute_collateral_vector(history(prices))

    returns = [b / a - 1 for a, b in pairwise(prices)]
    expected_ppm = math.sqrt(statistics.fmean(r * r for r in returns) * 8_760) * 1e6
    assert volatility_ppm(vector) == pytest.approx(expected_ppm, rel=1e-3)


def test_falls__one_crash_within_a_day__are_seen_by_every_window_that_holds_it() -> None:
    """100 days of 100, a day from 120 down to 90 twenty hours later, then 40 days at 90."""
    calm, peak, after = [10**10] * 2_400, [12 * 10**9] + [11 * 10**9] * 19, [9 * 10**9] * 960
    prices = calm + peak + after

    assert value("fall_24h_in_90d", prices) == value("fall_24h_in_365d", prices) == 2_500
    assert value("fall_24h_in_30d", prices) == 0


def test_falls__a_peak_25_hours_before__is_too_old() -> None:
    base = [10**10] * 2_300
    just_inside = [*base, 12 * 10**9, *([10**10] * 23), 9 * 10**9]
    just_outside = [*base, 12 * 10**9, *([10**10] * 24), 9 * 10**9]

    assert value("fall_24h_in_90d", just_inside) == 2_500
    assert value("fall_24h_in_90d", just_outside) == 1_666


def test_hourly_tail__one_percent_of_hours_drop__is_their_size() -> None:
    """2,160 returns, 22 of them -2 %: the 22nd worst is -2 %, in units of 10 ppm."""
    prices = [10**12]
    for hour in range(2_160):
        prices.append(prices[-1] * 98 // 100 if hour % 98 == 0 and hour < 98 * 22 else prices[-1])

    assert value("hourly_tail_90d", prices) == 2_000


def test_below__high_and_base__are_by_hand() -> None:
    prices = [10**10] * 800 + [16 * 10**9] + [8 * 10**9] * 10

    assert value("below_high_90d", prices) == 5_000
    assert value("below_base_30d", prices) == 2_000


def test_range_volatility__one_day_of_range__is_by_hand() -> None:
    """Days of range 0, 0 and 2 * (104 - 96) / 200 = 8 %: variance .0064 * 8760 / (3 * 50.9) a year."""
    prices = [10**10] * 1_000 + [104 * 10**8, 96 * 10**8] + [10**10] * 5

    expected = math.sqrt(0.08**2 * 8_760 / (3 * 50.9)) * 1e4

    assert value("range_volatility_3d", prices) == pytest.approx(expected, abs=1)


def test_range_volatility__day_starts_at_its_first_price__which_counts_in_both_days() -> None:
    """A price of 110 exactly 24 hours ago is the end of one day and the start of the next: two days of range 2 * 10 / 210."""
    prices = [10**10] * 1_000 + [11 * 10**9] + [10**10] * 24
    later = [*prices, 10**10]

    expected = math.sqrt(2 * (20 / 210) ** 2 * 8_760 / (3 * 50.9)) * 1e4

    assert value("range_volatility_3d", prices) == pytest.approx(expected, abs=1)
    assert value("range_volatility_3d", later) == pytest.approx(expected / math.sqrt(2), abs=1)


def test_range_volatility__hourly_walks__has_no_bias_of_sampling() -> None:
    """Walks of 0.8 % an hour: the mean square of the estimate is the true variance, which Parkinson's own factor of 4 ln 2 puts a quarter too low."""
    true = 0.008 * math.sqrt(8_760) * 1e4

    squares = [value("range_volatility_3d", wandering(seed, 73)) ** 2 for seed in range(1_500)]

    # One estimate of three days spreads by a third of its square: 1,500 of them by 1 %.
    ratio = statistics.fmean(squares) / true**2
    assert ratio == pytest.approx(1, abs=0.04)
    assert ratio * 50.9 / (24 * 4 * math.log(2)) < 0.8


def test_range_volatility__37_to_72_prices__takes_the_whole_days_there_are() -> None:
    """A fall of 10 % thirty hours ago lies in no whole day of 40 prices, in the second of 49."""
    assert value("range_volatility_3d", [10**10] * 10 + [9 * 10**9] * 30) == 0
    assert value("range_volatility_3d", [10**10] * 19 + [9 * 10**9] * 30) > 0


def test_facts_and_age__any_series__are_stated() -> None:
    vector = compute_collateral_vector(history([10**10] * (24 * 40 + 1), issuer=2, bridge=3))

    assert vector[SLOT["issuer_risk"]] == 3
    assert vector[SLOT["bridge_risk"]] == 4
    assert vector[SLOT["series_age"]] == 41


@pytest.mark.parametrize(
    ("hours", "present"),
    [
        (1, set()),
        (36, set()),
        (37, {"range_volatility_3d"}),
        (85, {"range_volatility_3d", "volatility_7d"}),
        (361, {"range_volatility_3d", "volatility_7d", "volatility_30d", "fall_24h_in_30d", "below_base_30d"}),
    ],
)
def test_missing__short_series__leaves_what_it_cannot_tell(hours: int, present: set[str]) -> None:
    vector = compute_collateral_vector(history(wandering(1, hours)))

    always = {"issuer_risk", "bridge_risk", "series_age"}
    assert {name for name, slot in SLOT.items() if vector[slot]} == present | always


def test_missing__series_that_ended_three_hours_ago__has_no_price_features() -> None:
    vector = compute_collateral_vector(history(wandering(2, 2_000), stale_hours=3))

    assert [vector[s] for name, s in SLOT.items() if name not in ("issuer_risk", "bridge_risk", "series_age")] == [
        0
    ] * 10
    assert volatility_ppm(vector) == 0


@given(seed=st.integers(0, 10**6), hours=st.integers(1, 3_000), shift=st.integers(0, 60))
def test_vector__any_scale_of_price__stays_in_the_domain(seed: int, hours: int, shift: int) -> None:
    vector = compute_collateral_vector(history([p << shift for p in wandering(seed, hours, 10**9)]))

    assert all(x == 0 or f.lo <= x <= f.hi for x, f in zip(vector, COLLATERAL_SCHEMA, strict=True))


def test_vector__price_too_large_for_64_bits__is_that_of_the_scaled_price() -> None:
    prices = [p - p % 1_024 for p in wandering(3, 2_500, 10**12)]

    assert compute_collateral_vector(history([p << 40 for p in prices])) == compute_collateral_vector(history(prices))
