"""Splits are purged and by time; labels are what the horizon holds; prices are what a feed would have said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import pytest

from oracle.domain.event import EventKind
from oracle.domain.ids import borrower_subject
from oracle.domain.units import DAY_S, TimestampS
from tests.features.histories import ACCOUNT, AS_OF_S, STRANGER, event
from training.datasets.canonical import Borrower
from training.datasets.prices import hourly_runs, sample_oracle
from training.labels import deepest_falls_bps, is_liquidated
from training.splits import SHOCKS, Shock, SplitKind, forward_folds, shock_splits, unseen_folds, unseen_splits
from training.structure import fit_state_offsets, offsets_at

HOUR = 3_600


def test_forward_folds__every_fold__trains_only_on_finished_horizons() -> None:
    times = np.arange(0, 700 * DAY_S, DAY_S)

    folds = list(forward_folds(times, horizon_s=30 * DAY_S, n_folds=4, first_share=0.4))

    assert len(folds) == 4
    tested = np.concatenate([f.test for f in folds])
    assert len(np.unique(tested)) == len(tested)
    for fold in folds:
        assert times[fold.train].max() + 30 * DAY_S <= times[fold.test].min()


def test_unseen_folds__every_fold__shares_no_borrower() -> None:
    clusters = np.repeat(np.arange(10), 7)

    for fold in unseen_folds(clusters, n_folds=4):
        assert set(clusters[fold.train]).isdisjoint(clusters[fold.test])
        assert len(fold.train) + len(fold.test) == len(clusters)


def test_unseen_splits__every_part__has_other_owners_and_a_later_time() -> None:
    times, owners = (part.ravel() for part in np.meshgrid(np.arange(0, 400 * DAY_S, DAY_S), np.arange(9) * 5))
    horizon_s = 30 * DAY_S

    splits = unseen_splits(times, owners, horizon_s=horizon_s, first_share=0.5, n_parts=3)

    assert len(splits) == 3
    assert sorted(np.unique(np.concatenate([owners[s.fold.test] for s in splits]))) == sorted(set(owners.tolist()))
    for split in splits:
        assert split.kind is SplitKind.UNSEEN
        assert set(owners[split.fold.train]).isdisjoint(owners[split.fold.test])
        assert times[split.fold.train].max() + horizon_s <= times[split.fold.test].min()


def test_shock_splits__rows_around_a_shock__no_horizon_touches_another() -> None:
    first_s = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp())
    times, horizon_s = first_s + np.arange(0, 365 * DAY_S, DAY_S), 7 * DAY_S

    (split,) = shock_splits(times, horizon_s=horizon_s)

    # 10 May 2021 is day 129, 1 June day 151: rows from day 123 (whose week ends after the 10th began) to 150 are tested;
    # those up to day 116 train, as do those from day 158 on.
    days_tested, days_trained = ((times[rows] - first_s) // DAY_S for rows in (split.fold.test, split.fold.train))
    assert split.name == "May 2021"
    assert days_tested.tolist() == list(range(123, 151))
    assert days_trained.tolist() == [*range(117), *range(158, 365)]


def test_shock_splits__time_without_rows_or_nothing_to_learn_from__is_no_split() -> None:
    times = int(datetime(2022, 6, 10, tzinfo=UTC).timestamp()) + np.arange(0, 5 * DAY_S, DAY_S)

    assert shock_splits(times, horizon_s=DAY_S) == []
    assert (
        shock_splits(times, horizon_s=DAY_S, shocks=(Shock(name="x", first=date(2020, 3, 1), until=date(2020, 4, 1)),))
        == []
    )


def test_shocks__list__is_the_four_named_months() -> None:
    assert [(s.first.year, s.first.month) for s in SHOCKS] == [(2021, 5), (2022, 6), (2022, 11), (2024, 8)]
    assert all(s.first < s.until for s in SHOCKS)


def borrower_with(*liquidations: tuple[int, int]) -> Borrower:
    events = tuple(event(EventKind.LIQUIDATION, AS_OF_S + after, usd, caller=STRANGER) for after, usd in liquidations)
    return Borrower(subject=borrower_subject(ACCOUNT), events=events, samples=())


@pytest.mark.parametrize(
    ("liquidations", "debt_usd", "expected"),
    [
        ([(DAY_S, 101)], 1_000, True),
        ([(DAY_S, 100)], 1_000, False),
        ([(DAY_S, 60), (2 * DAY_S, 60)], 1_000, True),
        ([(DAY_S, 101)], 20_000, False),
        ([(30 * DAY_S, 500)], 1_000, True),
        ([(30 * DAY_S + 1, 500)], 1_000, False),
        ([(0, 500)], 1_000, False),
    ],
)
def test_is_liquidated__by_value_and_time__follows_the_definition(
    liquidations: list[tuple[int, int]], debt_usd: int, expected: bool
) -> None:
    assert is_liquidated(borrower_with(*liquidations), TimestampS(AS_OF_S), debt_usd * 10**8) is expected


def test_deepest_falls__a_dip_and_recovery__is_the_dip() -> None:
    prices = np.array([100] * 5 + [60] + [90] * 40)

    assert deepest_falls_bps(prices, np.array([0, 5, 6])).tolist() == [4_000, 0, 0]


def test_sample_oracle__small_moves_within_an_hour__are_not_answered() -> None:
    times = np.array([0, 600, 1_200, 1_800, 3_600, 5_000])
    prices = np.array([1_000, 1_004, 1_005, 1_006, 1_006, 1_007])

    answered, values = sample_oracle(times, prices)

    assert answered.tolist() == [0, 1_200, 5_000]
    assert values.tolist() == [1_000, 1_005, 1_007]


def test_hourly_runs__late_answers_and_a_long_gap__carry_forward_and_split() -> None:
    times = np.array([HOUR - 10, 3 * HOUR + 5, 200 * HOUR])
    prices = np.array([10, 20, 30])

    runs = [(first, run.tolist()) for first, run in hourly_runs(times, prices)]

    assert runs == [(HOUR, [10, 10, 10]), (200 * HOUR, [30])]


def test_fit_state_offsets__simulated_risk__is_recovered_and_falls() -> None:
    random = np.random.default_rng(4)
    distance = random.uniform(0, 4, 20_000)
    truth = -1.0 - 1.2 * distance
    outcomes = (random.random(len(truth)) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    z = 32_768 + np.rint(1_024 * distance).astype(np.int64)

    knots = fit_state_offsets(z, outcomes)

    assert len(knots) == 257
    assert all(a >= b for a, b in pairwise(knots))
    for d in (0.5, 1.5, 3.0):
        fitted = offsets_at(knots, np.array([32_768 + int(1_024 * d)]))[0] / 4_096
        assert fitted == pytest.approx(-1.0 - 1.2 * d, abs=0.3)
