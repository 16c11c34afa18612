"""Answers demands of vectors on one chain while the node runs: a leaf whose vector nobody shows in time is void, and a borrower loses its terms for it.

Every member sees a demand and has the vector; so that they do not pay for one answer together, each has its turn, by the leaf, within the first half of the
window, and the bond pays twice the gas. Where the oracle names no dispute contract, or that one takes no demands, there is nothing to do.
"""

from __future__ import annotations

import asyncio

from oracle.delivery.codec import selector
from oracle.delivery.dispute_codec import Demanded, Standing, decode_address, decode_uint
from oracle.delivery.transactions import TransactionSender
from oracle.domain.ids import Address, to_hex
from oracle.domain.units import BlockNumber, ChainId, NodeId, TimestampS
from oracle.errors import OracleError
from oracle.node.dispute.answering import DemandAnswerer
from oracle.node.dispute.evidence import NOBODY
from oracle.node.gateway import RpcGateway
from oracle.node.logs import get_log
from oracle.node.status import NodeStatus
from oracle.node.verification import SEARCH_BLOCKS
from oracle.storage.demands import DemandStore, Ending, StoredDemand
from oracle.storage.scores import ScoreStore

REREAD_BLOCKS = 128
"""The newest blocks are not final: a reorg may move a demand to a block that was read without it."""


class DemandWatch:
    """One chain's demands."""

    def __init__(
        self,
        *,
        gateway: RpcGateway,
        oracle: Address,
        sender: TransactionSender,
        scores: ScoreStore,
        demands: DemandStore,
        node_id: NodeId,
        members_count: int,
        status: NodeStatus,
        poll_s: float,
    ) -> None:
        self.chain_id: ChainId = gateway.chain_id
        self._gateway = gateway
        self._oracle = oracle
        self._sender = sender
        self._scores = scores
        self._demands = demands
        self._node_id = node_id
        self._members_count = members_count
        self._status = status.chains[gateway.chain_id]
        self._poll_s = poll_s
        self._contract: DemandAnswerer | None = None
        self._window_s = 0
        self._log = get_log(chain=gateway.chain_id)

    async def run(self) -> None:
        """Look again and again until cancelled; what fails is looked at again."""
        while True:
            try:
                await self.look()
            except OracleError as error:
                self._log.warning("demands unreadable", error=str(error))
            await asyncio.sleep(self._poll_s)

    async def look(self) -> None:
        """Take note of new demands and answer those whose turn it is.

        Raises:
            OracleError: if the chain cannot be read.
        """
        contract = await self._find_contract()
        if contract is None:
            return
        tip = await self._gateway.tip()
        known = self._demands.next_block(self.chain_id)
        first = tip.number - SEARCH_BLOCKS if known is None else known - REREAD_BLOCKS
        found = await contract.fetch_demanded(BlockNumber(max(0, first)), tip.number)
        noted = [StoredDemand(epoch=d.epoch, leaf=d.leaf, answer_by_s=d.answer_by_s) for d in found]
        self._demands.note(self.chain_id, noted, BlockNumber(tip.number + 1))
        troubles = [await self._handle(contract, d, tip.time_s) for d in self._demands.open_demands(self.chain_id)]
        self._status.demand_error = next((trouble for trouble in troubles if trouble), "")

    async def _handle(self, contract: DemandAnswerer, demand: StoredDemand, now_s: TimestampS) -> str:
        """Bring one open demand further; return what keeps this node from answering it, empty if nothing does."""
        asked = Demanded(epoch=demand.epoch, leaf=demand.leaf, answer_by_s=demand.answer_by_s)
        (found,) = await contract.fetch_demands([asked])
        if found.standing is not Standing.OPEN:
            is_missed = found.standing is Standing.UNANSWERED
            self._end(demand, Ending.MISSED if is_missed else Ending.ELSEWHERE)
            return ""
        if now_s > demand.answer_by_s:
            self._end(demand, Ending.MISSED)
            return ""
        words = f"chain {self.chain_id}: the vector of leaf {to_hex(demand.leaf)} of epoch {demand.epoch} is demanded until {demand.answer_by_s}"
        data = contract.make_answer(asked)
        if data is None:
            return f"{words}, and this node has not got it: another member must show it (`assay dispute answer`)"
        rank = turn_of(demand, self._node_id, self._members_count)
        if now_s < turn_s(demand.answer_by_s, self._window_s, rank, self._members_count):
            return ""
        try:
            receipt = await self._sender.send(contract.contract, data, what="showing a vector")
        except OracleError as error:
            self._log.warning("vector not shown", leaf=demand.leaf, error=str(error))
            return f"{words}, and could not be shown: {error}"
        self._end(demand, Ending.SHOWN)
        self._log.info("vector shown", epoch=demand.epoch, leaf=demand.leaf, gas=receipt.gas_used)
        return ""

    def _end(self, demand: StoredDemand, ending: Ending) -> None:
        self._demands.end(self.chain_id, demand, ending)
        if ending is Ending.MISSED:
            self._log.critical("demand unanswered: the leaf is void", epoch=demand.epoch, leaf=demand.leaf)

    async def _find_contract(self) -> DemandAnswerer | None:
        """Return the contract, once the oracle names one that takes demands; it is named once and for all."""
        if self._contract is None:
            (answer,) = await self._gateway.call([(self._oracle, selector("dispute()"))])
            address = decode_address("dispute", answer)
            if address == NOBODY:
                return None
            (seconds,) = await self._gateway.call([(address, selector("demandSeconds()"))])
            self._window_s = decode_uint("demandSeconds", seconds)
            if self._window_s == 0:
                return None
            self._contract = DemandAnswerer(self._gateway, address, self._scores)
        return self._contract


def turn_of(demand: StoredDemand, node_id: NodeId, members_count: int) -> int:
    """Return how many members come before this one, by the leaf: each is first for its share of them."""
    return (int.from_bytes(demand.leaf, "big") + node_id) % members_count


def turn_s(answer_by_s: TimestampS, window_s: int, rank: int, members_count: int) -> TimestampS:
    """Return from when on a member answers: all of them within the first half of the window, the first at once."""
    return TimestampS(answer_by_s - window_s + rank * window_s // (2 * members_count))
