"""Records: bound to one node, blames once, fees summed by day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.domain.ids import keccak256
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId
from oracle.errors import StorageError
from oracle.storage.engine import Database
from oracle.storage.records import Blame, EpochRecord, RecordStore

BLAME = Blame(
    epoch=Epoch(5),
    node=NodeId(2),
    kind="entry",
    subject=None,
    difference="margin -9000, agreed -8000",
    evidence=b"signed",
    seen_at_ms=1,
)


def test_bind__file_of_another_node__is_refused(database: Database) -> None:
    store = RecordStore(database)
    store.bind({"node": "0xaa"})
    store.bind({"node": "0xaa"})

    with pytest.raises(StorageError, match="belongs to node 0xaa, not 0xbb"):
        store.bind({"node": "0xbb"})


def test_save_epoch__twice__keeps_the_last(database: Database) -> None:
    store = RecordStore(database)
    chain = ChainCut(chain_id=ChainId(31337), block_number=BlockNumber(7), block_hash=keccak256(b"block"))
    record = EpochRecord(
        epoch=Epoch(5),
        cut=Cut(epoch=Epoch(5), chains=(chain,), stalled_chains=0),
        entries_root=None,
        borrowers=0,
        collaterals=0,
        timings_ms={"cut": 12},
    )
    complete = replace(
        record, entries_root=keccak256(b"root"), borrowers=300, collaterals=18, timings_ms={"cut": 12, "observe": 340}
    )

    store.save_epoch(record)
    store.save_epoch(complete)

    assert store.epoch(Epoch(5)) == complete


def test_save_blame__same_thing_twice__is_kept_once(database: Database) -> None:
    store = RecordStore(database)

    store.save_blame(BLAME)
    store.save_blame(replace(BLAME, seen_at_ms=2))
    store.save_blame(replace(BLAME, epoch=Epoch(6)))

    assert [b.epoch for b in store.blames()] == [6, 5]
