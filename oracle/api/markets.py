"""A lending market as the API sees it: what is read of it at one block, and the port that reads it.

Names and meanings are those of `contracts/src/interfaces/ILendingMarket.sol` and `IScoreOracle.sol`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from oracle.domain.ids import Address, Hash32, SubjectId
from oracle.domain.units import BlockNumber, Bps, ChainId, Epoch, Margin, Ppm, TimestampS


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketListing:
    """A market that this node answers quotes for."""

    chain_id: ChainId
    market: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCollateral:
    """The pair's score as the market's gate lets it through now; epoch 0 if there is none. `binding` 0 is none."""

    epoch: Epoch
    margin: Margin
    volatility_ppm: Ppm
    drawdown_bps: Bps
    gap_ppm: Ppm
    ltv_ceiling_bps: Bps
    ltv_floor_bps: Bps
    liquidation_threshold_bps: Bps
    binding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedBorrower:
    """A borrower's score as the chain stores it; epoch 0 if there is none."""

    epoch: Epoch
    behaviour_margin: Margin
    grade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleHead:
    """The newest report of a market's oracle, and how long reports count there."""

    epoch: Epoch
    previous_epoch: Epoch
    scores_root: Hash32
    landed_at_s: TimestampS
    epoch_s: int
    validity_s: int
    grace_s: int

    def is_expired(self, epoch: Epoch, at_s: TimestampS) -> bool:
        """Return whether a score of `epoch` is past its validity; true for epoch 0."""
        return epoch == 0 or at_s > epoch * self.epoch_s + self.validity_s

    def is_usable(self, epoch: Epoch, at_s: TimestampS) -> bool:
        """Return whether a score of `epoch` may be presented: the head's, or its predecessor's within the grace."""
        if self.is_expired(epoch, at_s):
            return False
        return epoch == self.epoch or (epoch == self.previous_epoch and at_s <= self.landed_at_s + self.grace_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketConstants:
    """What never changes in a market."""

    oracle: Address
    gate: Address
    loan_token: Address
    loan_symbol: str
    loan_decimals: int
    collateral_token: Address
    collateral_subject: SubjectId
    severity_bps: Bps
    budget_ppm: Ppm
    floor_premium_bps: Bps
    borrower_limit_amount: int
    exposure_cap_amount: int
    """Most debt above the floor, whatever backs it."""
    tables_hash: Hash32
    """keccak of the borrower tables that the market prices with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowerBooks:
    """A borrower's books now, interest included; amounts in loan tokens. `collateral_value_amount` is None if the price is refused."""

    debt_amount: int
    exposure_amount: int
    collateral_value_amount: int | None
    price_refusal: str
    has_code: bool
    as_account: PostedBorrower
    as_contract: PostedBorrower


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketState:
    """Everything that a quote depends on, at one block."""

    chain_id: ChainId
    market: Address
    block_number: BlockNumber
    block_hash: Hash32
    block_time_s: TimestampS
    constants: MarketConstants
    head: OracleHead
    collateral: PostedCollateral
    is_open: bool
    """Whether new loans are made: not without an unexpired rated score of the pair where scores count."""
    counts_scores: bool
    """Whether the mode of the gate is one in which a borrower's score counts."""
    exposure_cap_amount: int
    """Most debt above the floor that all borrowers may have now."""
    cash_amount: int
    total_exposure_amount: int
    base_rate_wad: int
    borrower: BorrowerBooks


class MarketReader(Protocol):
    """Reads markets from their chains."""

    async def fetch_state(self, listing: MarketListing, borrower: Address) -> MarketState:
        """Return the state at the newest block.

        Raises:
            MarketReadError: if the market answers what a market of ours cannot answer.
            ChainError: if the chain could not be read, or its endpoints disagree.
        """
        ...

    async def fetch_constants(self, listing: MarketListing) -> MarketConstants:
        """Return what never changes in a market, from a cache after the first time."""
        ...
