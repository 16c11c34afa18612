"""One node's entries at a cut: buckets, digests and root, and the commitment that hides the root.

Entries stand in ascending subject order; bucket = first byte of keccak(subject), so that two observations are compared by 256 digests.
Source: `tests/vectors/FORMATS.md`, sections 4 and 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from oracle.consensus.bodies import BUCKETS
from oracle.consensus.words import encode_tuple, words_tail
from oracle.domain.ids import Hash32, SubjectId, keccak256, uint_word
from oracle.domain.score import Score, decode_scores
from oracle.domain.units import Epoch, NodeId, View
from oracle.errors import LocalProtocolError, MalformedValueError

EMPTY_BUCKET_DIGEST = keccak256(b"")


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Entries by bucket, each bucket ascending by subject."""

    buckets: tuple[tuple[Score, ...], ...]
    bucket_digests: tuple[Hash32, ...]
    root: Hash32


def build_observation(scores: Iterable[Score]) -> Observation:
    """Return the observation of scores in any order.

    Raises:
        LocalProtocolError: if a subject is scored twice.
    """
    by_bucket: list[list[Score]] = [[] for _ in range(BUCKETS)]
    for score in sorted(scores, key=lambda s: s.subject):
        bucket = by_bucket[compute_bucket(score.subject)]
        if bucket and bucket[-1].subject == score.subject:
            raise LocalProtocolError(f"subject 0x{score.subject.hex()} was scored twice in one observation")
        bucket.append(score)
    buckets = tuple(tuple(bucket) for bucket in by_bucket)
    digests = tuple(compute_bucket_digest(bucket) for bucket in buckets)
    return Observation(buckets=buckets, bucket_digests=digests, root=compute_entries_root(digests))


def compute_bucket(subject: SubjectId) -> int:
    """Return the bucket of a subject, 0..255."""
    return keccak256(subject)[0]


def compute_bucket_digest(scores: Sequence[Score]) -> Hash32:
    """Return the digest of a bucket's entries, which must ascend by subject."""
    return keccak256(b"".join(score.leaf for score in scores)) if scores else EMPTY_BUCKET_DIGEST


def compute_entries_root(bucket_digests: Sequence[Hash32]) -> Hash32:
    """Return the root over the 256 bucket digests."""
    return keccak256(b"".join(bucket_digests))


def decode_bucket(bucket: int, body: bytes) -> tuple[Score, ...]:
    """Return the entries of a bucket body.

    Raises:
        MalformedValueError: if an entry is not canonical, out of order, or belongs to another bucket.
    """
    scores = decode_scores(body)
    if any(a.subject >= b.subject for a, b in pairwise(scores)):
        raise MalformedValueError("bucket body", f"bucket {bucket}", "strictly ascending subjects")
    if any(compute_bucket(score.subject) != bucket for score in scores):
        raise MalformedValueError("bucket body", f"bucket {bucket}", "subjects of that bucket only")
    return scores


def encode_entries(scores: Iterable[Score]) -> bytes:
    """Return a bucket body, or all entries of an outcome: the encodings one after another."""
    return b"".join(score.encoded for score in scores)


def compute_commitment(
    *, config_digest: Hash32, epoch: Epoch, view: View, cut_hash: Hash32, node: NodeId, salt: Hash32, root: Hash32
) -> Hash32:
    """Return the commitment of a node to a root; the salt keeps it from being guessed."""
    head = config_digest + uint_word(epoch) + uint_word(view) + cut_hash
    return keccak256(head + uint_word(node) + salt + root)


def compute_set_hash(members: int, commitments: Sequence[Hash32]) -> Hash32:
    """Return the hash of a closed set, which reveals are bound to."""
    return keccak256(encode_tuple(uint_word(members), words_tail(commitments)))
