"""The `ScoreReader` of a node's database, with the trees of the last epochs kept in memory.

Reading is safe from any thread. A tree over 100,000 leaves takes about a second to build, so the newest two stay.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock

from oracle.domain.ids import Address, Hash32, SubjectId
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Cut, Report
from oracle.domain.units import Epoch, NodeId
from oracle.storage.engine import Database
from oracle.storage.records import Blame, RecordStore
from oracle.storage.reports import Landing, ReportStore
from oracle.storage.scores import ScoreStore, StoredScore

_KEPT_TREES = 2


class StoredReports:
    """Reports, scores and records of one database."""

    def __init__(self, database: Database) -> None:
        self._reports = ReportStore(database)
        self._scores = ScoreStore(database)
        self._records = RecordStore(database)
        self._trees: OrderedDict[Epoch, MerkleTree] = OrderedDict()
        self._lock = Lock()

    def latest_reports(self, count: int) -> Sequence[Report]:
        """Return the newest reports, newest first."""
        return self._reports.latest(count)

    def report(self, epoch: Epoch) -> Report | None:
        """Return the report of an epoch."""
        return self._reports.report(epoch)

    def cut(self, epoch: Epoch) -> Cut | None:
        """Return the blocks of an epoch's report; a cut of ours that is not the report's is not shown as its."""
        record, report = self._records.epoch(epoch), self._reports.report(epoch)
        if record is None or report is None or record.cut.hash != report.cut_hash:
            return None
        return record.cut

    def attestations(self, epoch: Epoch) -> Mapping[NodeId, bytes]:
        """Return the signatures over the report of an epoch."""
        return self._reports.attestations(epoch)

    def landings(self, epoch: Epoch) -> Sequence[Landing]:
        """Return where the report of an epoch landed."""
        return self._reports.landings(epoch)

    def kept_epochs(self) -> Sequence[Epoch]:
        """Return the epochs whose scores are kept, ascending."""
        return self._scores.epochs()

    def score(self, epoch: Epoch, subject: SubjectId) -> StoredScore | None:
        """Return one subject's leaf."""
        return self._scores.score(epoch, subject)

    def by_account(self, epoch: Epoch, account: Address) -> Sequence[StoredScore]:
        """Return the leaves of an address."""
        return self._scores.by_account(epoch, account)

    def by_leaf(self, leaf: Hash32) -> StoredScore | None:
        """Return the newest leaf with this hash."""
        return self._scores.by_leaf(leaf)

    def scores(self, epoch: Epoch) -> Sequence[StoredScore]:
        """Return every leaf of an epoch."""
        return self._scores.all(epoch)

    def tree(self, epoch: Epoch) -> MerkleTree | None:
        """Return the tree of an epoch, built once."""
        with self._lock:
            if epoch in self._trees:
                self._trees.move_to_end(epoch)
                return self._trees[epoch]
            leaves = self._scores.leaves(epoch)
            if not leaves:
                return None
            tree = MerkleTree(leaves)
            self._trees[epoch] = tree
            while len(self._trees) > _KEPT_TREES:
                self._trees.popitem(last=False)
            return tree

    def blames(self, count: int) -> Sequence[Blame]:
        """Return who was caught at what, newest first."""
        return self._records.blames(count)
