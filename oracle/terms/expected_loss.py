"""Expected loss of a loan at a loan-to-value: probability of liquidation after it, times gap, times severity.

Everything rounds against the borrower: the health factor down, both products up.
Source: `tests/vectors/FORMATS.md`, section 9; twin of `contracts/src/libraries/TermsLib.sol`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from oracle.domain.fixed_point import Z_NO_DEBT, compute_z
from oracle.domain.score import CollateralScore
from oracle.domain.units import BPS, PPM, WAD, Bps, Margin, Ppm, Wad, mul_div_down, mul_div_up


class BorrowerTables(Protocol):
    """What terms need of a borrower model's tables."""

    def state_offset(self, z: int) -> Margin:
        """Return the margin of a position at distance z."""

    def pd_upper_ppm_at(self, margin: Margin) -> Ppm:
        """Return the upper bound of the probability of liquidation at a margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPolicy:
    """A market's constants: share of the debt lost when a gap opens, loss allowed per 30 days, premium at the floor."""

    severity_bps: Bps
    budget_ppm: Ppm
    floor_premium_bps: Bps


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRisk:
    """A position that stands at `ltv_bps`, seen by the model; all rounded against the borrower."""

    health_factor_wad: Wad
    z: int
    pd_upper_ppm: Ppm
    el_ppm: Ppm

    @property
    def premium_bps(self) -> Bps:
        """Return the yearly premium that covers the 30-day expected loss, rounded up."""
        return Bps(mul_div_up(self.el_ppm, 365, 3_000))


def health_factor_for_ltv(liquidation_threshold_bps: Bps, ltv_bps: Bps) -> Wad:
    """Return the health factor of a position at `ltv_bps` > 0, rounded down."""
    return Wad(mul_div_down(liquidation_threshold_bps, WAD, ltv_bps))


def compute_loan_risk(
    collateral: CollateralScore, tables: BorrowerTables, behaviour_margin: Margin, ltv_bps: Bps, market: MarketPolicy
) -> LoanRisk:
    """Return the risk of a position at `ltv_bps`; at zero there is no debt, and its z says so."""
    health_factor_wad, z = Wad(0), Z_NO_DEBT
    if ltv_bps > 0:
        health_factor_wad = health_factor_for_ltv(collateral.liquidation_threshold_bps, ltv_bps)
        z = compute_z(health_factor_wad, collateral.volatility_ppm)
    pd_upper_ppm = tables.pd_upper_ppm_at(Margin(tables.state_offset(z) + behaviour_margin))
    through_gap_ppm = mul_div_up(pd_upper_ppm, collateral.gap_ppm, PPM)
    el_ppm = Ppm(mul_div_up(through_gap_ppm, market.severity_bps, BPS))
    return LoanRisk(health_factor_wad=health_factor_wad, z=z, pd_upper_ppm=pd_upper_ppm, el_ppm=el_ppm)
