"""Markets and quotes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from oracle.api.schemas.collaterals import PairView
from oracle.api.schemas.fields import AddressHex, BpsNumber, DecimalString, HashHex, MarginUnits, PpmNumber, Schema
from oracle.api.schemas.reports import ReportRef

BasisName = Literal["no_proof", "expired", "superseded", "unrated", "rated"]
RefusalName = Literal[
    "none",
    "no_collateral",
    "collateral_unscored",
    "above_floor",
    "above_ceiling",
    "over_budget",
    "over_borrower_limit",
    "over_exposure_cap",
    "not_enough_cash",
]


class BlockRef(Schema):
    """The block at which a market was read."""

    chain_id: int
    block_number: int
    block_hash: HashHex
    timestamp: int


class MarketView(Schema):
    """A market that quotes are answered for."""

    chain_id: int
    market: AddressHex
    name: str
    loan_token: AddressHex
    loan_symbol: str
    loan_decimals: int
    pair: PairView
    oracle: AddressHex
    severity_bps: BpsNumber
    budget_ppm: PpmNumber
    floor_premium_bps: BpsNumber
    borrower_limit: DecimalString
    """Most debt above the floor of one borrower, in the loan token's smallest unit."""
    exposure_cap: DecimalString
    """Most debt above the floor of all borrowers."""


class MarketsAnswer(Schema):
    """Every market configured on this node. A market that cannot be read now is in `unreachable`."""

    report: ReportRef | None
    markets: list[MarketView]
    unreachable: list[str]


class MenuStepView(Schema):
    """One step of the menu: what the whole position costs if it ends there."""

    ltv_bps: BpsNumber
    debt: DecimalString
    """The most debt that stays on this step."""
    el_ppm: PpmNumber
    """Expected loss per 30 days."""
    premium_bps: BpsNumber
    """Annual, above the market's base rate."""
    is_allowed: bool


class QuoteView(Schema):
    """What `LendingMarket.quote` answers, field by field."""

    allowed: bool
    refusal: RefusalName
    refusal_text: str | None
    basis: BasisName
    basis_text: str
    ask_bps: DecimalString
    """LTV after the loan, rounded up. A string: without much collateral it can be any size."""
    ltv_bps: BpsNumber
    """Step of the menu that the whole position is then on; 0 if refused."""
    premium_bps: BpsNumber
    """Annual premium of the whole position from then on; 0 if refused."""
    el_ppm: PpmNumber
    """Expected loss per 30 days at the LTV asked for; 0 without a rated score."""
    debt_after: DecimalString
    exposure_after: DecimalString
    given: DecimalString
    """What is too much, if refused: an LTV, an expected loss or an amount."""
    limit: DecimalString
    """What would have been the most."""


class QuoteAnswer(Schema):
    """Terms of a loan asked for now, for the whole position after it."""

    report: ReportRef | None
    """The report whose score is presented; null without one."""
    block: BlockRef
    market: AddressHex
    borrower: AddressHex
    amount: DecimalString
    loan_symbol: str
    loan_decimals: int
    pair: PairView
    quote: QuoteView
    proof_epoch: Annotated[
        int | None, Field(description="Present the proof of this epoch: GET /v1/borrowers/{address}/proof?epoch=")
    ]
    behaviour_margin: MarginUnits | None
    """The margin that counted: the higher of the presented and the stored score's."""
    debt_before: DecimalString
    collateral_value: DecimalString | None
    """In loan tokens; null if the market refuses its price."""
    base_rate_wad: DecimalString
    """Annual base rate now, 10^18 is 100 %. The borrower pays it plus the premium."""
    liquidation_threshold_bps: BpsNumber
    """Of the pair; no borrower's score moves it."""
    ltv_floor_bps: BpsNumber
    ltv_ceiling_bps: BpsNumber
    max_ltv_bps: BpsNumber
    """The highest step that is allowed, 0 if none, whether there is collateral or not; limits and cash may allow less."""
    menu: list[MenuStepView]
    """Every step from floor to ceiling; the floor alone without a rated proof; empty without collateral, or if the pair has no unexpired score."""
    notes: list[str]


class WhatIfAnswer(Schema):
    """The smallest repayment, and the smallest addition of collateral, that reach terms: each by itself, exact at the block."""

    report: ReportRef | None
    """The report whose score is presented; null without one."""
    block: BlockRef
    market: AddressHex
    borrower: AddressHex
    amount: DecimalString
    """Loan on top of the debt, 0 for the position as it is."""
    loan_symbol: str
    loan_decimals: int
    basis: BasisName
    basis_text: str
    proof_epoch: Annotated[
        int | None, Field(description="Present the proof of this epoch: GET /v1/borrowers/{address}/proof?epoch=")
    ]
    max_premium_bps: BpsNumber | None
    """The premium asked for at most; null asks only for being granted."""
    max_ltv_bps: BpsNumber | None
    """The highest step asked for; null asks only for being granted."""
    debt: DecimalString
    """Debt with interest at the block, and `amount`."""
    collateral_value: DecimalString
    """In loan tokens."""
    reached: bool
    """Whether the terms are reached as things stand."""
    ask_bps: BpsNumber
    """The highest LTV, rounded up, that reaches them; 0 if none does."""
    repay: DecimalString
    """The smallest repayment that suffices; one unit less does not. The whole debt if nothing less helps. Interest accrues until it lands."""
    top_up_value: DecimalString | None
    """The smallest value of added collateral that suffices, in loan tokens; null if none does."""
    notes: list[str]
