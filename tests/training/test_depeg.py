"""Coins that leave their peg: days before an hour more than 1 % away count, days already away do not, and the data must cover the week."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.domain.units import DAY_S, HOUR_S
from tests.training.test_collateral_days import START_S
from training.collateral_days import PriceDays
from training.datasets.prices import PriceRun, price_runs
from training.errors import TrainingError
from training.evaluation.task import NO_EVENT_DAY
from training.evaluation.tasks.depeg import AWAY_BPS, DISTANCE, depeg_rows

AWAY_HOUR = 50 * 24 + 5


def runs_of(closes: list[float], symbol: str = "USDC") -> list[PriceRun]:
    return list(price_runs(symbol, START_S + HOUR_S * np.arange(len(closes)), np.array(closes)))


def margins(days: PriceDays) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(len(days.as_of_s))


def left_at_hour(price: float, hours_away: int = 30) -> list[float]:
    return [1.0] * AWAY_HOUR + [price] * hours_away + [1.0] * (20 * 24)


@pytest.mark.parametrize(("price", "leaves"), [(0.985, True), (1.015, True), (0.995, False)])
def test_depeg_rows__hour_away__seven_days_before_it_are_positive(price: float, leaves: bool) -> None:
    rows = depeg_rows(runs_of(left_at_hour(price)), margins, START_S, START_S + 100 * DAY_S)

    days = (rows.as_of_s - START_S) // DAY_S
    # At midnight of day 51 the price is still away: no row if it left.
    assert (51 in days.tolist()) is not leaves
    assert set(days[rows.is_positive].tolist()) == (set(range(44, 51)) if leaves else set())
    assert set(rows.event_days[rows.is_positive].tolist()) <= {START_S // DAY_S + 50}
    assert set(rows.event_days[~rows.is_positive].tolist()) == {NO_EVENT_DAY}
    assert rows.baselines[DISTANCE].values.max() <= AWAY_BPS


def test_depeg_rows__data_end_within_the_week__only_a_fall_seen_counts() -> None:
    calm = depeg_rows(runs_of([1.0] * 60 * 24), margins, START_S, START_S + 100 * DAY_S)
    cut = depeg_rows(runs_of([*([1.0] * AWAY_HOUR), 0.9]), margins, START_S, START_S + 100 * DAY_S)

    assert ((calm.as_of_s - START_S) // DAY_S).max() == 52
    assert cut.is_positive[(cut.as_of_s - START_S) // DAY_S >= 44].all()


def test_depeg_rows__coin_that_never_stood_near_a_dollar__says_so() -> None:
    with pytest.raises(TrainingError, match="within 1 %"):
        depeg_rows(runs_of([0.9] * 60 * 24), margins, START_S, START_S + 100 * DAY_S)
