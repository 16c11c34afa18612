"""The cut of one chain, from its finalised blocks alone: no leader and no clock.

It is the last block with timestamp <= boundary that has a finalised successor with timestamp > boundary. Any later block is after the boundary
too, so the cut never moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from oracle.chain.checked import BlockHeader
from oracle.domain.report import ChainCut
from oracle.domain.units import BlockNumber, ChainId, TimestampS

FIRST_STEP_BLOCKS = 16
"""How far behind the head the first guess lies; doubled until it is at or before the boundary."""


class HeaderSource(Protocol):
    """Where headers come from."""

    async def fetch_finalised_head(self) -> BlockHeader:
        """Return the finalised head."""

    async def fetch_headers(self, numbers: Sequence[BlockNumber]) -> tuple[BlockHeader, ...]:
        """Return headers in the order of `numbers`."""


async def derive_cut(source: HeaderSource, chain_id: ChainId, boundary_s: TimestampS) -> ChainCut | None:
    """Return the cut for a boundary, None while there is none: no finalised block after it yet, or no block before it."""
    head = await source.fetch_finalised_head()
    if head.time_s <= boundary_s:
        return None
    low = await _find_before(source, head, boundary_s)
    if low is None:
        return None
    block = await _search(source, low, head.number, boundary_s)
    return ChainCut(chain_id=chain_id, block_number=block.number, block_hash=block.block_hash)


async def _find_before(source: HeaderSource, head: BlockHeader, boundary_s: TimestampS) -> BlockHeader | None:
    """Return some block at or before the boundary, close behind the head where possible; None if block 0 is after it."""
    step_blocks = FIRST_STEP_BLOCKS
    number = head.number
    while number > 0:
        number = BlockNumber(max(0, number - step_blocks))
        (header,) = await source.fetch_headers([number])
        if header.time_s <= boundary_s:
            return header
        step_blocks *= 2
    return None


async def _search(source: HeaderSource, low: BlockHeader, high: BlockNumber, boundary_s: TimestampS) -> BlockHeader:
    """Return the last block at or before the boundary; `low` is such a block, `high` is not."""
    while high - low.number > FIRST_STEP_BLOCKS:
        (middle,) = await source.fetch_headers([BlockNumber((low.number + high) // 2)])
        if middle.time_s <= boundary_s:
            low = middle
        else:
            high = middle.number
    between = await source.fetch_headers([BlockNumber(n) for n in range(low.number + 1, high)])
    return max([low, *(h for h in between if h.time_s <= boundary_s)], key=lambda h: h.number)
