"""Committed reports, their attestations, and where they landed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import desc, select
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col

from oracle.domain.ids import Hash32
from oracle.domain.report import Report
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId, TimestampS
from oracle.storage.engine import Database
from oracle.storage.tables import AttestationRow, LandingRow, ReportRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A report on a destination chain; `transaction_hash` is None if another node brought it."""

    epoch: Epoch
    chain_id: ChainId
    scores_root: Hash32
    block_number: BlockNumber
    landed_at_s: TimestampS
    transaction_hash: Hash32 | None
    gas_used: int


class ReportStore:
    """Reports that this node saw committed; kept for ever, they are small."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, report: Report, *, committed_at_ms: int) -> None:
        """Keep a committed report; there is one per epoch, so a second save changes nothing."""
        row = {
            "epoch": report.epoch,
            "config_digest": report.config_digest,
            "cut_hash": report.cut_hash,
            "scores_root": report.scores_root,
            "observers": report.observers,
            "borrowers": report.borrowers,
            "collaterals": report.collaterals,
            "stalled_chains": report.stalled_chains,
            "committed_at_ms": committed_at_ms,
        }
        with self._database.transaction() as session:
            session.execute(insert(ReportRow).values(row).on_conflict_do_nothing())

    def save_attestations(self, epoch: Epoch, attestations: Mapping[NodeId, bytes]) -> None:
        """Keep members' signatures over the report of `epoch`."""
        rows = [{"epoch": epoch, "node": node, "signature": signature} for node, signature in attestations.items()]
        if not rows:
            return
        with self._database.transaction() as session:
            session.execute(insert(AttestationRow).values(rows).on_conflict_do_nothing())

    def save_landing(self, landing: Landing) -> None:
        """Keep where a report landed; our own transaction, if any, replaces a plain sighting."""
        row = {
            "epoch": landing.epoch,
            "chain_id": landing.chain_id,
            "scores_root": landing.scores_root,
            "block_number": landing.block_number,
            "landed_at_s": landing.landed_at_s,
            "transaction_hash": landing.transaction_hash or b"",
            "gas_used": landing.gas_used,
        }
        statement = insert(LandingRow).values(row)
        if landing.transaction_hash is None:
            statement = statement.on_conflict_do_nothing()
        else:
            statement = statement.on_conflict_do_update(index_elements=["epoch", "chain_id"], set_=row)
        with self._database.transaction() as session:
            session.execute(statement)

    def report(self, epoch: Epoch) -> Report | None:
        """Return the report of an epoch, None if this node saw none."""
        with self._database.session() as session:
            row = session.get(ReportRow, epoch)
            return None if row is None else _report(row)

    def latest(self, count: int = 1) -> tuple[Report, ...]:
        """Return the newest reports, newest first."""
        with self._database.session() as session:
            rows = session.scalars(select(ReportRow).order_by(desc(col(ReportRow.epoch))).limit(count)).all()
            return tuple(_report(row) for row in rows)

    def attestations(self, epoch: Epoch) -> dict[NodeId, bytes]:
        """Return the signatures over the report of an epoch, by ascending member id."""
        with self._database.session() as session:
            query = select(AttestationRow).where(col(AttestationRow.epoch) == epoch).order_by(col(AttestationRow.node))
            return {NodeId(row.node): row.signature for row in session.scalars(query).all()}

    def landings(self, epoch: Epoch) -> tuple[Landing, ...]:
        """Return where the report of an epoch landed, by ascending chain id."""
        with self._database.session() as session:
            query = select(LandingRow).where(col(LandingRow.epoch) == epoch).order_by(col(LandingRow.chain_id))
            return tuple(_landing(row) for row in session.scalars(query).all())


def _report(row: ReportRow) -> Report:
    return Report(
        config_digest=Hash32(row.config_digest),
        epoch=Epoch(row.epoch),
        cut_hash=Hash32(row.cut_hash),
        scores_root=Hash32(row.scores_root),
        observers=row.observers,
        borrowers=row.borrowers,
        collaterals=row.collaterals,
        stalled_chains=row.stalled_chains,
    )


def _landing(row: LandingRow) -> Landing:
    return Landing(
        epoch=Epoch(row.epoch),
        chain_id=ChainId(row.chain_id),
        scores_root=Hash32(row.scores_root),
        block_number=BlockNumber(row.block_number),
        landed_at_s=TimestampS(row.landed_at_s),
        transaction_hash=Hash32(row.transaction_hash) if row.transaction_hash else None,
        gas_used=row.gas_used,
    )
