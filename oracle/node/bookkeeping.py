"""Bookkeeping: reports, scores with vectors, attestations, blames and timings go to disk in order, on a thread of their own.

None of it is a promise: losing the last of it in a crash costs an API answer, never safety. Votes do not pass here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from oracle.consensus.events import Attested, Blame
from oracle.consensus.messages import encode_batch
from oracle.domain.ids import Address, SubjectId, to_hex
from oracle.domain.report import Cut, Report
from oracle.domain.score import Score
from oracle.domain.units import Epoch
from oracle.errors import StorageError
from oracle.node.clock import Clock
from oracle.node.logs import get_log
from oracle.node.model_watch import ModelWatch
from oracle.node.observe import Observed
from oracle.node.status import NodeStatus
from oracle.node.stores import Stores
from oracle.storage import records
from oracle.storage.records import EpochRecord
from oracle.storage.reports import Landing

REMEMBERED_OBSERVATIONS = 2
KEPT_VOTE_EPOCHS = 64


class Bookkeeper:
    """Writes what happened; also remembers the last observations and outcomes for delivery."""

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        status: NodeStatus,
        *,
        kept_epochs: int,
        models: ModelWatch | None = None,
    ) -> None:
        self._reports = stores.reports
        self._scores = stores.scores
        self._records = stores.records
        self._votes = stores.votes
        self._clock = clock
        self._status = status
        self._kept_epochs = kept_epochs
        self._models = models
        self._observed: OrderedDict[Epoch, Observed] = OrderedDict()
        self.outcomes: OrderedDict[Epoch, tuple[Score, ...]] = OrderedDict()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bookkeeping")
        self._log = get_log()

    def close(self) -> None:
        """Finish what is queued."""
        self._worker.shutdown(wait=True)

    def on_observed(self, observed: Observed) -> None:
        """Remember an observation until its epoch's outcome is known."""
        self._observed[observed.cut.epoch] = observed
        while len(self._observed) > REMEMBERED_OBSERVATIONS:
            self._observed.popitem(last=False)

    def on_agreed(self, report: Report, scores: tuple[Score, ...]) -> None:
        """Keep a report and its leaves."""
        self.outcomes[report.epoch] = scores
        while len(self.outcomes) > REMEMBERED_OBSERVATIONS:
            self.outcomes.popitem(last=False)
        observed = self._observed.get(report.epoch)
        vectors = observed.packed_vectors() if observed else {}
        accounts: dict[SubjectId, Address] = (
            {subject: places[0][1] for subject, places in observed.accounts.items() if places} if observed else {}
        )
        committed_at_ms = self._clock.now_ms()

        def write() -> None:
            self._reports.save(report, committed_at_ms=committed_at_ms)
            self._scores.save(report.epoch, scores, vectors=vectors, accounts=accounts)
            self._scores.keep_last(self._kept_epochs)
            self._votes.forget_before(Epoch(max(0, report.epoch - KEPT_VOTE_EPOCHS)))
            if self._models is not None and observed is not None:
                self._models.on_agreed(observed, scores)

        self._submit(write)

    def on_attested(self, effect: Attested) -> None:
        """Keep the attestations of a report."""
        attestations = dict(effect.attestations)
        self._submit(lambda: self._reports.save_attestations(effect.report.epoch, attestations))

    def on_landing(self, landing: Landing) -> None:
        """Keep where a report landed."""
        self._submit(lambda: self._reports.save_landing(landing))

    def on_blame(self, effect: Blame) -> None:
        """Keep what a node was caught at, with its signed messages."""
        blame = records.Blame(
            epoch=effect.epoch,
            node=effect.node,
            kind=effect.reason.name.lower(),
            subject=effect.subject,
            difference=describe_blame(effect),
            evidence=encode_batch([signed.wire for signed in effect.evidence]),
            seen_at_ms=self._clock.now_ms(),
        )
        self._submit(lambda: self._records.save_blame(blame))

    def on_epoch(self, epoch: Epoch, cut: Cut) -> None:
        """Keep the cut of an epoch and its timings so far."""
        observed = self._observed.get(epoch)
        status = self._status.of(epoch)
        count = sum(1 for _ in observed.histories.borrowers) if observed else 0
        record = EpochRecord(
            epoch=epoch,
            cut=cut,
            entries_root=None,
            borrowers=count,
            collaterals=len(observed.histories.collaterals) if observed else 0,
            timings_ms={**status.durations_ms, **status.phases_ms},
        )
        self._submit(lambda: self._records.save_epoch(record))

    def observed(self, epoch: Epoch) -> Observed | None:
        """Return the observation of one of the last epochs."""
        return self._observed.get(epoch)

    def _submit(self, write: Callable[[], None]) -> None:
        self._worker.submit(write).add_done_callback(self._check)

    def _check(self, done: Future[None]) -> None:
        error = done.exception()
        if error is None:
            self._status.storage_error = ""
        elif isinstance(error, StorageError):
            self._status.storage_error = str(error)
            self._log.error("bookkeeping failed", error=str(error))
        else:
            self._status.storage_error = f"{type(error).__name__}: {error}"
            self._log.error("bookkeeping failed", exc_info=error)


def describe_blame(effect: Blame) -> str:
    """Return in words what differs."""
    if not effect.field:
        return effect.reason.value
    theirs, agreed = (getattr(score, effect.field, None) for score in (effect.theirs, effect.agreed))
    words = [to_hex(value) if isinstance(value, bytes) else str(value) for value in (theirs, agreed)]
    return f"{effect.reason.value}: {effect.field} {words[0]}, agreed {words[1]}"
