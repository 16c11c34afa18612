"""Labels of cohorts, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.domain.event import EventKind
from oracle.domain.history import BorrowerHistory, CollateralHistory
from oracle.domain.ids import ZERO_HASH, SubjectId, borrower_subject
from oracle.domain.market import AssetFacts, HourlySeries, Pair
from oracle.domain.score import Binding, BorrowerScore, CollateralScore, Reasons
from oracle.domain.units import DAY_S, HOUR_S, Bps, Margin, Ppm, TimestampS
from oracle.node.cohort_labels import (
    borrower_members,
    collateral_members,
    count,
    label_borrower,
    label_collateral,
)
from oracle.storage.cohorts import Member
from tests.features.histories import ACCOUNT, AS_OF_S, CHAIN, DEBT, STRANGER, USD, VOLATILE, event, history, position

SCORE = BorrowerScore(
    subject=borrower_subject(ACCOUNT),
    state_offset=Margin(0),
    behaviour_margin=Margin(0),
    pd_ppm=Ppm(20_000),
    pd_upper_ppm=Ppm(30_000),
    points=600,
    grade=3,
    reasons=Reasons(bytes(4)),
    features_hash=ZERO_HASH,
)
PAIR_SCORE = CollateralScore(
    subject=SubjectId(b"\x02" * 32),
    margin=Margin(0),
    volatility_ppm=Ppm(500_000),
    drawdown_bps=Bps(1_000),
    gap_ppm=Ppm(1_500),
    ltv_ceiling_bps=Bps(8_000),
    ltv_floor_bps=Bps(4_000),
    liquidation_threshold_bps=Bps(8_500),
    binding=Binding.DRAWDOWN,
    features_hash=ZERO_HASH,
)


def borrower(*hits: tuple[int, int], debt: int = 5_000) -> BorrowerHistory:
    """A borrower liquidated at (seconds after the cut, dollars)."""
    events = [event(EventKind.LIQUIDATION, AS_OF_S + after_s, usd, caller=STRANGER) for after_s, usd in hits]
    return history(events, [], positions=(position(usd=debt, health_percent=150),))


def collateral(prices: list[int]) -> CollateralHistory:
    series = HourlySeries(first_hour_s=TimestampS(AS_OF_S), prices_e8=tuple(prices))
    facts = AssetFacts(token=VOLATILE, price_feed=VOLATILE, numeraire=DEBT, decimals=18, issuer_risk=0, bridge_risk=0)
    pair = Pair(chain_id=CHAIN, token=VOLATILE, numeraire=DEBT)
    return CollateralHistory(pair=pair, as_of_s=AS_OF_S, series=series, facts=facts)


@pytest.mark.parametrize(
    ("hits", "debt", "expected"),
    [
        ([], 5_000, False),
        ([(0, 1_000)], 5_000, False),
        ([(1, 1_000)], 5_000, True),
        ([(30 * DAY_S, 1_000)], 5_000, True),
        ([(30 * DAY_S + 1, 1_000)], 5_000, False),
        ([(1, 100)], 5_000, False),
        ([(1, 60), (9 * DAY_S, 60)], 5_000, True),
        ([(1, 500)], 50_000, False),
        ([(1, 501)], 50_000, True),
    ],
)
def test_label_borrower__above_dust_and_one_percent__within_thirty_days(
    hits: list[tuple[int, int]], debt: int, expected: bool
) -> None:
    assert label_borrower(borrower(*hits), AS_OF_S, debt * USD) is expected


@pytest.mark.parametrize(("lowest", "expected"), [(850, True), (851, False)])
def test_label_collateral__fall_of_exactly_fifteen_percent__is_one(lowest: int, expected: bool) -> None:
    prices = [1_000] * 24 + [lowest]

    assert label_collateral(collateral(prices), AS_OF_S) is expected


def test_label_collateral__fall_after_a_day__does_not_count() -> None:
    assert label_collateral(collateral([1_000] * 25 + [1]), AS_OF_S) is False


def test_label_collateral__price_at_the_hour_before__is_where_it_starts() -> None:
    # Scored 20 minutes past the first hour: 1,000 falls to 840 an hour later.
    assert label_collateral(collateral([1_000, 840] + [900] * 23), TimestampS(AS_OF_S + 1_200)) is True


@pytest.mark.parametrize("shift_s", [-HOUR_S, HOUR_S])
def test_label_collateral__prices_missing__has_no_label(shift_s: int) -> None:
    assert label_collateral(collateral([1_000] * 25), TimestampS(AS_OF_S + shift_s)) is None


def test_members__unrated_dust_and_unknown__are_left_out() -> None:
    subject = SCORE.subject

    assert [m.debt_usd_e8 for m in borrower_members([SCORE], [borrower()])] == [5_000 * USD]
    assert borrower_members([replace(SCORE, grade=0)], [borrower()]) == []
    assert borrower_members([SCORE], [borrower(debt=99)]) == []
    assert borrower_members([SCORE], []) == []
    assert borrower_members([PAIR_SCORE], [borrower()]) == []
    assert [m.predicted_ppm for m in collateral_members([PAIR_SCORE, SCORE])] == [1_500]
    assert collateral_members([replace(PAIR_SCORE, binding=Binding.UNRATED)]) == []
    assert subject == borrower().subject


def test_count__labels_of_two_of_three__sums_those() -> None:
    members = [
        Member(subject=SubjectId(bytes([n]) * 32), predicted_ppm=Ppm(p), upper_ppm=Ppm(2 * p))
        for n, p in enumerate((100_000, 200_000, 500_000))
    ]

    tally = count(members, {members[0].subject: True, members[1].subject: False})

    # 0.1 * 0.9 + 0.2 * 0.8 = 0.25.
    assert (tally.known_count, tally.realised_count, tally.expected_ppm, tally.upper_ppm, tally.variance_ppm) == (
        2,
        1,
        300_000,
        600_000,
        250_000,
    )
