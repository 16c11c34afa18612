"""Smaller records: facts about the file, how epochs went, who was caught."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import desc, select
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col

from oracle.domain.ids import Hash32, SubjectId, parse_hash, to_hex
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId
from oracle.errors import StorageError
from oracle.storage.engine import Database
from oracle.storage.tables import BlameRow, EpochRow, MetaRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """What a node was caught at; `evidence` is its own signed message."""

    epoch: Epoch
    node: NodeId
    kind: str
    subject: SubjectId | None
    difference: str
    evidence: bytes
    seen_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """How an epoch went on this node; `timings_ms` by phase, in the order of the phases."""

    epoch: Epoch
    cut: Cut
    entries_root: Hash32 | None
    borrowers: int
    collaterals: int
    timings_ms: Mapping[str, int]


class RecordStore:
    """Records of one node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bind(self, facts: Mapping[str, str]) -> None:
        """Write down whose database this is, or check that it still is.

        Raises:
            StorageError: if the file belongs to another node or committee.
        """
        with self._database.transaction() as session:
            for key, value in facts.items():
                row = session.get(MetaRow, key)
                if row is None:
                    session.add(MetaRow(key=key, value=value))
                elif row.value != value:
                    raise StorageError(
                        f"database {self._database.path} belongs to {key} {row.value}, not {value}: use another file"
                    )

    def save_epoch(self, record: EpochRecord) -> None:
        """Keep how an epoch went, replacing what was known of it."""
        row = {
            "epoch": record.epoch,
            "cut_hash": record.cut.hash,
            "cut": _cut_text(record.cut),
            "entries_root": record.entries_root,
            "borrowers": record.borrowers,
            "collaterals": record.collaterals,
            "timings": json.dumps(dict(record.timings_ms)),
        }
        with self._database.transaction() as session:
            session.execute(insert(EpochRow).values(row).on_conflict_do_update(index_elements=["epoch"], set_=row))

    def epoch(self, epoch: Epoch) -> EpochRecord | None:
        """Return how an epoch went, None if this node was away."""
        with self._database.session() as session:
            row = session.get(EpochRow, epoch)
            return None if row is None else _epoch_record(row)

    def save_blame(self, blame: Blame) -> None:
        """Keep what a node was caught at, once per (epoch, node, kind, subject)."""
        same = (
            col(BlameRow.epoch) == blame.epoch,
            col(BlameRow.node) == blame.node,
            col(BlameRow.kind) == blame.kind,
            col(BlameRow.subject) == (blame.subject or b""),
        )
        with self._database.transaction() as session:
            if session.scalars(select(BlameRow).where(*same).limit(1)).first() is None:
                session.add(
                    BlameRow(
                        epoch=blame.epoch,
                        node=blame.node,
                        kind=blame.kind,
                        subject=blame.subject or b"",
                        difference=blame.difference,
                        evidence=blame.evidence,
                        seen_at_ms=blame.seen_at_ms,
                    )
                )

    def blames(self, count: int = 100) -> tuple[Blame, ...]:
        """Return the newest blames, newest first."""
        with self._database.session() as session:
            rows = session.scalars(select(BlameRow).order_by(desc(col(BlameRow.id))).limit(count)).all()
            return tuple(_blame(row) for row in rows)


def _cut_text(cut: Cut) -> str:
    chains = [[c.chain_id, c.block_number, to_hex(c.block_hash)] for c in cut.chains]
    return json.dumps({"chains": chains, "stalled": cut.stalled_chains})


def _epoch_record(row: EpochRow) -> EpochRecord:
    document = json.loads(row.cut)
    chains = tuple(
        ChainCut(chain_id=ChainId(chain), block_number=BlockNumber(number), block_hash=parse_hash(digest))
        for chain, number, digest in document["chains"]
    )
    return EpochRecord(
        epoch=Epoch(row.epoch),
        cut=Cut(epoch=Epoch(row.epoch), chains=chains, stalled_chains=document["stalled"]),
        entries_root=None if row.entries_root is None else Hash32(row.entries_root),
        borrowers=row.borrowers,
        collaterals=row.collaterals,
        timings_ms=json.loads(row.timings),
    )


def _blame(row: BlameRow) -> Blame:
    return Blame(
        epoch=Epoch(row.epoch),
        node=NodeId(row.node),
        kind=row.kind,
        subject=SubjectId(row.subject) if row.subject else None,
        difference=row.difference,
        evidence=row.evidence,
        seen_at_ms=row.seen_at_ms,
    )
