"""Collateral scores and their proofs."""

from __future__ import annotations

from typing import Literal

from oracle.api.schemas.fields import (
    AddressHex,
    BpsNumber,
    BytesHex,
    EpochNumber,
    HashHex,
    MarginUnits,
    PpmNumber,
    Schema,
    StructSchema,
)
from oracle.api.schemas.reports import AttestationView, ReportRef, ReportStruct
from oracle.api.schemas.scores import ReasonView, ScoreExplanation


class PairView(Schema):
    """A token on a chain, priced in a numeraire."""

    subject: HashHex
    chain_id: int
    token: AddressHex
    token_symbol: str | None
    numeraire: AddressHex
    numeraire_symbol: str
    name: str


class CollateralScoreView(Schema):
    """A pair's score; everything below `margin` follows from it, the vector and constants of the model."""

    leaf: HashHex
    margin: MarginUnits
    volatility_ppm: PpmNumber
    """Annualised."""
    drawdown_bps: BpsNumber
    """Fall within the liquidation window that the threshold leaves room for."""
    gap_ppm: PpmNumber
    """Probability of falling through buffer and bonus before liquidators act."""
    ltv_ceiling_bps: BpsNumber
    """The most that any score can get."""
    ltv_floor_bps: BpsNumber
    """What anyone gets, without a score."""
    liquidation_threshold_bps: BpsNumber
    binding: Literal["drawdown", "cap", "unrated"]
    binding_text: str
    features_hash: HashHex


class CollateralItem(Schema):
    """A configured pair; `absent` if the report has no leaf of it, then nothing new is lent on it."""

    pair: PairView
    status: Literal["rated", "unrated", "absent"]
    score: CollateralScoreView | None
    adverse: list[ReasonView]
    """What makes the pair riskier, strongest first; empty if this node does not hold the vector."""


class CollateralsAnswer(Schema):
    """All pairs of the configuration, in its order."""

    report: ReportRef
    collaterals: list[CollateralItem]


class CollateralAnswer(Schema):
    """One pair with its explanation."""

    report: ReportRef
    collateral: CollateralItem
    explanation: ScoreExplanation | None


class CollateralScoreStruct(StructSchema):
    """The Solidity struct `IScoreOracle.CollateralScore`, in its order and names."""

    kind: Literal[2]
    subject: HashHex
    margin: int
    volatility_ppm: int
    drawdown_bps: int
    gap_ppm: int
    ltv_ceiling_bps: int
    ltv_floor_bps: int
    liquidation_threshold_bps: int
    binding: int
    features_hash: HashHex


class CollateralProofStruct(StructSchema):
    """The arguments of `verifyCollateral`."""

    epoch: EpochNumber
    score: CollateralScoreStruct
    proof: list[HashHex]


class CollateralProofAnswer(Schema):
    """A proof of one pair's score."""

    report: ReportRef
    pair: PairView
    leaf: HashHex
    entry: BytesHex
    """The ABI encoding that `post` takes."""
    proof: CollateralProofStruct
    report_struct: ReportStruct
    attestations: list[AttestationView]
    attestations_packed: BytesHex | None
    landed_on: list[int]
