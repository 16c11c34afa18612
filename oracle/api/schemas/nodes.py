"""The committee, this node, the service itself and its problem documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from oracle.api.schemas.fields import AddressHex, EpochNumber, HashHex, Schema
from oracle.api.schemas.reports import ModelIds, ReportRef


class MemberView(Schema):
    """One member of the committee over the last reports."""

    node: int
    address: AddressHex
    observed_reports: int
    """How many of the last reports count its observation."""
    attested_reports: int
    """How many of them this node holds its signature for."""
    observed_epochs: list[EpochNumber]
    blames: int
    is_this_node: bool


class BlameView(Schema):
    """What a member was caught at, by this node; the evidence is its own signed message."""

    epoch: EpochNumber
    node: int
    kind: str
    subject: HashHex | None
    difference: str
    seen_at_ms: int
    evidence_hash: HashHex
    """keccak-256 of the signed message that this node keeps."""


class TroubleView(Schema):
    """One reason for which the node is not ready."""

    code: str
    detail: str


class ChainView(Schema):
    """How far this node has read a chain."""

    chain_id: int
    indexed_block_number: int | None
    endpoints: int


class ThisNode(Schema):
    """How this node is."""

    node: int | None
    version: str
    is_ready: bool
    troubles: list[TroubleView]
    chains: list[ChainView]


class NodesAnswer(Schema):
    """Who takes part, and who said what."""

    report: ReportRef | None
    config_digest: HashHex
    f: int
    """Members that may be faulty."""
    attestation_quorum: int
    counted_reports: int
    """How many of the last reports the counts below are over."""
    members: list[MemberView]
    blames: list[BlameView]
    this_node: ThisNode


class HealthAnswer(Schema):
    """The process answers."""

    status: Literal["alive"]


class ReadyAnswer(Schema):
    """Whether answers can be relied on now; 503 with the reasons if not."""

    status: Literal["ready", "not_ready"]
    epoch: EpochNumber | None
    """Of the newest report."""
    current_epoch: EpochNumber
    troubles: list[TroubleView]


class ServiceAnswer(Schema):
    """Where to start."""

    name: str
    version: str
    epoch_seconds: int
    validity_seconds: int
    current_epoch: EpochNumber
    config_digest: HashHex
    chain_ids: list[int]
    models: ModelIds
    rate_limit_requests: int
    rate_limit_window_seconds: int
    links: dict[str, str]


class Problem(Schema):
    """RFC 9457 problem document. `code` is stable; `type` is a page that explains it."""

    type: Annotated[str, Field(examples=["/v1/problems/report-not-found"])]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str
    code: Annotated[str, Field(examples=["report-not-found"])]
    request_id: str
    errors: list[ProblemField] = Field(default_factory=list)
    """Which parameters are wrong; empty for other problems."""


class ProblemField(Schema):
    """One wrong parameter."""

    where: str
    message: str


class ProblemType(Schema):
    """A kind of problem document."""

    type: str
    code: str
    status: int
    title: str
    meaning: str
    what_to_do: str


class ProblemsAnswer(Schema):
    """Every kind of problem document that this API answers with."""

    problems: list[ProblemType]
