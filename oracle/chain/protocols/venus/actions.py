"""Canonical events of accounts from the logs of vTokens, in underlying tokens.

Logs name no delegate: a borrow or redeem counts as the account's own. A liquidation logs its repayment first, so that a REPAY by the
liquidator comes before each LIQUIDATION; seized shares are worth the collateral's stored exchange rate, accrued in the same call.
Source: `@venusprotocol/venus-protocol` 10.3, `VToken`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from oracle.chain.abi.words import data_address, data_uint
from oracle.chain.adapter import Prices
from oracle.chain.protocols.venus import events
from oracle.chain.protocols.venus.state import VToken
from oracle.chain.rows import LogRow
from oracle.domain.committee import ChainParams
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import WAD, UsdE8
from oracle.errors import InconsistentLedgerError


class ActionDecoder:
    """Turns rows of the vTokens of one market into events, valued at the last answers; a token without a price has the value 0."""

    def __init__(self, params: ChainParams, protocol: str, market: Address, v_tokens: Mapping[Address, VToken]) -> None:
        self._chain_id = params.chain_id
        self._protocol = protocol
        self._market = market
        self._v_tokens = v_tokens
        self._decoders: dict[bytes, Callable[[LogRow, Prices], LendingEvent]] = {
            events.MINT: self._decode_mint,
            events.MINT_BEHALF: self._decode_mint_behalf,
            events.REDEEM: self._decode_redeem,
            events.BORROW: self._decode_borrow,
            events.REPAY_BORROW: self._decode_repay,
            events.LIQUIDATE_BORROW: self._decode_liquidation,
        }

    def decode(self, row: LogRow, prices: Prices) -> LendingEvent | None:
        """Return the event of a row, None if it is no account's action. Raises: InconsistentLedgerError."""
        decoder = self._decoders.get(row.topics[:32])
        return None if decoder is None else decoder(row, prices)

    def _decode_mint(self, row: LogRow, prices: Prices) -> LendingEvent:
        account = data_address(row, 0)
        return self._event(row, prices, EventKind.SUPPLY, account, account, data_uint(row, 1))

    def _decode_mint_behalf(self, row: LogRow, prices: Prices) -> LendingEvent:
        return self._event(row, prices, EventKind.SUPPLY, data_address(row, 1), data_address(row, 0), data_uint(row, 2))

    def _decode_redeem(self, row: LogRow, prices: Prices) -> LendingEvent:
        account = data_address(row, 0)
        return self._event(row, prices, EventKind.WITHDRAW, account, account, data_uint(row, 1))

    def _decode_borrow(self, row: LogRow, prices: Prices) -> LendingEvent:
        account = data_address(row, 0)
        return self._event(row, prices, EventKind.BORROW, account, account, data_uint(row, 1))

    def _decode_repay(self, row: LogRow, prices: Prices) -> LendingEvent:
        return self._event(row, prices, EventKind.REPAY, data_address(row, 1), data_address(row, 0), data_uint(row, 2))

    def _decode_liquidation(self, row: LogRow, prices: Prices) -> LendingEvent:
        collateral = self._v_tokens.get(data_address(row, 3))
        if collateral is None:
            reason = f"vToken 0x{data_address(row, 3).hex()} was seized and never listed"
            raise InconsistentLedgerError(self._chain_id, row.block_number, reason)
        seized = collateral.exchange_rate_wad * data_uint(row, 4) // WAD
        return self._event(
            row, prices, EventKind.LIQUIDATION, data_address(row, 1), data_address(row, 0), data_uint(row, 2),
            collateral, seized,
        )  # fmt: skip

    def _event(
        self, row: LogRow, prices: Prices, kind: EventKind, account: Address, caller: Address, amount: int,
        seized: VToken | None = None, seized_amount: int = 0,
    ) -> LendingEvent:  # fmt: skip
        v_token = self._v_tokens[row.address]
        return LendingEvent(
            chain_id=self._chain_id,
            block_number=row.block_number,
            log_index=row.log_index,
            time_s=row.time_s,
            protocol=self._protocol,
            market=self._market,
            kind=kind,
            account=account,
            caller=caller,
            token=v_token.token,
            amount=amount,
            value_usd_e8=_value(prices, v_token, amount),
            seized_token=None if seized is None else seized.token,
            seized_amount=seized_amount,
            seized_value_usd_e8=UsdE8(0) if seized is None else _value(prices, seized, seized_amount),
        )


def _value(prices: Prices, v_token: VToken, amount: int) -> UsdE8:
    price = prices.get(v_token.token)
    return UsdE8(0 if price is None or v_token.decimals is None else amount * price // 10**v_token.decimals)
