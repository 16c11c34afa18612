"""A node whose clock is an hour off: the others report without it, it signs nothing that counts, and takes part again once the time is right.

One that was ahead keeps to the votes that it made for later epochs, so it waits until the time has reached them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from oracle.domain.merkle import MerkleTree
from oracle.domain.units import NodeId
from oracle.node.clock import SystemClock
from tests.node.committee import quick_config
from tests.node.quick_committee import SCORES, QuickCommittee

pytestmark = pytest.mark.anyio
EPOCH_S, HOUR_S = 4, 3_600
WRONG, WITNESS = 3, 0


class ShiftedClock(SystemClock):
    """The machine's clock, set wrong by some seconds."""

    def __init__(self, offset_s: int) -> None:
        super().__init__()
        self.offset_s = offset_s

    def now_ms(self) -> int:
        return super().now_ms() + 1_000 * self.offset_s


@pytest.fixture
async def committee(tmp_path: Path) -> AsyncIterator[QuickCommittee]:
    running = QuickCommittee(tmp_path)
    running.config = quick_config(EPOCH_S)
    yield running
    await running.stop_all()


@pytest.mark.slow
@pytest.mark.parametrize("offset_s", [HOUR_S, -HOUR_S])
async def test_runtime__clock_an_hour_off__others_report_without_it_and_one_behind_returns_after_a_restart(
    committee: QuickCommittee, offset_s: int
) -> None:
    committee.clocks[WRONG] = ShiftedClock(offset_s)
    for number in range(4):
        committee.start(number)

    epoch = await committee.wait_for_agreement(WITNESS)
    second = await committee.wait_for_agreement(WITNESS, after=epoch)
    agreed_alone = committee.nodes[NodeId(WRONG)].status.agreed_epoch
    await committee.stop(WRONG)
    del committee.clocks[WRONG]
    committee.start(WRONG)
    if offset_s < 0:
        assert await committee.wait_for_agreement(WRONG, after=second) > second

    reports = [committee.nodes[NodeId(WITNESS)].stores.reports.report(e) for e in (epoch, second)]
    assert agreed_alone is None
    assert [report and report.observers >> WRONG & 1 for report in reports] == [0, 0]
    assert {report and report.scores_root for report in reports} == {MerkleTree(s.leaf for s in SCORES).root}
