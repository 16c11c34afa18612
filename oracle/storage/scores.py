"""Leaves of committed reports with the vectors behind them, for the last epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, desc, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col

from oracle.domain.ids import Address, Hash32, SubjectId, keccak256
from oracle.domain.score import Score, decode_score
from oracle.domain.units import Epoch
from oracle.storage.engine import Database
from oracle.storage.tables import ScoreRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScore:
    """A leaf; `vector` (packed uint16) is None if this node computed other features; `account` is a borrower's address."""

    epoch: Epoch
    score: Score
    account: Address | None
    vector: bytes | None


class ScoreStore:
    """Scores of the last epochs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self,
        epoch: Epoch,
        scores: Iterable[Score],
        *,
        vectors: Mapping[SubjectId, bytes],
        accounts: Mapping[SubjectId, Address],
    ) -> None:
        """Keep the leaves of an epoch; a vector is kept where it is the one that its leaf commits to."""
        rows = [
            {
                "epoch": epoch,
                "subject": score.subject,
                "leaf": score.leaf,
                "account": accounts.get(score.subject, b""),
                "encoded": score.encoded,
                "vector": _committed_vector(score, vectors.get(score.subject)),
            }
            for score in scores
        ]
        if not rows:
            return
        with self._database.connection() as connection:
            connection.execute(insert(ScoreRow).on_conflict_do_nothing(), rows)

    def score(self, epoch: Epoch, subject: SubjectId) -> StoredScore | None:
        """Return one subject's leaf, None if it is not in the report or the epoch is no longer kept."""
        with self._database.session() as session:
            row = session.get(ScoreRow, (epoch, subject))
            return None if row is None else _stored(row)

    def by_account(self, epoch: Epoch, account: Address) -> tuple[StoredScore, ...]:
        """Return the leaves of an address: one, or one per chain if it has code."""
        with self._database.session() as session:
            query = select(ScoreRow).where(col(ScoreRow.epoch) == epoch, col(ScoreRow.account) == account)
            return tuple(_stored(row) for row in session.scalars(query.order_by(col(ScoreRow.subject))).all())

    def by_leaf(self, leaf: Hash32) -> StoredScore | None:
        """Return the newest epoch's leaf with this hash."""
        with self._database.session() as session:
            query = select(ScoreRow).where(col(ScoreRow.leaf) == leaf).order_by(desc(col(ScoreRow.epoch)))
            row = session.scalars(query.limit(1)).first()
            return None if row is None else _stored(row)

    def with_vector(self, leaf: Hash32) -> StoredScore | None:
        """Return the newest epoch's leaf with this hash of which the vector is kept."""
        with self._database.session() as session:
            query = select(ScoreRow).where(col(ScoreRow.leaf) == leaf, col(ScoreRow.vector).is_not(None))
            row = session.scalars(query.order_by(desc(col(ScoreRow.epoch))).limit(1)).first()
            return None if row is None else _stored(row)

    def all(self, epoch: Epoch) -> tuple[StoredScore, ...]:
        """Return every leaf of an epoch, ascending by subject."""
        with self._database.session() as session:
            query = select(ScoreRow).where(col(ScoreRow.epoch) == epoch).order_by(col(ScoreRow.subject))
            return tuple(_stored(row) for row in session.scalars(query).all())

    def leaves(self, epoch: Epoch) -> tuple[Hash32, ...]:
        """Return the leaf hashes of an epoch, from which its tree is built."""
        with self._database.session() as session:
            query = select(col(ScoreRow.leaf)).where(col(ScoreRow.epoch) == epoch)
            return tuple(Hash32(leaf) for leaf in session.scalars(query).all())

    def epochs(self) -> tuple[Epoch, ...]:
        """Return the epochs that are kept, ascending."""
        with self._database.session() as session:
            query = select(col(ScoreRow.epoch)).distinct().order_by(col(ScoreRow.epoch))
            return tuple(Epoch(epoch) for epoch in session.scalars(query).all())

    def keep_last(self, count: int) -> int:
        """Drop all but the newest `count` epochs; return how many leaves went."""
        kept = self.epochs()[-count:]
        if not kept:
            return 0
        with self._database.transaction() as session:
            old = col(ScoreRow.epoch) < kept[0]
            dropped = session.scalar(select(func.count()).select_from(ScoreRow).where(old)) or 0
            if dropped:
                session.execute(delete(ScoreRow).where(old))
            return dropped


def _committed_vector(score: Score, vector: bytes | None) -> bytes | None:
    return vector if vector is not None and keccak256(vector) == score.features_hash else None


def _stored(row: ScoreRow) -> StoredScore:
    return StoredScore(
        epoch=Epoch(row.epoch),
        score=decode_score(row.encoded),
        account=Address(row.account) if row.account else None,
        vector=row.vector,
    )
