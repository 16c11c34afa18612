"""The port of a lending protocol: what the indexer and the ledger need of it.

One adapter holds one configured contract of one chain: a pool, or a singleton with many isolated markets. It knows no endpoint and no clock:
rows come in, events and states go out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from oracle.chain.rows import LogRow
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address, Hash32
from oracle.domain.position import Position, PositionSample
from oracle.domain.units import TimestampS, UsdE8, Wad

type Prices = Mapping[Address, UsdE8]
"""The last answer of each token that has one."""
type ViewCall = Callable[[Address, bytes], Awaitable[bytes]]
"""A view call on the latest state, agreed by two endpoints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """A position and its health factor exactly as the protocol itself computes it at that moment."""

    position: Position
    health_factor_wad: Wad


class ProtocolAdapter(Protocol):
    """One configured contract of one chain, projected from its logs.

    Events, states and samples name the market that a position is isolated in; where one contract holds many, the adapter says how each is named.
    """

    @property
    def topics(self) -> frozenset[Hash32]:
        """Return the first topics of the logs it needs."""

    @property
    def discovery_topics(self) -> frozenset[Hash32]:
        """Return the first topics of the few rows that `discover` has to see."""

    @property
    def addresses(self) -> frozenset[Address]:
        """Return the addresses whose logs it needs; grows while rows are applied.

        A log that comes before the row that makes its address known does not count, since whether it is stored depends on how ranges fell.
        """

    def discover(self, row: LogRow) -> None:
        """Take in only what makes new addresses known; the indexer's part of `apply`."""

    def apply(self, row: LogRow, prices: Prices) -> LendingEvent | None:
        """Take one row in, in chain order; return the account's event that it stands for, if any.

        The row is of one of `addresses` and has one of `topics`, not necessarily one that this address logs in good faith.

        Raises:
            UndecodableLogError: if the row does not have the shape of its topic.
            InconsistentLedgerError: if rows must be missing.
            MissingAnchorError: if the row names an address that the anchors do not know yet; they are fetched anew.
        """

    def compute_states(self, prices: Prices, time_s: TimestampS) -> Iterator[PositionState]:
        """Yield every position whose debt has a value, with interest up to `time_s`, ascending by market and account.

        Interest that the protocol itself leaves out of its view until it is booked, and that no log tells, may be left out.
        """

    def has_unvalued_debt(self, account: Address, prices: Prices) -> bool:
        """Return whether an account owes something that cannot be valued."""

    def sample(self, prices: Prices, time_s: TimestampS) -> Iterator[tuple[Address, PositionSample]]:
        """Yield the state of every position with debt at `time_s`."""


def discovery_topics_of(adapters: Sequence[ProtocolAdapter]) -> frozenset[Hash32]:
    """Return the first topics of the rows that some adapter's `discover` has to see."""
    return frozenset(topic for adapter in adapters for topic in adapter.discovery_topics)
