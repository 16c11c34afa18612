"""The stores of one database, opened together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oracle.errors import StorageError
from oracle.storage.chain_rows import ChainRows
from oracle.storage.cohorts import CohortStore
from oracle.storage.demands import DemandStore
from oracle.storage.engine import Database, open_database
from oracle.storage.keeping import KeepingStore
from oracle.storage.records import RecordStore
from oracle.storage.reports import ReportStore
from oracle.storage.scores import ScoreStore
from oracle.storage.spending import SpendStore
from oracle.storage.votes import VoteStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything that a node keeps, by kind."""

    database: Database
    votes: VoteStore
    reports: ReportStore
    scores: ScoreStore
    records: RecordStore
    rows: ChainRows
    spending: SpendStore
    cohorts: CohortStore
    demands: DemandStore
    keeping: KeepingStore

    @classmethod
    def open(cls, path: Path, *, hold: bool) -> Stores:
        """Open the database; `hold` claims it for this process.

        Raises:
            StorageError: if it cannot be used, or another node holds it.
        """
        database = open_database(path)
        try:
            if hold:
                database.hold()
            return cls._over(database)
        except StorageError:
            database.close()
            raise

    @classmethod
    def _over(cls, database: Database) -> Stores:
        return cls(
            database=database,
            votes=VoteStore(database),
            reports=ReportStore(database),
            scores=ScoreStore(database),
            records=RecordStore(database),
            rows=ChainRows(database),
            spending=SpendStore(database),
            cohorts=CohortStore(database),
            demands=DemandStore(database),
            keeping=KeepingStore(database),
        )
