"""What repeats among rows: owners, blocks of time, and cells where both meet. Rows of one owner, or of one block, are not independent news."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S

type Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Numbers 0.. of each row's owner, block and cell."""

    owners: Array
    blocks: Array
    cells: Array

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Return how many owners, blocks and cells there are."""
        owners, blocks, cells = (int(codes.max(initial=-1)) + 1 for codes in (self.owners, self.blocks, self.cells))
        return owners, blocks, cells

    def degrees_of_freedom(self, is_event: Array) -> int:
        """Return one less than the owners or the blocks that hold events, whichever are fewer (Cameron and Miller, 2015, section VI)."""
        hit = np.asarray(is_event, dtype=bool)
        return min(len(np.unique(self.owners[hit])), len(np.unique(self.blocks[hit]))) - 1


def build_clusters(owners: Array, as_of_s: Array, *, block_days: int) -> Clusters:
    """Return the clusters of rows; a block is at least as long as the horizon, so that one event's rows rarely straddle two."""
    owner = np.unique(owners, return_inverse=True)[1]
    block = np.unique(as_of_s // (block_days * DAY_S), return_inverse=True)[1]
    n_blocks = int(block.max(initial=0)) + 1
    cell = np.unique(owner.astype(np.int64) * n_blocks + block, return_inverse=True)[1]
    return Clusters(owners=owner, blocks=block, cells=cell)
