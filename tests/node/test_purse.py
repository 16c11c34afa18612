"""The purse: nothing passes the daily cap, also after a restart; a new day begins at 00:00 UTC (V-04)."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.domain.units import ChainId, TimestampS
from oracle.errors import SpendingCapError
from oracle.node.clock import SystemClock
from oracle.node.purse import Purse
from oracle.node.stores import Stores

CHAIN = ChainId(1)


class SetClock(SystemClock):
    def __init__(self, now_s: int) -> None:
        super().__init__()
        self.now_s = now_s

    def now_ms(self) -> int:
        return self.now_s * 1_000

    def observe_block(self, time_s: TimestampS) -> None:
        return


def test_check__up_to_the_cap__passes_and_a_wei_more_does_not(tmp_path: Path) -> None:
    stores = Stores.open(tmp_path / "node.db", hold=False)
    clock = SetClock(86_400 * 100 + 7)
    purse = Purse(stores.records, clock, 1_000)

    purse.check(CHAIN, 1_000)
    purse.record(CHAIN, 400)
    after_restart = Purse(stores.records, clock, 1_000)
    after_restart.check(CHAIN, 600)
    with pytest.raises(SpendingCapError, match="daily_cap_wei"):
        after_restart.check(CHAIN, 601)

    clock.now_s += 86_400
    after_restart.check(CHAIN, 1_000)
    stores.database.close()
