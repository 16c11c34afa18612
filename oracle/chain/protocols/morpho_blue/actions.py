"""Canonical events of accounts from the logs of a Morpho Blue singleton.

A position is collateral and debt: what an account lends to a market (`Supply`, `Withdraw`) backs no debt and is no event of its position. `caller` is
Morpho's `msg.sender`; an act sent through a bundler is the bundler's and earns no credit. Bad debt, which nobody repaid, is not part of a liquidation's amount.
Source: morpho-blue 1.0.0, `EventsLib`.
"""

from __future__ import annotations

from collections.abc import Callable

from oracle.chain.abi import morpho_events as events
from oracle.chain.abi.words import data_address, data_uint, topic_address
from oracle.chain.adapter import Prices
from oracle.chain.protocols.morpho_blue.state import Market
from oracle.chain.rows import LogRow
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import ChainId, UsdE8

type Decoder = Callable[[LogRow, Market, Prices], LendingEvent]


class ActionDecoder:
    """Turns rows of one singleton into events, valued at the last answers; a token without a price has the value 0."""

    def __init__(self, chain_id: ChainId, protocol: str) -> None:
        self._chain_id = chain_id
        self._protocol = protocol
        self._decoders: dict[bytes, Decoder] = {
            events.SUPPLY_COLLATERAL: self._decode_supply,
            events.WITHDRAW_COLLATERAL: self._decode_withdraw,
            events.BORROW: self._decode_borrow,
            events.REPAY: self._decode_repay,
            events.LIQUIDATE: self._decode_liquidation,
        }

    def decode(self, row: LogRow, market: Market, prices: Prices) -> LendingEvent | None:
        """Return the event of a row of `market`, None if it changes no position."""
        decoder = self._decoders.get(row.topics[:32])
        return None if decoder is None else decoder(row, market, prices)

    def _decode_supply(self, row: LogRow, market: Market, prices: Prices) -> LendingEvent:
        value = _value_collateral(market, prices, data_uint(row, 0))
        return self._event(
            row, market, EventKind.SUPPLY, topic_address(row, 3), topic_address(row, 2), data_uint(row, 0), value
        )

    def _decode_withdraw(self, row: LogRow, market: Market, prices: Prices) -> LendingEvent:
        value = _value_collateral(market, prices, data_uint(row, 1))
        return self._event(
            row, market, EventKind.WITHDRAW, topic_address(row, 2), data_address(row, 0), data_uint(row, 1), value
        )

    def _decode_borrow(self, row: LogRow, market: Market, prices: Prices) -> LendingEvent:
        value = _value_loan(market, prices, data_uint(row, 1))
        return self._event(
            row, market, EventKind.BORROW, topic_address(row, 2), data_address(row, 0), data_uint(row, 1), value
        )

    def _decode_repay(self, row: LogRow, market: Market, prices: Prices) -> LendingEvent:
        value = _value_loan(market, prices, data_uint(row, 0))
        return self._event(
            row, market, EventKind.REPAY, topic_address(row, 3), topic_address(row, 2), data_uint(row, 0), value
        )

    def _decode_liquidation(self, row: LogRow, market: Market, prices: Prices) -> LendingEvent:
        repaid, seized = data_uint(row, 0), data_uint(row, 2)
        return LendingEvent(
            chain_id=self._chain_id,
            block_number=row.block_number,
            log_index=row.log_index,
            time_s=row.time_s,
            protocol=self._protocol,
            market=market.label,
            kind=EventKind.LIQUIDATION,
            account=topic_address(row, 3),
            caller=topic_address(row, 2),
            token=market.loan_token,
            amount=repaid,
            value_usd_e8=_value_loan(market, prices, repaid),
            seized_token=market.collateral_token,
            seized_amount=seized,
            seized_value_usd_e8=_value_collateral(market, prices, seized),
        )

    def _event(
        self,
        row: LogRow,
        market: Market,
        kind: EventKind,
        account: Address,
        caller: Address,
        amount: int,
        value_usd_e8: UsdE8,
    ) -> LendingEvent:
        is_collateral = kind in (EventKind.SUPPLY, EventKind.WITHDRAW)
        return LendingEvent(
            chain_id=self._chain_id,
            block_number=row.block_number,
            log_index=row.log_index,
            time_s=row.time_s,
            protocol=self._protocol,
            market=market.label,
            kind=kind,
            account=account,
            caller=caller,
            token=market.collateral_token if is_collateral else market.loan_token,
            amount=amount,
            value_usd_e8=value_usd_e8,
        )


def _value_loan(market: Market, prices: Prices, amount: int) -> UsdE8:
    return _value(prices, market.loan_token, market.loan_decimals, amount)


def _value_collateral(market: Market, prices: Prices, amount: int) -> UsdE8:
    return _value(prices, market.collateral_token, market.collateral_decimals, amount)


def _value(prices: Prices, token: Address, decimals: int | None, amount: int) -> UsdE8:
    price = prices.get(token)
    return UsdE8(0 if price is None or decimals is None else amount * price // 10**decimals)
