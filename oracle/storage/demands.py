"""Demands of vectors that a node saw on its chains, how each ended, and up to which block it has looked. Nothing of it is forgotten in a restart.

The tables are made on first use, as those of the fees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table, func, select, update
from sqlalchemy.dialects.sqlite import insert

from oracle.domain.ids import Hash32
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.storage.engine import Database

_metadata = MetaData()
_demands = Table(
    "demand",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("leaf", LargeBinary, primary_key=True),
    Column("answer_by_s", BigInteger, nullable=False),
    Column("ending", String, nullable=False),
)
_cursors = Table(
    "demand_cursor",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("next_block", BigInteger, nullable=False),
)


class Ending(StrEnum):
    """How a demand ended, as this node saw it."""

    OPEN = "open"
    SHOWN = "shown"
    """This node showed the vector."""
    ELSEWHERE = "elsewhere"
    """Somebody else did, or a reorg took the demand back."""
    MISSED = "missed"
    """Nobody did in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDemand:
    """A demand; `answer_by_s` is the last second in which an answer is taken."""

    epoch: Epoch
    leaf: Hash32
    answer_by_s: TimestampS


class DemandStore:
    """Demands of one node, by chain."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.connection() as connection:
            _metadata.create_all(connection)

    def next_block(self, chain_id: ChainId) -> BlockNumber | None:
        """Return the first block that was not looked at, None before the first look."""
        query = select(_cursors.c.next_block).where(_cursors.c.chain_id == chain_id)
        with self._database.connection() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else BlockNumber(found)

    def note(self, chain_id: ChainId, demands: Iterable[StoredDemand], next_block: BlockNumber) -> None:
        """Keep demands that were seen, and that every block before `next_block` was looked at; a known demand stays as it is."""
        rows = [
            {
                "chain_id": chain_id,
                "epoch": demand.epoch,
                "leaf": demand.leaf,
                "answer_by_s": demand.answer_by_s,
                "ending": Ending.OPEN,
            }
            for demand in demands
        ]
        cursor = {"chain_id": chain_id, "next_block": next_block}
        moved = insert(_cursors).values(cursor).on_conflict_do_update(index_elements=["chain_id"], set_=cursor)
        with self._database.connection() as connection:
            if rows:
                connection.execute(insert(_demands).on_conflict_do_nothing(), rows)
            connection.execute(moved)

    def open_demands(self, chain_id: ChainId) -> tuple[StoredDemand, ...]:
        """Return the demands that have not ended, by the time that is left."""
        c = _demands.c
        query = select(c.epoch, c.leaf, c.answer_by_s).where(c.chain_id == chain_id, c.ending == Ending.OPEN)
        with self._database.connection() as connection:
            rows = connection.execute(query.order_by(c.answer_by_s, c.leaf)).all()
        return tuple(
            StoredDemand(epoch=Epoch(epoch), leaf=Hash32(leaf), answer_by_s=TimestampS(by)) for epoch, leaf, by in rows
        )

    def end(self, chain_id: ChainId, demand: StoredDemand, ending: Ending) -> None:
        """Keep how a demand ended."""
        c = _demands.c
        where = (c.chain_id == chain_id, c.epoch == demand.epoch, c.leaf == demand.leaf)
        with self._database.connection() as connection:
            connection.execute(update(_demands).where(*where).values(ending=ending))

    def counts(self, chain_id: ChainId) -> dict[Ending, int]:
        """Return how many demands there were of each ending."""
        c = _demands.c
        query = select(c.ending, func.count()).where(c.chain_id == chain_id).group_by(c.ending)
        with self._database.connection() as connection:
            found = {Ending(ending): int(count) for ending, count in connection.execute(query)}
        return {ending: found.get(ending, 0) for ending in Ending}
