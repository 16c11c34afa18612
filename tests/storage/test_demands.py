"""Demands on disk: seen once, ended once, and what was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oracle.domain.ids import keccak256
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.storage.demands import DemandStore, Ending, StoredDemand
from oracle.storage.engine import Database, open_database

CHAIN, OTHER = ChainId(1), ChainId(2)
LATE, SOON = (
    StoredDemand(epoch=Epoch(7), leaf=keccak256(name), answer_by_s=TimestampS(by))
    for name, by in ((b"late", 900), (b"soon", 800))
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "node.db")
    yield opened
    opened.close()


def test_note__seen_twice__is_kept_once_across_a_restart(database: Database) -> None:
    first = DemandStore(database)
    assert first.next_block(CHAIN) is None
    first.note(CHAIN, [LATE, SOON], BlockNumber(50))
    first.end(CHAIN, LATE, Ending.SHOWN)

    again = DemandStore(database)
    again.note(CHAIN, [LATE, SOON], BlockNumber(60))

    assert again.open_demands(CHAIN) == (SOON,)
    assert again.next_block(CHAIN) == 60
    assert again.counts(CHAIN) == {Ending.OPEN: 1, Ending.SHOWN: 1, Ending.ELSEWHERE: 0, Ending.MISSED: 0}


def test_open_demands__of_another_chain__are_not_mixed_and_the_soonest_comes_first(database: Database) -> None:
    store = DemandStore(database)
    store.note(CHAIN, [LATE, SOON], BlockNumber(50))
    store.note(OTHER, [LATE], BlockNumber(5))

    store.end(OTHER, LATE, Ending.MISSED)

    assert store.open_demands(CHAIN) == (SOON, LATE)
    assert store.open_demands(OTHER) == ()
