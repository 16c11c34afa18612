"""One chain, ready to be observed: endpoints, indexer and ledger behind four calls; and the histories of all chains at a cut."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence

from oracle.chain.checked import BlockHeader, CheckedChain
from oracle.chain.finality import derive_cut
from oracle.chain.histories import Histories, Place, boundary_of, build_histories, list_candidates
from oracle.chain.indexer import Indexer
from oracle.chain.ledger import Ledger
from oracle.chain.parameters import list_parameters
from oracle.chain.rows import LogRow, RowStore
from oracle.domain.committee import ChainParams, CommitteeConfig
from oracle.domain.ids import Address, keccak256
from oracle.domain.market import ParameterChange
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import BlockNumber, ChainId, TimestampS
from oracle.errors import ForeignCutError, MissingAnchorError


class ChainReader:
    """Reads one chain through its endpoints and keeps its rows in `rows`."""

    def __init__(self, params: ChainParams, chain: CheckedChain, rows: RowStore) -> None:
        self.params = params
        self.chain = chain
        self.indexer = Indexer(params, chain, rows)
        self._rows = rows
        self._ledger: Ledger | None = None
        self._ledger_turn = threading.Lock()

    async def sync(self) -> BlockHeader:
        """Index up to the finalised head and return it."""
        return await self.indexer.sync()

    async def derive_cut(self, boundary_s: TimestampS) -> ChainCut | None:
        """Return this chain's cut for a boundary, None while there is none."""
        return await derive_cut(self.chain, self.params.chain_id, boundary_s)

    async def project(self, cut: ChainCut, boundary_s: TimestampS, *, is_stalled: bool = False) -> Ledger:
        """Return the ledger at the cut block; hours and days are closed up to the boundary, on a stalled chain before the block's second.

        Rows are projected in a worker thread: after a restart that are all of them, and the caller's loop has peers to answer.

        Raises:
            ForeignCutError: if the chain has another block at that number.
            ChainError: if the endpoints fail, disagree, or do not hold the block final yet.
        """
        header = await self.chain.fetch_header(cut.block_number)
        if header.block_hash != cut.block_hash:
            raise ForeignCutError(self.params.chain_id, cut.block_number, cut.block_hash.hex(), header.block_hash.hex())
        if self.indexer.indexed_block < cut.block_number:
            await self.indexer.sync()
        if self._ledger is None:
            self._ledger = Ledger(self.params, await self.indexer.fetch_anchors(), self._rows)
        # A later block may have the same second: what is closed must never change.
        settle_s = TimestampS(header.time_s - 1) if is_stalled else boundary_s
        try:
            await asyncio.to_thread(self._advance, self._ledger, cut, header.time_s, settle_s)
        except MissingAnchorError:
            # Listed since the anchors were fetched: once more, with all that the market has now.
            self._ledger = Ledger(self.params, await self.indexer.fetch_anchors(anew=True), self._rows)
            await asyncio.to_thread(self._advance, self._ledger, cut, header.time_s, settle_s)
        return self._ledger

    def _advance(self, ledger: Ledger, cut: ChainCut, block_time_s: TimestampS, settle_s: TimestampS) -> None:
        # A cancelled caller leaves its thread behind: the next one waits for it.
        with self._ledger_turn:
            ledger.advance(cut.block_number, cut.block_hash, block_time_s, settle_s)

    async def fetch_parameters(self, last_block: BlockNumber) -> Iterator[ParameterChange]:
        """Return the changes of the markets' rules up to a block, in chain order; rows are read as the caller goes on."""
        anchors = await self.indexer.fetch_anchors()
        rows = (LogRow._make(stored) for stored in self._rows.load_rows(self.params.chain_id, 0, last_block))
        return list_parameters(self.params, anchors, rows)

    async def fetch_has_code(self, addresses: Sequence[Address], block_number: BlockNumber) -> Mapping[Address, bool]:
        """Return which addresses are contracts at a block; an EIP-7702 delegation is none. Asked once, then kept with the rows."""
        checked_hash = keccak256(b"".join(sorted(addresses)))
        known = self._rows.load_contracts(self.params.chain_id, block_number, checked_hash)
        if known is None:
            flags = await self.chain.fetch_has_code(addresses, block_number)
            known = frozenset(address for address, has_code in flags.items() if has_code)
            self._rows.store_contracts(self.params.chain_id, block_number, checked_hash, known)
        return {address: address in known for address in addresses}


async def project_cut(
    config: CommitteeConfig, readers: Mapping[ChainId, ChainReader], cut: Cut
) -> dict[ChainId, Ledger]:
    """Return the ledger of every chain, standing at its block of the cut.

    Raises:
        ChainError: if a chain cannot be read, or its cut block is not the chain's.
    """
    boundary_s = boundary_of(config, cut)
    ledgers = {}
    for index, chain_cut in enumerate(cut.chains):
        is_stalled = bool(cut.stalled_chains >> index & 1)
        reader = readers[chain_cut.chain_id]
        ledgers[chain_cut.chain_id] = await reader.project(chain_cut, boundary_s, is_stalled=is_stalled)
    return ledgers


async def fetch_code(
    config: CommitteeConfig, readers: Mapping[ChainId, ChainReader], cut: Cut, ledgers: Mapping[ChainId, Ledger]
) -> dict[Place, bool]:
    """Return for every candidate whether it has code, on each chain at its block of the cut."""
    candidates = await asyncio.to_thread(list_candidates, config, ledgers, cut)
    code: dict[Place, bool] = {}
    for chain_cut in cut.chains:
        found = await readers[chain_cut.chain_id].fetch_has_code(candidates, chain_cut.block_number)
        code |= {(chain_cut.chain_id, address): has_code for address, has_code in found.items()}
    return code


async def fetch_histories(config: CommitteeConfig, readers: Mapping[ChainId, ChainReader], cut: Cut) -> Histories:
    """Return the histories of every subject at a cut: a function of the cut and of the chains' finalised blocks alone.

    Raises:
        ChainError: if a chain cannot be read, or its cut block is not the chain's.
    """
    ledgers = await project_cut(config, readers, cut)
    return build_histories(config, ledgers, cut, await fetch_code(config, readers, cut, ledgers))
