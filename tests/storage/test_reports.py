"""Reports, attestations and landings come back as they were."""

from __future__ import annotations

from dataclasses import replace

from oracle.domain.ids import Hash32, keccak256
from oracle.domain.report import Report
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId, TimestampS
from oracle.storage.engine import Database
from oracle.storage.reports import Landing, ReportStore

REPORT = Report(
    config_digest=keccak256(b"config"),
    epoch=Epoch(12),
    cut_hash=keccak256(b"cut"),
    scores_root=keccak256(b"root"),
    observers=0b1011,
    borrowers=300,
    collaterals=18,
    stalled_chains=0,
)
SEEN = Landing(
    epoch=Epoch(12),
    chain_id=ChainId(31337),
    scores_root=REPORT.scores_root,
    block_number=BlockNumber(99),
    landed_at_s=TimestampS(1_700_000_000),
    transaction_hash=None,
    gas_used=0,
)


def test_save__report__comes_back_equal_and_newest_first(database: Database) -> None:
    store = ReportStore(database)
    later = replace(REPORT, epoch=Epoch(13))

    store.save(REPORT, committed_at_ms=1)
    store.save(later, committed_at_ms=2)

    assert store.report(Epoch(12)) == REPORT
    assert store.latest(2) == (later, REPORT)
    assert store.report(Epoch(14)) is None


def test_save__second_report_of_an_epoch__changes_nothing(database: Database) -> None:
    store = ReportStore(database)
    store.save(REPORT, committed_at_ms=1)

    store.save(replace(REPORT, scores_root=keccak256(b"other")), committed_at_ms=2)

    assert store.report(Epoch(12)) == REPORT


def test_save_attestations__in_two_calls__ascend_by_member(database: Database) -> None:
    store = ReportStore(database)

    store.save_attestations(Epoch(12), {NodeId(3): b"c"})
    store.save_attestations(Epoch(12), {NodeId(0): b"a", NodeId(1): b"b"})

    assert list(store.attestations(Epoch(12)).items()) == [(0, b"a"), (1, b"b"), (3, b"c")]


def test_save_landing__sighting_and_own_transaction__keeps_the_transaction(database: Database) -> None:
    store = ReportStore(database)
    own = replace(SEEN, transaction_hash=Hash32(keccak256(b"tx")), gas_used=60_000)

    store.save_landing(SEEN)
    store.save_landing(own)
    store.save_landing(SEEN)

    assert store.landings(Epoch(12)) == (own,)
