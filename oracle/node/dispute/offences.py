"""What is wrong with the entries of a report, and what of it a chain can check; pure.

An entry is judged by its own vector, the one that its features hash names: a score that does not follow from it is an offence whoever computed the
vector. A vector that the blocks do not give is none: no chain computes features. Where the vector is unknown nothing can be said but that it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from oracle.delivery.dispute_codec import SignedReport, encode_two_leaves, encode_wrong_score
from oracle.domain.ids import Hash32, SubjectId, keccak256, to_hex
from oracle.domain.score import BORROWER_WORDS, COLLATERAL_WORDS, Score
from oracle.errors import MalformedValueError, VectorShapeError
from oracle.node.observe import Scorers

WORD_BYTES = 32
BORROWER_BYTES, COLLATERAL_BYTES = BORROWER_WORDS * WORD_BYTES, COLLATERAL_WORDS * WORD_BYTES
REASONS = slice(8 * WORD_BYTES, 9 * WORD_BYTES)
"""The word of a borrower's entry that no chain computes."""
SLOT_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One signed entry as bytes, canonical or not, and the siblings from its leaf up to the report's root."""

    encoded: bytes
    proof: tuple[Hash32, ...]

    def __post_init__(self) -> None:
        if len(self.encoded) not in (BORROWER_BYTES, COLLATERAL_BYTES):
            raise MalformedValueError("entry", f"{len(self.encoded)} bytes", f"{BORROWER_BYTES} or {COLLATERAL_BYTES}")

    @property
    def leaf(self) -> Hash32:
        """Return the double hash that the report's tree holds."""
        return keccak256(keccak256(self.encoded))

    @property
    def subject(self) -> SubjectId:
        """Return whose entry it is."""
        return SubjectId(self.encoded[WORD_BYTES : 2 * WORD_BYTES])

    @property
    def features_hash(self) -> Hash32:
        """Return which vector it is the score of."""
        return Hash32(self.encoded[-WORD_BYTES:])

    @property
    def is_borrower(self) -> bool:
        """Return whether a borrower's model makes it, by its length as the contract does."""
        return len(self.encoded) == BORROWER_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongScore:
    """The model makes another entry of the vector, or none."""

    entry: Entry
    vector: bytes

    def calldata(self, signed: SignedReport) -> bytes:
        """Return what proves it."""
        return encode_wrong_score(signed, self.entry.encoded, self.entry.proof, self.vector)

    def __str__(self) -> str:
        return f"wrong score of {to_hex(self.entry.subject)}: its own vector gives another"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoLeaves:
    """Two entries of one subject."""

    first: Entry
    second: Entry

    def calldata(self, signed: SignedReport) -> bytes:
        """Return what proves it."""
        first, second = self.first, self.second
        return encode_two_leaves(signed, first.encoded, first.proof, second.encoded, second.proof)

    def __str__(self) -> str:
        return f"two leaves of {to_hex(self.first.subject)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenVector:
    """An entry that differs from the recomputed one, of a vector that nobody showed."""

    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseFeatures:
    """An entry that follows from a vector which the blocks do not give, or of a subject that the blocks do not list."""

    entry: Entry


type Offence = WrongScore | TwoLeaves
type ScoreVector = Callable[[Entry, bytes], Score | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that is wrong with entries, by what can be done about it."""

    offences: tuple[Offence, ...]
    hidden: tuple[HiddenVector, ...]
    false_features: tuple[FalseFeatures, ...]


def judge(
    entries: Sequence[Entry],
    *,
    recomputed: Mapping[SubjectId, Score],
    vectors: Mapping[Hash32, bytes],
    score_vector: ScoreVector,
) -> Judgement:
    """Return what is wrong with entries of one report, in their order.

    `recomputed` are the scores that the blocks give; `vectors` those known, by their hash; `score_vector` what the model makes of an entry's vector,
    None if it takes no such vector.
    """
    offences: list[Offence] = []
    hidden: list[HiddenVector] = []
    false_features: list[FalseFeatures] = []
    seen: dict[SubjectId, Entry] = {}
    for entry in entries:
        other = seen.setdefault(entry.subject, entry)
        if other.leaf != entry.leaf:
            offences.append(TwoLeaves(first=other, second=entry))
        ours = recomputed.get(entry.subject)
        if ours is not None and ours.encoded == entry.encoded:
            continue
        vector = vectors.get(entry.features_hash)
        if vector is None:
            hidden.append(HiddenVector(entry=entry))
        elif not _is_made_of(entry, score_vector(entry, vector)):
            offences.append(WrongScore(entry=entry, vector=vector))
        elif ours is None or ours.features_hash != entry.features_hash:
            false_features.append(FalseFeatures(entry=entry))
    return Judgement(offences=tuple(offences), hidden=tuple(hidden), false_features=tuple(false_features))


def model_of(scorers: Scorers) -> ScoreVector:
    """Return what scores an entry's vector with the committee's models."""

    def score_vector(entry: Entry, vector: bytes) -> Score | None:
        slots = unpack_vector(vector)
        if slots is None:
            return None
        try:
            if entry.is_borrower:
                return scorers.borrower.score_borrowers([entry.subject], [slots])[0]
            return scorers.collateral.score_collaterals([entry.subject], [slots])[0]
        except VectorShapeError:
            return None

    return score_vector


def unpack_vector(vector: bytes) -> tuple[int, ...] | None:
    """Return the slots of a packed vector, None if it is not whole slots."""
    if not vector or len(vector) % SLOT_BYTES:
        return None
    return tuple(int.from_bytes(vector[i : i + SLOT_BYTES], "big") for i in range(0, len(vector), SLOT_BYTES))


def _is_made_of(entry: Entry, expected: Score | None) -> bool:
    """Compare as the contract does: the reasons are what the entry says they are."""
    if expected is None:
        return False
    return _without_reasons(entry.encoded) == _without_reasons(expected.encoded)


def _without_reasons(encoded: bytes) -> bytes:
    return encoded[: REASONS.start] + encoded[REASONS.stop :] if len(encoded) == BORROWER_BYTES else encoded
