"""What each log of a vToken does to its totals: cash, borrows, reserves, supply and index.

Whatever a log names as a total is taken from it. Cash moves with every log in between and is named by the next accrual. Reserves grow by the
reserve factor's share of each accrual, rounded down, and are named when they shrink: inside an accrual the log of that comes before the accrual's own.
Source: `@venusprotocol/venus-protocol` 10.3, `VToken.accrueInterest`, `_reduceReservesFresh`, `VBep20.doTransferIn`, `doTransferOut`.
"""

from __future__ import annotations

from collections.abc import Callable

from oracle.chain.abi.words import data_uint
from oracle.chain.protocols.venus import events
from oracle.chain.protocols.venus.state import VToken
from oracle.chain.rows import LogRow
from oracle.domain.units import WAD, Wad


def _on_accrue_interest(row: LogRow, v_token: VToken) -> None:
    cash_before, interest = data_uint(row, 0), data_uint(row, 1)
    reduced = v_token.reduced_reserves_amount
    if reduced is None:
        v_token.reserves_amount += v_token.reserve_factor_wad * interest // WAD
    v_token.cash_amount = cash_before - v_token.flash_loan_amount - (reduced or 0)
    v_token.borrow_index_wad = Wad(data_uint(row, 2))
    v_token.borrows_amount = data_uint(row, 3)
    v_token.accrued_block_number = row.block_number
    v_token.reduced_reserves_amount = None


def _on_reserves_reduced(row: LogRow, v_token: VToken) -> None:
    reduced, v_token.reserves_amount = data_uint(row, 1), data_uint(row, 2)
    v_token.cash_amount -= reduced
    # Reserves shrink in fresh blocks only: without an accrual of this block before it, the log is part of one.
    if v_token.accrued_block_number != row.block_number:
        v_token.reduced_reserves_amount = reduced


def _on_reserves_added(row: LogRow, v_token: VToken) -> None:
    v_token.cash_amount += data_uint(row, 1)
    v_token.reserves_amount = data_uint(row, 2)


def _on_new_reserve_factor(row: LogRow, v_token: VToken) -> None:
    v_token.reserve_factor_wad = Wad(data_uint(row, 1))


def _on_mint(row: LogRow, v_token: VToken) -> None:
    v_token.cash_amount += data_uint(row, 1)
    v_token.supply_shares += data_uint(row, 2)


def _on_mint_behalf(row: LogRow, v_token: VToken) -> None:
    v_token.cash_amount += data_uint(row, 2)
    v_token.supply_shares += data_uint(row, 3)


def _on_redeem(row: LogRow, v_token: VToken) -> None:
    v_token.cash_amount -= data_uint(row, 1)
    v_token.supply_shares -= data_uint(row, 2)


def _on_redeem_fee(row: LogRow, v_token: VToken) -> None:
    v_token.cash_amount -= data_uint(row, 1)


def _on_borrow(row: LogRow, v_token: VToken) -> None:
    if not v_token.flash_debt_amount:
        v_token.cash_amount -= data_uint(row, 1)
    v_token.flash_debt_amount = 0
    v_token.borrows_amount = data_uint(row, 3)


def _on_repay_borrow(row: LogRow, v_token: VToken) -> None:
    v_token.cash_amount += data_uint(row, 2)
    v_token.borrows_amount = data_uint(row, 4)


def _on_cash_synced(row: LogRow, v_token: VToken) -> None:
    v_token.cash_amount = data_uint(row, 1)


def _on_flash_loan_out(row: LogRow, v_token: VToken) -> None:
    v_token.flash_loan_amount = data_uint(row, 2)
    v_token.cash_amount -= v_token.flash_loan_amount


def _on_flash_loan_in(row: LogRow, v_token: VToken) -> None:
    paid, total_fee, protocol_fee = data_uint(row, 0), data_uint(row, 1), data_uint(row, 2)
    v_token.cash_amount += paid - protocol_fee
    v_token.flash_debt_amount = max(0, v_token.flash_loan_amount + total_fee - paid)
    v_token.flash_loan_amount = 0


TOTALS: dict[bytes, Callable[[LogRow, VToken], None]] = {
    events.ACCRUE_INTEREST: _on_accrue_interest,
    events.RESERVES_REDUCED: _on_reserves_reduced,
    events.RESERVES_ADDED: _on_reserves_added,
    events.NEW_RESERVE_FACTOR: _on_new_reserve_factor,
    events.MINT: _on_mint,
    events.MINT_BEHALF: _on_mint_behalf,
    events.REDEEM: _on_redeem,
    events.REDEEM_FEE: _on_redeem_fee,
    events.BORROW: _on_borrow,
    events.REPAY_BORROW: _on_repay_borrow,
    events.CASH_SYNCED: _on_cash_synced,
    events.FLASH_LOAN_OUT: _on_flash_loan_out,
    events.FLASH_LOAN_IN: _on_flash_loan_in,
}
