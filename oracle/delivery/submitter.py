"""Brings one report to one chain: publish, then post what is worth it. Doing it twice, or beside another node, changes nothing.

A report that is on the chain already, or behind a newer one, is a success. After a refusal the head decides: if the report is there, another node was
faster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from oracle.delivery import codec
from oracle.delivery.loans import OpenLoans
from oracle.delivery.policy import DeliveryPolicy, select_borrowers, select_collaterals
from oracle.delivery.ports import ChainGateway, Receipt
from oracle.delivery.transactions import TransactionSender
from oracle.domain.ids import Address, SubjectId
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.score import BorrowerScore, Score
from oracle.domain.units import Epoch, NodeId
from oracle.errors import ConflictingReportError, TransactionRevertedError

HEAD_READS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of a report on a chain; `publish` and `post` are our own transactions, if any."""

    head: codec.Head
    publish: Receipt | None
    post: Receipt | None
    posted: tuple[Score, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where reports of a committee go on one chain, and how long they count."""

    oracle: Address
    collaterals: frozenset[SubjectId]
    epoch_seconds: int
    validity_seconds: int


class Submitter:
    """Delivers reports to one chain."""

    def __init__(
        self,
        gateway: ChainGateway,
        sender: TransactionSender,
        loans: OpenLoans,
        destination: Destination,
        policy: DeliveryPolicy,
    ) -> None:
        self._gateway = gateway
        self._sender = sender
        self._loans = loans
        self._destination = destination
        self._policy = policy

    async def fetch_head(self) -> codec.Head:
        """Return the newest report on the chain."""
        (answer,) = await self._gateway.call([(self._destination.oracle, codec.encode_head())])
        return codec.decode_head(answer)

    async def is_posted(self, epoch: Epoch, scores: Sequence[Score]) -> bool:
        """Return whether the chain holds every collateral's score of this epoch or a newer one."""
        return not await self._select_collaterals(epoch, scores)

    async def submit(
        self, report: Report, attestations: Mapping[NodeId, bytes], quorum: int, scores: Sequence[Score]
    ) -> Submission:
        """Publish the report if it is not there yet, then post.

        Raises:
            ConflictingReportError: if the chain holds another report of this epoch.
            TransactionRevertedError: if the contract refuses ours and has not got it from anybody else.
        """
        head = await self.fetch_head()
        receipt = None
        if head.epoch < report.epoch:
            receipt = await self._publish(report, codec.pack_attestations(attestations, quorum))
            head = await self._fetch_new_head(report.epoch)
        self._check_head(report, head)
        if head.epoch != report.epoch:
            return Submission(head=head, publish=receipt, post=None, posted=())
        posted, post_receipt = await self._post(report.epoch, scores)
        return Submission(head=head, publish=receipt, post=post_receipt, posted=posted)

    async def _publish(self, report: Report, attestations: bytes) -> Receipt | None:
        calldata = codec.encode_publish(report, attestations)
        try:
            return await self._sender.send(self._destination.oracle, calldata, what=f"publish of epoch {report.epoch}")
        except TransactionRevertedError:
            head = await self.fetch_head()
            if head.epoch < report.epoch:
                raise
            return None

    async def _fetch_new_head(self, epoch: Epoch) -> codec.Head:
        """Return the head once it is at `epoch`: behind one address may stand an endpoint that lags by a block."""
        head = await self.fetch_head()
        for _ in range(HEAD_READS):
            if head.epoch >= epoch:
                break
            await self._sender.pause()
            head = await self.fetch_head()
        return head

    def _check_head(self, report: Report, head: codec.Head) -> None:
        if head.epoch == report.epoch and head.scores_root != report.scores_root:
            raise ConflictingReportError(self._gateway.chain_id, report.epoch, report.scores_root, head.scores_root)

    async def _post(self, epoch: Epoch, scores: Sequence[Score]) -> tuple[tuple[Score, ...], Receipt | None]:
        """Post what replaces a stored score; two nodes that both do so make nobody fail."""
        selected: tuple[Score, ...] = (
            *await self._select_collaterals(epoch, scores),
            *await self._select_borrowers(epoch, scores),
        )
        if not selected:
            return (), None
        tree = MerkleTree(score.leaf for score in scores)
        proof = tree.multiproof([score.leaf for score in selected])
        calldata = codec.encode_post(epoch, selected, proof)
        try:
            receipt = await self._sender.send(self._destination.oracle, calldata, what=f"post of epoch {epoch}")
        except TransactionRevertedError:
            if (await self.fetch_head()).epoch > epoch:
                return (), None
            raise
        return selected, receipt

    async def _select_collaterals(self, epoch: Epoch, scores: Sequence[Score]) -> tuple[Score, ...]:
        subjects = sorted(self._destination.collaterals)
        posted = await self._read(subjects, codec.encode_collateral_score, codec.decode_posted_collateral)
        return select_collaterals(scores, subjects=self._destination.collaterals, posted=posted, epoch=epoch)

    async def _select_borrowers(self, epoch: Epoch, scores: Sequence[Score]) -> tuple[Score, ...]:
        listed = frozenset(score.subject for score in scores if isinstance(score, BorrowerScore))
        loans = await self._loans.fetch(listed)
        subjects = sorted(loan.subject for loan in loans)
        posted = await self._read(subjects, codec.encode_borrower_score, codec.decode_posted_borrower)
        now_s = (await self._gateway.tip()).time_s
        seconds, validity = self._destination.epoch_seconds, self._destination.validity_seconds
        return select_borrowers(
            scores,
            loans=loans,
            posted=posted,
            epoch=epoch,
            oldest_valid_epoch=Epoch(max(1, -(-(now_s - validity) // seconds))),
            count=self._policy.posted_borrowers_count,
        )

    async def _read[T](
        self, subjects: Sequence[SubjectId], encode: Callable[[SubjectId], bytes], decode: Callable[[bytes], T]
    ) -> dict[SubjectId, T]:
        answers = await self._gateway.call([(self._destination.oracle, encode(subject)) for subject in subjects])
        return {subject: decode(answer) for subject, answer in zip(subjects, answers, strict=True)}
