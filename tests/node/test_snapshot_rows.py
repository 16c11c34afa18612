"""Every row of a snapshot, drawn or not, is one that a node of this committee could have stored; what came too early is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from oracle.chain.rows import RowTuple
from oracle.domain.ids import keccak256
from oracle.errors import SnapshotError
from oracle.node.snapshot import export_snapshot
from tests.chain.fake_endpoint import CHAIN_ID, address_of
from tests.chain.morpho_logs import make_chain_with_early_logs, make_params_of_morpho
from tests.node.snapshot_world import (
    BLOCKS,
    FIRST,
    RANGE_BLOCKS,
    MakeMember,
    edit_rows_and_digests,
    folder,
    make_chain,
    make_member,
    part_of,
)

__all__ = ["folder", "make_member"]
pytestmark = pytest.mark.anyio

NUMBER, HASH, TIME, INDEX, ADDRESS, TOPICS = range(6)
BAD_SHAPE = "fields of the wrong length"


def change(field: int, value: object, position: int = -1) -> Callable[[list[RowTuple]], list[RowTuple]]:
    """Return what replaces one field of one row."""

    def edit(rows: list[RowTuple]) -> list[RowTuple]:
        at = position % len(rows)
        row = rows[at]
        return [*rows[:at], (*row[:field], value, *row[field + 1 :]), *rows[at + 1 :]]  # type: ignore[list-item]

    return edit


def change_last_block(field: int, value: object) -> Callable[[list[RowTuple]], list[RowTuple]]:
    """Return what replaces one field of all rows of the last block."""

    def edit(rows: list[RowTuple]) -> list[RowTuple]:
        last = rows[-1][NUMBER]
        return [(*r[:field], value, *r[field + 1 :]) if r[NUMBER] == last else r for r in rows]  # type: ignore[misc]

    return edit


SPOILED: dict[str, tuple[Callable[[list[RowTuple]], list[RowTuple]], str]] = {
    "a short hash": (change(HASH, bytes(31)), BAD_SHAPE),
    "a long address": (change(ADDRESS, bytes(21)), BAD_SHAPE),
    "no topic": (change(TOPICS, b""), BAD_SHAPE),
    "half a topic": (change(TOPICS, bytes(48)), BAD_SHAPE),
    "five topics": (change(TOPICS, bytes(160)), BAD_SHAPE),
    "a huge log index": (change(INDEX, 2**31), BAD_SHAPE),
    "a topic that nobody needs": (change(TOPICS, keccak256(b"Other()")), "none that this committee needs"),
    "two hashes of a block": (change(HASH, keccak256(b"other")), "two hashes or two times"),
    "two times of a block": (change(TIME, 12 * BLOCKS - 1), "two hashes or two times"),
    "a time before the block before": (change_last_block(TIME, 12), "times go back"),
    "a time that no block has yet": (change_last_block(TIME, 2**62), "lie after 720, that of block 60"),
    "a negative time": (change_last_block(TIME, -1), "times go back"),
    "another newest block": (change_last_block(HASH, keccak256(b"other")), "block 60 is another one"),
}


@pytest.mark.parametrize("case", SPOILED)
async def test_import__row_that_no_endpoint_could_have_said__is_refused_though_its_range_was_not_drawn(
    case: str, folder: Path, make_member: MakeMember
) -> None:
    edit, words = SPOILED[case]
    member = make_member(make_chain())
    edit_rows_and_digests(folder, part_of(folder, -1), edit)

    with pytest.raises(SnapshotError, match=words):
        await member.take(folder, checked_ranges=1, seed=5)

    assert all(last < BLOCKS - RANGE_BLOCKS for _, last in member.endpoints[0].asked_ranges)
    assert member.stored() == []


async def test_import__rows_of_a_stranger__are_left_out(folder: Path, make_member: MakeMember) -> None:
    chain = make_chain()
    synced, member = make_member(chain), make_member(chain)
    await synced.reader.sync()
    edit_rows_and_digests(
        folder, part_of(folder, -1), lambda rows: [*rows, (*rows[-1][:3], 99, address_of("stranger"), *rows[-1][5:])]
    )

    (count,) = await member.take(folder)

    assert member.stored() == synced.stored()
    assert count.rows_count == len(synced.stored())


async def test_import__exporter_stored_logs_from_before_their_address_was_known__is_taken_without_them(
    tmp_path: Path, make_member: MakeMember
) -> None:
    """As a release did that kept what its ranges had by chance: the model logs in block 2 and 19, and is enabled in block 20."""
    chain, params = make_chain_with_early_logs(), make_params_of_morpho()
    synced, older, member = (make_member(chain, params=params) for _ in range(3))
    await synced.reader.sync()
    logs = ((n, chain.blocks[n], chain.blocks[n].logs[0]) for n in (2, 19))
    early = [(n, block.block_hash, block.time_s, 0, log.address, log.topics, log.data) for n, block, log in logs]
    (mark,), filter_hash = synced.rows.load_marks(CHAIN_ID), synced.rows.load_filter_hash(CHAIN_ID)
    older.rows.append(CHAIN_ID, [*early, *synced.stored()], mark=mark, filter_hash=filter_hash or b"")
    for name, exporter in (("new", synced), ("old", older)):
        export_snapshot(tmp_path / name, exporter.rows, FIRST, range_blocks=RANGE_BLOCKS)

    (count,) = await member.take(tmp_path / "old")

    assert count.checked_count == count.ranges_count == 5
    assert member.stored() == synced.stored()
    (count,) = await make_member(chain, params=params).take(tmp_path / "new")
    assert count.checked_count == 5
