"""When a node last called each contract that it keeps in step, so that a restart does not call it twice in one epoch. The table is made on first use."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, select
from sqlalchemy.dialects.sqlite import insert

from oracle.domain.ids import Address
from oracle.domain.units import ChainId
from oracle.storage.engine import Database

_metadata = MetaData()
_calls = Table(
    "kept_call",
    _metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("address", LargeBinary, primary_key=True),
    Column("asset", LargeBinary, primary_key=True),
    Column("period", BigInteger, nullable=False),
    Column("calls_count", BigInteger, nullable=False),
)


class KeepingStore:
    """Calls of one node, by chain and target."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.connection() as connection:
            _metadata.create_all(connection)

    def last_period(self, chain_id: ChainId, address: Address, asset: Address) -> int | None:
        """Return the epoch by the clock of the last call, None if there was none."""
        c = _calls.c
        query = select(c.period).where(c.chain_id == chain_id, c.address == address, c.asset == asset)
        with self._database.connection() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else int(found)

    def note(self, chain_id: ChainId, address: Address, asset: Address, period: int) -> None:
        """Keep that a call is about to be sent."""
        row = {"chain_id": chain_id, "address": address, "asset": asset, "period": period, "calls_count": 1}
        counted = {"period": period, "calls_count": _calls.c.calls_count + 1}
        keys = ["chain_id", "address", "asset"]
        with self._database.connection() as connection:
            connection.execute(insert(_calls).values(row).on_conflict_do_update(index_elements=keys, set_=counted))

    def calls_count(self, chain_id: ChainId) -> int:
        """Return how many calls were sent on a chain."""
        query = select(_calls.c.calls_count).where(_calls.c.chain_id == chain_id)
        with self._database.connection() as connection:
            return sum(int(count) for count in connection.execute(query).scalars())
