"""Borrowers of an event record at a moment: loans that may be open, liquidations by episode, and what of a vector such a record can tell.

An episode ends when 24 hours pass without a liquidation. A record of events holds no state: of the features only the number of episodes and the days since the
last are known, all else is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S, TimestampS
from oracle.features.quantize import SLOT_MAX, count
from oracle.scoring.bundle import Bundle
from oracle.scoring.session import Scorer

type Array = np.ndarray[Any, Any]

EPISODE_GAP_S = DAY_S
RANDOM_SEED = 20_201
_EPISODES, _SINCE = "liquidation_episodes", "days_since_liquidation"


@dataclass(frozen=True, kw_only=True)
class Episode:
    """Liquidations of one borrower without 24 hours between them; it is known to be over a day after `last_s`."""

    first_s: TimestampS
    last_s: TimestampS
    n_liquidations: int

    @property
    def known_s(self) -> TimestampS:
        """Return when nothing can join it any more."""
        return TimestampS(self.last_s + EPISODE_GAP_S)


def list_episodes(times_s: Array) -> list[Episode]:
    """Return the episodes of one borrower's liquidations, ascending."""
    times = np.sort(times_s)
    parts = np.split(times, np.flatnonzero(np.diff(times) >= EPISODE_GAP_S) + 1) if len(times) else []
    return [Episode(first_s=TimestampS(int(p[0])), last_s=TimestampS(int(p[-1])), n_liquidations=len(p)) for p in parts]


def compute_behaviour(bundle: Bundle, episodes: Array, last_end_s: Array, as_of_s: Array) -> tuple[Array, Array]:
    """Return per row the margin of behaviour that counts, and that of the trees whether they count or not (the shadow's).

    `episodes` number those over by then, `last_end_s` is the end of the last, ignored where there is none.
    """
    slots = {f.name: f.slot for f in bundle.schema}
    vectors = np.zeros((len(as_of_s), len(bundle.schema)), dtype=np.int64)
    if _EPISODES in slots:
        vectors[:, slots[_EPISODES]] = [count(n) for n in episodes.tolist()]
    if _SINCE in slots:
        days = np.where(episodes > 0, (as_of_s - last_end_s) // DAY_S, SLOT_MAX)
        vectors[:, slots[_SINCE]] = [count(n) for n in days.tolist()]
    shadow = Scorer(bundle).trees_margins(vectors)
    return (shadow if bundle.trees_active else np.zeros_like(shadow)), shadow


def draw_random(n: int) -> Array:
    """Return a ranking that knows nothing, the same in every run."""
    return np.random.default_rng(RANDOM_SEED).random(n)
