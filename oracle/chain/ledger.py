"""The ledger of one chain: rows projected up to a cut and never past it.

It holds positions, prices, events by account, and a sample of every position with debt at each 00:00 UTC. The state at a time t is that after every
row whose block is at or before t. Advancing is incremental; asked for an earlier block, or if its rows changed, the ledger starts over.
"""

from __future__ import annotations

from collections.abc import Sequence

from oracle.chain.adapter import PositionState, ProtocolAdapter
from oracle.chain.prices import PriceBook
from oracle.chain.protocols import Anchors, make_adapters
from oracle.chain.rows import LogRow, RowStore
from oracle.domain.committee import ChainParams
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address, Hash32
from oracle.domain.position import PositionSample
from oracle.domain.units import DAY_S, BlockNumber, ChainId, TimestampS
from oracle.errors import NotIndexedError


class Ledger:
    """One chain as it was at a block."""

    def __init__(self, params: ChainParams, anchors: Anchors, rows: RowStore) -> None:
        self.params = params
        self._anchors = anchors
        self._rows = rows
        self.block_number: BlockNumber
        self.block_hash: Hash32
        self.block_time_s: TimestampS
        self._settled_s: TimestampS
        self._roll_backs: int
        self._states: tuple[PositionState, ...] | None
        self._clear()

    @property
    def chain_id(self) -> ChainId:
        """Return the chain."""
        return self.params.chain_id

    @property
    def markets(self) -> Sequence[ProtocolAdapter]:
        """Return the projected markets."""
        return self._adapters

    def advance(
        self, block_number: BlockNumber, block_hash: Hash32, block_time_s: TimestampS, settle_s: TimestampS
    ) -> None:
        """Project the rows up to a block; hours and days are closed up to `settle_s`.

        `settle_s` is the boundary if a later block is known to lie after it, else the second before the block's: what is closed never changes.

        Raises:
            NotIndexedError: if the block is not indexed yet.
        """
        marks = self._rows.load_marks(self.chain_id)
        indexed = marks[0][0] if marks else -1
        if indexed < block_number:
            raise NotIndexedError(self.chain_id, block_number, indexed)
        is_void = self._roll_backs != self._rows.count_roll_backs(self.chain_id)
        if is_void or block_number < self.block_number or settle_s < self._settled_s:
            self._clear()
        try:
            for stored in self._rows.load_rows(self.chain_id, self.block_number + 1, block_number):
                self._apply(LogRow._make(stored))
            if self._roll_backs != self._rows.count_roll_backs(self.chain_id):
                raise NotIndexedError(self.chain_id, block_number, self.block_number)
            self.block_number, self.block_hash, self.block_time_s = block_number, block_hash, block_time_s
            self._settle(settle_s)
        except BaseException:
            # Some rows or hours are in, and nothing says which: they would be counted again.
            self._clear()
            raise
        self._states = None

    def compute_states(self) -> tuple[PositionState, ...]:
        """Return every position with debt at the block, with interest up to its time, ascending by market and account."""
        if self._states is None:
            found = (s for a in self._adapters for s in a.compute_states(self.prices.latest, self.block_time_s))
            self._states = tuple(found)
        return self._states

    def has_unvalued_debt(self, account: Address) -> bool:
        """Return whether an account owes what has no price here."""
        return any(a.has_unvalued_debt(account, self.prices.latest) for a in self._adapters)

    def get_events(self, account: Address) -> Sequence[LendingEvent]:
        """Return an account's events, in chain order; the list grows with the ledger."""
        return self._events.get(account, ())

    def get_samples(self, account: Address) -> Sequence[PositionSample]:
        """Return an account's daily samples, ascending by (time, market)."""
        return self._samples.get(account, ())

    def list_accounts(self) -> Sequence[Address]:
        """Return every account that ever had an event."""
        return tuple(self._events)

    def _clear(self) -> None:
        self.block_number = BlockNumber(-1)
        self.block_hash = Hash32(b"")
        self.block_time_s = TimestampS(-1)
        self.prices = PriceBook(self.params)
        self._adapters = make_adapters(self.params, self._anchors)
        self._by_address: dict[Address, ProtocolAdapter] = {}
        self._events: dict[Address, list[LendingEvent]] = {}
        self._samples: dict[Address, list[PositionSample]] = {}
        self._settled_s = TimestampS(-1)
        self._states = None
        self._roll_backs = self._rows.count_roll_backs(self.chain_id)

    def _apply(self, row: LogRow) -> None:
        """Take one row in. Rows are filtered by all addresses and all topics together: what fits no adapter is passed over."""
        if row.time_s - 1 > self._settled_s:
            self._settle(TimestampS(row.time_s - 1))
        if row.topics[:32] in self.prices.topics:
            self.prices.apply(row)
            return
        adapter = self._adapter_of(row.address)
        if adapter is None or row.topics[:32] not in adapter.topics:
            return
        event = adapter.apply(row, self.prices.latest)
        if event is not None:
            self._events.setdefault(event.account, []).append(event)

    def _adapter_of(self, address: Address) -> ProtocolAdapter | None:
        """Return the adapter of an address, None while no row has made it known: such rows are stored or not as the ranges fell."""
        adapter = self._by_address.get(address)
        if adapter is None:
            for candidate in self._adapters:
                self._by_address.update(dict.fromkeys(candidate.addresses, candidate))
            adapter = self._by_address.get(address)
        return adapter

    def _settle(self, until_s: TimestampS) -> None:
        """Close hours and days up to `until_s` with the state known now."""
        first_day_s = (self._settled_s // DAY_S + 1) * DAY_S
        if self._settled_s >= 0:
            for day_s in range(first_day_s, until_s + 1, DAY_S):
                self._sample(TimestampS(day_s))
        self.prices.settle(until_s)
        self._settled_s = max(self._settled_s, until_s)

    def _sample(self, time_s: TimestampS) -> None:
        for adapter in self._adapters:
            for account, sample in adapter.sample(self.prices.latest, time_s):
                self._samples.setdefault(account, []).append(sample)
