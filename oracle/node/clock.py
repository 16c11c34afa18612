"""Clocks: what time it is for boundaries, and how the node waits.

Safety never depends on a clock. A mainnet node uses the system's; a sandbox's chains run at a time of their own, so there the clock follows the
slowest chain's newest block.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from oracle.domain.units import TimestampS


class Clock(Protocol):
    """The time by which epochs begin, and a timer for intervals."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970, UTC."""
        ...

    def observe_block(self, time_s: TimestampS) -> None:
        """Take note of the newest block time of the slowest chain."""
        ...


class SystemClock:
    """The machine's clock; it also remembers how far the chains are from it."""

    def __init__(self) -> None:
        self.newest_block_s: TimestampS | None = None

    def now_ms(self) -> int:
        """Return milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000

    def observe_block(self, time_s: TimestampS) -> None:
        """Take note of the newest block time of the slowest chain."""
        self.newest_block_s = time_s


class ChainClock:
    """Follows block times and goes on between blocks; never runs backwards. For sandboxes only."""

    def __init__(self) -> None:
        self.newest_block_s: TimestampS | None = None
        self._block_ms = 0
        self._seen_ms = 0
        self._last_ms = 0

    def now_ms(self) -> int:
        """Return the time of the newest block plus what has passed since; 0 before the first block."""
        if self.newest_block_s is not None:
            self._last_ms = max(self._last_ms, self._block_ms + monotonic_ms() - self._seen_ms)
        return self._last_ms

    def observe_block(self, time_s: TimestampS) -> None:
        """Set the clock by a block."""
        if self.newest_block_s is None or time_s > self.newest_block_s:
            self.newest_block_s = time_s
            self._block_ms = time_s * 1_000
            self._seen_ms = monotonic_ms()


class LoopTimer:
    """Waits on the event loop; the port of `oracle.delivery`."""

    def now_ms(self) -> int:
        """Return milliseconds that only grow."""
        return monotonic_ms()

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait."""
        await asyncio.sleep(duration_ms / 1_000)


def monotonic_ms() -> int:
    """Return milliseconds that only grow, for intervals."""
    return time.monotonic_ns() // 1_000_000
