"""Logs of a Venus market as its contracts emit them: amounts in raw units of the underlying token, shares with 8 decimals."""

from __future__ import annotations

from oracle.chain.protocols.venus import events
from oracle.domain.ids import Address
from oracle.domain.units import WAD
from tests.chain.aave_logs import make_log
from tests.chain.fake_endpoint import USDC, WETH, FakeLog, address_of

COMPTROLLER = address_of("comptroller")
VAI_CONTROLLER = address_of("vai controller")
V_WETH = address_of("vWETH")
V_USDC = address_of("vUSDC")
LENDER = address_of("lender")
ANCHORS = (V_WETH, WETH, V_USDC, USDC)
ETHER = 10**18
DOLLAR = 10**6
SHARE = 10**8
"""One WETH is 50 shares and one USDC 50 shares when a market opens."""


def listed(v_token: Address) -> FakeLog:
    return make_log(COMPTROLLER, events.MARKET_LISTED, (v_token,))


def threshold(v_token: Address, wad: int, *, pool: int = 0) -> FakeLog:
    return make_log(COMPTROLLER, events.NEW_LIQUIDATION_THRESHOLD, (pool, v_token), 0, wad)


def entered(v_token: Address, account: Address) -> FakeLog:
    return make_log(COMPTROLLER, events.MARKET_ENTERED, (v_token, account))


def exited(v_token: Address, account: Address) -> FakeLog:
    return make_log(COMPTROLLER, events.MARKET_EXITED, (v_token, account))


def transfer(v_token: Address, sender: Address, recipient: Address, shares: int) -> FakeLog:
    return make_log(v_token, events.TRANSFER, (sender, recipient), shares)


def minted(v_token: Address, account: Address, amount: int, shares: int, *, held_before: int = 0) -> list[FakeLog]:
    mint = make_log(v_token, events.MINT, (), account, amount, shares, held_before + shares)
    return [mint, transfer(v_token, v_token, account, shares)]


def redeemed(v_token: Address, account: Address, amount: int, shares: int, *, held_after: int) -> list[FakeLog]:
    redeem = make_log(v_token, events.REDEEM, (), account, amount, shares, held_after)
    return [transfer(v_token, account, v_token, shares), redeem]


def accrued(v_token: Address, *, cash: int, interest: int, index: int, borrows: int) -> FakeLog:
    return make_log(v_token, events.ACCRUE_INTEREST, (), cash, interest, index, borrows)


def borrowed(v_token: Address, account: Address, amount: int, *, owed: int, borrows: int) -> FakeLog:
    return make_log(v_token, events.BORROW, (), account, amount, owed, borrows)


def repaid(v_token: Address, payer: Address, account: Address, amount: int, *, owed: int, borrows: int) -> FakeLog:
    return make_log(v_token, events.REPAY_BORROW, (), payer, account, amount, owed, borrows)


def liquidated(
    v_token: Address, liquidator: Address, account: Address, amount: int, *, collateral: Address, shares: int
) -> FakeLog:
    return make_log(v_token, events.LIQUIDATE_BORROW, (), liquidator, account, amount, collateral, shares)


def reserves_reduced(v_token: Address, amount: int, left: int) -> FakeLog:
    return make_log(v_token, events.RESERVES_REDUCED, (), address_of("share reserve"), amount, left)


def reserve_factor(v_token: Address, old_wad: int, new_wad: int) -> FakeLog:
    return make_log(v_token, events.NEW_RESERVE_FACTOR, (), old_wad, new_wad)


def market_opened() -> list[FakeLog]:
    """Return the logs of WETH at a threshold of 80 % and USDC at 90 %, with 10,000 USDC supplied by a lender."""
    return [
        listed(V_WETH),
        threshold(V_WETH, WAD * 8 // 10),
        listed(V_USDC),
        threshold(V_USDC, WAD * 9 // 10),
        *minted(V_USDC, LENDER, 10_000 * DOLLAR, 500_000 * SHARE),
    ]


def opened_loan(account: Address, *, debt: int) -> list[FakeLog]:
    """Return the logs of one WETH supplied and entered, and of the market's first USDC debt, at index one."""
    return [
        *minted(V_WETH, account, ETHER, 50 * SHARE),
        entered(V_WETH, account),
        entered(V_USDC, account),
        borrowed(V_USDC, account, debt, owed=debt, borrows=debt),
    ]
