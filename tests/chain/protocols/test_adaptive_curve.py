"""The adaptive model's rate: numbers that the contract itself answered, bounds, and a market that follows it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.chain.protocols.morpho_blue.adaptive_curve import compute_borrow_rate, compute_power
from oracle.domain.units import WAD, YEAR_S, Wad
from tests.chain import morpho_logs as logs
from tests.chain.fake_endpoint import address_of
from tests.chain.morpho_logs import ETHER_MARKET
from tests.chain.morpho_market import debt_of, make_market

BORROWER = address_of("borrower")
ETHER, DOLLAR = 10**18, 10**6
FOUR_PERCENT = 4 * 10**16 // YEAR_S

# (rate at target, supplied, borrowed, seconds, answer) of `borrowRateView`. Source: morpho-blue-irm at a1a87fd, compiled with solc 0.8.19, on a local chain.
ANSWERS = (
    (561_947_728, 1_000_000_000_000, 0, 1, 140_486_820),
    (535_794_057, 6_092, 2_019, 1, 281_924_981),
    (535_794_057, 0, 0, 1, 133_948_408),
    (561_947_728, 1, 1, 1, 2_247_792_692),
    (561_947_728, 39_705_518_116_878, 35_734_966_305_190, 12, 561_947_727),
    (561_947_728, 9, 8, 3_600, 556_724_892),
    (535_794_057, 1_000_000_000_000, 482_862_567_036, 3_600, 349_082_362),
    (561_947_728, 8_747_333_115_384_749_437, 4_213_750_278_906_505_387, 86_400, 354_695_867),
    (561_947_728, 1_000_000_000_000, 334_925_761_217, 31_536_000, 86_915_662),
    (561_947_728, 37_244_422_762, 33_519_980_485, 31_536_000, 561_947_726),
    (535_794_057, 1_000_000_000_000, 977_315_922_705, 630_720_000, 158_334_559_246),
    (561_947_728, 1_000_000_000_000, 0, 630_720_000, 41_067_318),
)


@pytest.mark.parametrize(("at_target", "supplied", "borrowed", "seconds", "answer"), ANSWERS)
def test_compute_borrow_rate__answers_of_the_contract__are_the_same(
    at_target: int, supplied: int, borrowed: int, seconds: int, answer: int
) -> None:
    assert compute_borrow_rate(Wad(at_target), supplied, borrowed, seconds) == answer


def test_compute_borrow_rate__around_the_target__is_a_quarter_of_it_to_four_times() -> None:
    at_target = Wad(FOUR_PERCENT)

    rates = [compute_borrow_rate(at_target, 1_000, borrowed, 0) for borrowed in (0, 900, 1_000)]

    assert rates == [FOUR_PERCENT // 4, FOUR_PERCENT, 4 * FOUR_PERCENT]


@given(borrowed=st.integers(0, 10**12), seconds=st.integers(0, 10 * YEAR_S))
def test_compute_borrow_rate__any_utilization_and_time__lies_between_the_models_bounds(
    borrowed: int, seconds: int
) -> None:
    rate = compute_borrow_rate(Wad(FOUR_PERCENT), 10**12, borrowed, seconds)

    # 0.025 % to 800 % a year, the averages of a path that began at 4 %.
    assert WAD // 4_000 // YEAR_S <= rate <= 8 * WAD // YEAR_S


def test_compute_power__of_zero_and_of_the_outermost__are_as_the_library_has_them() -> None:
    assert compute_power(0) == WAD
    assert compute_power(-42 * WAD) == 0
    assert compute_power(94 * WAD) == compute_power(1_000 * WAD)
    # e, whose polynomial of the second order is 0.4 % short.
    assert compute_power(WAD) == pytest.approx(2.718281828 * WAD, rel=0.005)


def test_compute_states__adaptive_model__compounds_the_curve_from_the_rate_at_target_that_it_logged() -> None:
    rate, period_s = 10**10, 10**7
    stranger = address_of("another model")
    market = make_market(
        logs.rate_adapted(ETHER_MARKET, 7, rate),
        logs.model_enabled(stranger),
        logs.rate_adapted(ETHER_MARKET, 7, 3 * rate, model=stranger),
        logs.collateral_supplied(ETHER_MARKET, BORROWER, 2 * ETHER),
        logs.borrowed(ETHER_MARKET, BORROWER, 1_800 * DOLLAR, 1_800 * DOLLAR * logs.SHARES),
    )

    # 1,800 of 2,000 are lent, the target, where the rate stands still: 1.8 * 10^9 * 0.105166666... = 189299999.
    assert debt_of(market, BORROWER, period_s) == 1_989_299_999
