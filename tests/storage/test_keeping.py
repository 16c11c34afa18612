"""Calls of kept contracts on disk: the last period of each, and how many in all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oracle.domain.ids import Address
from oracle.domain.units import ChainId
from oracle.storage.engine import Database, open_database
from oracle.storage.keeping import KeepingStore

CHAIN, OTHER = ChainId(1), ChainId(2)
STEWARD, FIRST, SECOND = (Address(bytes([i]) * 20) for i in (1, 2, 3))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "node.db")
    yield opened
    opened.close()


def test_note__two_assets_of_one_steward__are_kept_apart_across_a_restart(database: Database) -> None:
    store = KeepingStore(database)
    store.note(CHAIN, STEWARD, FIRST, 7)
    store.note(CHAIN, STEWARD, FIRST, 8)
    store.note(CHAIN, STEWARD, SECOND, 7)

    again = KeepingStore(database)

    assert again.last_period(CHAIN, STEWARD, FIRST) == 8
    assert again.last_period(CHAIN, STEWARD, SECOND) == 7
    assert again.last_period(OTHER, STEWARD, FIRST) is None
    assert (again.calls_count(CHAIN), again.calls_count(OTHER)) == (3, 0)
