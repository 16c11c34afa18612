"""Scores: found by subject, account and leaf; vectors only where they are the committed ones (ST-04, ST-05)."""

from __future__ import annotations

from oracle.domain.ids import Address, Hash32, SubjectId, borrower_subject, keccak256
from oracle.domain.score import BorrowerScore, Reasons
from oracle.domain.units import Epoch, Margin, Ppm
from oracle.storage.engine import Database
from oracle.storage.scores import ScoreStore

ALICE = Address(b"\xa1" * 20)
VECTOR = bytes.fromhex("00010203")


def borrower_score(account: Address, vector: bytes = VECTOR) -> BorrowerScore:
    return BorrowerScore(
        subject=borrower_subject(account),
        state_offset=Margin(-9000),
        behaviour_margin=Margin(12),
        pd_ppm=Ppm(4000),
        pd_upper_ppm=Ppm(5000),
        points=700,
        grade=3,
        reasons=Reasons(b"\x01\x02\x00\x00"),
        features_hash=keccak256(vector),
    )


def save(store: ScoreStore, epoch: int, vector: bytes = VECTOR) -> SubjectId:
    subject = borrower_subject(ALICE)
    store.save(Epoch(epoch), [borrower_score(ALICE)], vectors={subject: vector}, accounts={subject: ALICE})
    return subject


def test_save__one_borrower__is_found_by_subject_account_and_leaf(database: Database) -> None:
    store = ScoreStore(database)

    subject = save(store, 5)

    found = store.score(Epoch(5), subject)
    assert found is not None
    assert found.score == borrower_score(ALICE)
    assert found.vector == VECTOR
    assert store.by_account(Epoch(5), ALICE) == (found,)
    assert store.by_leaf(found.score.leaf) == found
    assert store.leaves(Epoch(5)) == (found.score.leaf,)


def test_save__vector_of_other_features__is_not_kept(database: Database) -> None:
    store = ScoreStore(database)

    subject = save(store, 5, vector=b"\xff\xff")

    found = store.score(Epoch(5), subject)
    assert found is not None
    assert found.vector is None


def test_by_leaf__unknown__is_none(database: Database) -> None:
    assert ScoreStore(database).by_leaf(Hash32(bytes(32))) is None


def test_keep_last__four_epochs__leaves_the_newest_two(database: Database) -> None:
    store = ScoreStore(database)
    for epoch in (5, 6, 8, 9):
        save(store, epoch)

    dropped = store.keep_last(2)

    assert dropped == 2
    assert store.epochs() == (8, 9)


def test_save__same_epoch_twice__changes_nothing(database: Database) -> None:
    store = ScoreStore(database)

    save(store, 5)
    save(store, 5)

    assert len(store.all(Epoch(5))) == 1
