"""Borrower features by hand-worked histories."""

from __future__ import annotations

import pytest

from oracle.domain.event import EventKind
from oracle.domain.units import DAY_S, HOUR_S
from oracle.features.borrower import compute_borrower_vector, compute_state_slot
from oracle.features.registry import BORROWER_SCHEMA, COLLATERAL_SCHEMA, schema_digest
from tests.features.histories import (
    AS_OF_S,
    STABLE,
    STRANGER,
    VOLATILE,
    event,
    history,
    position,
    random_history,
    sample,
)

SLOT = {f.name: f.slot for f in BORROWER_SCHEMA}


def value(name: str, vector: tuple[int, ...]) -> int:
    """Return what a count or ratio slot encodes: the slot less one."""
    return vector[SLOT[name]] - 1


def test_schema__both_kinds__fit_32_slots_and_have_a_digest() -> None:
    for schema in (BORROWER_SCHEMA, COLLATERAL_SCHEMA):
        assert [f.slot for f in schema] == list(range(len(schema)))
        assert len(schema) <= 32
        assert len(schema_digest(schema)) == 32


def test_debt_age__half_the_debt_half_the_time__counts_by_weight() -> None:
    samples = [sample(d, usd=2_000 if d <= 10 else 1_000, health_percent=150) for d in range(20, 0, -1)]

    vector = compute_borrower_vector(history([], samples))

    assert value("debt_age", vector) == 10 * 1 + 10 // 2


def test_debt_age__six_days_of_debt__is_missing() -> None:
    samples = [sample(d, usd=1_000, health_percent=150) for d in range(6, 0, -1)]

    assert compute_borrower_vector(history([], samples))[SLOT["debt_age"]] == 0


def test_low_health_share__a_quarter_of_debt_days__is_2500_bps() -> None:
    samples = [sample(d, usd=1_000, health_percent=110 if d <= 5 else 150) for d in range(20, 0, -1)]

    assert value("low_health_share", compute_borrower_vector(history([], samples))) == 2_500


@pytest.mark.parametrize(
    ("usd", "caller_is_account", "hours_after", "unanswered"),
    [(10, True, 3, 0), (9, True, 3, 1), (10, False, 3, 1), (10, True, 25, 1), (10, True, 24, 0)],
)
def test_unanswered_low_health__one_low_day__needs_one_percent_by_the_account_in_a_day(
    usd: int, caller_is_account: bool, hours_after: int, unanswered: int
) -> None:
    samples = [sample(d, usd=1_000, health_percent=110 if d == 5 else 150) for d in range(20, 0, -1)]
    time_s = AS_OF_S - 5 * DAY_S + hours_after * HOUR_S
    answer = event(EventKind.REPAY, time_s, usd, **({} if caller_is_account else {"caller": STRANGER}))

    assert value("unanswered_low_health", compute_borrower_vector(history([answer], samples))) == unanswered


def test_unanswered_low_health__day_not_over_at_the_cut__does_not_count() -> None:
    samples = [sample(d, usd=1_000, health_percent=110 if d == 0 else 150) for d in range(20, -1, -1)]

    assert value("unanswered_low_health", compute_borrower_vector(history([], samples))) == 0


def test_risk_raised_low_health__borrowing_at_low_health__counts_the_day() -> None:
    samples = [sample(d, usd=1_000, health_percent=110 if d <= 5 else 150) for d in range(20, 0, -1)]
    draws = [event(EventKind.BORROW, AS_OF_S - d * DAY_S + HOUR_S, 50) for d in (3, 10)]

    assert value("risk_raised_low_health", compute_borrower_vector(history(draws, samples))) == 1


def test_liquidations__two_episodes_by_a_day_apart__are_counted_aged_and_weighed() -> None:
    hits = [(20 * DAY_S, 300), (20 * DAY_S - 23 * HOUR_S, 100), (10 * DAY_S, 200)]
    events = [event(EventKind.LIQUIDATION, AS_OF_S - ago, usd, caller=STRANGER) for ago, usd in hits]
    samples = [sample(d, usd=2_000 if d > 5 else 9_000, health_percent=150) for d in range(30, 0, -1)]

    vector = compute_borrower_vector(history(events, samples))

    assert value("liquidation_episodes", vector) == 2
    assert value("days_since_liquidation", vector) == 10
    assert value("liquidated_share", vector) == 600 * 10_000 // 2_000


@pytest.mark.parametrize(("pieces", "episodes"), [([9], 0), ([10], 1), ([6, 4], 1), ([4] * 2, 0), ([1] * 10, 1)])
def test_liquidations__below_dust_each__are_an_episode_from_one_percent_of_debt_together(
    pieces: list[int], episodes: int
) -> None:
    hits = [event(EventKind.LIQUIDATION, AS_OF_S - 5 * DAY_S + k * HOUR_S, usd) for k, usd in enumerate(pieces)]
    samples = [sample(d, usd=1_000, health_percent=150) for d in range(20, 0, -1)]

    vector = compute_borrower_vector(history(hits, samples))

    assert value("liquidation_episodes", vector) == episodes
    assert (vector[SLOT["days_since_liquidation"]] < 65_534) == (episodes > 0)


def test_liquidations__a_day_apart__are_not_added_up() -> None:
    hits = [event(EventKind.LIQUIDATION, AS_OF_S - d * DAY_S, 6) for d in (5, 4)]
    samples = [sample(d, usd=1_000, health_percent=150) for d in range(20, 0, -1)]

    assert value("liquidation_episodes", compute_borrower_vector(history(hits, samples))) == 0


def test_liquidations__debt_at_the_midnight_before__is_what_they_are_a_share_of() -> None:
    """Neither a larger debt long repaid nor debt taken on later makes a liquidation small."""
    hit = event(EventKind.LIQUIDATION, AS_OF_S - 10 * DAY_S + HOUR_S, 500)
    samples = [sample(d, usd=1_000 if d == 10 else 100_000, health_percent=150) for d in range(20, 0, -1)]
    closed = [s for s in samples if s.time_s != AS_OF_S - 10 * DAY_S]

    assert value("liquidation_episodes", compute_borrower_vector(history([hit], samples))) == 1
    assert value("liquidation_episodes", compute_borrower_vector(history([hit], closed))) == 1


def test_liquidations__hundred_dollars_of_a_million__are_no_episode() -> None:
    hit = event(EventKind.LIQUIDATION, AS_OF_S - 10 * DAY_S, 9_999)
    samples = [sample(d, usd=1_000_000, health_percent=150) for d in range(20, 0, -1)]

    vector = compute_borrower_vector(history([hit], samples))

    assert value("liquidation_episodes", vector) == 0
    assert value("liquidated_share", vector) == 99


def test_liquidations__of_no_value__are_no_episode() -> None:
    hit = event(EventKind.LIQUIDATION, AS_OF_S - 10 * DAY_S, 0)

    assert value("liquidation_episodes", compute_borrower_vector(history([hit], []))) == 0


def test_repaid_share__debt_held_a_week__is_credited_once() -> None:
    samples = [sample(d, usd=1_000 if d > 10 else 600, health_percent=150) for d in range(30, 0, -1)]
    repay = event(EventKind.REPAY, AS_OF_S - 11 * DAY_S + HOUR_S, 400)

    assert value("repaid_share", compute_borrower_vector(history([repay], samples))) == 4_000


def test_repaid_share__borrowed_yesterday__is_not_credited() -> None:
    samples = [sample(d, usd=1_000, health_percent=150) for d in (11,)]
    repay = event(EventKind.REPAY, AS_OF_S - 11 * DAY_S + HOUR_S, 1_000)

    assert value("repaid_share", compute_borrower_vector(history([repay], samples))) == 0


def test_health__at_liquidation_for_a_week__is_lowest_and_counted() -> None:
    samples = [sample(d, usd=1_000, health_percent=200 if d > 7 else 100) for d in range(20, 0, -1)]

    vector = compute_borrower_vector(history([], samples))

    assert vector[SLOT["lowest_health"]] == 32_768
    assert value("low_health_days", vector) == 7


@pytest.mark.parametrize(("usd", "low_days"), [(100, 5), (50, 5), (20, 5), (19, 0)])
def test_low_health__debt_below_dust__counts_from_one_percent_of_the_largest_debt(usd: int, low_days: int) -> None:
    samples = [sample(d, usd=usd if d <= 5 else 2_000, health_percent=110 if d <= 5 else 150) for d in range(20, 0, -1)]

    vector = compute_borrower_vector(history([], samples))

    assert value("low_health_days", vector) == low_days
    assert value("unanswered_low_health", vector) == low_days
    assert value("low_health_share", vector) == (10_000 * 5 * usd // (15 * 2_000 + 5 * usd) if low_days else 0)
    assert value("debt_age", vector) == (15 * 2_000 + (5 * usd if usd >= 100 else 0)) // 2_000


def test_low_health__a_hundred_dollars_of_a_million__counts() -> None:
    samples = [sample(d, usd=100 if d <= 5 else 10**6, health_percent=110 if d <= 5 else 150) for d in range(20, 0, -1)]

    assert value("low_health_days", compute_borrower_vector(history([], samples))) == 5


def test_stress_days__collateral_down_a_fifth__counts_only_if_all_supplied_tokens_are() -> None:
    samples = [sample(d, usd=1_000, health_percent=150) for d in range(20, -1, -1)]
    prices = [100] * 50 + [80] * 11
    volatile = event(EventKind.SUPPLY, AS_OF_S - 30 * DAY_S, 2_000, token=VOLATILE)
    stable = event(EventKind.SUPPLY, AS_OF_S - 30 * DAY_S, 100, token=STABLE)

    alone = compute_borrower_vector(history([volatile], samples, prices=prices))
    mixed = compute_borrower_vector(history([volatile, stable], samples, prices=prices))

    assert value("stress_days", alone) == 11
    assert value("stress_days", mixed) == 0


def test_borrowed_after_rally__all_debt_after_a_rise_by_half__is_5000_bps() -> None:
    prices = [100] * 31 + [150] * 30
    supply = event(EventKind.SUPPLY, AS_OF_S - 40 * DAY_S, 2_000, token=VOLATILE)
    borrow = event(EventKind.BORROW, AS_OF_S - 20 * DAY_S + HOUR_S, 1_000)

    vector = compute_borrower_vector(history([supply, borrow], [], prices=prices))

    assert value("borrowed_after_rally", vector) == 5_000


def test_state_slot__no_debt_above_dust__is_the_safest() -> None:
    assert compute_state_slot(()) == 65_534
    assert compute_state_slot((position(usd=99, health_percent=101),)) == 65_534


def test_state_slot__debt_split_below_dust__still_counts() -> None:
    pieces = tuple(position(usd=60, health_percent=105) for _ in range(2))

    assert compute_state_slot(pieces) == compute_state_slot((position(usd=120, health_percent=105),))


def test_state_slot__several_positions__takes_the_riskiest() -> None:
    safe, risky = position(usd=10_000, health_percent=300), position(usd=100, health_percent=105)

    assert compute_state_slot((safe, risky)) == compute_state_slot((risky,))


def test_state_slot__unknown_volatility__is_300_percent_above_and_the_worst_below_liquidation() -> None:
    unknown = position(usd=1_000, health_percent=150, volatility_ppm=0)
    below = position(usd=1_000, health_percent=99, volatility_ppm=0)

    assert compute_state_slot((unknown,)) == compute_state_slot(
        (position(usd=1_000, health_percent=150, volatility_ppm=3_000_000),)
    )
    assert compute_state_slot((below,)) == 1


@pytest.mark.parametrize("seed", range(40))
def test_vector__random_history__stays_within_the_declared_domain(seed: int) -> None:
    vector = compute_borrower_vector(random_history(seed))

    assert all(x == 0 or f.lo <= x <= f.hi for x, f in zip(vector, BORROWER_SCHEMA, strict=True))
