"""What a caller chooses about a replayed world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oracle.errors import ConfigurationError

LEAD_DAYS = 400
"""Prices begin this long before the first row: volatility looks back a year, regimes 396 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySpec:
    """The Maker ETH-B vaults of `dataset` (a folder of folders) as borrowers of Aave v3, and borrowers of Morpho Blue on the last chain.

    `limit` takes the vaults with the smallest ids and at most as many of the `morpho_borrowers`, `days` the rows of the first days after the first row of all. `both_chains` is the synthetic mode:
    every fourth owner has half of each amount on each chain. `end_s` fixes the end of the history; None ends it a little before now. A chain's state
    is kept every `checkpoint_steps` blocks; neither that nor where the data are is part of the key.
    """

    dataset: Path
    limit: int | None = None
    days: int | None = None
    both_chains: bool = False
    morpho_borrowers: int = 2_000
    seed: int = 1
    chain_ids: tuple[int, ...] = (31_337, 31_338)
    end_s: int | None = None
    checkpoint_steps: int = 10_000

    def __post_init__(self) -> None:
        if list(self.chain_ids) != sorted(set(self.chain_ids)) or not self.chain_ids:
            raise ConfigurationError("a replay needs chain ids, ascending without repetition")
        if self.both_chains and len(self.chain_ids) != 2:
            raise ConfigurationError("owners are put on both chains of two: give two chain ids")
        if (self.limit is not None and self.limit < 1) or (self.days is not None and self.days < 1):
            raise ConfigurationError("the limit and the days of a replay are at least 1; leave them out for everything")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySpan:
    """Times of the data: prices from `first_s` to `last_s`, rows between; on the chain all are `shift_s` later."""

    first_s: int
    rows_start_s: int
    rows_end_s: int
    last_s: int
    shift_s: int
