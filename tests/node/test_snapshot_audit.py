"""What an import did not compare, the running node does: once, across restarts, and it stops voting where the endpoints say otherwise (N-06)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from oracle.domain.units import ChainId
from oracle.node.check import check_imports
from oracle.node.clock import SystemClock
from oracle.node.findings import Level
from oracle.node.health import Health
from oracle.node.snapshot_audit import SnapshotAudit, count_compared
from oracle.node.status import NodeStatus
from oracle.storage.chain_rows import ImportMark
from tests.chain.fake_endpoint import CHAIN_ID
from tests.node.committee import quick_config
from tests.node.snapshot_world import (
    BLOCKS,
    RANGE_BLOCKS,
    MakeMember,
    Member,
    alter,
    edit_rows_and_digests,
    folder,
    make_chain,
    make_member,
    part_of,
)

__all__ = ["folder", "make_member"]
pytestmark = pytest.mark.anyio

FIRST_RANGE_SEED = 1
"""Draws one range, which is not the last."""
RANGES = [(n, min(n + RANGE_BLOCKS - 1, BLOCKS)) for n in range(0, BLOCKS + 1, RANGE_BLOCKS)]


def make_audit(member: Member, status: NodeStatus, *, pause_s: float = 0) -> SnapshotAudit:
    for endpoint in member.endpoints:
        endpoint.asked_ranges.clear()
    return SnapshotAudit(member.reader, member.rows, status, range_blocks=RANGE_BLOCKS, pause_s=pause_s)


@pytest.fixture
def status() -> NodeStatus:
    return NodeStatus((CHAIN_ID,))


def troubles(status: NodeStatus, folder: Path) -> dict[str, str]:
    found = Health(quick_config(), status, SystemClock(), folder / "node.db").troubles()
    return {trouble.code: trouble.detail for trouble in found}


async def test_audit__after_an_import_of_a_sample__compares_every_range_and_says_how_far_it_is(
    folder: Path, make_member: MakeMember, status: NodeStatus
) -> None:
    member = make_member(make_chain())
    await member.take(folder, checked_ranges=1, seed=FIRST_RANGE_SEED)
    interrupted = asyncio.create_task(make_audit(member, status, pause_s=3_600).run())
    while member.rows.load_import(CHAIN_ID) != ImportMark(0, RANGE_BLOCKS, BLOCKS):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    interrupted.cancel()
    assert "snapshot compared 0 of 9 ranges" in troubles(status, folder)["snapshot_not_compared"]

    await make_audit(member, status).run()

    assert sorted(set(member.endpoints[0].asked_ranges)) == RANGES[1:]
    assert (status.chains[CHAIN_ID].snapshot_compared_count, status.chains[CHAIN_ID].snapshot_ranges_count) == (9, 9)
    assert (status.halted, troubles(status, folder)) == ("", {})
    assert member.rows.load_import(CHAIN_ID) == ImportMark(0, BLOCKS + 1, BLOCKS)


async def test_audit__after_an_import_that_compared_all__asks_nothing(
    folder: Path, make_member: MakeMember, status: NodeStatus
) -> None:
    member = make_member(make_chain())
    await member.take(folder)

    await make_audit(member, status).run()

    assert member.endpoints[0].asked_ranges == []
    assert status.chains[CHAIN_ID].snapshot_compared_count == 9


async def test_audit__rows_were_synced__has_nothing_to_compare(make_member: MakeMember, status: NodeStatus) -> None:
    member = make_member(make_chain())
    await member.reader.sync()

    await make_audit(member, status).run()

    assert member.endpoints[0].asked_ranges == []
    assert status.chains[CHAIN_ID].snapshot_ranges_count == 0


async def test_audit__wrong_row_in_a_range_that_was_not_drawn__halts_voting_again_after_a_restart(
    folder: Path, make_member: MakeMember, status: NodeStatus
) -> None:
    chain = make_chain()
    synced, member = make_member(chain), make_member(chain)
    await synced.reader.sync()
    edit_rows_and_digests(folder, part_of(folder, -1), alter)
    await member.take(folder, checked_ranges=1, seed=FIRST_RANGE_SEED)
    assert member.stored() != synced.stored()

    await make_audit(member, status).run()
    restarted = NodeStatus((CHAIN_ID,))
    await make_audit(member, restarted).run()

    assert "blocks 56..60 of the imported snapshot hold other logs" in status.halted
    assert f"`assay snapshot discard {CHAIN_ID}`" in status.halted
    assert restarted.halted == status.halted
    assert troubles(restarted, folder)["halted"] == restarted.halted
    member.rows.roll_back(CHAIN_ID, -1)
    await member.reader.sync()
    assert member.stored() == synced.stored()
    assert member.rows.load_import(CHAIN_ID) is None


async def test_audit__endpoints_disagree__neither_halts_nor_goes_on(
    folder: Path, make_member: MakeMember, status: NodeStatus
) -> None:
    member = make_member(make_chain())
    await member.take(folder, checked_ranges=1, seed=FIRST_RANGE_SEED)
    member.endpoints[0].truncated_to = 1

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(make_audit(member, status).run(), timeout=0.3)

    assert status.halted == ""
    assert member.rows.load_import(CHAIN_ID) == ImportMark(0, 0, BLOCKS)


async def test_check__imported_rows__says_how_many_ranges_were_compared(folder: Path, make_member: MakeMember) -> None:
    member, config = make_member(make_chain()), quick_config()
    await member.take(folder, checked_ranges=1, seed=FIRST_RANGE_SEED)

    before = list(check_imports(member.rows, config))
    member.rows.store_compared(CHAIN_ID, BLOCKS + 1)
    after = list(check_imports(member.rows, config))

    assert [(f.level, f.detail[:32]) for f in before] == [(Level.WARN, "snapshot compared 0 of 1 ranges:")]
    assert [(f.level, f.detail[:32]) for f in after] == [(Level.OK, "snapshot compared 1 of 1 ranges:")]


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        (ImportMark(100, 100, 4_099), (0, 2)),
        (ImportMark(100, 2_100, 4_099), (1, 2)),
        (ImportMark(100, 2_100, 4_100), (1, 3)),
        (ImportMark(100, 4_101, 4_100), (3, 3)),
    ],
)
def test_count_compared__of_ranges_of_2000_blocks__is_whole_ranges(mark: ImportMark, expected: tuple[int, int]) -> None:
    assert count_compared(mark, 2_000) == expected


@pytest.mark.parametrize(("kept", "expected"), [(30, ImportMark(0, 0, 30)), (-1, None), (99, ImportMark(0, 0, BLOCKS))])
async def test_roll_back__of_imported_rows__leaves_only_those_to_be_compared(
    kept: int, expected: ImportMark | None, folder: Path, make_member: MakeMember
) -> None:
    member = make_member(make_chain())
    await member.take(folder, checked_ranges=1, seed=FIRST_RANGE_SEED)

    member.rows.roll_back(CHAIN_ID, kept)

    assert member.rows.load_import(CHAIN_ID) == expected
    assert member.rows.load_import(ChainId(1)) is None
