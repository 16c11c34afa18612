"""Pairs to price attacks in: the collateral bundle's scores of made-up prices, one calm and one wild, by the real feature code.

Prices are random walks of hours with a fixed seed; their volatility is about that of a major and of a long-tail token. No data folder is needed.
"""

from __future__ import annotations

import numpy as np

from oracle.domain.ids import ZERO_HASH, SubjectId
from oracle.domain.score import CollateralScore
from oracle.features.collateral import compute_price_vector
from oracle.scoring.calibration import score_collaterals
from oracle.scoring.model import Model
from oracle.scoring.reference import compute_margins

YEARLY_VOLATILITY = {"major": 0.5, "wild": 0.9}
_HOURS = 366 * 24 + 1


def make_pairs(collateral: Model) -> dict[str, CollateralScore]:
    """Return the score of each pair; every one is rated by the bundles that ship, which a test checks."""
    pairs = {}
    for name, volatility in YEARLY_VOLATILITY.items():
        random = np.random.default_rng(7)
        steps = random.standard_normal(_HOURS) * volatility / (365 * 24) ** 0.5
        prices = (1_000 * 10**8 * np.exp(np.cumsum(steps))).astype(np.int64)
        vectors = np.array([compute_price_vector(prices, 0, 0)], dtype=np.int64)
        margins = compute_margins(collateral.trees, vectors)
        (pairs[name],) = score_collaterals(collateral, [SubjectId(ZERO_HASH)], vectors, margins)
    return pairs
