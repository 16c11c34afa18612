"""Borrower scores and their proofs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from oracle.api.schemas.fields import (
    AddressHex,
    BytesHex,
    EpochNumber,
    HashHex,
    MarginUnits,
    PpmNumber,
    Schema,
    StructSchema,
)
from oracle.api.schemas.reports import AttestationView, FeatureView, ReportRef, ReportStruct

Points = Annotated[int, Field(ge=300, le=1000, examples=[742])]
Grade = Annotated[int, Field(ge=0, le=10, description="1 best to 10 worst, 0 unrated.", examples=[3])]


class ReasonView(Schema):
    """One feature's exact part of the margin."""

    code: int
    """The byte used in leaves: slot plus one."""
    feature: str
    margin: MarginUnits
    text: str


class ScoreView(Schema):
    """A borrower's score. `margin = state_offset + behaviour_margin`."""

    subject: HashHex
    chain_id: int | None
    """Null: one subject over all chains. A contract account has one subject per chain."""
    leaf: HashHex
    margin: MarginUnits
    state_offset: MarginUnits
    behaviour_margin: MarginUnits
    pd_ppm: PpmNumber
    """Probability of a liquidation within 30 days."""
    pd_upper_ppm: PpmNumber
    """One-sided upper bound of it; terms use this one."""
    points: Points
    grade: Grade
    adverse_codes: list[int]
    """The four codes in the leaf, strongest first."""
    features_hash: HashHex


class ScoreExplanation(Schema):
    """Why the score is what it is: `bias` plus all reasons is exactly `margin`."""

    bias: MarginUnits
    adverse: list[ReasonView]
    favourable: list[ReasonView]
    features: list[FeatureView]
    unrated_because: list[str]
    shadow_margin: MarginUnits | None
    """What the behaviour trees would add, where they run in shadow and count for nothing; null where they count."""


class HistoryPoint(Schema):
    """The same subject at an earlier epoch."""

    epoch: EpochNumber
    leaf: HashHex
    margin: MarginUnits
    behaviour_margin: MarginUnits
    pd_ppm: PpmNumber
    pd_upper_ppm: PpmNumber
    points: Points
    grade: Grade


class BorrowerAnswer(Schema):
    """A borrower's score, or why there is none."""

    report: ReportRef
    address: AddressHex
    status: Literal["rated", "unrated", "unknown"]
    """`unrated`: listed, but too little history or outside the training data. `unknown`: not listed. Both borrow on floor terms."""
    summary: str
    score: ScoreView | None
    other_subjects: list[HashHex]
    """Further subjects of a contract account, on other chains; choose with `chain_id`."""
    explanation: ScoreExplanation | None
    """Null if unknown, or if this node does not hold the vector."""
    history: list[HistoryPoint]
    """Newest first, this report's epoch included."""


class BatchRequest(Schema):
    """Addresses to look up in the newest report."""

    addresses: Annotated[list[str], Field(min_length=1, max_length=100, examples=[["0x" + "11" * 20]])]


class BatchItem(Schema):
    """One address of a batch."""

    address: AddressHex
    status: Literal["rated", "unrated", "unknown"]
    scores: list[ScoreView]
    """Empty if unknown; more than one for a contract account on several chains."""


class BatchAnswer(Schema):
    """Scores in the order in which they were asked for."""

    report: ReportRef
    borrowers: list[BatchItem]


class BorrowerScoreStruct(StructSchema):
    """The Solidity struct `IScoreOracle.BorrowerScore`, in its order and names."""

    kind: Literal[1]
    subject: HashHex
    state_offset: int
    behaviour_margin: int
    pd_ppm: int
    pd_upper_ppm: int
    points: int
    grade: int
    reasons: Annotated[str, Field(pattern="^0x[0-9a-f]{8}$")]
    features_hash: HashHex


class ProofStruct(StructSchema):
    """The Solidity struct `ILendingMarket.Proof`: the last argument of `borrow`, `withdrawCollateral` and `quote`."""

    epoch: EpochNumber
    score: BorrowerScoreStruct
    proof: list[HashHex]


class BorrowerProofAnswer(Schema):
    """A proof that a contract accepts, and the report and signatures that it rests on."""

    report: ReportRef
    address: AddressHex
    leaf: HashHex
    proof: ProofStruct
    proof_abi_type: str
    proof_encoded: BytesHex
    """`abi.encode(proof)`."""
    report_struct: ReportStruct
    attestations: list[AttestationView]
    attestations_packed: BytesHex | None
    landed_on: list[int]
    """Chains on which this node saw the report land: only there is the proof accepted now."""
