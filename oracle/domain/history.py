"""Histories: the whole input of a feature vector, and nothing else.

The node builds them from its indexed rows, training from its data sets; the feature code is the same function of these values. Everything in a history
is at or before `as_of_s`, the epoch's boundary.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address, SubjectId
from oracle.domain.market import AssetFacts, HourlySeries, Pair
from oracle.domain.position import PositionSample
from oracle.domain.units import ChainId, Ppm, TimestampS, UsdE8, Wad


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRisk:
    """One position at the cut; `volatility_ppm` is the largest sigma among its (collateral, debt numeraire) pairs, 0 if one is unknown."""

    chain_id: ChainId
    market: Address
    health_factor_wad: Wad
    debt_usd_e8: UsdE8
    volatility_ppm: Ppm


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowerHistory:
    """All that a borrower's vector is computed from.

    `positions` have debt at the cut. `events` ascend by `LendingEvent.order`. `samples` are the positions with debt at each 00:00 UTC, ascending by
    (time, chain, market). `token_prices` are USD series of the tokens the borrower supplied, keyed by (chain, token), ascending; each is shared between borrowers.
    """

    subject: SubjectId
    as_of_s: TimestampS
    positions: tuple[PositionRisk, ...]
    events: tuple[LendingEvent, ...]
    samples: tuple[PositionSample, ...]
    token_prices: tuple[tuple[tuple[ChainId, Address], HourlySeries], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralHistory:
    """All that a collateral's vector is computed from; `series` is token priced in numeraire, at full hours."""

    pair: Pair
    as_of_s: TimestampS
    series: HourlySeries
    facts: AssetFacts
