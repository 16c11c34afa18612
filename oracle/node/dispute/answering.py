"""Demands of vectors on one chain, and what answers them: the vectors that this node kept with the leaves it vouched for."""

from __future__ import annotations

from collections.abc import Sequence

from oracle.delivery.dispute_codec import (
    VECTOR_DEMANDED_TOPIC,
    Demand,
    Demanded,
    decode_demand,
    decode_demanded,
    encode_demand_of,
    encode_show,
)
from oracle.domain.ids import Address
from oracle.domain.units import BlockNumber
from oracle.node.gateway import RpcGateway
from oracle.node.verification import SEARCH_BLOCKS
from oracle.storage.scores import ScoreStore


class DemandAnswerer:
    """Reads demands of one dispute contract and makes answers; sends nothing."""

    def __init__(self, gateway: RpcGateway, contract: Address, scores: ScoreStore) -> None:
        self._gateway = gateway
        self.contract = contract
        self._scores = scores

    async def fetch_demanded(self, first: BlockNumber, last: BlockNumber) -> list[Demanded]:
        """Return what was demanded in a range of blocks."""
        found = []
        for start in range(first, last + 1, SEARCH_BLOCKS):
            end = BlockNumber(min(last, start + SEARCH_BLOCKS - 1))
            logs = await self._gateway.logs(self.contract, VECTOR_DEMANDED_TOPIC, BlockNumber(start), end)
            found += [decode_demanded(log.topics, log.data) for log in logs]
        return found

    async def fetch_demands(self, demanded: Sequence[Demanded]) -> list[Demand]:
        """Return how far each demand has come."""
        calls = [(self.contract, encode_demand_of(item.epoch, item.leaf)) for item in demanded]
        return [decode_demand(answer) for answer in await self._gateway.call(calls)]

    def make_answer(self, demanded: Demanded) -> bytes | None:
        """Return the calldata that shows a vector, None if this node has not got it."""
        stored = self._scores.with_vector(demanded.leaf)
        if stored is None or stored.vector is None:
            return None
        return encode_show(demanded.epoch, stored.score.encoded, stored.vector)
