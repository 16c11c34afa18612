"""The rules of a Venus pool over time: liquidation thresholds, as its Comptroller logs them.

`token` is the vToken, as in the log: which underlying it stands for may be known by a call only. Source: venus-protocol 10.3, `SetterFacet`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from oracle.chain.abi.words import data_uint, topic_address, topic_uint
from oracle.chain.protocols.venus import events
from oracle.chain.rows import LogRow
from oracle.domain.ids import Address, Hash32

CORE_POOL = 0


def read_threshold(row: LogRow) -> Iterator[tuple[Address | None, Address, str, int]]:
    """Yield the new liquidation threshold of a vToken, named with its pool where that is not the core pool."""
    pool = topic_uint(row, 1)
    prefix = "" if pool == CORE_POOL else f"pool_{pool}_"
    yield None, topic_address(row, 2), f"{prefix}liquidation_threshold_wad", data_uint(row, 1)


PARAMETER_READERS: dict[Hash32, Callable[[LogRow], Iterator[tuple[Address | None, Address, str, int]]]] = {
    events.NEW_LIQUIDATION_THRESHOLD: read_threshold,
}
