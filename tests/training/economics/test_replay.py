"""Loans on made-up prices, by hand: the hour of liquidation, the sale after the delay, what is lost at each scale."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.domain.units import TimestampS
from training.datasets.prices import PriceRun
from training.economics.offers import Days, Offer
from training.economics.replay import LOAN_HOURS, SCALES, replay_offer

ONE = int(np.searchsorted(SCALES, 1.0))


def run_of(prices: list[int]) -> PriceRun:
    return PriceRun(symbol="XYZ", first_hour_s=TimestampS(0), prices=np.array(prices, dtype=np.int64))


def one_day(hour: int = 0) -> Days:
    return Days(hours=np.array([hour]), numbers=np.array([0]), vectors=np.zeros((1, 1), dtype=np.int64))


def offer_of(ltv_bps: int, threshold_bps: int) -> Offer:
    return Offer(ltv_bps=np.array([ltv_bps]), threshold_bps=np.array([threshold_bps]))


def test_replay_offer__price_never_reaches_the_threshold__loses_nothing() -> None:
    run = run_of([1_000] * (LOAN_HOURS + 50))

    outcome = replay_offer(run, one_day(), offer_of(7_500, 8_000), np.array([1.0]), delay_hours=24, recovered=0.95)

    assert outcome.granted.tolist() == [0.75]
    assert outcome.liquidated.tolist() == [0.0]
    assert outcome.bad_debt[0, ONE] == 0.0


def test_replay_offer__falls_through_the_threshold__sells_at_the_price_after_the_delay() -> None:
    # Debt 0.75, threshold 0.8: liquidated below 937.5. It opens at hour 5 at 930, and is sold at hour 8, at 700, for 95 %.
    run = run_of([1_000] * 5 + [930, 930, 930, 700] + [990] * LOAN_HOURS)

    outcome = replay_offer(run, one_day(), offer_of(7_500, 8_000), np.array([1.0]), delay_hours=3, recovered=0.95)

    assert outcome.liquidated.tolist() == [0.75]
    assert outcome.bad_debt[0, ONE] == pytest.approx(0.75 - 0.95 * 0.7)


def test_replay_offer__two_shares__average_their_debts_and_losses() -> None:
    run = run_of([1_000] * 5 + [930, 930, 930, 700] + [990] * LOAN_HOURS)

    outcome = replay_offer(run, one_day(), offer_of(7_500, 8_000), np.array([0.4, 1.0]), delay_hours=3, recovered=0.95)

    assert outcome.granted[0] == pytest.approx((0.3 + 0.75) / 2)
    assert outcome.liquidated[0] == pytest.approx(0.75 / 2)
    assert outcome.bad_debt[0, ONE] == pytest.approx((0.75 - 0.665) / 2)


def test_replay_offer__every_scale__is_what_a_rule_scaled_by_hand_would_lose() -> None:
    prices = run_of([1_000] * 5 + [930, 930, 930, 700] + [990] * LOAN_HOURS)
    whole = replay_offer(prices, one_day(), offer_of(7_500, 8_000), np.array([1.0]), delay_hours=3, recovered=0.95)

    half = replay_offer(prices, one_day(), offer_of(9_000, 9_600), np.array([1.0]), delay_hours=3, recovered=0.95)

    assert half.bad_debt[0, ONE] == pytest.approx(whole.bad_debt[0, int(np.searchsorted(SCALES, 1.2))])


def test_replay_offer__threshold_cut_while_a_loan_is_open__liquidates_it() -> None:
    run = run_of([1_000] * (LOAN_HOURS + 60))
    days = Days(hours=np.array([0, 24]), numbers=np.array([0, 1]), vectors=np.zeros((2, 1), dtype=np.int64))
    offer = Offer(ltv_bps=np.array([7_500, 0]), threshold_bps=np.array([8_000, 7_000]))

    outcome = replay_offer(run, days, offer, np.array([1.0]), delay_hours=1, recovered=0.95)

    assert outcome.liquidated.tolist() == [0.75, 0.0]


def test_replay_offer__fall_after_thirty_days__is_none_of_the_loans() -> None:
    run = run_of([1_000] * (LOAN_HOURS + 1) + [100] * 50)

    outcome = replay_offer(run, one_day(), offer_of(7_500, 8_000), np.array([1.0]), delay_hours=24, recovered=0.95)

    assert outcome.liquidated.tolist() == [0.0]
