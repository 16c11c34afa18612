"""Whether a borrower is liquidated again: one row per episode of liquidations, asked when the episode is known to be over, a day after its last.

What such a record tells of a borrower is only its past, so the score is a ranking without training, the behaviour margin of the bundle added in log-odds:

    rank = sum over its earlier episodes of exp(-days since / 30) + ln(liquidations in this episode) - 1 if all collateral is gone
           - 0.1 ln(1 + episodes of the same market in the last 30 days)

Its terms: liquidations excite one another; a position sold piece by piece stood at its limit for hours; one that left bad debt holds nothing more; where a whole market
was swept by a crash, one episode says less about the borrower than where it stood alone. The 0.1 is the one number that was chosen by looking, on Morpho
episodes before 2025-06; the same formula ranks Aave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S
from oracle.scoring.bundle import Bundle
from training.errors import TrainingError
from training.evaluation.records import compute_behaviour, list_episodes
from training.evaluation.task import NO_EVENT_DAY, Score, TaskRows
from training.units import LEAF_UNITS

type Array = np.ndarray[Any, Any]

HORIZON_S = 30 * DAY_S
MEMORY_S = 30 * DAY_S
CROWD_WEIGHT = 0.1
PRIOR, LIQUIDATIONS, INTENSITY, SHADOW = "prior_episodes", "prior_liquidations", "own_intensity", "shadow"
REPEATED, FIRST = "had_episodes_before", "first_episode"


@dataclass(frozen=True, kw_only=True)
class Liquidations:
    """Liquidations in any order; `took_all` where nothing can be left to liquidate."""

    owners: Array
    markets: Array
    times_s: Array
    took_all: Array


@dataclass(frozen=True, kw_only=True)
class EpisodeRows:
    """One row per episode, by time; `n_before` counts earlier episodes, `n_liquidations_before` their liquidations and its own."""

    owners: Array
    as_of_s: Array
    ended_s: Array
    n_liquidations: Array
    n_before: Array
    n_liquidations_before: Array
    intensity: Array
    took_all: Array
    crowd: Array
    event_days: Array

    def select(self, mask: Array) -> EpisodeRows:
        """Return the rows of a mask."""
        return EpisodeRows(**{name: getattr(self, name)[mask] for name in self.__dict__})


def rank_episodes(liquidations: Liquidations, bundle: Bundle, first_s: int, end_s: int) -> TaskRows:
    """Return the rows of the span whose 30 days end inside the record.

    Raises:
        TrainingError: if there are none.
    """
    if len(liquidations.times_s) == 0:
        raise TrainingError("the record holds no liquidation")
    rows = build_episodes(liquidations)
    record_end_s = int(liquidations.times_s.max())
    rows = rows.select((rows.as_of_s >= first_s) & (rows.as_of_s < end_s) & (rows.as_of_s + HORIZON_S <= record_end_s))
    if len(rows.as_of_s) == 0:
        raise TrainingError("no episode of liquidations in this span has 30 days of record after it")
    active, shadow = compute_behaviour(bundle, rows.n_before + 1, rows.ended_s, rows.as_of_s)
    rank = compute_rank(rows)
    baselines = {
        PRIOR: rows.n_before,
        LIQUIDATIONS: rows.n_liquidations_before,
        INTENSITY: rows.intensity,
        SHADOW: shadow,
    }
    return TaskRows(
        is_positive=rows.event_days != NO_EVENT_DAY,
        owners=rows.owners,
        as_of_s=rows.as_of_s,
        event_days=rows.event_days,
        model=Score(values=rank + active / LEAF_UNITS, is_probability=False),
        baselines={name: Score(values=v.astype(np.float64), is_probability=False) for name, v in baselines.items()},
        groups={FIRST: rows.n_before == 0, REPEATED: rows.n_before > 0},
        features={
            name: getattr(rows, name).astype(np.float64)
            for name in ("n_before", "n_liquidations", "intensity", "took_all", "crowd")
        },
    )


def compute_rank(rows: EpisodeRows) -> Array:
    """Return the ranking that the module describes."""
    crowd = CROWD_WEIGHT * np.log1p(rows.crowd)
    return np.asarray(rows.intensity + np.log(rows.n_liquidations) - rows.took_all - crowd)


def build_episodes(liquidations: Liquidations) -> EpisodeRows:
    """Return all episodes, by the time they are known."""
    names, owners = np.unique(liquidations.owners, return_inverse=True)
    order = np.lexsort((liquidations.times_s, owners))
    bounds = np.searchsorted(owners[order], np.arange(len(names) + 1))
    parts = [_owner_rows(owner, order[bounds[owner] : bounds[owner + 1]], liquidations) for owner in range(len(names))]
    columns = [np.array(column) for column in zip(*(row for part in parts for row in part), strict=True)]
    owner, known, ended, n, before, total, intensity, took_all, market, event_day = columns
    by_time = np.argsort(known, kind="stable")
    return EpisodeRows(
        owners=owner[by_time],
        as_of_s=known[by_time],
        ended_s=ended[by_time],
        n_liquidations=n[by_time],
        n_before=before[by_time],
        n_liquidations_before=total[by_time],
        intensity=intensity[by_time],
        took_all=took_all[by_time].astype(np.int64),
        crowd=_count_crowd(market[by_time], known[by_time]),
        event_days=event_day[by_time],
    )


def _owner_rows(owner: int, indices: Array, liquidations: Liquidations) -> list[tuple[Any, ...]]:
    episodes = list_episodes(liquidations.times_s[indices])
    rows, done = [], 0
    for number, episode in enumerate(episodes):
        last = indices[done + episode.n_liquidations - 1]
        own = indices[done : done + episode.n_liquidations]
        done += episode.n_liquidations
        following = episodes[number + 1] if number + 1 < len(episodes) else None
        is_repeated = following is not None and following.first_s <= episode.known_s + HORIZON_S
        earlier = np.array([e.last_s for e in episodes[:number]], dtype=np.int64)
        rows.append(
            (
                owner,
                episode.known_s,
                episode.last_s,
                episode.n_liquidations,
                number,
                done,
                float(np.exp((earlier - episode.known_s) / MEMORY_S).sum()),
                bool(liquidations.took_all[own].any()),
                str(liquidations.markets[last]),
                following.first_s // DAY_S if is_repeated and following is not None else NO_EVENT_DAY,
            )
        )
    return rows


def _count_crowd(markets: Array, known_s: Array) -> Array:
    """Return how many episodes of the row's market became known in the 30 days up to it, itself included; times ascend."""
    crowd = np.zeros(len(known_s), dtype=np.int64)
    for market in np.unique(markets).tolist():
        rows = np.flatnonzero(markets == market)
        times = known_s[rows]
        crowd[rows] = np.searchsorted(times, times, side="right") - np.searchsorted(
            times, times - MEMORY_S, side="right"
        )
    return crowd
