"""Canonical events of accounts from the logs of an Aave v3 pool.

A liquidation's seized amount is what the liquidator received; the protocol's fee, which the log does not name, is not part of it.
Source: Aave v3 core 1.19, `IPool`.
"""

from __future__ import annotations

from collections.abc import Callable

from oracle.chain.abi import events
from oracle.chain.abi.words import data_address, data_uint, topic_address
from oracle.chain.adapter import Prices
from oracle.chain.rows import LogRow
from oracle.domain.committee import ChainParams
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import UsdE8


class ActionDecoder:
    """Turns rows of one pool into events, valued at the last answers; a token without a price has the value 0."""

    def __init__(self, params: ChainParams, protocol: str) -> None:
        self._chain_id = params.chain_id
        self._protocol = protocol
        self._unit_of = {asset.token: 10**asset.decimals for asset in params.assets}
        self._decoders: dict[bytes, Callable[[LogRow, Prices], LendingEvent]] = {
            events.SUPPLY: self._decode_supply,
            events.WITHDRAW: self._decode_withdraw,
            events.BORROW: self._decode_borrow,
            events.REPAY: self._decode_repay,
            events.LIQUIDATION_CALL: self._decode_liquidation,
        }

    def decode(self, row: LogRow, prices: Prices) -> LendingEvent | None:
        """Return the event of a row, None if it is no account's action."""
        decoder = self._decoders.get(row.topics[:32])
        return None if decoder is None else decoder(row, prices)

    def _decode_supply(self, row: LogRow, prices: Prices) -> LendingEvent:
        return self._event(
            row, prices, EventKind.SUPPLY, topic_address(row, 2), data_address(row, 0), data_uint(row, 1)
        )

    def _decode_withdraw(self, row: LogRow, prices: Prices) -> LendingEvent:
        account = topic_address(row, 2)
        return self._event(row, prices, EventKind.WITHDRAW, account, account, data_uint(row, 0))

    def _decode_borrow(self, row: LogRow, prices: Prices) -> LendingEvent:
        return self._event(
            row, prices, EventKind.BORROW, topic_address(row, 2), data_address(row, 0), data_uint(row, 1)
        )

    def _decode_repay(self, row: LogRow, prices: Prices) -> LendingEvent:
        return self._event(
            row, prices, EventKind.REPAY, topic_address(row, 2), topic_address(row, 3), data_uint(row, 0)
        )

    def _decode_liquidation(self, row: LogRow, prices: Prices) -> LendingEvent:
        debt_token, seized_token = topic_address(row, 2), topic_address(row, 1)
        repaid, seized = data_uint(row, 0), data_uint(row, 1)
        return LendingEvent(
            chain_id=self._chain_id,
            block_number=row.block_number,
            log_index=row.log_index,
            time_s=row.time_s,
            protocol=self._protocol,
            market=row.address,
            kind=EventKind.LIQUIDATION,
            account=topic_address(row, 3),
            caller=data_address(row, 2),
            token=debt_token,
            amount=repaid,
            value_usd_e8=self._value(prices, debt_token, repaid),
            seized_token=seized_token,
            seized_amount=seized,
            seized_value_usd_e8=self._value(prices, seized_token, seized),
        )

    def _event(
        self, row: LogRow, prices: Prices, kind: EventKind, account: Address, caller: Address, amount: int
    ) -> LendingEvent:
        token = topic_address(row, 1)
        return LendingEvent(
            chain_id=self._chain_id,
            block_number=row.block_number,
            log_index=row.log_index,
            time_s=row.time_s,
            protocol=self._protocol,
            market=row.address,
            kind=kind,
            account=account,
            caller=caller,
            token=token,
            amount=amount,
            value_usd_e8=self._value(prices, token, amount),
        )

    def _value(self, prices: Prices, token: Address, amount: int) -> UsdE8:
        price = prices.get(token)
        unit = self._unit_of.get(token)
        return UsdE8(0 if price is None or unit is None else amount * price // unit)
