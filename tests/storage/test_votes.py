"""Votes: one body per key for ever (ST-01, C-05)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from oracle.consensus.bodies import MessageKind
from oracle.consensus.events import PersistOutcome, Vote
from oracle.domain.ids import keccak256
from oracle.domain.units import Epoch, View
from oracle.errors import ConflictingVoteError, DatabaseWriteError
from oracle.storage.engine import Database, open_database
from oracle.storage.votes import VoteStore

PREPARE = Vote(
    config_digest=keccak256(b"config"),
    epoch=Epoch(7),
    view=View(0),
    kind=MessageKind.PREPARE,
    cut_hash=keccak256(b"cut"),
    body_hash=keccak256(b"body"),
    note=b"report",
)
COMMIT = replace(PREPARE, kind=MessageKind.COMMIT)
OUTCOME = PersistOutcome(epoch=Epoch(7), scores_root=keccak256(b"root"), entries=b"entries")


def test_save__then_reopened__gives_the_votes_back_in_order(tmp_path: Path) -> None:
    database = open_database(tmp_path / "node.db")
    VoteStore(database).save(COMMIT, stored_at_ms=2)
    VoteStore(database).save(PREPARE, stored_at_ms=1)
    database.close()

    reopened = open_database(tmp_path / "node.db")
    found = VoteStore(reopened).since(Epoch(7))
    reopened.close()

    assert found == (COMMIT, PREPARE)


def test_save__same_body_again__is_fine(database: Database) -> None:
    store = VoteStore(database)
    store.save(PREPARE, stored_at_ms=1)

    store.save(PREPARE, stored_at_ms=2)

    assert store.since(Epoch(0)) == (PREPARE,)


@pytest.mark.parametrize(
    "other",
    [replace(PREPARE, body_hash=keccak256(b"other")), replace(PREPARE, cut_hash=keccak256(b"other"))],
    ids=["body", "cut"],
)
def test_save__other_body_or_cut__is_refused_and_the_first_stands(database: Database, other: Vote) -> None:
    store = VoteStore(database)
    store.save(PREPARE, stored_at_ms=1)

    with pytest.raises(ConflictingVoteError, match="PREPARE of epoch 7, view 0"):
        store.save(other, stored_at_ms=2)

    assert store.since(Epoch(0)) == (PREPARE,)


def test_save__other_view_kind_or_committee__is_another_vote(database: Database) -> None:
    store = VoteStore(database)
    others = (COMMIT, replace(PREPARE, view=View(1)), replace(PREPARE, config_digest=keccak256(b"next")))

    for vote in (PREPARE, *others):
        store.save(replace(vote, body_hash=keccak256(repr(vote).encode())), stored_at_ms=1)

    assert len(store.since(Epoch(0))) == 4


def test_save__disk_full__raises_so_that_nothing_is_sent(database: Database) -> None:
    store = VoteStore(database)
    with database.connection() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(DatabaseWriteError, match="disk is full"):
        store.save(replace(PREPARE, note=b"x" * 1_000_000), stored_at_ms=1)

    assert store.since(Epoch(0)) == ()


def test_save_outcome__twice__is_kept_once(database: Database) -> None:
    store = VoteStore(database)

    store.save_outcome(OUTCOME)
    store.save_outcome(OUTCOME)

    assert store.outcomes_since(Epoch(7)) == (OUTCOME,)
    assert store.outcomes_since(Epoch(8)) == ()


def test_forget_before__old_epochs__go(database: Database) -> None:
    store = VoteStore(database)
    store.save(PREPARE, stored_at_ms=1)
    store.save(replace(PREPARE, epoch=Epoch(8)), stored_at_ms=1)
    store.save_outcome(OUTCOME)

    store.forget_before(Epoch(8))

    assert [vote.epoch for vote in store.since(Epoch(0))] == [8]
    assert store.outcomes_since(Epoch(0)) == ()
