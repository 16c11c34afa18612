"""The price path: what its docstring promises, for any seed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.domain.units import DAY_S, HOUR_S
from oracle.sandbox.prices import SHOCKS, PriceStep, generate_price_path
from oracle.sandbox.reserves import RESERVES

SYMBOLS = {reserve.symbol for reserve in RESERVES}
DAYS = 150
CRASH = SHOCKS[1]
seeds = st.integers(0, 2**32)


def price_at(path: tuple[PriceStep, ...], hour: int) -> int:
    return next(step for step in reversed(path) if step.time_s <= hour * HOUR_S).prices_usd_e8["WETH"]


def test_generate_price_path__same_seed__same_path() -> None:
    first = generate_price_path(5, first_hour_s=0, days=DAYS)
    second = generate_price_path(5, first_hour_s=0, days=DAYS)

    assert first == second
    assert first != generate_price_path(6, first_hour_s=0, days=DAYS)


def test_generate_price_path__later_start__same_prices_at_shifted_times() -> None:
    early = generate_price_path(5, first_hour_s=0, days=30)
    late = generate_price_path(5, first_hour_s=10 * DAY_S, days=30)

    assert [step.prices_usd_e8 for step in early] == [step.prices_usd_e8 for step in late]
    assert [step.time_s + 10 * DAY_S for step in early] == [step.time_s for step in late]


@settings(max_examples=6)
@given(seed=seeds)
def test_generate_price_path__any_seed__full_hours_ascending_and_positive(seed: int) -> None:
    path = generate_price_path(seed, first_hour_s=0, days=DAYS)
    times = [step.time_s for step in path]

    assert times == sorted(set(times))
    assert all(time % HOUR_S == 0 for time in times)
    assert (times[0], times[-1]) == (0, DAYS * DAY_S)
    assert all(price > 0 for step in path for price in step.prices_usd_e8.values())


@settings(max_examples=6)
@given(seed=seeds)
def test_generate_price_path__standing_prices__are_last_answers(seed: int) -> None:
    standing: dict[str, int] = {}
    for step in generate_price_path(seed, first_hour_s=0, days=20):
        standing |= step.answers_usd_e8

        assert dict(step.prices_usd_e8) == standing
        assert set(standing) == SYMBOLS


@settings(max_examples=6)
@given(seed=seeds)
def test_generate_price_path__crash__loses_a_third_within_two_days(seed: int) -> None:
    path = generate_price_path(seed, first_hour_s=0, days=DAYS)
    start = int(CRASH.at_share * DAYS * 24)

    fall = 1 - price_at(path, start + CRASH.hours) / price_at(path, start)

    assert 0.20 < fall < 0.58
