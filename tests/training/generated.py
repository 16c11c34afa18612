"""One small generated dataset for all tests of training."""

from __future__ import annotations

from functools import cache

from training.datasets.canonical import Dataset
from training.datasets.synthetic import generate_dataset


@cache
def small_dataset() -> Dataset:
    """Return 80 borrowers over 150 days: a few seconds to generate, enough liquidations to train on."""
    return generate_dataset(seed=3, borrowers=80, days=150)
