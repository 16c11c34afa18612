"""Cohorts: who was scored at a moment with what probability, until their labels are mature, and then the count of what came true.

Members are dropped when their cohort is settled; of a settled cohort its counts remain, for ever. The tables are made on first use, as those of the chain rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from oracle.domain.ids import Hash32, SubjectId
from oracle.domain.score import ScoreKind
from oracle.domain.units import Ppm, TimestampS
from oracle.storage.engine import Database

_BATCH_ROWS = 2_000

_metadata = MetaData()
_cohorts = Table(
    "cohort",
    _metadata,
    Column("kind", Integer, primary_key=True),
    Column("as_of_s", BigInteger, primary_key=True),
    Column("model_id", LargeBinary, nullable=False),
    Column("subjects", Integer, nullable=False),
    Column("known", Integer),
    Column("realised", Integer),
    Column("expected_ppm", BigInteger),
    Column("upper_ppm", BigInteger),
    Column("variance_ppm", BigInteger),
)
_members = Table(
    "cohort_member",
    _metadata,
    Column("kind", Integer, primary_key=True),
    Column("as_of_s", BigInteger, primary_key=True),
    Column("subject", LargeBinary, primary_key=True),
    Column("predicted_ppm", Integer, nullable=False),
    Column("upper_ppm", Integer, nullable=False),
    Column("debt_usd_e8", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One subject of a cohort: predicted probability, its upper bound, and a borrower's debt then (0 for a collateral)."""

    subject: SubjectId
    predicted_ppm: Ppm
    upper_ppm: Ppm
    debt_usd_e8: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A settled cohort: subjects whose label is known, how many came true, and the sums of p, of its upper bound and of p * (1 - p) over those."""

    known_count: int
    realised_count: int
    expected_ppm: int
    upper_ppm: int
    variance_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Everyone scored at one moment by one model; `tally` is None until labels are mature."""

    kind: ScoreKind
    as_of_s: TimestampS
    model_id: Hash32
    subjects_count: int
    tally: Tally | None


class CohortStore:
    """Cohorts of one node."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.connection() as connection:
            _metadata.create_all(connection)

    def newest_s(self, kind: ScoreKind) -> TimestampS | None:
        """Return when the newest cohort was scored."""
        with self._database.connection() as connection:
            query = select(func.max(_cohorts.c.as_of_s)).where(_cohorts.c.kind == int(kind))
            newest = connection.execute(query).scalar()
            return None if newest is None else TimestampS(newest)

    def open(self, kind: ScoreKind, as_of_s: TimestampS, model_id: Hash32, members: Sequence[Member]) -> None:
        """Begin a cohort; nothing is kept of one without members."""
        if not members:
            return
        key = {"kind": int(kind), "as_of_s": int(as_of_s)}
        rows = [
            {
                **key,
                "subject": bytes(m.subject),
                "predicted_ppm": int(m.predicted_ppm),
                "upper_ppm": int(m.upper_ppm),
                "debt_usd_e8": m.debt_usd_e8,
            }
            for m in members
        ]
        # In short transactions, so that no vote waits for a hundred thousand rows; a cohort exists once its own row does.
        with self._database.connection() as connection:
            known = select(_cohorts.c.as_of_s).where(_cohorts.c.kind == int(kind))
            half_written = (_members.c.kind == int(kind), _members.c.as_of_s.not_in(known))
            connection.execute(delete(_members).where(*half_written))
        for first in range(0, len(rows), _BATCH_ROWS):
            with self._database.connection() as connection:
                connection.execute(insert(_members), rows[first : first + _BATCH_ROWS])
        with self._database.connection() as connection:
            connection.execute(insert(_cohorts), {**key, "model_id": bytes(model_id), "subjects": len(rows)})

    def due(self, kind: ScoreKind, until_s: TimestampS) -> tuple[TimestampS, ...]:
        """Return the moments of the open cohorts scored at `until_s` or before, ascending."""
        query = select(_cohorts.c.as_of_s).where(
            _cohorts.c.kind == int(kind), _cohorts.c.as_of_s <= int(until_s), _cohorts.c.known.is_(None)
        )
        with self._database.connection() as connection:
            rows = connection.execute(query.order_by(_cohorts.c.as_of_s)).scalars()
            return tuple(TimestampS(as_of_s) for as_of_s in rows)

    def members(self, kind: ScoreKind, as_of_s: TimestampS) -> tuple[Member, ...]:
        """Return the members of an open cohort, ascending by subject."""
        query = select(_members).where(_members.c.kind == int(kind), _members.c.as_of_s == int(as_of_s))
        with self._database.connection() as connection:
            rows = connection.execute(query.order_by(_members.c.subject)).all()
        return tuple(
            Member(
                subject=SubjectId(row.subject),
                predicted_ppm=Ppm(row.predicted_ppm),
                upper_ppm=Ppm(row.upper_ppm),
                debt_usd_e8=row.debt_usd_e8,
            )
            for row in rows
        )

    def settle(self, kind: ScoreKind, as_of_s: TimestampS, tally: Tally) -> None:
        """Keep what came true of a cohort, and drop its members."""
        values = {
            "known": tally.known_count,
            "realised": tally.realised_count,
            "expected_ppm": tally.expected_ppm,
            "upper_ppm": tally.upper_ppm,
            "variance_ppm": tally.variance_ppm,
        }
        with self._database.connection() as connection:
            at = (_cohorts.c.kind == int(kind), _cohorts.c.as_of_s == int(as_of_s))
            connection.execute(update(_cohorts).where(*at).values(values))
            of = (_members.c.kind == int(kind), _members.c.as_of_s == int(as_of_s))
            connection.execute(delete(_members).where(*of))

    def all(self, kind: ScoreKind) -> tuple[Cohort, ...]:
        """Return every cohort of a kind, ascending by time."""
        query = select(_cohorts).where(_cohorts.c.kind == int(kind)).order_by(_cohorts.c.as_of_s)
        with self._database.connection() as connection:
            return tuple(_cohort(row) for row in connection.execute(query).all())


def _cohort(row: Row[tuple[object, ...]]) -> Cohort:
    tally = None
    if row.known is not None:
        tally = Tally(
            known_count=row.known,
            realised_count=row.realised,
            expected_ppm=row.expected_ppm,
            upper_ppm=row.upper_ppm,
            variance_ppm=row.variance_ppm,
        )
    return Cohort(
        kind=ScoreKind(row.kind),
        as_of_s=TimestampS(row.as_of_s),
        model_id=Hash32(row.model_id),
        subjects_count=row.subjects,
        tally=tally,
    )
