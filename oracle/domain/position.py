"""Positions: collateral and debt of one account in one market, and samples of them over time."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.domain.ids import Address
from oracle.domain.units import BPS, WAD, Bps, ChainId, TimestampS, UsdE8, Wad, mul_div_down


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A token amount inside a position; debt includes accrued interest."""

    token: Address
    amount: int
    value_usd_e8: UsdE8


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral(Holding):
    """Collateral that counts (enabled by its owner); the threshold is the one in force at the time."""

    liquidation_threshold_bps: Bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Collateral and debt of one account in one market at one moment."""

    chain_id: ChainId
    protocol: str
    market: Address
    account: Address
    collaterals: tuple[Collateral, ...]
    debts: tuple[Holding, ...]

    @property
    def collateral_usd_e8(self) -> UsdE8:
        """Return the value of all enabled collateral."""
        return UsdE8(sum(c.value_usd_e8 for c in self.collaterals))

    @property
    def debt_usd_e8(self) -> UsdE8:
        """Return the value of all debt."""
        return UsdE8(sum(d.value_usd_e8 for d in self.debts))

    @property
    def health_factor_wad(self) -> Wad | None:
        """Threshold-weighted collateral over debt; liquidatable below 1 WAD.

        Rounded down, so that risk is never understated. None without debt. (Aave rounds its average threshold first; what a
        protocol itself reports is checked in its adapter.)
        """
        if self.debt_usd_e8 == 0:
            return None
        weighted = sum(c.value_usd_e8 * c.liquidation_threshold_bps for c in self.collaterals)
        return Wad(mul_div_down(weighted, WAD, self.debt_usd_e8 * BPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSample:
    """State of an account's position in one market at a sampling time (each 00:00 UTC while it has debt)."""

    time_s: TimestampS
    chain_id: ChainId
    market: Address
    health_factor_wad: Wad
    debt_usd_e8: UsdE8
    collateral_usd_e8: UsdE8
