"""Histories at a cut know the past only: rows of the future may be inserted anywhere, and no vector changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.domain.canonical import PositionAt
from oracle.domain.event import EventKind
from oracle.domain.ids import BTC, USD
from oracle.domain.market import HourlySeries, Pair
from oracle.domain.units import DAY_S, HOUR_S, TimestampS, UsdE8, Wad
from tests.training.generated import small_dataset
from training.datasets.canonical import Borrower, Dataset
from training.datasets.synthetic import CHAINS, USDC, WBTC, WETH
from training.histories import compute_vectors, take_snapshot

DATASET = replace(small_dataset(), borrowers=small_dataset().borrowers[:15])
MIDDLE_S = TimestampS(DATASET.start_s + 70 * DAY_S)
VECTORS = compute_vectors(DATASET, MIDDLE_S)


def test_snapshot__at_a_midnight__holds_nothing_later() -> None:
    snapshot = take_snapshot(DATASET, MIDDLE_S)

    for borrower in DATASET.borrowers:
        history = snapshot.history(borrower)
        assert all(e.time_s <= MIDDLE_S for e in history.events)
        assert all(s.time_s <= MIDDLE_S for s in history.samples)
        assert all(series.last_hour_s == MIDDLE_S for _, series in history.token_prices)
        assert len(history.events) == sum(e.time_s <= MIDDLE_S for e in borrower.events)


def test_history__positions__are_those_of_the_cut_with_the_shared_volatility() -> None:
    snapshot = take_snapshot(DATASET, MIDDLE_S)
    here = [(b, p) for b in DATASET.borrowers for p in b.positions if p.as_of_s == MIDDLE_S]

    for borrower, at in here:
        (risk,) = snapshot.history(borrower).positions
        (held,) = at.position.collaterals
        assert risk.health_factor_wad == at.health_factor_wad
        assert risk.debt_usd_e8 == at.position.debt_usd_e8
        assert risk.volatility_ppm == snapshot.sigmas[Pair(chain_id=risk.chain_id, token=held.token, numeraire=USD)]
        assert 300_000 < risk.volatility_ppm < 2_000_000
    assert len(here) > 3


def test_sigmas__of_pairs__are_there_for_all_but_a_numeraires_own_token_and_what_has_no_price() -> None:
    sigmas = take_snapshot(DATASET, MIDDLE_S).sigmas

    for chain in CHAINS:
        ether = sigmas[Pair(chain_id=chain, token=WETH, numeraire=USD)]
        crossed = sigmas[Pair(chain_id=chain, token=WETH, numeraire=BTC)]
        assert ether is not None and crossed is not None  # noqa: PT018 - both are one fact
        assert min(ether, crossed) > 300_000
        assert Pair(chain_id=chain, token=WBTC, numeraire=BTC) not in sigmas
        assert Pair(chain_id=chain, token=USDC, numeraire=USD) not in sigmas


def test_sigmas__price_above_88_thousand_dollars__does_not_overflow() -> None:
    """A price times 10^6 must fit 64 bits: what the node scales down, the dataset has to as well."""
    scaled = replace(
        DATASET,
        prices={
            token: replace(series, prices_e8=tuple(p * 1_024 for p in series.prices_e8))
            for token, series in DATASET.prices.items()
        },
    )
    pair = Pair(chain_id=CHAINS[0], token=WBTC, numeraire=USD)

    assert take_snapshot(scaled, MIDDLE_S).sigmas[pair] == take_snapshot(DATASET, MIDDLE_S).sigmas[pair]


def test_compute_vectors__at_a_cut__has_the_listed_borrowers_and_every_priced_pair() -> None:
    listed = {b.subject for b in DATASET.borrowers if any(p.as_of_s == MIDDLE_S for p in b.positions)}
    pairs = {pair.subject for pair in take_snapshot(DATASET, MIDDLE_S).sigmas}

    assert VECTORS.keys() == listed | pairs
    assert len(pairs) == 2 * 4


def _prolong(series: HourlySeries, factors: list[int]) -> HourlySeries:
    """Return a series whose prices after the cut are other ones."""
    kept = (MIDDLE_S - series.first_hour_s) // HOUR_S + 1
    return replace(series, prices_e8=(*series.prices_e8[:kept], *(max(1, f) for f in factors)))


def _with_future(borrower: Borrower, after_s: int, usd: int) -> Borrower:
    """Return a borrower with an event of each kind, a sample and a position after the cut."""
    time_s = TimestampS(MIDDLE_S + after_s)
    events = [
        replace(borrower.events[0], time_s=time_s, kind=kind, value_usd_e8=UsdE8(usd), log_index=10_000 + kind)
        for kind in EventKind
    ]
    sample = replace(borrower.samples[0], time_s=time_s, debt_usd_e8=UsdE8(usd), health_factor_wad=Wad(1))
    position: PositionAt = replace(borrower.positions[0], as_of_s=time_s, health_factor_wad=Wad(1))
    return replace(
        borrower,
        events=tuple(sorted((*borrower.events, *events), key=lambda e: e.order)),
        samples=tuple(sorted((*borrower.samples, sample), key=lambda s: s.time_s)),
        positions=tuple(sorted((*borrower.positions, position), key=lambda p: p.as_of_s)),
        listed_s=(*borrower.listed_s, time_s),
    )


@settings(max_examples=25)
@given(
    after_s=st.integers(1, 60 * DAY_S),
    usd=st.integers(0, 10**15),
    factors=st.lists(st.integers(1, 10**13), max_size=30),
)
def test_compute_vectors__rows_of_the_future_inserted__change_nothing(
    after_s: int, usd: int, factors: list[int]
) -> None:
    changed = replace(
        DATASET,
        borrowers=tuple(_with_future(b, after_s, usd) if b.samples else b for b in DATASET.borrowers),
        prices={token: _prolong(series, factors) for token, series in DATASET.prices.items()},
    )

    assert compute_vectors(changed, MIDDLE_S) == VECTORS


def test_compute_vectors__a_row_at_the_cut_itself__does_change_something() -> None:
    """The test above would pass if nothing were read at all."""

    def with_liquidation(dataset: Dataset) -> Dataset:
        victim = next(b for b in dataset.borrowers if MIDDLE_S in b.listed_times)
        event = replace(victim.events[0], time_s=MIDDLE_S, kind=EventKind.LIQUIDATION, value_usd_e8=UsdE8(10**12))
        hit = replace(victim, events=tuple(sorted((*victim.events, event), key=lambda e: e.order)))
        return replace(dataset, borrowers=tuple(hit if b is victim else b for b in dataset.borrowers))

    changed = compute_vectors(with_liquidation(DATASET), MIDDLE_S)

    assert sum(changed[subject] != vector for subject, vector in VECTORS.items()) == 1


@pytest.mark.parametrize("hours", [0, 2, 3])
def test_snapshot__series_that_ended__counts_for_two_hours_more(hours: int) -> None:
    token = (CHAINS[0], WETH)
    series = DATASET.prices[token]
    kept = (MIDDLE_S - series.first_hour_s) // HOUR_S + 1 - hours
    ended = replace(DATASET, prices={**DATASET.prices, token: replace(series, prices_e8=series.prices_e8[:kept])})

    sigma = take_snapshot(ended, MIDDLE_S).sigmas[Pair(chain_id=CHAINS[0], token=WETH, numeraire=USD)]

    assert (sigma is None) == (hours > 2)
