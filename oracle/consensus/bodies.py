"""The bodies of the sixteen kinds of message, as values.

A body that holds other messages keeps them in wire form; `oracle.consensus.messages` decodes them once. Source: `tests/vectors/FORMATS.md`, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from oracle.consensus.words import WORD, bytes_array_tail, bytes_tail, encode_tuple, words_tail
from oracle.domain.ids import Hash32, uint_word
from oracle.domain.report import ChainCut, Report
from oracle.domain.units import View

BUCKETS = 256
SIGNATURE_BYTES = 65
REPORT_WORDS = 8


class MessageKind(IntEnum):
    """The kind byte of a message."""

    CUT = 1
    COMMITMENT = 2
    CLOSED_SET = 3
    REVEAL = 4
    DIGESTS = 5
    FETCH = 6
    BODIES = 7
    PROPOSAL = 8
    PREPARE = 9
    COMMIT = 10
    VIEW_WISH = 11
    NEW_VIEW = 12
    ATTESTATION = 13
    COMMITTED = 14
    OUTCOME_FETCH = 15
    OUTCOME = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CutBody:
    """A cut with stalled chains, proposed by a leader under the stall rule."""

    chains: tuple[ChainCut, ...]
    stalled_chains: int

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        cuts = [uint_word(c.chain_id) + uint_word(c.block_number) + c.block_hash for c in self.chains]
        return encode_tuple(words_tail(cuts), uint_word(self.stalled_chains))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentBody:
    """A hiding commitment to an entries root; see `observation.compute_commitment`."""

    commitment: Hash32

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return self.commitment


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSetBody:
    """The commitments that a leader closed, ascending by sender; `members` is their bitmap."""

    members: int
    commitments: tuple[bytes, ...]

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return encode_tuple(uint_word(self.members), bytes_array_tail(self.commitments))


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealBody:
    """The opening of a commitment, for one closed set only."""

    set_hash: Hash32
    salt: Hash32
    entries_root: Hash32

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return self.set_hash + self.salt + self.entries_root


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestsBody:
    """The 256 bucket digests under an entries root."""

    entries_root: Hash32
    bucket_digests: tuple[Hash32, ...]

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return encode_tuple(self.entries_root, words_tail(self.bucket_digests))


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchBody:
    """A request for bucket bodies under a root; no bucket asks for the DIGESTS."""

    entries_root: Hash32
    buckets: tuple[int, ...]

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return encode_tuple(self.entries_root, words_tail([uint_word(b) for b in self.buckets]))


@dataclass(frozen=True, slots=True, kw_only=True)
class BodiesBody:
    """Bucket bodies under a root, in the order of `buckets`."""

    entries_root: Hash32
    buckets: tuple[int, ...]
    bodies: tuple[bytes, ...]

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        buckets = words_tail([uint_word(b) for b in self.buckets])
        return encode_tuple(self.entries_root, buckets, bytes_array_tail(self.bodies))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalBody:
    """A fresh outcome with its evidence: the closed set, the reveals used, and the wire DIGESTS and BODIES that their comparison needs."""

    report: Report
    closed_set: bytes
    reveals: tuple[bytes, ...]
    bodies: tuple[bytes, ...]

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        tails = (bytes_tail(self.closed_set), bytes_array_tail(self.reveals), bytes_array_tail(self.bodies))
        return encode_tuple(self.report.encoded, *tails)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareBody:
    """A vote that the report is the valid outcome of this view."""

    report_hash: Hash32

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return self.report_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitBody:
    """A vote that a Byzantine quorum prepared the report in this view."""

    report_hash: Hash32

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return self.report_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewWishBody:
    """A wish for the view in the envelope, with the sender's highest prepared certificate; `prepared` None has no prepares."""

    prepared_view: View
    prepared: Report | None
    prepares: tuple[bytes, ...]

    def encoded(self) -> bytes:
        """Return the ABI encoding; no certificate is a report of zeros."""
        report = bytes(REPORT_WORDS * WORD) if self.prepared is None else self.prepared.encoded
        return encode_tuple(uint_word(self.prepared_view), report, bytes_array_tail(self.prepares))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewViewBody:
    """The wishes that a leader entered its view by, ascending by sender."""

    wishes: tuple[bytes, ...]

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return encode_tuple(bytes_array_tail(self.wishes))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationBody:
    """The attestation itself: a signature over the report's hash, apart from the envelope's."""

    report_hash: Hash32
    signature: bytes

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return encode_tuple(self.report_hash, bytes_tail(self.signature))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedBody:
    """A decided report and the commits that prove it, ascending by sender."""

    report: Report
    commits: tuple[bytes, ...]

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return encode_tuple(self.report.encoded, bytes_array_tail(self.commits))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFetchBody:
    """A request for all entries under a scores root."""

    scores_root: Hash32

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return self.scores_root


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeBody:
    """All entries under a scores root, ascending by subject."""

    scores_root: Hash32
    entries: bytes

    def encoded(self) -> bytes:
        """Return the ABI encoding."""
        return encode_tuple(self.scores_root, bytes_tail(self.entries))


Body = (
    CutBody | CommitmentBody | ClosedSetBody | RevealBody | DigestsBody | FetchBody | BodiesBody | ProposalBody
    | PrepareBody | CommitBody | ViewWishBody | NewViewBody | AttestationBody | CommittedBody | OutcomeFetchBody
    | OutcomeBody
)  # fmt: skip
