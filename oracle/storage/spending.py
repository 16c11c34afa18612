"""Fees: what was paid, by the hour, and what was handed in and may be mined yet. Nothing of it is forgotten in a restart.

A reservation is on disk before its transaction leaves, since a process may die in between. Of transactions with one nonce at most one is mined. Wide
amounts are text, which no integer column would hold. The tables are made on first use, as those of the chain rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, MetaData, String, Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from oracle.domain.ids import Hash32
from oracle.domain.units import ChainId
from oracle.storage.engine import Database

HOUR_S = 3_600
KEPT_HOURS = 24 * 400

_metadata = MetaData()
_hours = Table(
    "spend_hour",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("fee_wei", String, nullable=False),
)
_reservations = Table(
    "spend_reservation",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("transaction_hash", LargeBinary, primary_key=True),
    Column("nonce", BigInteger, nullable=False),
    Column("fee_wei", String, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A transaction that may be mined yet, and the most that it can cost."""

    transaction_hash: Hash32
    nonce: int
    fee_wei: int


def most_wei(reservations: Sequence[Reservation]) -> int:
    """Return what all of them can cost: one of each nonce."""
    most: dict[int, int] = {}
    for reservation in reservations:
        most[reservation.nonce] = max(most.get(reservation.nonce, 0), reservation.fee_wei)
    return sum(most.values())


class SpendStore:
    """Fees of one node, by chain."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.connection() as connection:
            _metadata.create_all(connection)

    def reserve(self, chain_id: ChainId, reservation: Reservation) -> None:
        """Keep that a transaction is about to be handed in; once kept, again changes nothing."""
        row = {
            "chain_id": chain_id,
            "transaction_hash": reservation.transaction_hash,
            "nonce": reservation.nonce,
            "fee_wei": str(reservation.fee_wei),
        }
        with self._database.connection() as connection:
            connection.execute(insert(_reservations).values(row).on_conflict_do_nothing())

    def release(self, chain_id: ChainId, transaction_hash: Hash32) -> None:
        """Forget a transaction that can never be mined."""
        c = _reservations.c
        with self._database.connection() as connection:
            connection.execute(
                delete(_reservations).where(c.chain_id == chain_id, c.transaction_hash == transaction_hash)
            )

    def reservations(self, chain_id: ChainId) -> Sequence[Reservation]:
        """Return what may be mined yet, by nonce."""
        with self._database.connection() as connection:
            return _read_reservations(connection, chain_id)

    def settle(self, chain_id: ChainId, nonce: int, fee_wei: int | None, time_s: int) -> None:
        """Add the fee of a mined transaction, the most reserved for its nonce where it is None.

        A lower nonce is mined as well: what is still reserved for it was never settled, so the most that it can have cost is added too.
        """
        r, h = _reservations.c, _hours.c
        hour = time_s // HOUR_S
        with self._database.connection() as connection:
            done = [known for known in _read_reservations(connection, chain_id) if known.nonce <= nonce]
            unseen = done if fee_wei is None else [known for known in done if known.nonce < nonce]
            paid_wei = max(0, fee_wei or 0) + most_wei(unseen)
            connection.execute(delete(_reservations).where(r.chain_id == chain_id, r.nonce <= nonce))
            known = connection.execute(select(h.fee_wei).where(h.chain_id == chain_id, h.hour == hour)).scalar()
            total = str(int(known or "0") + paid_wei)
            row = {"chain_id": chain_id, "hour": hour, "fee_wei": total}
            upsert = insert(_hours).values(row).on_conflict_do_update(index_elements=["chain_id", "hour"], set_=row)
            connection.execute(upsert)
            connection.execute(delete(_hours).where(h.chain_id == chain_id, h.hour < hour - KEPT_HOURS))

    def spent_since_wei(self, chain_id: ChainId, time_s: int) -> int:
        """Return the fees since the beginning of the hour of `time_s`, those of a clock that ran ahead included."""
        h = _hours.c
        query = select(h.fee_wei).where(h.chain_id == chain_id, h.hour >= time_s // HOUR_S)
        with self._database.connection() as connection:
            return sum(int(fee) for fee in connection.execute(query).scalars())

    def first_spend_s(self, chain_id: ChainId, time_s: int) -> int | None:
        """Return the end of the first hour, from that of `time_s` on, in which something was paid."""
        h = _hours.c
        query = select(h.hour).where(h.chain_id == chain_id, h.hour >= time_s // HOUR_S).order_by(h.hour).limit(1)
        with self._database.connection() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else (int(found) + 1) * HOUR_S


def _read_reservations(connection: Connection, chain_id: ChainId) -> tuple[Reservation, ...]:
    c = _reservations.c
    query = select(c.transaction_hash, c.nonce, c.fee_wei).where(c.chain_id == chain_id).order_by(c.nonce)
    return tuple(
        Reservation(transaction_hash=Hash32(found), nonce=nonce, fee_wei=int(fee))
        for found, nonce, fee in connection.execute(query)
    )
