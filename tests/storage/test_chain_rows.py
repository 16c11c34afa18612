"""Chain rows in SQLite: all or nothing, in order, and only of the chain that was asked for."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from oracle.domain.units import ChainId
from oracle.errors import StorageError
from oracle.storage import chain_rows
from oracle.storage.chain_rows import ChainRows, RowTuple
from oracle.storage.engine import Database, open_database

LEFT, RIGHT = ChainId(1), ChainId(2)
FILTER = b"filter"


def make_row(number: int, index: int = 0, *, data: bytes = b"\xff" * 96) -> RowTuple:
    return (number, number.to_bytes(32, "big"), 1_700_000_000 + number, index, b"\x01" * 20, b"\x02" * 64, data)


def mark_of(number: int) -> tuple[int, bytes]:
    return (number, number.to_bytes(32, "big"))


@pytest.fixture
def rows(database: Database) -> ChainRows:
    return ChainRows(database)


def test_load_rows__two_ranges__come_back_in_order_and_unchanged(rows: ChainRows) -> None:
    first, second = [make_row(3, 7), make_row(3, 9)], [make_row(11, 0, data=b"")]
    rows.append(LEFT, first, mark=mark_of(10), filter_hash=FILTER)
    rows.append(LEFT, second, mark=mark_of(20), filter_hash=FILTER)

    assert list(rows.load_rows(LEFT, 0, 99)) == first + second
    assert list(rows.load_rows(LEFT, 3, 10)) == first
    assert list(rows.load_rows(LEFT, 4, 10)) == []


def test_load_rows__more_than_a_chunk__are_all_there_once_and_in_order(
    rows: ChainRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_rows, "CHUNK_ROWS", 4)
    stored = [make_row(number, index) for number in range(5) for index in range(3)]
    rows.append(LEFT, stored, mark=mark_of(9), filter_hash=FILTER)

    assert list(rows.load_rows(LEFT, 0, 9)) == stored
    assert list(rows.load_rows(LEFT, 1, 3)) == stored[3:12]


def test_load_rows__many_more_than_a_chunk__are_never_all_in_memory(
    rows: ChainRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_rows, "CHUNK_ROWS", 250)
    for first in range(0, 8_000, 2_000):
        found = [make_row(number, data=number.to_bytes(1_000, "big")) for number in range(first, first + 2_000)]
        rows.append(LEFT, found, mark=mark_of(first + 1_999), filter_hash=FILTER)
    del found

    tracemalloc.start()
    count = sum(1 for _ in rows.load_rows(LEFT, 0, 8_000))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 8_000
    assert peak_bytes < 8_000 * 1_000 // 4


def test_load_rows__rolled_back_between_chunks__ends_early(rows: ChainRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_rows, "CHUNK_ROWS", 2)
    rows.append(LEFT, [make_row(number) for number in range(6)], mark=mark_of(9), filter_hash=FILTER)
    reading = iter(rows.load_rows(LEFT, 0, 9))

    first = next(reading)
    rows.roll_back(LEFT, 2)

    assert [first, *reading] == [make_row(number) for number in range(3)]


def test_load_rows_of__first_topics__are_the_only_ones(rows: ChainRows) -> None:
    wanted = (*make_row(4)[:5], b"\x09" * 32 + b"\x02" * 32, b"")
    rows.append(LEFT, [make_row(3), wanted, make_row(5)], mark=mark_of(9), filter_hash=FILTER)

    assert list(rows.load_rows_of(LEFT, {b"\x09" * 32, b"\x08" * 32})) == [wanted]
    assert list(rows.load_rows_of(LEFT, set())) == []


def test_load_marks__several__are_newest_first(rows: ChainRows) -> None:
    assert rows.load_marks(LEFT) == []
    for number in (5, 9, 7 + 9):
        rows.append(LEFT, [], mark=mark_of(number), filter_hash=FILTER)

    assert rows.load_marks(LEFT) == [mark_of(16), mark_of(9), mark_of(5)]


def test_append__one_row_is_there_already__nothing_of_the_range_is_stored(rows: ChainRows) -> None:
    rows.append(LEFT, [make_row(3)], mark=mark_of(5), filter_hash=FILTER)

    with pytest.raises(StorageError):
        rows.append(LEFT, [make_row(6), make_row(3)], mark=mark_of(8), filter_hash=FILTER)

    assert list(rows.load_rows(LEFT, 0, 99)) == [make_row(3)]
    assert rows.load_marks(LEFT) == [mark_of(5)]


def test_roll_back__to_a_block__keeps_it_and_what_is_before(rows: ChainRows) -> None:
    for number in (3, 6, 9):
        rows.append(LEFT, [make_row(number)], mark=mark_of(number), filter_hash=FILTER)
    rows.append(RIGHT, [make_row(9)], mark=mark_of(9), filter_hash=FILTER)

    rows.roll_back(LEFT, 6)

    assert [row[0] for row in rows.load_rows(LEFT, 0, 99)] == [3, 6]
    assert rows.load_marks(LEFT) == [mark_of(6), mark_of(3)]
    assert [row[0] for row in rows.load_rows(RIGHT, 0, 99)] == [9]
    assert (rows.count_roll_backs(LEFT), rows.count_roll_backs(RIGHT)) == (1, 0)
    assert rows.load_filter_hash(LEFT) == FILTER


def test_roll_back__everything__leaves_nothing(rows: ChainRows) -> None:
    rows.append(LEFT, [make_row(0)], mark=mark_of(0), filter_hash=FILTER)

    rows.roll_back(LEFT, -1)

    assert (list(rows.load_rows(LEFT, 0, 99)), rows.load_marks(LEFT)) == ([], [])


def test_filter_hash__changed__is_the_newest(rows: ChainRows) -> None:
    assert rows.load_filter_hash(LEFT) is None
    rows.append(LEFT, [], mark=mark_of(1), filter_hash=b"old")
    rows.append(LEFT, [], mark=mark_of(2), filter_hash=b"new")

    assert rows.load_filter_hash(LEFT) == b"new"


def test_marks__more_than_are_kept__only_the_newest_stay(database: Database) -> None:
    rows = ChainRows(database, kept_marks=3)
    for number in range(8):
        rows.append(LEFT, [], mark=mark_of(number), filter_hash=FILTER)

    assert rows.load_marks(LEFT) == [mark_of(7), mark_of(6), mark_of(5)]


def test_rows__database_opened_again__are_still_there(tmp_path: Path) -> None:
    first = open_database(tmp_path / "again.db")
    ChainRows(first).append(LEFT, [make_row(3)], mark=mark_of(5), filter_hash=FILTER)
    first.close()

    second = open_database(tmp_path / "again.db")
    again = ChainRows(second)
    found = list(again.load_rows(LEFT, 0, 99)), again.load_marks(LEFT)
    second.close()

    assert found == ([make_row(3)], [mark_of(5)])


def test_contracts__kept_for_a_cut__come_back_for_the_same_accounts_only(rows: ChainRows) -> None:
    first, second = b"\x0a" * 20, b"\x0b" * 20
    rows.store_contracts(LEFT, 7, b"checked", [second, first])
    rows.store_contracts(LEFT, 8, b"checked", [])

    assert rows.load_contracts(LEFT, 7, b"checked") == frozenset({first, second})
    assert rows.load_contracts(LEFT, 8, b"checked") == frozenset()
    assert rows.load_contracts(LEFT, 7, b"others") is None
    assert rows.load_contracts(RIGHT, 7, b"checked") is None


def test_contracts__block_rolled_back__are_forgotten(rows: ChainRows) -> None:
    rows.store_contracts(LEFT, 7, b"checked", [])
    rows.store_contracts(LEFT, 8, b"checked", [])

    rows.roll_back(LEFT, 7)

    assert rows.load_contracts(LEFT, 7, b"checked") == frozenset()
    assert rows.load_contracts(LEFT, 8, b"checked") is None
