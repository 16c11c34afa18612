"""Aave's arithmetic, against numbers worked by hand from `MathUtils` and `WadRayMath`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.chain.protocols.aave_v3.rays import (
    compute_compounded_interest,
    compute_linear_interest,
    compute_normalized_debt,
    compute_normalized_income,
    percent_mul,
    ray_div,
    ray_mul,
    wad_div,
)
from oracle.domain.units import RAY, WAD, YEAR_S, Bps, Ray

TEN_PERCENT = Ray(RAY // 10)
# One ray a second: every power of the rate per second is exactly one, so the terms are binomial coefficients.
ONE_A_SECOND = Ray(RAY * YEAR_S)


@pytest.mark.parametrize(
    ("a", "b", "product"),
    [(RAY, RAY, RAY), (1, RAY // 2, 1), (1, RAY // 2 - 1, 0), (3, RAY // 2, 2), (10**18, RAY + 1, 10**18), (0, RAY, 0)],
)
def test_ray_mul__half_and_around__rounds_half_up(a: int, b: int, product: int) -> None:
    assert ray_mul(a, b) == product


@pytest.mark.parametrize(
    ("a", "b", "quotient"), [(RAY, RAY, RAY), (1, 2 * RAY, 1), (1, 2 * RAY + 2, 0), (3, 2 * RAY, 2)]
)
def test_ray_div__half_and_around__rounds_half_up(a: int, b: int, quotient: int) -> None:
    assert ray_div(a, b) == quotient


def test_percent_mul__half__rounds_up() -> None:
    assert percent_mul(1, Bps(5_000)) == 1
    assert percent_mul(1, Bps(4_999)) == 0


def test_wad_div__two_thirds__rounds_up() -> None:
    assert wad_div(2, 3) == 666_666_666_666_666_667
    assert wad_div(1, 3) == 333_333_333_333_333_333


def test_linear_interest__ten_percent_for_half_a_year__is_five_percent() -> None:
    assert compute_linear_interest(TEN_PERCENT, YEAR_S // 2) == RAY + RAY // 20


def test_linear_interest__one_second__is_rounded_down() -> None:
    # 10^26 / 31,536,000 = 3170979198376458650.4...
    assert compute_linear_interest(TEN_PERCENT, 1) == RAY + 3_170_979_198_376_458_650


@pytest.mark.parametrize(("seconds", "factor"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 15), (5, 26)])
def test_compounded_interest__one_ray_a_second__is_four_binomial_terms(seconds: int, factor: int) -> None:
    assert compute_compounded_interest(ONE_A_SECOND, seconds) == factor * RAY


def test_compounded_interest__ten_percent_for_a_year__lies_below_the_exponential() -> None:
    # 1 + 0.1 + 0.005 + third term. The cube of the rate per second, 31.88, is cut to 31, so the third term is not 0.000166667 but
    # 31,536,000^3 * 31 / 6 / 10^27 = 0.000162043. (The exponential is 1.1051709.)
    factor = compute_compounded_interest(TEN_PERCENT, YEAR_S)

    assert 1_105_162_042 * 10**18 < factor < 1_105_162_043 * 10**18


def test_normalized_indexes__no_time_passed__are_the_stored_ones() -> None:
    index = Ray(RAY + 12_345)

    assert compute_normalized_income(index, TEN_PERCENT, 0) == index
    assert compute_normalized_debt(index, TEN_PERCENT, 0) == index


def test_normalized_income__half_a_year_on_an_index_of_two__grows_by_five_percent() -> None:
    assert compute_normalized_income(Ray(2 * RAY), TEN_PERCENT, YEAR_S // 2) == 2 * RAY + RAY // 10


@given(scaled=st.integers(0, 2**100), index=st.integers(RAY, 10 * RAY))
def test_ray_div__of_a_full_balance__gives_back_the_scaled_balance(scaled: int, index: int) -> None:
    # Why a full withdrawal leaves nothing behind: rounding errors stay below one half as long as the index is at least one.
    assert ray_div(ray_mul(scaled, index), index) == scaled


@given(rate=st.integers(0, RAY), seconds=st.integers(0, 10 * YEAR_S))
def test_compounded_interest__any_rate__is_at_least_linear(rate: int, seconds: int) -> None:
    assert compute_compounded_interest(Ray(rate), seconds) >= compute_linear_interest(Ray(rate), seconds)


def test_wad_div__equal_operands__is_one() -> None:
    assert wad_div(7, 7) == WAD
