"""Score leaves: what a node says about one subject, and how that is encoded and hashed.

An entry of an observation and a leaf of a report are the same thing: the ABI encoding of a score, hashed twice as in OpenZeppelin's
StandardMerkleTree. Source: `tests/vectors/FORMATS.md`, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NewType

from oracle.domain.ids import Hash32, SubjectId, bytes_word, int_word, keccak256, uint_word
from oracle.domain.units import Bps, Margin, Ppm
from oracle.errors import MalformedValueError

Reasons = NewType("Reasons", bytes)
"""Four one-byte adverse reason codes, strongest first, 0 for none."""

BORROWER_WORDS = 10
COLLATERAL_WORDS = 11
_WORD = 32
_WORDS_OF_KIND = {1: BORROWER_WORDS, 2: COLLATERAL_WORDS}


class ScoreKind(IntEnum):
    """First field of every leaf."""

    BORROWER = 1
    COLLATERAL = 2


class Binding(IntEnum):
    """The constraint that set a collateral's liquidation threshold."""

    DRAWDOWN = 1
    CAP = 2
    UNRATED = 3


@dataclass(frozen=True, kw_only=True)
class BorrowerScore:
    """One borrower's score; `pd_*_ppm` in 1..999999, `points` in 300..1000, `grade` 0 when unrated."""

    subject: SubjectId
    state_offset: Margin
    behaviour_margin: Margin
    pd_ppm: Ppm
    pd_upper_ppm: Ppm
    points: int
    grade: int
    reasons: Reasons
    features_hash: Hash32

    @property
    def kind(self) -> ScoreKind:
        """Return the leaf kind."""
        return ScoreKind.BORROWER

    @property
    def margin(self) -> Margin:
        """Return log-odds of liquidation within 30 days, in units of 2^-12."""
        return Margin(self.state_offset + self.behaviour_margin)

    @cached_property
    def encoded(self) -> bytes:
        """Return the ABI encoding, ten words."""
        return b"".join(
            (
                uint_word(ScoreKind.BORROWER),
                self.subject,
                int_word(self.state_offset),
                int_word(self.behaviour_margin),
                uint_word(self.pd_ppm),
                uint_word(self.pd_upper_ppm),
                uint_word(self.points),
                uint_word(self.grade),
                bytes_word(self.reasons),
                self.features_hash,
            )
        )

    @cached_property
    def leaf(self) -> Hash32:
        """Return the double hash that is this score's Merkle leaf."""
        return keccak256(keccak256(self.encoded))


@dataclass(frozen=True, kw_only=True)
class CollateralScore:
    """One collateral's score; all derived fields follow from (margin, vector, bundle constants)."""

    subject: SubjectId
    margin: Margin
    volatility_ppm: Ppm
    drawdown_bps: Bps
    gap_ppm: Ppm
    ltv_ceiling_bps: Bps
    ltv_floor_bps: Bps
    liquidation_threshold_bps: Bps
    binding: Binding
    features_hash: Hash32

    @property
    def kind(self) -> ScoreKind:
        """Return the leaf kind."""
        return ScoreKind.COLLATERAL

    @cached_property
    def encoded(self) -> bytes:
        """Return the ABI encoding, eleven words."""
        return b"".join(
            (
                uint_word(ScoreKind.COLLATERAL),
                self.subject,
                int_word(self.margin),
                uint_word(self.volatility_ppm),
                uint_word(self.drawdown_bps),
                uint_word(self.gap_ppm),
                uint_word(self.ltv_ceiling_bps),
                uint_word(self.ltv_floor_bps),
                uint_word(self.liquidation_threshold_bps),
                uint_word(self.binding),
                self.features_hash,
            )
        )

    @cached_property
    def leaf(self) -> Hash32:
        """Return the double hash that is this score's Merkle leaf."""
        return keccak256(keccak256(self.encoded))


Score = BorrowerScore | CollateralScore


def decode_score(data: bytes) -> Score:
    """Return the score of one ABI encoding; rejects padding and values out of range.

    Raises:
        MalformedValueError: if `data` is not the canonical encoding of a score.
    """
    score = _decode_unchecked(data)
    if score.encoded != data:
        raise MalformedValueError("score", data[:64].hex(), "canonical ABI words")
    return score


def decode_scores(data: bytes) -> tuple[Score, ...]:
    """Return the scores of a bucket body, in the order given.

    Raises:
        MalformedValueError: if `data` is not a sequence of canonical encodings.
    """
    scores: list[Score] = []
    position = 0
    while position < len(data):
        kind = data[position + _WORD - 1] if position + _WORD <= len(data) else 0
        words = _WORDS_OF_KIND.get(kind, 0)
        if words == 0 or position + words * _WORD > len(data):
            raise MalformedValueError("bucket body", f"kind {kind} at byte {position}", "whole score encodings")
        scores.append(decode_score(data[position : position + words * _WORD]))
        position += words * _WORD
    return tuple(scores)


def _decode_unchecked(data: bytes) -> Score:
    if len(data) == BORROWER_WORDS * _WORD:
        return _decode_borrower(data)
    if len(data) == COLLATERAL_WORDS * _WORD:
        return _decode_collateral(data)
    raise MalformedValueError("score", f"{len(data)} bytes", "320 or 352 bytes")


def _uint(data: bytes, index: int, bits: int) -> int:
    value = int.from_bytes(data[index * _WORD : (index + 1) * _WORD], "big")
    if value >> bits:
        raise MalformedValueError("score field", str(value)[:40], f"uint{bits} in word {index}")
    return value


def _int32(data: bytes, index: int) -> Margin:
    value = int.from_bytes(data[index * _WORD : (index + 1) * _WORD], "big", signed=True)
    if not -(2**31) <= value < 2**31:
        raise MalformedValueError("score field", str(value)[:40], f"int32 in word {index}")
    return Margin(value)


def _word(data: bytes, index: int) -> bytes:
    return data[index * _WORD : (index + 1) * _WORD]


def _decode_borrower(data: bytes) -> BorrowerScore:
    return BorrowerScore(
        subject=SubjectId(_word(data, 1)),
        state_offset=_int32(data, 2),
        behaviour_margin=_int32(data, 3),
        pd_ppm=Ppm(_uint(data, 4, 32)),
        pd_upper_ppm=Ppm(_uint(data, 5, 32)),
        points=_uint(data, 6, 16),
        grade=_uint(data, 7, 8),
        reasons=Reasons(_word(data, 8)[:4]),
        features_hash=Hash32(_word(data, 9)),
    )


def _decode_collateral(data: bytes) -> CollateralScore:
    binding = _uint(data, 9, 8)
    if binding not in set(Binding):
        raise MalformedValueError("score field binding", str(binding), "1, 2 or 3")
    return CollateralScore(
        subject=SubjectId(_word(data, 1)),
        margin=_int32(data, 2),
        volatility_ppm=Ppm(_uint(data, 3, 32)),
        drawdown_bps=Bps(_uint(data, 4, 32)),
        gap_ppm=Ppm(_uint(data, 5, 32)),
        ltv_ceiling_bps=Bps(_uint(data, 6, 16)),
        ltv_floor_bps=Bps(_uint(data, 7, 16)),
        liquidation_threshold_bps=Bps(_uint(data, 8, 16)),
        binding=Binding(binding),
        features_hash=Hash32(_word(data, 10)),
    )
