"""The average over possible opening healths: monotone in price, sure of what has no doubt, and Bayes' rule on who is still open."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.domain.units import DAY_S
from oracle.scoring.bundle import load_bundle
from training.errors import TrainingError
from training.evaluation.opening_health import BORROWED, OpeningHealth, PricesSince, compute_log_odds

BUNDLE = load_bundle("borrower-1", allow_sandbox=False)
FOREVER = 1e9


def since(relative: list[float], lowest: list[float], *, volatility: float = 0.8, age_days: float = 0.0) -> PricesSince:
    n = len(relative)
    return PricesSince(
        relative=np.array(relative),
        lowest=np.array(lowest),
        volatility=np.full(n, volatility),
        age_s=np.full(n, age_days * DAY_S),
    )


def probability(prior: OpeningHealth, rows: PricesSince) -> list[float]:
    odds = compute_log_odds(BUNDLE, prior, rows, np.zeros(len(rows.age_s), dtype=np.int64))
    return [float(p) for p in 1 / (1 + np.exp(-odds))]


def test_compute_log_odds__health_is_certain__is_the_bundles_own_probability() -> None:
    health_2 = OpeningHealth(median=np.log(2), spread=0.0, closing_days=FOREVER)
    distance = np.log(2 * 0.75) / (0.8 * np.sqrt(30 / 365))
    tables = BUNDLE.model.borrower_tables
    expected = tables.pd_ppm[tables.table_index(tables.state_offset(32_768 + int(1024 * distance)))] / 1e6

    assert probability(health_2, since([0.75], [0.75])) == pytest.approx([expected])


def test_compute_log_odds__price_lower_now__is_riskier() -> None:
    rising = probability(BORROWED, since([1.2, 1.0, 0.8], [0.8, 0.8, 0.8]))

    assert rising[0] < rising[1] < rising[2]


def test_compute_log_odds__lived_through_a_fall__is_safer() -> None:
    unscathed, tested = probability(BORROWED, since([1.0, 1.0], [1.0, 0.5]))

    assert tested < unscathed


def test_compute_log_odds__half_of_healths_gone__follows_bayes() -> None:
    """Half of the points lie below the median: after a fall by it, S = 1/2, and at one closing time open = 1/e."""
    median = 0.5
    eternal = OpeningHealth(median=median, spread=0.3, closing_days=FOREVER)
    mortal = OpeningHealth(median=median, spread=0.3, closing_days=100.0)
    low = float(np.exp(-median))
    rows = since([1.0], [low], age_days=100)

    share = probability(mortal, rows)[0] / probability(eternal, rows)[0]

    assert share == pytest.approx(np.exp(-1) / 2 / (np.exp(-1) / 2 + 1 - np.exp(-1)), rel=1e-6)


def test_compute_log_odds__bundle_of_collaterals__is_refused() -> None:
    collateral = load_bundle("collateral-1", allow_sandbox=False)

    with pytest.raises(TrainingError, match="needs a bundle of borrowers"):
        compute_log_odds(collateral, BORROWED, since([1.0], [1.0]), np.zeros(1, dtype=np.int64))
