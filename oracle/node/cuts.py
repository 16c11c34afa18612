"""Cuts as the node finds them: from its own finalised blocks, chain by chain, and without a chain that stalls.

Nothing here decides for the protocol: it is told what the blocks say, as soon as they say it. Source: DESIGN.md, section 6.1; `oracle.consensus.events`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from oracle.chain.asking import Backoff
from oracle.chain.reader import ChainReader
from oracle.consensus.events import CutChecked, CutDerived, Event, StalledCutFound
from oracle.domain.committee import ChainParams, CommitteeConfig
from oracle.domain.report import ChainCut, Cut, boundary_s
from oracle.domain.units import ChainId, Epoch, TimestampS
from oracle.errors import EndpointDisagreementError, OracleError, PastFinalityReorgError, StorageError
from oracle.node.clock import Clock
from oracle.node.logs import get_log
from oracle.node.status import NodeStatus

IDLE_SYNC_S = 60
LONGEST_WAIT_POLLS = 8
"""How many times its usual pause a chain that fails is left alone at most."""


class CutFinder:
    """Looks for cuts until they are found or their epoch is over."""

    def __init__(
        self,
        config: CommitteeConfig,
        readers: Mapping[ChainId, ChainReader],
        clock: Clock,
        status: NodeStatus,
        *,
        poll_ms: int,
        post: Callable[[Event], None],
    ) -> None:
        self._config = config
        self._readers = readers
        self._clock = clock
        self._status = status
        self._poll_s = poll_ms / 1_000
        self._post = post
        self._syncing = {chain_id: asyncio.Lock() for chain_id in readers}
        self._log = get_log()

    @property
    def _chains(self) -> tuple[ChainParams, ...]:
        return self._config.params.chains

    async def derive(self, epoch: Epoch) -> None:
        """Post the cut of an epoch once every chain has one."""
        found = await asyncio.gather(*(self._derive_chain(epoch, chain.chain_id) for chain in self._chains))
        cuts = tuple(cut for cut in found if cut is not None)
        if len(cuts) < len(found):
            return
        cut = Cut(epoch=epoch, chains=cuts)
        elapsed_ms = self._status.of(epoch).reach("cut")
        blocks = {str(c.chain_id): c.block_number for c in cuts}
        self._log.info("cut", epoch=epoch, since_boundary_ms=elapsed_ms, blocks=blocks, cut=cut.hash)
        self._post(CutDerived(cut=cut))

    async def find_stalled(self, epoch: Epoch) -> None:
        """Post a cut with the finalised head of each chain that has no cut, marked as stalled; nothing if every chain gets its cut first."""

        async def look() -> Cut | None:
            cuts: list[ChainCut] = []
            stalled = 0
            for index, chain in enumerate(self._chains):
                cut = await self._readers[chain.chain_id].derive_cut(self._boundary(epoch))
                if cut is None:
                    stalled |= 1 << index
                    cut = await self._fetch_last(chain.chain_id, self._boundary(epoch))
                if cut is None:
                    return None
                cuts.append(cut)
            return Cut(epoch=epoch, chains=tuple(cuts), stalled_chains=stalled)

        cut = await self._until_decided(epoch, look)
        if cut is not None and cut.stalled_chains:
            self._log.warning("stalled cut", epoch=epoch, stalled=f"{cut.stalled_chains:b}", cut=cut.hash)
            self._post(StalledCutFound(cut=cut))

    async def check(self, cut: Cut) -> None:
        """Post whether another node's stalled cut is what this node's finalised blocks say, once they decide it."""

        async def look() -> bool | None:
            if tuple(c.chain_id for c in cut.chains) != tuple(chain.chain_id for chain in self._chains):
                return False
            verdicts = [
                await self._check_chain(cut.epoch, chain_cut, is_stalled=bool(cut.stalled_chains >> index & 1))
                for index, chain_cut in enumerate(cut.chains)
            ]
            if False in verdicts:
                return False
            return None if None in verdicts else True

        verdict = await self._until_decided(cut.epoch, look)
        if verdict is not None:
            self._post(CutChecked(cut=cut, is_confirmed=verdict))

    def note(self, error: OracleError) -> None:
        """Take note that a read for something else than a cut failed."""
        self._on_error(getattr(error, "chain_id", None), error)

    async def keep_synced(self, chain_id: ChainId) -> None:
        """Keep up between the boundaries of long epochs, so that a cut finds its blocks indexed and trouble shows early."""
        while True:
            try:
                await self._sync(chain_id)
            except OracleError as error:
                self._on_error(chain_id, error)
            await asyncio.sleep(IDLE_SYNC_S)

    async def _derive_chain(self, epoch: Epoch, chain_id: ChainId) -> ChainCut | None:
        async def look() -> ChainCut | None:
            cut = await self._readers[chain_id].derive_cut(self._boundary(epoch))
            if cut is not None:
                await self._sync(chain_id)
            return cut

        return await self._until_decided(epoch, look, chain_id)

    async def _check_chain(self, epoch: Epoch, given: ChainCut, *, is_stalled: bool) -> bool | None:
        """Return whether the blocks confirm one chain of a cut, None while they do not decide it."""
        reader = self._readers[given.chain_id]
        derived = await reader.derive_cut(self._boundary(epoch))
        if not is_stalled:
            return None if derived is None else derived == given
        if derived is not None:
            return False
        last = await self._fetch_last(given.chain_id, self._boundary(epoch))
        if last is None or last.block_number < given.block_number:
            return None
        # No block lies after the boundary, so a higher head is a finalised descendant at or before it.
        return last == given

    async def _fetch_last(self, chain_id: ChainId, boundary: TimestampS) -> ChainCut | None:
        """Return the finalised head, None if it lies after the boundary: the chain went on in between."""
        await self._sync(chain_id)
        head = await self._readers[chain_id].chain.fetch_finalised_head()
        if head.time_s > boundary:
            return None
        return ChainCut(chain_id=chain_id, block_number=head.number, block_hash=head.block_hash)

    async def _sync(self, chain_id: ChainId) -> None:
        """Index up to the finalised head; one at a time for each chain, since a range is stored once."""
        async with self._syncing[chain_id]:
            head = await self._readers[chain_id].sync()
        chain = self._status.chains[chain_id]
        chain.head_number, chain.head_time_s = head.number, head.time_s
        chain.error, chain.is_disagreeing = "", False
        self._status.storage_error = ""
        self._clock.observe_block(min(c.head_time_s for c in self._status.chains.values()))

    async def _until_decided[T](
        self, epoch: Epoch, look: Callable[[], Awaitable[T | None]], chain_id: ChainId | None = None
    ) -> T | None:
        """Return what `look` finds, None if the epoch was over before; after failures the pauses grow."""
        backoff = Backoff(self._poll_s, LONGEST_WAIT_POLLS * self._poll_s)
        while self._status.newest_epoch is None or self._status.newest_epoch <= epoch + 1:
            try:
                found = await look()
            except OracleError as error:
                self._on_error(getattr(error, "chain_id", chain_id), error)
                await asyncio.sleep(backoff.next_s())
                continue
            if found is not None:
                return found
            backoff.reset()
            await asyncio.sleep(self._poll_s)
        return None

    def _boundary(self, epoch: Epoch) -> TimestampS:
        return boundary_s(epoch, self._config.params.epoch_seconds)

    def _on_error(self, chain_id: ChainId | None, error: OracleError) -> None:
        if isinstance(error, StorageError):
            self._status.storage_error = str(error)
        chain = self._status.chains.get(chain_id) if chain_id is not None else None
        if isinstance(error, PastFinalityReorgError):
            self._status.halted = str(error)
            self._log.critical("reorg past finality", chain=chain_id, error=str(error))
        if chain is None:
            self._log.warning("cut not found", error=str(error))
            return
        chain.failures_count += 1
        chain.is_disagreeing = isinstance(error, EndpointDisagreementError)
        if str(error) != chain.error:
            self._log.warning("chain unreadable", chain=chain_id, error=str(error))
        chain.error = str(error)
