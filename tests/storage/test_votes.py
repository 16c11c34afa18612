"""Votes: one payload per slot for ever (T-01)."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.domain.units import Epoch
from oracle.errors import ConflictingVoteError, DatabaseWriteError
from oracle.storage.engine import Database, open_database
from oracle.storage.votes import StoredVote, VoteStore


def vote(epoch: int, slot: str, payload: bytes) -> StoredVote:
    return StoredVote(epoch=Epoch(epoch), slot=slot, payload=payload)


def test_save__then_reopened__gives_the_votes_back_in_order(tmp_path: Path) -> None:
    database = open_database(tmp_path / "node.db")
    votes = (vote(7, "prepare/0", b"a"), vote(7, "commit/0", b"b"))
    VoteStore(database).save(votes[:1], stored_at_ms=1)
    VoteStore(database).save(votes[1:], stored_at_ms=2)
    database.close()

    reopened = open_database(tmp_path / "node.db")
    found = VoteStore(reopened).since(Epoch(7))
    reopened.close()

    assert found == votes


def test_save__same_payload_again__is_fine(database: Database) -> None:
    store = VoteStore(database)
    store.save((vote(7, "prepare/0", b"a"),), stored_at_ms=1)

    store.save((vote(7, "prepare/0", b"a"),), stored_at_ms=2)

    assert store.since(Epoch(0)) == (vote(7, "prepare/0", b"a"),)


def test_save__other_payload__is_refused_and_stores_none_of_the_batch(database: Database) -> None:
    store = VoteStore(database)
    store.save((vote(7, "prepare/0", b"a"),), stored_at_ms=1)

    with pytest.raises(ConflictingVoteError, match="epoch 7, prepare/0"):
        store.save((vote(7, "commit/0", b"c"), vote(7, "prepare/0", b"b")), stored_at_ms=2)

    assert store.since(Epoch(0)) == (vote(7, "prepare/0", b"a"),)


def test_save__disk_full__raises_so_that_nothing_is_sent(database: Database) -> None:
    store = VoteStore(database)
    with database.connection() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(DatabaseWriteError, match="disk is full"):
        store.save((vote(7, "prepare/0", b"x" * 1_000_000),), stored_at_ms=1)

    assert store.since(Epoch(0)) == ()


def test_forget_before__old_epochs__go(database: Database) -> None:
    store = VoteStore(database)
    store.save((vote(5, "prepare/0", b"a"), vote(6, "prepare/0", b"b")), stored_at_ms=1)

    store.forget_before(Epoch(6))

    assert store.since(Epoch(0)) == (vote(6, "prepare/0", b"b"),)
