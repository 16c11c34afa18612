"""Rows: vectors of the node's own code at each midnight, labels of the horizon after it."""

from __future__ import annotations

import numpy as np

from oracle.domain.units import DAY_S, TimestampS
from oracle.features.borrower import compute_borrower_vector
from oracle.features.collateral import compute_price_vector
from tests.training.generated import small_dataset
from training.datasets.prices import PriceRun
from training.histories import take_snapshot
from training.labels import HORIZON_S, is_liquidated
from training.rows import build_borrower_rows, build_collateral_rows, concatenate

HOUR = 3_600


def test_build_borrower_rows__each_row__is_the_vector_and_label_of_its_history() -> None:
    dataset = small_dataset()

    rows = build_borrower_rows(dataset, step_days=40)

    for i in range(0, len(rows.vectors), 7):
        as_of_s = TimestampS(int(rows.as_of_s[i]))
        borrower = dataset.borrowers[int(rows.clusters[i])]
        history = take_snapshot(dataset, as_of_s).history(borrower)
        debt = sum(p.debt_usd_e8 for p in history.positions)
        assert tuple(rows.vectors[i].tolist()) == compute_borrower_vector(history)
        assert bool(rows.is_positive[i]) == is_liquidated(borrower, as_of_s, debt)
        assert as_of_s + HORIZON_S <= dataset.end_s
    assert len(rows.vectors) > 50


def test_concatenate__two_parts__keep_their_borrowers_apart() -> None:
    rows = build_borrower_rows(small_dataset(), step_days=60)

    both = concatenate([rows, rows])

    assert len(both.vectors) == 2 * len(rows.vectors)
    assert len(np.unique(both.clusters)) == 2 * len(np.unique(rows.clusters))


def test_build_collateral_rows__a_crash_after_a_calm_month__labels_the_day_before() -> None:
    calm = np.full(24 * 60, 10**10)
    crash = np.concatenate((calm, np.full(24 * 10, 7 * 10**9)))
    run = PriceRun(symbol="X", first_hour_s=TimestampS(0), prices=crash)

    rows = build_collateral_rows([run], step_days=1)

    fell = rows.as_of_s[rows.falls_bps > 0]
    assert fell.tolist() == [59 * DAY_S]
    assert rows.falls_bps.max() == 3_000
    assert rows.as_of_s.min() == 30 * DAY_S
    start = int(rows.as_of_s[5]) // HOUR
    assert tuple(rows.vectors[5].tolist()) == compute_price_vector(crash[: start + 1], 0, 0)
