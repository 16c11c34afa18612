"""Markets of a Morpho Blue singleton and what they are at one moment.

Between two accruals Morpho adds nothing; its view compounds the rate that the market's model answers at that moment. Both of Morpho's own models tell in their
logs what that takes: the fixed one its rate, the adaptive one its rate at target (`adaptive_curve`). Of any other the rate is the last accrual's.
Source: morpho-blue 1.0.0, `MorphoBalancesLib`.

Limit: another model's rate may have changed since. After a borrow our debt is then too low, after a repayment too high, by the change of the rate over the
time since the market's last accrual, and right again at the next: 10 points a year over an hour are 0.0012 %. A loan in the very second in which such a
market was created bears no interest until the first accrual.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from oracle.chain.adapter import Prices
from oracle.chain.protocols.morpho_blue.adaptive_curve import compute_borrow_rate
from oracle.chain.protocols.morpho_blue.shares import (
    compute_health_factor,
    compute_interest,
    compute_price,
    to_amount_up,
    to_shares_down,
)
from oracle.domain.ids import Address
from oracle.domain.units import BPS, WAD, Bps, TimestampS, UsdE8, Wad

NO_RATE = Wad(0)
NO_FEE = Wad(0)
NO_MODEL = Address(bytes(20))


@dataclass(slots=True, kw_only=True)
class Market:
    """One isolated market; `label` is what positions and events call it. `decimals` are None if the committee does not price the token."""

    label: Address
    loan_token: Address
    collateral_token: Address
    loan_decimals: int | None
    collateral_decimals: int | None
    model: Address
    lltv_wad: Wad
    rate_wad: Wad = NO_RATE
    """Per second, by the last log."""
    at_target_wad: Wad | None = None
    """The rate at target of an adaptive model, None of any other."""
    fee_wad: Wad = NO_FEE
    accrued_s: TimestampS
    supplied_amount: int = 0
    supplied_shares: int = 0
    borrowed_amount: int = 0
    borrowed_shares: int = 0
    debts: dict[Address, int] = field(default_factory=dict)
    """Borrow shares by account, never 0."""
    collaterals: dict[Address, int] = field(default_factory=dict)
    """Collateral by account, never 0."""

    @property
    def liquidation_threshold_bps(self) -> Bps:
        """Return the liquidation LTV, rounded down, for display; health factors use the exact one."""
        return Bps(self.lltv_wad * BPS // WAD)

    def is_valued(self, prices: Prices) -> bool:
        """Return whether loan and collateral both have a price; without one of them no health factor exists."""
        return (
            self.loan_decimals is not None
            and self.collateral_decimals is not None
            and self.loan_token in prices
            and self.collateral_token in prices
        )


class Balances(NamedTuple):
    """Totals of a market with interest up to a moment, as `expectedMarketBalances` returns them."""

    supplied_amount: int
    supplied_shares: int
    borrowed_amount: int
    borrowed_shares: int


class Loan(NamedTuple):
    """One account's position in one market at one moment; values are rounded down."""

    account: Address
    collateral_amount: int
    collateral_usd_e8: UsdE8
    borrowed_amount: int
    debt_usd_e8: UsdE8
    health_factor_wad: Wad


def compute_balances(market: Market, time_s: TimestampS) -> Balances:
    """Return a market's totals with interest up to `time_s`."""
    seconds = time_s - market.accrued_s
    interest = 0
    if seconds and market.borrowed_amount and market.model != NO_MODEL:
        interest = compute_interest(market.borrowed_amount, _rate(market, seconds), seconds)
    supplied_amount = market.supplied_amount + interest
    fee = interest * market.fee_wad // WAD
    fee_shares = to_shares_down(fee, supplied_amount - fee, market.supplied_shares) if market.fee_wad else 0
    return Balances(
        supplied_amount,
        market.supplied_shares + fee_shares,
        market.borrowed_amount + interest,
        market.borrowed_shares,
    )


def _rate(market: Market, seconds: int) -> Wad:
    if market.at_target_wad is None:
        return market.rate_wad
    return compute_borrow_rate(market.at_target_wad, market.supplied_amount, market.borrowed_amount, seconds)


def list_loans(market: Market, prices: Prices, time_s: TimestampS) -> Iterator[Loan]:
    """Yield every account whose debt has a value, in no order; nothing where the market cannot be valued."""
    if not market.is_valued(prices) or market.loan_decimals is None or market.collateral_decimals is None:
        return
    balances = compute_balances(market, time_s)
    loan_price, collateral_price = prices[market.loan_token], prices[market.collateral_token]
    loan_unit, collateral_unit = 10**market.loan_decimals, 10**market.collateral_decimals
    price = compute_price(collateral_price, loan_price, market.collateral_decimals, market.loan_decimals)
    for account, shares in market.debts.items():
        borrowed = to_amount_up(shares, balances.borrowed_amount, balances.borrowed_shares)
        debt = borrowed * loan_price // loan_unit
        if debt == 0:
            continue
        collateral = market.collaterals.get(account, 0)
        yield Loan(
            account,
            collateral,
            UsdE8(collateral * collateral_price // collateral_unit),
            borrowed,
            UsdE8(debt),
            compute_health_factor(collateral, price, market.lltv_wad, borrowed),
        )
