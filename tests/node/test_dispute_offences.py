"""What is wrong with an entry, judged by its own vector: an offence, a vector to demand, or features that no chain can check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from oracle.domain.ids import Hash32, keccak256
from oracle.domain.merkle import MerkleTree
from oracle.domain.score import BorrowerScore, CollateralScore, Reasons, Score
from oracle.domain.units import Margin, Ppm
from oracle.errors import MalformedValueError
from oracle.node.dispute.offences import (
    Entry,
    FalseFeatures,
    HiddenVector,
    Judgement,
    TwoLeaves,
    WrongScore,
    judge,
    unpack_vector,
)
from tests.delivery.conftest import borrower_score, collateral_score

VECTOR, OTHER_VECTOR, PAIR_VECTOR = b"\0\1\0\2", b"\0\1\0\3", b"\0\7"


def with_vector(score: BorrowerScore, vector: bytes) -> BorrowerScore:
    return replace(score, features_hash=keccak256(vector))


TRUE = with_vector(borrower_score(1), VECTOR)
OTHER = with_vector(borrower_score(2), OTHER_VECTOR)
PAIR = replace(collateral_score(), features_hash=keccak256(PAIR_VECTOR))
MODEL: dict[bytes, Score] = {VECTOR: TRUE, OTHER_VECTOR: OTHER, PAIR_VECTOR: PAIR}
"""What the model makes of each vector; of another it makes nothing."""


def model(entry: Entry, vector: bytes) -> Score | None:
    made = MODEL.get(vector)
    return None if made is None else replace(made, subject=entry.subject)


def entries_of(scores: Sequence[Score]) -> list[Entry]:
    tree = MerkleTree(score.leaf for score in scores)
    return [Entry(encoded=score.encoded, proof=tree.proof(score.leaf)) for score in scores]


def judged(scores: Sequence[Score], *vectors: bytes) -> Judgement:
    known: dict[Hash32, bytes] = {keccak256(vector): vector for vector in (VECTOR, PAIR_VECTOR, *vectors)}
    recomputed = {score.subject: score for score in (TRUE, PAIR)}
    return judge(entries_of(scores), recomputed=recomputed, vectors=known, score_vector=model)


def test_judge__as_recomputed__is_all_right() -> None:
    assert judged([TRUE, PAIR]) == Judgement(offences=(), hidden=(), false_features=())


@pytest.mark.parametrize(
    "lie",
    [
        replace(TRUE, behaviour_margin=Margin(TRUE.behaviour_margin - 1)),
        replace(TRUE, grade=9),
        replace(PAIR, gap_ppm=Ppm(PAIR.gap_ppm - 1)),
    ],
)
def test_judge__field_does_not_follow_from_its_vector__is_a_wrong_score(lie: BorrowerScore | CollateralScore) -> None:
    found = judged([lie])

    (offence,) = found.offences
    assert isinstance(offence, WrongScore)
    assert offence.entry.encoded == lie.encoded
    assert keccak256(offence.vector) == lie.features_hash
    assert (found.hidden, found.false_features) == ((), ())


def test_judge__only_the_reasons_differ__is_none_for_no_chain_computes_them() -> None:
    assert judged([replace(TRUE, reasons=Reasons(b"\1\2\0\0"))]).offences == ()


def test_judge__other_vector_that_nobody_showed__is_to_be_demanded() -> None:
    lie = with_vector(replace(TRUE, grade=9), OTHER_VECTOR)

    found = judged([lie])

    assert found.offences == ()
    assert [item.entry.encoded for item in found.hidden] == [lie.encoded]
    assert isinstance(found.hidden[0], HiddenVector)


def test_judge__other_vector_was_shown_and_score_does_not_follow__is_a_wrong_score() -> None:
    lie = with_vector(replace(TRUE, grade=9), OTHER_VECTOR)

    (offence,) = judged([lie], OTHER_VECTOR).offences

    assert isinstance(offence, WrongScore)
    assert offence.vector == OTHER_VECTOR


def test_judge__score_follows_from_features_that_the_blocks_do_not_give__no_chain_can_prove_it() -> None:
    lie = replace(OTHER, subject=TRUE.subject)

    found = judged([lie, OTHER], OTHER_VECTOR)

    assert found.offences == ()
    assert [item.entry.subject for item in found.false_features] == [TRUE.subject, OTHER.subject]
    assert isinstance(found.false_features[0], FalseFeatures)


def test_judge__vector_that_no_model_takes__proves_itself() -> None:
    odd = b"\1\2\3"

    (offence,) = judged([with_vector(TRUE, odd)], odd).offences

    assert isinstance(offence, WrongScore)


def test_judge__two_entries_of_one_subject__are_two_leaves() -> None:
    second = replace(TRUE, grade=9)

    offences = judged([TRUE, second]).offences

    (pair,) = [offence for offence in offences if isinstance(offence, TwoLeaves)]
    assert {pair.first.encoded, pair.second.encoded} == {TRUE.encoded, second.encoded}
    assert judged([TRUE, TRUE]).offences == ()


def test_entry__of_another_length__is_refused() -> None:
    with pytest.raises(MalformedValueError, match="320 or 352"):
        Entry(encoded=b"\0" * 64, proof=())


def test_entry__not_canonical__keeps_its_bytes() -> None:
    """A contract judges the bytes that were signed, whatever they say."""
    encoded = PAIR.encoded[:-64] + b"\xff" * 32 + PAIR.encoded[-32:]
    entry = Entry(encoded=encoded, proof=())

    assert (entry.subject, entry.features_hash, entry.is_borrower) == (PAIR.subject, PAIR.features_hash, False)
    assert entry.leaf == keccak256(keccak256(encoded))


def test_unpack_vector__no_whole_slots__is_none() -> None:
    assert unpack_vector(b"\1\0\0\2") == (256, 2)
    assert unpack_vector(b"\1\0\0") is None
    assert unpack_vector(b"") is None
