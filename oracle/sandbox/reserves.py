"""The five reserves of the sandbox with the parameters they had on Aave v3 Ethereum, and their first prices.

Rates are in bps here and become rays at deployment. Stable-rate borrowing is off everywhere, as on every Aave v3 market today.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCurve:
    """Two-slope variable rate, all in bps."""

    optimal_bps: int
    base_bps: int
    slope1_bps: int
    slope2_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """One token, its Aave parameters and its facts. `liquidity_usd` is what outside suppliers provide for 200 borrowers."""

    symbol: str
    name: str
    decimals: int
    numeraire: str
    price_usd_e8: int
    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    reserve_factor_bps: int
    curve: RateCurve
    liquidity_usd: int
    issuer_risk: int
    bridge_risk: int = 0
    liquidation_protocol_fee_bps: int = 1_000

    def units(self, amount_usd_e8: int, price_usd_e8: int) -> int:
        """Return the token units worth `amount_usd_e8`, rounded down."""
        return amount_usd_e8 * int(10**self.decimals) // price_usd_e8


RESERVES: tuple[Reserve, ...] = (
    Reserve(
        symbol="WETH", name="Wrapped Ether", decimals=18, numeraire="ETH", price_usd_e8=3_200 * 10**8,
        ltv_bps=8_050, liquidation_threshold_bps=8_300, liquidation_bonus_bps=10_500, reserve_factor_bps=1_500,
        curve=RateCurve(optimal_bps=9_000, base_bps=0, slope1_bps=270, slope2_bps=8_000),
        liquidity_usd=2_500_000, issuer_risk=0,
    ),
    Reserve(
        symbol="WBTC", name="Wrapped BTC", decimals=8, numeraire="BTC", price_usd_e8=88_000 * 10**8,
        ltv_bps=7_300, liquidation_threshold_bps=7_800, liquidation_bonus_bps=10_500, reserve_factor_bps=5_000,
        curve=RateCurve(optimal_bps=8_000, base_bps=0, slope1_bps=400, slope2_bps=30_000),
        liquidity_usd=600_000, issuer_risk=2,
    ),
    Reserve(
        symbol="wstETH", name="Wrapped liquid staked Ether", decimals=18, numeraire="ETH", price_usd_e8=3_840 * 10**8,
        ltv_bps=7_850, liquidation_threshold_bps=8_100, liquidation_bonus_bps=10_600, reserve_factor_bps=3_500,
        curve=RateCurve(optimal_bps=8_000, base_bps=0, slope1_bps=85, slope2_bps=8_500),
        liquidity_usd=800_000, issuer_risk=1,
    ),
    Reserve(
        symbol="USDC", name="USD Coin", decimals=6, numeraire="USD", price_usd_e8=1 * 10**8,
        ltv_bps=7_500, liquidation_threshold_bps=7_800, liquidation_bonus_bps=10_450, reserve_factor_bps=1_000,
        curve=RateCurve(optimal_bps=9_200, base_bps=0, slope1_bps=550, slope2_bps=4_000),
        liquidity_usd=6_000_000, issuer_risk=1,
    ),
    Reserve(
        symbol="DAI", name="Dai Stablecoin", decimals=18, numeraire="USD", price_usd_e8=1 * 10**8,
        ltv_bps=6_300, liquidation_threshold_bps=7_700, liquidation_bonus_bps=10_500, reserve_factor_bps=2_500,
        curve=RateCurve(optimal_bps=9_200, base_bps=0, slope1_bps=550, slope2_bps=4_000),
        liquidity_usd=3_000_000, issuer_risk=1,
    ),
)  # fmt: skip

RESERVE_BY_SYMBOL = {reserve.symbol: reserve for reserve in RESERVES}
