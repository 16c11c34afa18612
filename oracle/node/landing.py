"""Delivery as the node runs it: each chain has one desk that brings reports there when it is this node's turn, and watches for them to land.

Whether a report is due is decided here, by the operator's policy and the last report that landed. A report that is not due counts as settled, so that
the protocol does not ask again. One that landed is settled when the chain's collaterals are posted too: whoever brought it may have left that out, and
the next node's turn then makes up for it. Nothing here halts the node on the word of one endpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from oracle.consensus.events import Attested, Event, LandedOnChain, Transmit
from oracle.delivery.codec import REPORT_PUBLISHED_TOPIC, Head, decode_head, encode_head
from oracle.delivery.policy import DeliveryPolicy, is_due
from oracle.delivery.submitter import Submission, Submitter
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, Hash32, uint_word
from oracle.domain.report import Report
from oracle.domain.score import Score
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.errors import ConflictingReportError, OracleError, SpendingCapError
from oracle.node.bookkeeping import Bookkeeper
from oracle.node.gateway import RpcGateway
from oracle.node.logs import get_log
from oracle.node.status import NodeStatus
from oracle.storage.reports import Landing
from oracle.storage.scores import ScoreStore

LOOKBACK_BLOCKS = 512
"""How far back the log of a landing is looked for."""


class DeliveryDesk:
    """Brings reports to one chain."""

    def __init__(
        self,
        *,
        gateway: RpcGateway,
        submitter: Submitter,
        oracle: Address,
        config: CommitteeConfig,
        policy: DeliveryPolicy,
        poll_ms: int,
        bookkeeper: Bookkeeper,
        scores: ScoreStore,
        status: NodeStatus,
        post: Callable[[Event], None],
    ) -> None:
        self.chain_id: ChainId = gateway.chain_id
        self._gateway = gateway
        self._submitter = submitter
        self._oracle = oracle
        self._quorum = config.q
        self._policy = policy
        self._epoch_seconds = config.params.epoch_seconds
        self._poll_ms = poll_ms
        self._bookkeeper = bookkeeper
        self._scores = scores
        self._status = status
        self._post = post
        self._turn = asyncio.Lock()
        self._log = get_log(chain=gateway.chain_id)

    async def deliver(self, effect: Transmit) -> None:
        """Bring a report to the chain if it is due; errors are logged, and the next node's turn comes."""
        report = effect.report
        scores = self._bookkeeper.outcomes.get(report.epoch)
        if scores is None:
            return
        async with self._turn:
            self._status.chains[self.chain_id].spending_error = ""
            try:
                if not await self._is_due(report, scores):
                    self._log.info("not due", epoch=report.epoch)
                    self._settle(report.epoch)
                    return
                submission = await self._submitter.submit(report, effect.attestations, self._quorum, scores)
            except ConflictingReportError as error:
                await self._on_conflict(report, error)
                return
            except SpendingCapError as error:
                self._status.chains[self.chain_id].spending_error = str(error)
                self._log.warning("daily cap reached", epoch=report.epoch, error=str(error))
                return
            except OracleError as error:
                self._status.chains[self.chain_id].error = str(error)
                self._log.warning("delivery failed", epoch=report.epoch, error=str(error))
                return
        self._on_submitted(report, submission)

    async def watch(self, effect: Attested) -> None:
        """Wait until this report with its posts, or a newer one, is on the chain, or a newer epoch is attested by the committee."""
        report, is_seen = effect.report, False
        while self._status.newest_epoch is None or self._status.newest_epoch <= report.epoch + 1:
            try:
                head = await self._submitter.fetch_head()
                is_seen = is_seen or (head.epoch >= report.epoch and await self._on_seen(report, head))
                if self._status.halted:
                    return
                if is_seen and (head.epoch > report.epoch or await self._is_posted(report.epoch)):
                    self._settle(max(head.epoch, report.epoch))
                    return
            except OracleError as error:
                self._log.warning("head unreadable", error=str(error))
            await asyncio.sleep(self._poll_ms / 1_000)

    async def _is_posted(self, epoch: Epoch) -> bool:
        scores = self._bookkeeper.outcomes.get(epoch)
        return scores is None or await self._submitter.is_posted(epoch, scores)

    async def _is_due(self, report: Report, scores: tuple[Score, ...]) -> bool:
        head = await self._submitter.fetch_head()
        if head.epoch == report.epoch:
            return True  # bringing it again costs nothing, and posts what was left out
        landed = self._bookkeeper.outcomes.get(head.epoch)
        if landed is None and head.epoch:
            stored = await asyncio.to_thread(self._scores.all, head.epoch)
            landed = tuple(s.score for s in stored) or None
        age_s = (report.epoch - head.epoch) * self._epoch_seconds
        return is_due(self._policy, scores=scores, landed=landed, age_s=age_s)

    def _on_submitted(self, report: Report, submission: Submission) -> None:
        receipt, post = submission.publish, submission.post
        if receipt is not None:
            self._log.info(
                "published",
                epoch=report.epoch,
                transaction=receipt.transaction_hash,
                gas=receipt.gas_used,
                posted=len(submission.posted),
                post_gas=post.gas_used if post else 0,
            )
            self._keep(report, submission.head, receipt.block_number, receipt.transaction_hash, receipt.gas_used)
        self._settle(submission.head.epoch)

    async def _on_seen(self, report: Report, head: Head) -> bool:
        """Keep that the report, or a newer one, landed; return False if it is another report of the epoch."""
        if head.epoch == report.epoch and head.scores_root != report.scores_root:
            error = ConflictingReportError(self.chain_id, report.epoch, report.scores_root, head.scores_root)
            await self._on_conflict(report, error)
            return False
        elapsed_ms = self._status.of(report.epoch).reach(f"landed:{self.chain_id}")
        self._log.info("landed", epoch=head.epoch, since_boundary_ms=elapsed_ms, root=head.scores_root)
        if head.epoch == report.epoch:
            self._keep(report, head, await self._find_block(report.epoch), None, 0)
        return True

    async def _on_conflict(self, report: Report, conflict: ConflictingReportError) -> None:
        """Halt if two endpoints show the other report; else one of them lies, which must not stop a node."""
        try:
            head = decode_head(await self._gateway.call_agreed(self._oracle, encode_head()))
        except OracleError as error:
            reason = str(error)
        else:
            if head.epoch == report.epoch and head.scores_root != report.scores_root:
                self._status.halted = str(conflict)
                self._log.critical("conflicting report", error=str(conflict))
                return
            reason = "two endpoints show none"
        self._status.chains[self.chain_id].error = str(conflict)
        self._log.error("conflicting report not confirmed", error=str(conflict), reason=reason)

    async def _find_block(self, epoch: Epoch) -> BlockNumber:
        try:
            last = (await self._gateway.tip()).number
            first = BlockNumber(max(0, last - LOOKBACK_BLOCKS))
            topic = Hash32(uint_word(epoch))
            logs = await self._gateway.logs(self._oracle, REPORT_PUBLISHED_TOPIC, first, last, indexed=topic)
        except OracleError:
            return BlockNumber(0)
        return logs[-1].block_number if logs else BlockNumber(0)

    def _keep(
        self, report: Report, head: Head, block: BlockNumber, transaction_hash: Hash32 | None, gas_used: int
    ) -> None:
        self._bookkeeper.on_landing(
            Landing(
                epoch=report.epoch,
                chain_id=self.chain_id,
                scores_root=head.scores_root,
                block_number=block,
                landed_at_s=TimestampS(head.landed_at_s),
                transaction_hash=transaction_hash,
                gas_used=gas_used,
            )
        )

    def _settle(self, epoch: Epoch) -> None:
        chain = self._status.chains[self.chain_id]
        chain.landed_epoch = max(chain.landed_epoch, epoch)
        self._post(LandedOnChain(chain_id=self.chain_id, epoch=epoch))
