"""Shares, interest and prices with the roundings of Morpho Blue.

Source: morpho-blue 1.0.0, `SharesMathLib`, `MathLib`, `MorphoBalancesLib`, `Morpho._isHealthy`.
"""

from __future__ import annotations

from oracle.domain.units import WAD, Wad, mul_div_down, mul_div_up

VIRTUAL_SHARES = 10**6
VIRTUAL_AMOUNT = 1
PRICE_SCALE = 10**36


def to_amount_up(shares: int, total_amount: int, total_shares: int) -> int:
    """Return what shares are worth in tokens, rounded up: a debt is never understated."""
    return mul_div_up(shares, total_amount + VIRTUAL_AMOUNT, total_shares + VIRTUAL_SHARES)


def to_shares_down(amount: int, total_amount: int, total_shares: int) -> int:
    """Return the shares that an amount buys, rounded down."""
    return mul_div_down(amount, total_shares + VIRTUAL_SHARES, total_amount + VIRTUAL_AMOUNT)


def compute_interest(borrowed_amount: int, rate_wad: Wad, seconds: int) -> int:
    """Return the interest of a total debt at a rate per second: e^(rate * seconds) - 1 to the third term, each term rounded down."""
    first = rate_wad * seconds
    second = mul_div_down(first, first, 2 * WAD)
    third = mul_div_down(second, first, 3 * WAD)
    return mul_div_down(borrowed_amount, first + second + third, WAD)


def compute_price(collateral_usd_e8: int, loan_usd_e8: int, collateral_decimals: int, loan_decimals: int) -> int:
    """Return what 10^36 smallest units of collateral are worth in smallest units of the loan token, rounded down.

    Equal to an oracle contract that divides one feed by the other, such as `MorphoChainlinkOracleV2` with one base and one quote feed.
    """
    collateral_unit, loan_unit = int(10**collateral_decimals), int(10**loan_decimals)
    return collateral_usd_e8 * PRICE_SCALE * loan_unit // (loan_usd_e8 * collateral_unit)


def compute_health_factor(collateral_amount: int, price: int, lltv_wad: Wad, borrowed_amount: int) -> Wad:
    """Return the largest debt that is healthy over the debt, rounded down: at least one wad exactly where `_isHealthy` says so."""
    most = mul_div_down(mul_div_down(collateral_amount, price, PRICE_SCALE), lltv_wad, WAD)
    return Wad(mul_div_down(most, WAD, borrowed_amount))
