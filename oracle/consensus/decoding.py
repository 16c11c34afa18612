"""Bytes to bodies: one decoder for each kind, canonical or refused.

Whatever a peer sends is decoded, encoded again and compared, so a value has exactly one encoding. Source: `tests/vectors/FORMATS.md`, section 6.
"""

from __future__ import annotations

from collections.abc import Callable

from oracle.consensus.bodies import (
    BUCKETS,
    REPORT_WORDS,
    SIGNATURE_BYTES,
    AttestationBody,
    BodiesBody,
    Body,
    ClosedSetBody,
    CommitBody,
    CommitmentBody,
    CommittedBody,
    CutBody,
    DigestsBody,
    FetchBody,
    MessageKind,
    NewViewBody,
    OutcomeBody,
    OutcomeFetchBody,
    PrepareBody,
    ProposalBody,
    RevealBody,
    ViewWishBody,
)
from oracle.consensus.words import WORD, Reader
from oracle.domain.ids import Hash32, uint_word
from oracle.domain.report import ChainCut, Report
from oracle.domain.score import BORROWER_WORDS, COLLATERAL_WORDS
from oracle.domain.units import BlockNumber, ChainId, Epoch, View
from oracle.errors import MalformedValueError

_WORDS_OF_KIND = {uint_word(1): BORROWER_WORDS, uint_word(2): COLLATERAL_WORDS}


def decode_body(kind: MessageKind, data: bytes) -> Body:
    """Return the body of one message.

    Raises:
        MalformedValueError: if `data` is not the canonical encoding of a body of this kind.
    """
    body = _DECODERS[kind](Reader(data=data))
    if body.encoded() != data:
        raise MalformedValueError(f"{kind.name} body", data[:64].hex(), "the canonical ABI encoding")
    return body


def decode_report(reader: Reader, index: int) -> Report:
    """Return the report whose first word is `index`."""
    return Report(
        config_digest=reader.word(index),
        epoch=Epoch(reader.uint(index + 1, 64)),
        cut_hash=reader.word(index + 2),
        scores_root=reader.word(index + 3),
        observers=reader.uint(index + 4, 32),
        borrowers=reader.uint(index + 5, 32),
        collaterals=reader.uint(index + 6, 32),
        stalled_chains=reader.uint(index + 7, 32),
    )


def _cut(reader: Reader) -> CutBody:
    cuts = (Reader(data=words) for words in reader.words_at(0, width=3))
    chains = tuple(
        ChainCut(chain_id=ChainId(c.uint(0, 64)), block_number=BlockNumber(c.uint(1, 64)), block_hash=c.word(2))
        for c in cuts
    )
    return CutBody(chains=chains, stalled_chains=reader.uint(1, 32))


def _closed_set(reader: Reader) -> ClosedSetBody:
    return ClosedSetBody(members=reader.uint(0, 32), commitments=reader.bytes_array_at(1))


def _reveal(reader: Reader) -> RevealBody:
    return RevealBody(set_hash=reader.word(0), salt=reader.word(1), entries_root=reader.word(2))


def _digests(reader: Reader) -> DigestsBody:
    digests = tuple(Hash32(word) for word in reader.words_at(1))
    if len(digests) != BUCKETS:
        raise MalformedValueError("bucket digests", str(len(digests)), str(BUCKETS))
    return DigestsBody(entries_root=reader.word(0), bucket_digests=digests)


def _buckets(reader: Reader) -> tuple[int, ...]:
    buckets = tuple(int.from_bytes(word, "big") for word in reader.words_at(1))
    if any(b >= BUCKETS for b in buckets) or list(buckets) != sorted(set(buckets)):
        raise MalformedValueError("buckets", str(buckets)[:64], "ascending numbers below 256")
    return buckets


def _fetch(reader: Reader) -> FetchBody:
    return FetchBody(entries_root=reader.word(0), buckets=_buckets(reader))


def _bodies(reader: Reader) -> BodiesBody:
    body = BodiesBody(entries_root=reader.word(0), buckets=_buckets(reader), bodies=reader.bytes_array_at(2))
    if len(body.buckets) != len(body.bodies):
        raise MalformedValueError("bucket bodies", str(len(body.bodies)), str(len(body.buckets)))
    for entries in body.bodies:
        _check_whole_entries(entries)
    return body


def _check_whole_entries(data: bytes) -> None:
    """Walk over entries by their kind; their fields are decoded only where the entries are wanted."""
    position = 0
    while position < len(data):
        words = _WORDS_OF_KIND.get(data[position : position + WORD], 0)
        position += words * WORD
        if words == 0 or position > len(data):
            raise MalformedValueError("entries", f"{len(data)} bytes", "whole score encodings")


def _proposal(reader: Reader) -> ProposalBody:
    return ProposalBody(
        report=decode_report(reader, 0),
        closed_set=reader.bytes_at(REPORT_WORDS),
        reveals=reader.bytes_array_at(REPORT_WORDS + 1),
        bodies=reader.bytes_array_at(REPORT_WORDS + 2),
    )


def _view_wish(reader: Reader) -> ViewWishBody:
    empty = reader.words(1, REPORT_WORDS) == bytes(REPORT_WORDS * WORD)
    return ViewWishBody(
        prepared_view=View(reader.uint(0, 32)),
        prepared=None if empty else decode_report(reader, 1),
        prepares=reader.bytes_array_at(1 + REPORT_WORDS),
    )


def _attestation(reader: Reader) -> AttestationBody:
    signature = reader.bytes_at(1)
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedValueError("attestation", f"{len(signature)} bytes", f"{SIGNATURE_BYTES} bytes")
    return AttestationBody(report_hash=reader.word(0), signature=signature)


def _committed(reader: Reader) -> CommittedBody:
    return CommittedBody(report=decode_report(reader, 0), commits=reader.bytes_array_at(REPORT_WORDS))


def _outcome(reader: Reader) -> OutcomeBody:
    body = OutcomeBody(scores_root=reader.word(0), entries=reader.bytes_at(1))
    _check_whole_entries(body.entries)
    return body


_DECODERS: dict[MessageKind, Callable[[Reader], Body]] = {
    MessageKind.CUT: _cut,
    MessageKind.COMMITMENT: lambda reader: CommitmentBody(commitment=reader.word(0)),
    MessageKind.CLOSED_SET: _closed_set,
    MessageKind.REVEAL: _reveal,
    MessageKind.DIGESTS: _digests,
    MessageKind.FETCH: _fetch,
    MessageKind.BODIES: _bodies,
    MessageKind.PROPOSAL: _proposal,
    MessageKind.PREPARE: lambda reader: PrepareBody(report_hash=reader.word(0)),
    MessageKind.COMMIT: lambda reader: CommitBody(report_hash=reader.word(0)),
    MessageKind.VIEW_WISH: _view_wish,
    MessageKind.NEW_VIEW: lambda reader: NewViewBody(wishes=reader.bytes_array_at(0)),
    MessageKind.ATTESTATION: _attestation,
    MessageKind.COMMITTED: _committed,
    MessageKind.OUTCOME_FETCH: lambda reader: OutcomeFetchBody(scores_root=reader.word(0)),
    MessageKind.OUTCOME: _outcome,
}
