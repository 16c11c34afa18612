"""Votes and outcomes: what this node has promised, on disk before anybody hears of it.

The key of a vote is one thing a node may say once: (config digest, epoch, view, kind). The first body of a key stands for ever; saying it again is fine,
saying something else is refused. That is what makes a restarted node consistent with itself. Invariants C-05 and ST-01.
"""

from __future__ import annotations

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col

from oracle.consensus.bodies import MessageKind
from oracle.consensus.events import PersistOutcome, Vote
from oracle.domain.ids import Hash32
from oracle.domain.units import Epoch, View
from oracle.errors import ConflictingVoteError
from oracle.storage.engine import Database
from oracle.storage.tables import OutcomeRow, VoteRow


class VoteStore:
    """Votes and outcomes of one node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, vote: Vote, *, stored_at_ms: int) -> None:
        """Commit a vote with a synchronous write.

        Raises:
            ConflictingVoteError: if another body is on disk under its key.
            StorageError: if nothing could be written; the vote must then not be sent.
        """
        row = {
            "config_digest": vote.config_digest,
            "epoch": vote.epoch,
            "view": vote.view,
            "kind": vote.kind,
            "cut_hash": vote.cut_hash,
            "body_hash": vote.body_hash,
            "note": vote.note,
            "stored_at_ms": stored_at_ms,
        }
        key = (vote.config_digest, vote.epoch, vote.view, vote.kind)
        with self._database.transaction() as session:
            session.execute(insert(VoteRow).values(row).on_conflict_do_nothing())
            stored = session.get_one(VoteRow, key)
            if (stored.body_hash, stored.cut_hash) != (vote.body_hash, vote.cut_hash):
                raise ConflictingVoteError(f"{vote.kind.name} of epoch {vote.epoch}, view {vote.view}")

    def save_outcome(self, outcome: PersistOutcome) -> None:
        """Commit the entries under a scores root with a synchronous write."""
        row = {"epoch": outcome.epoch, "scores_root": outcome.scores_root, "entries": outcome.entries}
        with self._database.transaction() as session:
            session.execute(insert(OutcomeRow).values(row).on_conflict_do_nothing())

    def since(self, epoch: Epoch) -> tuple[Vote, ...]:
        """Return the votes of `epoch` and later, in the order they were stored."""
        with self._database.session() as session:
            query = select(VoteRow).where(col(VoteRow.epoch) >= epoch).order_by(text("rowid"))
            return tuple(_vote(row) for row in session.scalars(query).all())

    def newest_epoch(self) -> Epoch | None:
        """Return the newest epoch with a vote, None if there is none."""
        with self._database.session() as session:
            newest = session.scalar(select(func.max(VoteRow.epoch)))
            return None if newest is None else Epoch(newest)

    def outcomes_since(self, epoch: Epoch) -> tuple[PersistOutcome, ...]:
        """Return the outcomes of `epoch` and later, ascending by epoch."""
        with self._database.session() as session:
            query = select(OutcomeRow).where(col(OutcomeRow.epoch) >= epoch).order_by(col(OutcomeRow.epoch))
            return tuple(
                PersistOutcome(epoch=Epoch(row.epoch), scores_root=Hash32(row.scores_root), entries=row.entries)
                for row in session.scalars(query).all()
            )

    def forget_before(self, epoch: Epoch) -> None:
        """Drop votes and outcomes of epochs that are long over."""
        with self._database.transaction() as session:
            session.execute(delete(VoteRow).where(col(VoteRow.epoch) < epoch))
            session.execute(delete(OutcomeRow).where(col(OutcomeRow.epoch) < epoch))


def _vote(row: VoteRow) -> Vote:
    return Vote(
        config_digest=Hash32(row.config_digest),
        epoch=Epoch(row.epoch),
        view=View(row.view),
        kind=MessageKind(row.kind),
        cut_hash=Hash32(row.cut_hash),
        body_hash=Hash32(row.body_hash),
        note=row.note,
    )
