"""What Aave v3 computes for an account with one collateral and one debt, both with 18 decimals and without interest.

WETH and DAI as a replay configures them: threshold and LTV of 76.92 % (Maker's 130 %), a liquidation bonus of 13 % (Maker's penalty), no
protocol fee, no rate. The contracts' rounding, so that a plan knows what the pool will accept.
Source: Aave v3 core 1.19, `GenericLogic`, `ValidationLogic`, `LiquidationLogic`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from oracle.chain.protocols.aave_v3.rays import percent_mul, wad_div
from oracle.domain.units import BPS, WAD, Bps, Wad
from oracle.sandbox.reserves import RESERVES, RateCurve, Reserve

LIQUIDATION_THRESHOLD_BPS = Bps(7_692)
LIQUIDATION_BONUS_BPS = Bps(11_300)
CLOSE_FACTOR_BPS = Bps(5_000)
WHOLE_DEBT_HEALTH_WAD = WAD * 95 // 100
"""At or below this health factor the whole debt may be repaid by a liquidator, above it half."""
NO_DEBT_HEALTH_WAD = Wad(2**256 - 1)
DAI_USD_E8 = 10**8
_NO_RATE = RateCurve(optimal_bps=9_000, base_bps=0, slope1_bps=0, slope2_bps=0)
_DAI_LIQUIDITY_USD = 10**10


def replay_reserves() -> tuple[Reserve, ...]:
    """Return the sandbox's reserves with Maker's terms for WETH against DAI."""
    return tuple(_with_makers_terms(reserve) for reserve in RESERVES)


def _with_makers_terms(reserve: Reserve) -> Reserve:
    if reserve.symbol == "WETH":
        return replace(
            reserve,
            ltv_bps=LIQUIDATION_THRESHOLD_BPS,
            liquidation_threshold_bps=LIQUIDATION_THRESHOLD_BPS,
            liquidation_bonus_bps=LIQUIDATION_BONUS_BPS,
            liquidation_protocol_fee_bps=0,
        )
    if reserve.symbol == "DAI":
        return replace(reserve, curve=_NO_RATE, liquidity_usd=_DAI_LIQUIDITY_USD)
    return reserve


@dataclass(slots=True, kw_only=True)
class AaveAccount:
    """WETH supplied and DAI owed by one account."""

    collateral_wad: int = 0
    debt_wad: int = 0

    def health_factor_wad(self, price_usd_e8: int) -> Wad:
        """Return the health factor at a price of WETH; without debt that has a value, the largest number."""
        debt_e8 = self.debt_wad * DAI_USD_E8 // WAD
        if debt_e8 == 0:
            return NO_DEBT_HEALTH_WAD
        return wad_div(percent_mul(self.collateral_wad * price_usd_e8 // WAD, LIQUIDATION_THRESHOLD_BPS), debt_e8)

    def can_borrow(self, amount_wad: int, price_usd_e8: int) -> bool:
        """Return whether the pool lends `amount_wad` more."""
        collateral_e8 = self.collateral_wad * price_usd_e8 // WAD
        debt_e8 = self.debt_wad * DAI_USD_E8 // WAD
        if collateral_e8 == 0 or self.health_factor_wad(price_usd_e8) <= WAD:
            return False
        wanted_e8 = debt_e8 + amount_wad * DAI_USD_E8 // WAD
        needed_e8 = (wanted_e8 * BPS + LIQUIDATION_THRESHOLD_BPS // 2) // LIQUIDATION_THRESHOLD_BPS
        return needed_e8 <= collateral_e8

    def can_withdraw(self, amount_wad: int, price_usd_e8: int) -> bool:
        """Return whether the account stays healthy without `amount_wad` of its collateral."""
        left = AaveAccount(collateral_wad=self.collateral_wad - amount_wad, debt_wad=self.debt_wad)
        return left.health_factor_wad(price_usd_e8) >= WAD

    def is_liquidatable(self, amount_wad: int, price_usd_e8: int) -> bool:
        """Return whether a liquidator may repay `amount_wad` of the debt at a price."""
        health = self.health_factor_wad(price_usd_e8)
        if amount_wad <= percent_mul(self.debt_wad, CLOSE_FACTOR_BPS):
            return health < WAD
        return health <= WHOLE_DEBT_HEALTH_WAD

    def implied_price_usd_e8(self, amount_wad: int) -> int:
        """Return the highest price of WETH at which a liquidator may repay `amount_wad`; 0 if there is none."""
        if self.collateral_wad == 0:
            return 0
        low, high = 0, 2 * DAI_USD_E8 * self.debt_wad * BPS // (self.collateral_wad * LIQUIDATION_THRESHOLD_BPS)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.is_liquidatable(amount_wad, middle) else (low, middle - 1)
        return low

    def liquidate(self, amount_wad: int, price_usd_e8: int) -> tuple[int, int]:
        """Take a liquidation in; return (debt repaid, collateral seized), less where collateral does not suffice."""
        base = DAI_USD_E8 * amount_wad // price_usd_e8
        seized = percent_mul(base, LIQUIDATION_BONUS_BPS)
        if seized > self.collateral_wad:
            seized = self.collateral_wad
            worth = price_usd_e8 * seized // DAI_USD_E8
            amount_wad = (worth * BPS + LIQUIDATION_BONUS_BPS // 2) // LIQUIDATION_BONUS_BPS
        self.debt_wad -= amount_wad
        self.collateral_wad -= seized
        return amount_wad, seized
