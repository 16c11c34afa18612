"""Whole nodes while a chain stands still: they report without it, and a node that restarts stays with the cut it took (C-15)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oracle.chain.checked import BlockHeader
from oracle.consensus.bodies import MessageKind
from oracle.domain.ids import ZERO_HASH, keccak256
from oracle.domain.report import ChainCut
from oracle.domain.units import BlockNumber, Epoch, NodeId, TimestampS
from tests.node import quick_committee
from tests.node.committee import quick_config
from tests.node.quick_committee import FakeReader, QuickCommittee

pytestmark = pytest.mark.anyio
EPOCH_S = 4
STALL_MS = 300


class StalledReader(FakeReader):
    """The last chain has no finalised block after a certain one long ago."""

    def __init__(self, chain_id: Any) -> None:
        super().__init__(chain_id)
        self.is_stalled = chain_id == quick_config().params.chains[-1].chain_id
        self.chain = SimpleNamespace(fetch_finalised_head=self.fetch_head)

    async def fetch_head(self) -> BlockHeader:
        return BlockHeader(
            number=BlockNumber(41), block_hash=keccak256(b"last"), parent_hash=ZERO_HASH, time_s=TimestampS(1_000)
        )

    async def derive_cut(self, boundary_s: TimestampS) -> ChainCut | None:  # type: ignore[override]
        return None if self.is_stalled else await super().derive_cut(boundary_s)


@pytest.fixture
async def committee(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[QuickCommittee]:
    monkeypatch.setattr(quick_committee, "FakeReader", StalledReader)
    monkeypatch.setattr(quick_committee, "TIMING", replace(quick_committee.TIMING, stall_ms=STALL_MS))
    running = QuickCommittee(tmp_path)
    running.config = quick_config(EPOCH_S)
    yield running
    await running.stop_all()


async def test_runtime__a_chain_stands_still__reports_without_it_and_restarts_with_the_cut_taken(
    committee: QuickCommittee,
) -> None:
    last = 1 << len(committee.chain_ids) - 1
    for number in range(4):
        committee.start(number)

    epoch = await committee.wait_for_agreement(0)
    await committee.stop(2)
    committee.start(2)
    again = await committee.wait_for_agreement(2, after=epoch)

    report, node = committee.nodes[NodeId(0)].stores.reports.report(epoch), committee.nodes[NodeId(2)]
    assert report is not None
    assert report.stalled_chains == last
    assert again in {vote.epoch for vote in node.stores.votes.since(Epoch(0)) if vote.kind is MessageKind.CUT}
    assert node.status.halted == ""
