"""Votes: what this node has promised, on disk before anybody hears of it.

A slot is one thing a node may say once, such as `prepare/3` of an epoch. The first payload of a slot stands for ever; saying it again is fine, saying
something else is refused. That is what makes a restarted node consistent with itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from oracle.domain.units import Epoch
from oracle.errors import ConflictingVoteError
from oracle.storage.engine import Database
from oracle.storage.tables import VoteRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVote:
    """One vote as it was sent."""

    epoch: Epoch
    slot: str
    payload: bytes


class VoteStore:
    """Votes of one node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, votes: tuple[StoredVote, ...], *, stored_at_ms: int) -> None:
        """Commit all votes with a synchronous write, or none.

        Raises:
            ConflictingVoteError: if a slot already holds another payload.
            StorageError: if nothing could be written; the votes must then not be sent.
        """
        with self._database.transaction() as session:
            for vote in votes:
                row = {"epoch": vote.epoch, "slot": vote.slot, "payload": vote.payload, "stored_at_ms": stored_at_ms}
                session.execute(insert(VoteRow).values(row).on_conflict_do_nothing())
                stored = session.get_one(VoteRow, (vote.epoch, vote.slot))
                if stored.payload != vote.payload:
                    raise ConflictingVoteError(f"epoch {vote.epoch}, {vote.slot}")

    def since(self, epoch: Epoch) -> tuple[StoredVote, ...]:
        """Return the votes of `epoch` and later, in the order they were stored."""
        with self._database.session() as session:
            order = (VoteRow.epoch, VoteRow.stored_at_ms)
            rows = session.scalars(select(VoteRow).where(VoteRow.epoch >= epoch).order_by(*order)).all()  # type: ignore[arg-type]
            return tuple(StoredVote(epoch=Epoch(r.epoch), slot=r.slot, payload=r.payload) for r in rows)

    def forget_before(self, epoch: Epoch) -> None:
        """Drop votes of epochs that are long over."""
        with self._database.transaction() as session:
            session.execute(delete(VoteRow).where(VoteRow.epoch < epoch))  # type: ignore[arg-type]
