"""Stricter rules for a rating: their price by hand, whom they shut out, and no saving claimed without an interval above zero."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from oracle.domain.units import DAY_S
from training.economics.rating_rules import NOW, RULES, PastBorrows, RatingRule, measure_rules, render


def past(**columns: Any) -> PastBorrows:
    n = len(columns["owners"])
    filled = {
        "midnights": np.full(n, 30),
        "age_days": np.full(n, 30),
        "usd_days": np.full(n, 1e6),
        "debts_usd": np.full(n, 100.0),
        "is_liquidated": np.zeros(n, dtype=bool),
        "as_of_s": np.arange(n) * 40 * DAY_S,
    }
    return PastBorrows(**{**filled, **columns})


def test_cost__rule_of_now__is_seven_days_of_100_dollars_and_four_transactions() -> None:
    # 100 * 5 % * 7 / 365 = 0.0959.
    assert NOW.cost_usd(5.0) == pytest.approx(20.0959, abs=1e-4)


def test_cost__dollar_days__are_interest_on_what_was_held() -> None:
    # 1,000,000 dollar-days at 5 % a year are 136.99 dollars, however few the days.
    assert RatingRule(usd_days=1_000_000).cost_usd(0.0) == pytest.approx(136.9863, abs=1e-4)


def test_cost__longer_age__buys_time_and_hardly_any_money() -> None:
    assert RatingRule(age_days=90).cost_usd(0.0) == pytest.approx(100 * 0.05 * 90 / 365)


def test_measure_rules__one_of_four_too_young__is_shut_out_and_counted() -> None:
    borrows = past(
        owners=np.array([0, 1, 2, 3]),
        midnights=np.array([30, 30, 30, 3]),
        age_days=np.array([30, 30, 8, 2]),
        debts_usd=np.array([100.0, 100.0, 200.0, 400.0]),
        is_liquidated=np.array([False, False, True, True]),
    )

    (found,) = measure_rules(borrows, [RatingRule(age_days=14)])

    assert (found.unrated_share, found.unrated_debt_share, found.never_rated_owners_share) == (0.5, 0.75, 0.5)
    # The borrow of three midnights is unrated as it is: the rule shuts out one, and that one was liquidated.
    assert (found.n_shut_out, found.n_hit_owners, found.shut_out_rate, found.rated_rate) == (1, 1, 1.0, 0.0)
    assert found.difference.value == 1.0
    assert found.difference.low is None


def test_measure_rules__rule_of_now__shuts_nobody_out() -> None:
    (found,) = measure_rules(past(owners=np.arange(3)), [NOW])

    assert (found.n_shut_out, found.shut_out_rate, found.difference.value) == (0, None, None)


def test_measure_rules__many_young_owners_liquidated__is_proved_and_said() -> None:
    is_young = np.arange(80) % 2 == 0
    borrows = past(owners=np.arange(80), age_days=np.where(is_young, 8, 60), is_liquidated=is_young)

    (found,) = measure_rules(borrows, [RatingRule(age_days=30)])

    assert found.difference.low is not None
    assert found.difference.low > 0
    assert "proved riskier by: 30 days" in render({"x": (found,)})[-2]


def test_measure_rules__no_borrow__measures_nothing() -> None:
    assert measure_rules(past(owners=np.zeros(0, dtype=np.int64))) == ()


def test_render__nothing_proved__says_that_the_rule_stays() -> None:
    lines = render({"x": measure_rules(past(owners=np.arange(4)))})

    assert sum(line.startswith("| x |") for line in lines) == len(RULES)
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert "No stricter rule is proved" in lines[-2]


def test_since__earlier_borrows__are_left_out() -> None:
    borrows = past(owners=np.arange(3))

    kept = borrows.since(40 * DAY_S)

    assert kept.owners.tolist() == [1, 2]
    assert replace(kept).usd_days.tolist() == [1e6, 1e6]
