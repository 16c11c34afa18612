"""Cohorts: open until settled, members dropped then, counts kept."""

from __future__ import annotations

from oracle.domain.ids import Hash32, SubjectId
from oracle.domain.score import ScoreKind
from oracle.domain.units import Ppm, TimestampS
from oracle.storage.cohorts import CohortStore, Member, Tally
from oracle.storage.engine import Database

MODEL = Hash32(b"\x0d" * 32)
BORROWER, COLLATERAL = ScoreKind.BORROWER, ScoreKind.COLLATERAL
MEMBERS = [
    Member(subject=SubjectId(bytes([n]) * 32), predicted_ppm=Ppm(n * 1_000), upper_ppm=Ppm(n * 2_000), debt_usd_e8=n)
    for n in (1, 2, 3)
]
TALLY = Tally(known_count=2, realised_count=1, expected_ppm=3_000, upper_ppm=6_000, variance_ppm=2_995)


def at(time_s: int) -> TimestampS:
    return TimestampS(time_s)


def test_open__members__are_read_back(database: Database) -> None:
    store = CohortStore(database)

    store.open(BORROWER, at(700), MODEL, MEMBERS)

    assert store.members(BORROWER, at(700)) == tuple(MEMBERS)
    (cohort,) = store.all(BORROWER)
    assert (cohort.as_of_s, cohort.model_id, cohort.subjects_count, cohort.tally) == (700, MODEL, 3, None)
    assert store.newest_s(BORROWER) == 700


def test_open__nobody__leaves_nothing(database: Database) -> None:
    store = CohortStore(database)

    store.open(BORROWER, at(700), MODEL, [])

    assert store.all(BORROWER) == ()
    assert store.newest_s(BORROWER) is None


def test_due__settled_later_and_other_kinds__are_left_out(database: Database) -> None:
    store = CohortStore(database)
    for time_s in (900, 700, 800):
        store.open(BORROWER, at(time_s), MODEL, MEMBERS)
    store.open(COLLATERAL, at(700), MODEL, MEMBERS)
    store.settle(BORROWER, at(700), TALLY)

    assert store.due(BORROWER, at(899)) == (800,)
    assert store.due(BORROWER, at(900)) == (800, 900)
    assert store.due(COLLATERAL, at(900)) == (700,)


def test_settle__cohort__keeps_its_counts_and_drops_its_members_alone(database: Database) -> None:
    store = CohortStore(database)
    store.open(BORROWER, at(700), MODEL, MEMBERS)
    store.open(BORROWER, at(800), MODEL, MEMBERS)

    store.settle(BORROWER, at(700), TALLY)

    assert store.members(BORROWER, at(700)) == ()
    assert store.members(BORROWER, at(800)) == tuple(MEMBERS)
    assert [cohort.tally for cohort in store.all(BORROWER)] == [TALLY, None]


def test_store__opened_again__still_holds_its_cohorts(database: Database) -> None:
    CohortStore(database).open(BORROWER, at(700), MODEL, MEMBERS)

    assert CohortStore(database).members(BORROWER, at(700)) == tuple(MEMBERS)


def test_open__after_a_crash_half_way__begins_with_its_own_members_alone(database: Database) -> None:
    store = CohortStore(database)
    store.open(BORROWER, at(600), MODEL, MEMBERS)
    with database.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cohort")

    store.open(BORROWER, at(700), MODEL, MEMBERS[:1])

    assert store.members(BORROWER, at(600)) == ()
    assert store.members(BORROWER, at(700)) == tuple(MEMBERS[:1])


def test_open__more_than_a_batch__keeps_every_member(database: Database) -> None:
    store = CohortStore(database)
    many = [
        Member(subject=SubjectId(n.to_bytes(32, "big")), predicted_ppm=Ppm(1), upper_ppm=Ppm(2)) for n in range(4_500)
    ]

    store.open(COLLATERAL, at(700), MODEL, many)

    assert store.members(COLLATERAL, at(700)) == tuple(many)
