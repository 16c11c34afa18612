"""Prices and pairs: series under the one price rule, and the facts of an asset.

Price rule: a series holds the last on-chain oracle answer at each full UTC hour (daily: at 00:00); a health factor uses the last answer at or
before the cut block. Source: `tests/vectors/FORMATS.md`, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.domain.ids import Address, SubjectId, collateral_subject
from oracle.domain.units import ChainId, TimestampS


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlySeries:
    """Prices at consecutive full hours `first_hour_s`, `first_hour_s + 3600`, ...; scale 1e8 in the numeraire, always positive."""

    first_hour_s: TimestampS
    prices_e8: tuple[int, ...]

    @property
    def last_hour_s(self) -> TimestampS:
        """Return the time of the last price."""
        return TimestampS(self.first_hour_s + 3600 * (len(self.prices_e8) - 1))


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
