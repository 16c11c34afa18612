"""Reports: what was signed, at which blocks, by whom, and where it landed."""

from __future__ import annotations

from oracle.api.schemas.fields import AddressHex, BytesHex, EpochNumber, HashHex, Schema, StructSchema


class CutBlock(Schema):
    """The block of one chain at which the epoch was scored."""

    chain_id: int
    block_number: int
    block_hash: HashHex
    is_stalled: bool
    """The chain had no finalised block past the boundary in time; its borrowers with debt there are left out."""


class ModelIds(Schema):
    """keccak-256 of the integer tables of each model; the tables are the model."""

    borrower: HashHex
    borrower_bundle: str
    collateral: HashHex
    collateral_bundle: str


class ReportRef(Schema):
    """The report that an answer stands on. Every score, proof and quote names one."""

    epoch: EpochNumber
    report_hash: HashHex
    """EIP-712 digest that the members signed."""
    config_digest: HashHex
    scores_root: HashHex
    cut_hash: HashHex
    cut: list[CutBlock] | None
    """The blocks; null if this node was away, then `cut_hash` still binds them."""
    observed_at: int
    """Seconds since 1970: the epoch's boundary."""
    valid_until: int
    """Seconds since 1970: markets refuse the scores after it."""
    is_expired: bool
    models: ModelIds


class ReportStruct(StructSchema):
    """The Solidity struct `IScoreOracle.Report`, in its order and names."""

    config_digest: HashHex
    epoch: EpochNumber
    cut_hash: HashHex
    scores_root: HashHex
    observers: int
    """Bitmap of the members whose observation counted."""
    borrowers: int
    collaterals: int
    stalled_chains: int


class AttestationView(Schema):
    """One member's signature over `report_hash`."""

    node: int
    address: AddressHex
    signature: BytesHex
    """r ‖ s ‖ v, 65 bytes."""


class LandingView(Schema):
    """The report on a destination chain."""

    chain_id: int
    block_number: int
    landed_at: int
    scores_root: HashHex
    transaction_hash: HashHex | None
    """Null if another node brought it."""
    gas_used: int | None


class ReportAnswer(Schema):
    """A report with everything needed to check or publish it."""

    report: ReportRef
    struct: ReportStruct
    observers: list[int]
    attestations: list[AttestationView]
    attestations_packed: BytesHex | None
    """The second argument of `publish`; null while there are fewer than the quorum."""
    quorum: int
    landings: list[LandingView]


class LeavesAnswer(Schema):
    """All leaves of a report; their StandardMerkleTree has the root `scores_root`. `assay verify --leaves` reads this document."""

    epoch: EpochNumber
    report: ReportRef
    entries: list[BytesHex]
    """ABI encodings, ascending by subject; a leaf is the double keccak-256 of one."""


class FeatureView(Schema):
    """One slot of a vector."""

    slot: int
    name: str
    unit: str
    encoding: str
    encoded: int | None
    """The uint16 that the model sees; null if missing."""
    value: int | None
    """The same in `unit`; null if missing. Values beyond a feature's range are clamped."""


class FeaturesAnswer(Schema):
    """The vector that a leaf's `featuresHash` commits to."""

    report: ReportRef
    leaf: HashHex
    subject: HashHex
    kind: str
    features_hash: HashHex
    vector: BytesHex
    """Two big-endian bytes a slot; its keccak-256 is `features_hash`."""
    features: list[FeatureView]
