"""Standard errors of any figure, and of paired differences, where rows repeat by owner and by time at once.

Groups of rows are weighted by independent exponentials (Rubin, The Bayesian bootstrap, 1981): every draw keeps every event, so a figure exists in each. This
is done by owner, by block of time and by cell, on the same weights for all scores, and the variances are combined as V_owner + V_block - V_cell (Cameron, Gelbach and
Miller, Robust inference with multiway clustering, 2011), never less than the larger of the first two. Intervals use t with the degrees of
freedom of the scarcer cluster that holds events. The wider of two one-way intervals was rejected: where both kinds of shock matter it is too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.statistics.clusters import Clusters
from training.statistics.measures import Measure

type Array = np.ndarray[Any, Any]
type Key = tuple[str, str]
"""(score, figure)."""

DRAWS = 1_000
_SEED = 20_261
_CHUNK_VALUES = 4_000_000
"""Weights held at once: 32 MB."""


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Figures of each draw, by (score, figure), under weights by owner, by block and by cell."""

    by_owner: Mapping[Key, Array]
    by_block: Mapping[Key, Array]
    by_cell: Mapping[Key, Array]
    sizes: tuple[int, int, int]

    def standard_error(self, key: Key, less: Key | None = None) -> float:
        """Return the two-way standard error of a figure, or of its difference from another's on the same rows."""
        owner, block, cell = (
            _variance(draws[key] - (draws[less] if less else 0.0), size)
            for draws, size in zip((self.by_owner, self.by_block, self.by_cell), self.sizes, strict=True)
        )
        return float(np.sqrt(max(owner + block - cell, owner, block)))


def resample(clusters: Clusters, measures: Mapping[str, Sequence[Measure]], *, n_draws: int = DRAWS) -> Draws:
    """Return the draws of all figures of all scores; every score sees the same weights."""
    sizes = clusters.sizes
    by_owner = _draw(clusters.owners, sizes[0], measures, n_draws)
    by_block = _draw(clusters.blocks, sizes[1], measures, n_draws)
    # Where each owner (or block) fills one cell, cells are owners (or blocks): no need to draw again.
    by_cell = {sizes[1]: by_block, sizes[0]: by_owner}.get(sizes[2])
    if by_cell is None:
        by_cell = _draw(clusters.cells, sizes[2], measures, n_draws)
    return Draws(by_owner=by_owner, by_block=by_block, by_cell=by_cell, sizes=sizes)


def _draw(groups: Array, n_groups: int, measures: Mapping[str, Sequence[Measure]], n_draws: int) -> dict[Key, Array]:
    bound = [
        ([(score, name) for name in measure.names], measure.bind(groups, n_groups))
        for score, parts in measures.items()
        for measure in parts
    ]
    random = np.random.default_rng(_SEED)
    out: dict[Key, list[Array]] = {key: [] for keys, _ in bound for key in keys}
    step = max(1, _CHUNK_VALUES // n_groups)
    for start in range(0, n_draws, step):
        weights = random.standard_exponential((n_groups, min(step, n_draws - start)))
        for keys, evaluate in bound:
            for key, values in zip(keys, evaluate(weights), strict=True):
                out[key].append(values)
    return {key: np.concatenate(parts) for key, parts in out.items()}


def _variance(draws: Array, n_groups: int) -> float:
    """Return the variance over draws, enlarged to what it estimates without bias for a mean of that many groups."""
    if n_groups < 2:
        return 0.0
    return float(np.var(draws)) * (n_groups + 1) / (n_groups - 1)
