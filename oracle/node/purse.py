"""The operator's purse: what was spent on a chain today, and the cap that nothing passes. Survives a restart."""

from __future__ import annotations

from oracle.domain.units import ChainId
from oracle.errors import SpendingCapError
from oracle.node.clock import Clock
from oracle.storage.records import RecordStore


class Purse:
    """Implements the `SpendGuard` of `oracle.delivery`; days are UTC."""

    def __init__(self, records: RecordStore, clock: Clock, daily_cap_wei: int) -> None:
        self._records = records
        self._clock = clock
        self._daily_cap_wei = daily_cap_wei

    def check(self, chain_id: ChainId, fee_wei: int) -> None:
        """Refuse a fee that could pass the cap.

        Raises:
            SpendingCapError: if today's fees and this one are above it.
        """
        spent_wei = self._records.spent_wei(chain_id, self._clock.now_ms() // 1_000)
        if spent_wei + fee_wei > self._daily_cap_wei:
            raise SpendingCapError(chain_id, spent_wei, self._daily_cap_wei)

    def record(self, chain_id: ChainId, fee_wei: int) -> None:
        """Add a fee that was paid."""
        self._records.add_spend(chain_id, self._clock.now_ms() // 1_000, fee_wei)
