"""Laws on gaming, as statements about vectors: F-04 to F-06 of the room's README."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.event import EventKind
from oracle.domain.history import BorrowerHistory
from oracle.domain.ids import Address
from oracle.domain.units import DAY_S, HOUR_S, UsdE8, Wad
from oracle.features.borrower import compute_borrower_vector
from oracle.features.registry import BORROWER_SCHEMA
from tests.features.histories import (
    AS_OF_S,
    DEBT,
    STABLE,
    STRANGER,
    VOLATILE,
    event,
    improvements,
    random_history,
    with_events,
)

SLOT = {f.name: f.slot for f in BORROWER_SCHEMA}
seeds = st.integers(0, 10**6)
days_ago = st.integers(1, 60)


def scaled(base: BorrowerHistory, factor: int, *, of: int = 1) -> tuple[int, ...]:
    """Return the vector of a life with every value `factor / of` times as large; exact for powers of ten up to 10^8."""
    events = tuple(replace(e, value_usd_e8=UsdE8(e.value_usd_e8 * factor // of)) for e in base.events)
    samples = tuple(replace(s, debt_usd_e8=UsdE8(s.debt_usd_e8 * factor // of)) for s in base.samples)
    positions = tuple(replace(p, debt_usd_e8=UsdE8(p.debt_usd_e8 * factor // of)) for p in base.positions)
    return compute_borrower_vector(replace(base, events=events, samples=samples, positions=positions))


def worsenings(before: tuple[int, ...], after: tuple[int, ...]) -> list[str]:
    return improvements(after, before)


@given(seed=seeds, day=days_ago, hour=st.integers(0, 23), usd=st.integers(1, 10**6), rounds=st.integers(1, 5))
def test_wash__borrow_and_repay_within_an_hour__never_improves(
    seed: int, day: int, hour: int, usd: int, rounds: int
) -> None:
    base = random_history(seed)
    time_s = AS_OF_S - day * DAY_S + hour * HOUR_S
    loops = [event(kind, time_s + k, usd) for k in range(rounds) for kind in (EventKind.BORROW, EventKind.REPAY)]

    washed = compute_borrower_vector(with_events(base, *loops))

    assert improvements(compute_borrower_vector(base), washed) == []


@given(
    seed=seeds,
    day=days_ago,
    hour=st.integers(0, 23),
    usd=st.integers(1, 10**6),
    token=st.sampled_from([VOLATILE, STABLE]),
)
def test_wash__supply_and_withdraw__never_improves(seed: int, day: int, hour: int, usd: int, token: Address) -> None:
    base = random_history(seed)
    time_s = AS_OF_S - day * DAY_S + hour * HOUR_S
    loop = [event(kind, time_s, usd, token=token) for kind in (EventKind.SUPPLY, EventKind.WITHDRAW)]

    assert improvements(compute_borrower_vector(base), compute_borrower_vector(with_events(base, *loop))) == []


@given(seed=seeds, parts=st.integers(2, 6))
def test_splitting__every_action_into_parts__changes_nothing(seed: int, parts: int) -> None:
    base = random_history(seed)
    pieces = [
        replace(e, value_usd_e8=UsdE8(e.value_usd_e8 * (k + 1) // parts - e.value_usd_e8 * k // parts))
        for e in base.events
        for k in range(parts)
    ]

    assert compute_borrower_vector(replace(base, events=tuple(pieces))) == compute_borrower_vector(base)


@given(seed=seeds, addresses=st.integers(2, 5_000))
def test_splitting__a_life_over_several_addresses__leaves_each_the_same_vector(seed: int, addresses: int) -> None:
    """Pro rata, with every part's debt far above dust: no share of a history looks better than the whole."""
    base = random_history(seed)

    assert scaled(base, 1_000) == scaled(base, 1_000 * addresses)


@given(seed=seeds, addresses=st.integers(2, 5_000))
def test_splitting__into_liquidations_below_dust__hides_no_episode(seed: int, addresses: int) -> None:
    """Each address has a ten-thousandth of a random life: cents, where the whole has up to thousands of dollars."""
    base = random_history(seed)

    part, whole = scaled(base, 1, of=10_000), scaled(base, addresses, of=10_000)

    for name in ("liquidation_episodes", "days_since_liquidation", "liquidated_share"):
        assert part[SLOT[name]] == whole[SLOT[name]]


@given(seed=seeds, addresses=st.integers(2, 5_000))
def test_splitting__into_debts_below_dust__improves_no_rated_address(seed: int, addresses: int) -> None:
    """No debt here is below 1 % of the largest. Slot 0 is the position at the cut, which terms do not read; gifts below dust are forgiven by F-05."""
    base = random_history(seed)
    base = replace(base, events=tuple(e for e in base.events if e.kind is not EventKind.SUPPLY or e.by_account))

    part, whole = scaled(base, 1, of=100), scaled(base, addresses, of=100)

    if part[SLOT["debt_age"]] != 0:
        assert improvements((0, *whole[1:]), (0, *part[1:])) == []


@given(seed=seeds, data=st.data())
def test_deleting__own_repayments__never_improves(seed: int, data: st.DataObject) -> None:
    base = random_history(seed)
    own = [e for e in base.events if e.kind is EventKind.REPAY and e.by_account]
    gone = data.draw(st.lists(st.sampled_from(own), unique_by=lambda e: e.order)) if own else []

    left = replace(base, events=tuple(e for e in base.events if e not in gone))

    assert improvements(compute_borrower_vector(base), compute_borrower_vector(left)) == []


@given(seed=seeds)
def test_fresh_address__no_history__is_missing_what_a_rating_requires(seed: int) -> None:
    base = random_history(seed)
    fresh = replace(base, events=(), samples=base.samples[-6:])

    assert compute_borrower_vector(fresh)[1] == 0


@given(seed=seeds, day=days_ago, usd=st.integers(1, 99), token=st.sampled_from([VOLATILE, STABLE, DEBT]))
def test_third_party__dust_supplied__never_worsens(seed: int, day: int, usd: int, token: Address) -> None:
    """The gift raises health from its day on, which is all that it does."""
    base = random_history(seed)
    time_s = AS_OF_S - day * DAY_S
    gift = event(EventKind.SUPPLY, time_s, usd, token=token, caller=STRANGER)
    samples = tuple(
        replace(s, health_factor_wad=Wad(s.health_factor_wad + usd * 10**20 // (s.debt_usd_e8 // 10**6)))
        if s.time_s >= time_s
        else s
        for s in base.samples
    )

    gifted = with_events(replace(base, samples=samples), gift)

    # Others' dust of the same history may already stand below the dust line: the sum must stay below it too.
    others = sum(
        e.value_usd_e8 for e in base.events if e.kind is EventKind.SUPPLY and e.token == token and not e.by_account
    )
    if others == 0:
        assert worsenings(compute_borrower_vector(base), compute_borrower_vector(gifted)) == []


@given(seed=seeds, usd=st.integers(100, 10**6))
def test_adverse__a_later_liquidation__never_improves(seed: int, usd: int) -> None:
    base = random_history(seed)
    last = max((e.time_s for e in base.events if e.kind is EventKind.LIQUIDATION), default=AS_OF_S - 5 * DAY_S)
    hit = event(EventKind.LIQUIDATION, min(AS_OF_S, last + 2 * DAY_S), usd, caller=STRANGER)
    if hit.time_s - last < DAY_S:
        return

    assert improvements(compute_borrower_vector(base), compute_borrower_vector(with_events(base, hit))) == []


@given(seed=seeds, percent=st.integers(101, 300))
def test_health__higher_at_every_sample__never_worsens(seed: int, percent: int) -> None:
    base = random_history(seed)
    healthier = replace(
        base,
        samples=tuple(replace(s, health_factor_wad=Wad(s.health_factor_wad * percent // 100)) for s in base.samples),
    )

    assert worsenings(compute_borrower_vector(base), compute_borrower_vector(healthier)) == []
