"""Canonical lending events: what an account did or suffered, whatever the protocol.

The same rows come from the node's indexer and from the adapters of training data, so that features never differ between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from oracle.domain.ids import Address
from oracle.domain.units import BlockNumber, ChainId, TimestampS, UsdE8

NO_VALUE = UsdE8(0)


class EventKind(IntEnum):
    """What happened to an account's position."""

    SUPPLY = 1
    WITHDRAW = 2
    BORROW = 3
    REPAY = 4
    LIQUIDATION = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingEvent:
    """One event of one account's position.

    `token` and `amount` (raw token units) are what was supplied, withdrawn, borrowed or repaid; for a liquidation they are the debt repaid,
    and `seized_token`, `seized_amount` the collateral taken. Values are at the last oracle answer at or before the event, rounded down.
    `caller` is who sent the action (`msg.sender` of the pool, as the event names it): credit is given only where it is the account.
    """

    chain_id: ChainId
    block_number: BlockNumber
    log_index: int
    time_s: TimestampS
    protocol: str
    market: Address
    kind: EventKind
    account: Address
    caller: Address
    token: Address
    amount: int
    value_usd_e8: UsdE8
    seized_token: Address | None = None
    seized_amount: int = 0
    seized_value_usd_e8: UsdE8 = NO_VALUE

    @property
    def by_account(self) -> bool:
        """Return whether the account itself acted."""
        return self.caller == self.account

    @property
    def order(self) -> tuple[int, int, int, int]:
        """Return the canonical sort key: time, chain, block, log index."""
        return (self.time_s, self.chain_id, self.block_number, self.log_index)
