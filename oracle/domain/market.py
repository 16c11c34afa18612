"""Prices and pairs: series under the one price rule, and the facts of an asset.

Price rule: a series holds the last on-chain oracle answer at each full UTC hour (daily: at 00:00); a health factor uses the last answer at or
before the cut block. Source: `tests/vectors/FORMATS.md`, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from oracle.domain.ids import Address, SubjectId, collateral_subject
from oracle.domain.units import HOUR_S, BlockNumber, ChainId, TimestampS

SCALE_E8 = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlySeries:
    """Prices at consecutive full hours `first_hour_s`, `first_hour_s + 3600`, ...; scale 1e8 in the numeraire, always positive."""

    first_hour_s: TimestampS
    prices_e8: tuple[int, ...]

    @property
    def last_hour_s(self) -> TimestampS:
        """Return the time of the last price."""
        return TimestampS(self.first_hour_s + 3600 * (len(self.prices_e8) - 1))


def cross_prices(prices_e8: Iterable[int], base_prices_e8: Iterable[int]) -> Iterator[int]:
    """Yield prices in a numeraire from USD prices of a token and of the numeraire's wrapped token, hour by hour; rounded down, never below 1."""
    return (max(1, price * SCALE_E8 // base) for price, base in zip(prices_e8, base_prices_e8, strict=True))


def cross_series(series: HourlySeries, base: HourlySeries) -> HourlySeries | None:
    """Return `series` in the numeraire whose wrapped token is `base`, over the hours that both have; None if there are none."""
    first_hour_s = TimestampS(max(series.first_hour_s, base.first_hour_s))
    hours = (min(series.last_hour_s, base.last_hour_s) - first_hour_s) // HOUR_S + 1
    if hours <= 0:
        return None
    skip, base_skip = ((first_hour_s - s.first_hour_s) // HOUR_S for s in (series, base))
    prices = cross_prices(series.prices_e8[skip : skip + hours], base.prices_e8[base_skip : base_skip + hours])
    return HourlySeries(first_hour_s=first_hour_s, prices_e8=tuple(prices))


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFacts:
    """What a committee holds true of an asset; risks are 0 (none) to 3 (high). `numeraire` is what a debt in it is measured in."""

    token: Address
    price_feed: Address
    numeraire: Address
    decimals: int
    issuer_risk: int
    bridge_risk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A collateral subject: a token on a chain, priced in a numeraire."""

    chain_id: ChainId
    token: Address
    numeraire: Address

    @property
    def subject(self) -> SubjectId:
        """Return the subject id."""
        return collateral_subject(self.chain_id, self.token, self.numeraire)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChange:
    """A market's rule as its log set it: `name` is the protocol's word for it, `token` what it is about (zero: the market)."""

    chain_id: ChainId
    block_number: BlockNumber
    log_index: int
    time_s: TimestampS
    protocol: str
    market: Address
    token: Address
    name: str
    amount: int
