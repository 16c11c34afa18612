"""Tables of a node, except its indexed chain rows. Rows stay in this room: queries return values of their own.

Hashes, addresses and signatures are raw bytes; times are milliseconds of the node's clock and are never part of anything signed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlmodel import Field, SQLModel


class MetaRow(SQLModel, table=True):
    """Facts about the file: which node and committee it belongs to."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True)
    value: str


class VoteRow(SQLModel, table=True):
    """What this node promised; at most one body per key, so that it never contradicts itself."""

    __tablename__ = "vote"

    config_digest: bytes = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    view: int = Field(primary_key=True)
    kind: int = Field(primary_key=True)
    cut_hash: bytes
    body_hash: bytes
    note: bytes
    stored_at_ms: int


class OutcomeRow(SQLModel, table=True):
    """Entries that this node vouched for by a vote, under their scores root."""

    __tablename__ = "outcome"

    epoch: int = Field(primary_key=True)
    scores_root: bytes = Field(primary_key=True)
    entries: bytes


class EpochRow(SQLModel, table=True):
    """How an epoch went for this node: its cut, what became of it, and the time of each phase."""

    __tablename__ = "epoch"

    epoch: int = Field(primary_key=True)
    cut_hash: bytes
    cut: str
    entries_root: bytes | None = None
    borrowers: int = 0
    collaterals: int = 0
    timings: str = "{}"


class ReportRow(SQLModel, table=True):
    """A committed report."""

    __tablename__ = "report"

    epoch: int = Field(primary_key=True)
    config_digest: bytes
    cut_hash: bytes
    scores_root: bytes
    observers: int
    borrowers: int
    collaterals: int
    stalled_chains: int
    committed_at_ms: int


class AttestationRow(SQLModel, table=True):
    """One member's signature over a committed report."""

    __tablename__ = "attestation"

    epoch: int = Field(primary_key=True)
    node: int = Field(primary_key=True)
    signature: bytes


class LandingRow(SQLModel, table=True):
    """A report seen on a destination chain; `transaction_hash` is empty if another node brought it."""

    __tablename__ = "landing"

    epoch: int = Field(primary_key=True)
    chain_id: int = Field(primary_key=True)
    scores_root: bytes
    block_number: int
    landed_at_s: int
    transaction_hash: bytes
    gas_used: int


class ScoreRow(SQLModel, table=True):
    """A leaf of a committed report; `vector` is there if this node computed the same features."""

    __tablename__ = "score"

    epoch: int = Field(primary_key=True)
    subject: bytes = Field(primary_key=True)
    leaf: bytes = Field(index=True)
    account: bytes = Field(default=b"", index=True)
    encoded: bytes
    vector: bytes | None = None


class BlameRow(SQLModel, table=True):
    """A difference between a peer's signed statement and the outcome, with the evidence."""

    __tablename__ = "blame"

    id: int | None = Field(default=None, primary_key=True)
    epoch: int = Field(index=True)
    node: int
    kind: str
    subject: bytes = b""
    difference: str
    evidence: bytes = b""
    seen_at_ms: int


_MODELS: tuple[Any, ...] = (
    MetaRow,
    VoteRow,
    OutcomeRow,
    EpochRow,
    ReportRow,
    AttestationRow,
    LandingRow,
    ScoreRow,
    BlameRow,
)
ALL: list[Table] = [model.__table__ for model in _MODELS]
"""The tables of this room; whoever adds some (chain rows) extends the list at import."""
