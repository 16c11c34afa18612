"""A market in `deployment.json`: the gate that guards it, the market itself, and how both are encoded for their constructors.

Limits of single figures are the constructors' own: they name the field and both figures when they refuse. Source: `IRiskGate.GateConfig`,
`ILendingMarket.MarketConfig`, `ILendingMarket.ScoreConfig`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from oracle.domain.ids import Address, Hash32, parse_address
from oracle.node.settings import AddressText

BOUNDS_TYPE = "(uint16,uint16,uint16,uint16,uint32,uint32)"
BACKING_TYPE = "(address,address,address,address,uint32,uint16)"
GATE_TYPE = (
    "(address,address,address,address,address,uint8,uint32,uint32,uint16,uint16,uint16,uint16,"
    f"{BOUNDS_TYPE},uint128,uint128,{BACKING_TYPE})"
)
MARKET_TYPE = "(address,address,address,address,uint32,uint32,uint16,uint16,uint32,uint32,uint32,uint16,string,string)"
SCORE_TYPE = "(address,address,address,bytes32,uint32,uint32,uint32,uint16,uint128)"
MODES = ("off", "shadow", "capped", "live")
NOBODY = Address(bytes(20))


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BoundsSpec(_Document):
    """Limits of what a score may say."""

    min_liquidation_threshold_bps: int
    max_liquidation_threshold_bps: int
    max_ltv_ceiling_bps: int
    max_ltv_floor_bps: int
    min_volatility_ppm: int
    min_gap_ppm: int


class BackingSpec(_Document):
    """The share of slashable stake that the market may lend on above the floor; on the home chain only."""

    stake_feed: AddressText
    max_age_seconds: int
    share_bps: int


class GateSpec(_Document):
    """The guard rails of one market."""

    owner: AddressText
    guardian: AddressText
    mode: Literal["off", "shadow", "capped", "live"]
    timelock_seconds: int
    veto_seconds: int
    ramp_bps_per_hour: int
    loosening_bps_per_day: int
    fallback_threshold_bps: int
    fallback_ltv_bps: int
    bounds: BoundsSpec
    exposure_cap: int
    capped_exposure_cap: int
    backing: BackingSpec | None = None


class MarketSpec(_Document):
    """One market over a pair. `name` is its key in the addresses file and part of its token's name."""

    name: str = Field(pattern=r"^[A-Za-z0-9_]{1,32}$")
    symbol: str
    loan_token: AddressText
    collateral_token: AddressText
    loan_feed: AddressText
    collateral_feed: AddressText
    numeraire: AddressText
    loan_price_max_age_seconds: int
    collateral_price_max_age_seconds: int
    close_factor_bps: int
    liquidation_bonus_bps: int
    base_rate_bps: int
    slope_low_bps: int
    slope_high_bps: int
    kink_bps: int
    severity_bps: int
    budget_ppm: int
    floor_premium_bps: int
    weight_bps: int
    borrower_limit: int
    gate: GateSpec


def encode_gate(market: MarketSpec, *, oracle: Address, staking: Address) -> tuple[object, ...]:
    """Return the fields of `GateConfig`; `staking` is the zero address where the chain has none."""
    gate, bounds = market.gate, market.gate.bounds
    backing: tuple[object, ...] = (NOBODY, NOBODY, NOBODY, NOBODY, 0, 0)
    if gate.backing is not None:
        loan = (parse_address(market.loan_feed), parse_address(market.loan_token))
        feed = parse_address(gate.backing.stake_feed)
        backing = (staking, feed, *loan, gate.backing.max_age_seconds, gate.backing.share_bps)
    return (
        oracle, parse_address(gate.owner), parse_address(gate.guardian), parse_address(market.collateral_token),
        parse_address(market.numeraire), MODES.index(gate.mode), gate.timelock_seconds, gate.veto_seconds, gate.ramp_bps_per_hour,
        gate.loosening_bps_per_day, gate.fallback_threshold_bps, gate.fallback_ltv_bps, tuple(bounds.model_dump().values()),
        gate.exposure_cap, gate.capped_exposure_cap, backing,
    )  # fmt: skip


def encode_market(market: MarketSpec) -> tuple[object, ...]:
    """Return the fields of `MarketConfig`."""
    places = (market.loan_token, market.collateral_token, market.loan_feed, market.collateral_feed)
    return (
        *(parse_address(place) for place in places), market.loan_price_max_age_seconds, market.collateral_price_max_age_seconds,
        market.close_factor_bps, market.liquidation_bonus_bps, market.base_rate_bps, market.slope_low_bps, market.slope_high_bps,
        market.kink_bps, f"Assay {market.name}", market.symbol,
    )  # fmt: skip


def encode_scores(market: MarketSpec, *, gate: Address, tables: Address, tables_hash: Hash32) -> tuple[object, ...]:
    """Return the fields of `ScoreConfig`."""
    return (
        gate, parse_address(market.numeraire), tables, tables_hash, market.severity_bps, market.budget_ppm,
        market.floor_premium_bps, market.weight_bps, market.borrower_limit,
    )  # fmt: skip
