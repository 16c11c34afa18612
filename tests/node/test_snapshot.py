"""A snapshot is believed only as far as a node's own endpoints and its digests say the same; else nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from oracle.chain.rows import RowTuple
from oracle.domain.ids import keccak256, to_hex
from oracle.domain.units import ChainId
from oracle.errors import ConfigurationError, EndpointDisagreementError, OracleError, SnapshotError
from oracle.node import snapshot_file
from oracle.node.snapshot import export_snapshot
from tests.chain.aave_logs import answer
from tests.chain.fake_endpoint import CHAIN_ID, WETH, FakeChain
from tests.node.snapshot_world import (
    BLOCKS,
    FIRST,
    RANGE_BLOCKS,
    MakeMember,
    alter,
    drop_range,
    edit_manifest,
    edit_rows,
    edit_rows_and_digests,
    folder,
    make_chain,
    make_member,
    part_of,
    shorten,
)

__all__ = ["folder", "make_member"]
pytestmark = pytest.mark.anyio


async def test_import__of_an_export__has_the_same_rows_and_goes_on_from_its_mark(
    folder: Path, make_member: MakeMember
) -> None:
    chain = make_chain()
    synced, taking = make_member(chain), make_member(chain)
    await synced.reader.sync()

    (count,) = await taking.take(folder)
    assert (count.last_block, count.rows_count, count.checked_count) == (BLOCKS, len(synced.stored()), 9)
    assert taking.stored() == synced.stored()
    assert taking.rows.load_marks(CHAIN_ID) == [(BLOCKS, chain.blocks[BLOCKS].block_hash)]

    chain.mine(1_000, [answer(WETH, 7 * 10**8)])
    for endpoint in taking.endpoints:
        endpoint.asked_ranges.clear()
    await taking.reader.sync()
    await synced.reader.sync()
    assert taking.endpoints[0].asked_ranges == [(BLOCKS + 1, BLOCKS + 1)]
    assert taking.stored() == synced.stored()


async def test_import__some_ranges_drawn__asks_the_endpoints_for_those_only(
    folder: Path, make_member: MakeMember
) -> None:
    member = make_member(make_chain())

    (count,) = await member.take(folder, checked_ranges=2, seed=5)

    assert count.checked_count == 2
    assert len(set(member.endpoints[0].asked_ranges)) == 2
    assert set(member.endpoints[0].asked_ranges) <= {(n, n + 6) for n in range(0, BLOCKS, RANGE_BLOCKS)}


async def test_import__rows_are_there_already__leaves_them_alone(folder: Path, make_member: MakeMember) -> None:
    member = make_member(make_chain(30))
    await member.reader.sync()
    before = member.stored()

    (count,) = await member.take(folder)

    assert count.is_skipped
    assert member.stored() == before


SABOTAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a row is altered": (lambda f: edit_rows(f, part_of(f, -1), alter), "do not have the digest"),
    "a row is altered and the digests too": (
        lambda f: edit_rows_and_digests(f, part_of(f, -1), alter),
        "hold other logs for your endpoints",
    ),
    "a row is left out and the digests too": (
        lambda f: edit_rows_and_digests(f, part_of(f, 0), lambda rows: rows[1:]),
        "hold other logs for your endpoints",
    ),
    "rows change places": (lambda f: edit_rows(f, part_of(f, 0), lambda rows: rows[::-1]), "do not have the digest"),
    "rows change places and the digests too": (
        lambda f: edit_rows_and_digests(f, part_of(f, 0), lambda rows: rows[::-1]),
        "out of order",
    ),
    "a part has more rows": (lambda f: edit_rows(f, part_of(f, -1), lambda rows: [*rows, rows[-1]]), "in no range"),
    "a part is cut off": (shorten, "missing or damaged"),
    "a part is missing": (lambda f: (f / part_of(f, -1)).unlink(), "missing or damaged"),
    "a part has other columns": (
        lambda f: pl.DataFrame({"text": ["x"]}).write_parquet(f / part_of(f, 0)),
        "has other columns",
    ),
    "a range is missing": (lambda f: edit_manifest(f, drop_range), "that begins at block 28 is missing"),
    "the manifest is missing": (lambda f: (f / snapshot_file.MANIFEST).unlink(), "cannot be read"),
    "the manifest is no JSON": (lambda f: (f / snapshot_file.MANIFEST).write_text("{"), "malformed"),
    "the manifest points elsewhere": (
        lambda f: edit_manifest(f, lambda m: m["chains"][0]["ranges"][0].update(part="../x.parquet")),
        "malformed at chains.0.ranges.0.part",
    ),
    "the format is newer": (lambda f: edit_manifest(f, lambda m: m.update(format=2)), "has format 2"),
    "it names no chain": (lambda f: edit_manifest(f, lambda m: m.update(chains=[])), "twice, or none"),
    "another chain": (
        lambda f: edit_manifest(f, lambda m: m["chains"][0].update(chain_id=5)),
        "chain 5 is none of the committee's",
    ),
    "another filter": (
        lambda f: edit_manifest(f, lambda m: m["chains"][0].update(filter_hash=to_hex(keccak256(b"other")))),
        "other logs than this committee needs",
    ),
    "another newest block": (
        lambda f: edit_manifest(f, lambda m: m["chains"][0].update(last_block_hash=to_hex(keccak256(b"fork")))),
        "of another chain or of a fork",
    ),
}


@pytest.mark.parametrize("case", SABOTAGE)
async def test_import__of_what_is_not_the_chain__is_refused_and_nothing_is_stored(
    case: str, folder: Path, make_member: MakeMember
) -> None:
    sabotage, words = SABOTAGE[case]
    member = make_member(make_chain())
    sabotage(folder)

    with pytest.raises(SnapshotError, match=words):
        await member.take(folder)

    assert (member.stored(), list(member.rows.load_marks(CHAIN_ID))) == ([], [])


@pytest.mark.parametrize(
    ("options", "chain", "words"),
    [
        ({"lagging_blocks": 5}, make_chain(), "only 55 is final for your endpoints: import it later"),
        ({"start_block": 2}, make_chain(), "other logs than this committee needs"),
        ({}, make_chain(BLOCKS - 1), "only 59 is final for your endpoints: import it later"),
    ],
)
async def test_import__endpoints_or_configuration_do_not_fit__is_refused_and_nothing_is_stored(
    options: dict[str, int], chain: FakeChain, words: str, folder: Path, make_member: MakeMember
) -> None:
    member = make_member(chain, **options)

    with pytest.raises(SnapshotError, match=words):
        await member.take(folder)

    assert member.stored() == []


async def test_import__endpoints_disagree_on_a_drawn_range__abstains_and_nothing_is_stored(
    folder: Path, make_member: MakeMember
) -> None:
    member = make_member(make_chain())
    member.endpoints[0].truncated_to = 1

    with pytest.raises(EndpointDisagreementError):
        await member.take(folder)

    assert member.stored() == []


async def test_import__endpoint_refuses_large_ranges__compares_in_halves(folder: Path, make_member: MakeMember) -> None:
    member = make_member(make_chain())
    member.endpoints[0].largest_range = 2

    (count,) = await member.take(folder)

    assert count.checked_count == count.ranges_count


async def test_import__part_changes_after_it_was_checked__nothing_is_stored(
    folder: Path, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = make_member(make_chain())
    fill = member.rows.fill

    def tamper_and_fill(*arguments: Any, **options: Any) -> None:
        edit_rows(folder, part_of(folder, -1), alter)
        fill(*arguments, **options)

    monkeypatch.setattr(member.rows, "fill", tamper_and_fill)
    with pytest.raises(SnapshotError, match="do not have the digest"):
        await member.take(folder)

    assert member.stored() == []


def test_export__no_rows_yet__says_to_sync_first(tmp_path: Path, make_member: MakeMember) -> None:
    with pytest.raises(SnapshotError, match="let the node sync first"):
        export_snapshot(tmp_path / "snapshot", make_member(make_chain()).rows, FIRST)

    assert not (tmp_path / "snapshot" / snapshot_file.MANIFEST).exists()


async def test_export__folder_in_use__is_refused(folder: Path, make_member: MakeMember) -> None:
    member = make_member(make_chain())
    await member.reader.sync()

    with pytest.raises(SnapshotError, match="not empty"):
        export_snapshot(folder, member.rows, FIRST)


async def test_export__rows_rolled_back_meanwhile__is_given_up(
    tmp_path: Path, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = make_member(make_chain())
    await member.reader.sync()
    load = member.rows.load_rows

    def load_and_roll_back(chain_id: ChainId, first_block: int, last_block: int) -> Iterator[RowTuple]:
        yield from load(chain_id, first_block, last_block)
        member.rows.roll_back(chain_id, 30)

    monkeypatch.setattr(member.rows, "load_rows", load_and_roll_back)
    with pytest.raises(SnapshotError, match="rolled back meanwhile"):
        export_snapshot(tmp_path / "snapshot", member.rows, FIRST)

    assert not (tmp_path / "snapshot" / snapshot_file.MANIFEST).exists()


def test_check_polars__not_installed__names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_file, "find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match="snapshot") as caught:
        snapshot_file.check_polars()
    assert isinstance(caught.value, OracleError)
