"""The choice of volatility and link: volatilities by hand, a choice that knows nothing of 2022, and dates in the card that keep training before testing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import pytest

from oracle.domain.market import HourlySeries
from oracle.domain.units import DAY_S, HOUR_S, TimestampS
from oracle.scoring.bundle import load_bundle
from tests.training.test_borrower_validation import rows_of
from training.structure_study import CHOSEN_BEFORE, study_structure, volatilities

EDGE_S = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp())
FOLD = re.compile(r"^\| (\d{4}-\d\d-\d\d) \| (\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d) \|", re.MULTILINE)
SPANS = re.compile(r"Chosen on weekly rows of (\S+) to (\S+), checked on (\S+) to (\S+)\. Gain")


def series() -> HourlySeries:
    """Return 1,200 days of hours that rise and fall by about 1 % in turn, in the last 30 days by 2 %."""
    prices = [1_000_000 if hour % 2 else 1_010_000 for hour in range(1_200 * 24 + 1)]
    prices[-720:] = [1_000_000 if hour % 2 else 1_020_000 for hour in range(720)]
    return HourlySeries(first_hour_s=TimestampS(EDGE_S - 700 * DAY_S), prices_e8=tuple(prices))


def test_volatilities__alternating_prices__by_hand() -> None:
    last = np.array([series().last_hour_s])

    sigmas = volatilities(series(), last)

    # Squared hourly returns are (1/101)^2 and 0.01^2 in turn, and about 0.02^2 in the last month; 8,760 hours a year.
    month = np.sqrt((0.02**2 + (2 / 102) ** 2) / 2 * 8_760)
    calm = (0.01**2 + (1 / 101) ** 2) / 2
    year = np.sqrt((calm * 335 + month**2 / 8_760 * 30) / 365 * 8_760)
    assert sigmas["30 d"][0] == pytest.approx(month, rel=2e-3)
    assert sigmas["365 d"][0] == pytest.approx(year, rel=2e-3)
    assert sigmas["larger of 30 and 365 d"][0] == sigmas["30 d"][0]


def test_study_structure__outcomes_after_the_choice_changed__choice_stays() -> None:
    rows = rows_of()
    rows = rows.select(np.arange(0, len(rows.as_of_s), 5))
    moved = replace(rows, as_of_s=rows.as_of_s - rows.as_of_s.min() + EDGE_S - 364 * DAY_S)
    later = moved.as_of_s >= EDGE_S
    flipped = replace(moved, is_positive=np.where(later, 1 - moved.is_positive, moved.is_positive))
    prices = replace(series(), first_hour_s=TimestampS(EDGE_S - 800 * DAY_S // HOUR_S * HOUR_S))

    first, second = (study_structure(r, prices) for r in (moved, flipped))

    assert first.chosen == second.chosen
    assert first.checked != second.checked
    assert first.chosen_on[1] < CHOSEN_BEFORE <= first.checked_on[0]


def test_card__every_fold__was_trained_before_it_was_tested() -> None:
    """No figure from a random split, or from rows that training knew the outcome of."""
    card = load_bundle("borrower-1", allow_sandbox=False).card

    folds = [tuple(date.fromisoformat(day) for day in found) for found in FOLD.findall(card)]
    spans = [date.fromisoformat(day) for day in SPANS.findall(card)[0]]

    assert len(folds) >= 5
    assert all(known_until <= first <= last for known_until, first, last in folds)
    assert spans == sorted(spans)
    assert spans[1] < CHOSEN_BEFORE <= spans[2]
    assert all(later[1] >= earlier[2] for earlier, later in pairwise(folds))
