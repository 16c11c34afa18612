"""Keeps consumers on one chain in step with their pairs' scores: posts the final scores that they need, and calls them when that moves something.

Each member looks in its turn after a report landed, and only at what its operator names. A call is tried out first and sent if it would move a threshold or terms:
at most once for each target and epoch, within a bound of gas, and inside the daily cap. The newest scores are posted with every report already (`submitter`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from oracle.delivery import codec, keeping
from oracle.delivery.keeping import Target
from oracle.delivery.transactions import TransactionSender
from oracle.domain.committee import Params
from oracle.domain.ids import Address, SubjectId, to_hex
from oracle.domain.merkle import MerkleTree
from oracle.domain.units import BlockNumber, ChainId, NodeId, TimestampS
from oracle.errors import OracleError
from oracle.node.gateway import RpcGateway
from oracle.node.logs import get_log
from oracle.node.status import NodeStatus
from oracle.node.verification import SEARCH_BLOCKS
from oracle.storage.keeping import KeepingStore
from oracle.storage.scores import ScoreStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where a keeper works: the chain's oracle and targets, and which member of how many it is."""

    oracle: Address
    targets: tuple[Target, ...]
    account: Address
    node_id: NodeId
    members_count: int
    params: Params


class Keeper:
    """One chain's targets."""

    def __init__(
        self,
        *,
        gateway: RpcGateway,
        sender: TransactionSender,
        office: Office,
        scores: ScoreStore,
        calls: KeepingStore,
        status: NodeStatus,
        poll_s: float,
    ) -> None:
        self.chain_id: ChainId = gateway.chain_id
        self._gateway = gateway
        self._sender = sender
        self._office = office
        self._scores = scores
        self._calls = calls
        self._status = status.chains[gateway.chain_id]
        self._poll_s = poll_s
        self._pairs: dict[Target, SubjectId] = {}
        self._headings_e4: dict[Address, int | None] = {}
        self._log = get_log(chain=gateway.chain_id)

    async def run(self) -> None:
        """Look again and again until cancelled; what fails is looked at again."""
        while True:
            try:
                trouble = await self.look()
            except OracleError as error:
                trouble = f"chain {self.chain_id}: {error}"
            if trouble and trouble != self._status.keeper_error:
                self._log.warning("keeping failed", error=trouble)
            self._status.keeper_error = trouble
            await asyncio.sleep(self._poll_s)

    async def look(self) -> str:
        """Bring every target whose turn it is up to date; return what keeps one from it, empty if nothing does.

        Raises:
            OracleError: if the chain cannot be read.
        """
        (answer,) = await self._gateway.call([(self._office.oracle, codec.encode_head())])
        head, tip = codec.decode_head(answer), await self._gateway.tip()
        if head.epoch == 0:
            return ""
        period = tip.time_s // self._office.params.epoch_seconds
        due = [
            target
            for target in self._office.targets
            if self._calls.last_period(self.chain_id, target.address, target.asset) != period
            and tip.time_s >= self._turn_s(target, period, head.landed_at_s)
        ]
        if not due:
            return ""
        await self._post_finals([target for target in due if target.goes_by_final])
        troubles = [await self._keep(target, period) for target in due]
        return next((trouble for trouble in troubles if trouble), "")

    def _turn_s(self, target: Target, period: int, landed_at_s: TimestampS) -> int:
        """Return from when on this member looks: all of them within half an epoch after a report landed."""
        office = self._office
        rank = keeping.rank_of(target.address, period, office.node_id, office.members_count)
        return landed_at_s + rank * office.params.epoch_seconds // (2 * office.members_count)

    async def _keep(self, target: Target, period: int) -> str:
        """Call one target if that moves something; return what keeps it from being called."""
        name = f"{target.kind.value} {to_hex(target.address)}"
        try:
            simulated = await self._gateway.simulate_logs(self._office.account, target.address, target.call)
            heading_e4 = await self._heading_e4(target.address) if target.kind is keeping.TargetKind.GATE else None
        except OracleError as error:
            return f"chain {self.chain_id}: {name} cannot be tried out: {error}"
        if not keeping.is_worth(target, simulated, heading_e4=heading_e4):
            return ""
        if simulated.gas > keeping.MOST_GAS:
            return f"chain {self.chain_id}: {name} would take {simulated.gas} gas, more than {keeping.MOST_GAS}: it is not called"
        self._calls.note(self.chain_id, target.address, target.asset, period)
        try:
            receipt = await self._sender.send(target.address, target.call, what=f"refresh of {name}")
        except OracleError as error:
            return f"chain {self.chain_id}: {name} could not be refreshed: {error}"
        self._headings_e4[target.address] = keeping.find_heading_e4(simulated.logs)
        self._log.info("refreshed", target=name, gas=receipt.gas_used)
        return ""

    async def _post_finals(self, targets: Sequence[Target]) -> None:
        """Post the newest final scores of pairs whose consumers go by them, as far as this node kept that report."""
        pairs = sorted({await self._pair(target) for target in targets})
        if not pairs:
            return
        calls = [(self._office.oracle, keeping.encode_final_collateral_score(pair)) for pair in pairs]
        newest, *answers = await self._gateway.call([(self._office.oracle, keeping.encode_finalised()), *calls])
        final_epoch = keeping.decode_finalised(newest)
        kept = [stored.score for stored in await asyncio.to_thread(self._scores.all, final_epoch)]
        stored = {pair: keeping.decode_posted_pair(answer) for pair, answer in zip(pairs, answers, strict=True)}
        params = self._office.params
        selected = keeping.select_finals(
            kept, stored, final_epoch=final_epoch, epochs_valid=params.validity_seconds // params.epoch_seconds
        )
        if not selected:
            return
        proof = MerkleTree(score.leaf for score in kept).multiproof([score.leaf for score in selected])
        data = codec.encode_post(final_epoch, selected, proof)
        receipt = await self._sender.send(self._office.oracle, data, what=f"post of final epoch {final_epoch}")
        self._log.info("final scores posted", epoch=final_epoch, pairs=len(selected), gas=receipt.gas_used)

    async def _pair(self, target: Target) -> SubjectId:
        if target not in self._pairs:
            (answer,) = await self._gateway.call([(target.address, target.pair_call)])
            self._pairs[target] = target.decode_pair(answer)
        return self._pairs[target]

    async def _heading_e4(self, gate: Address) -> int | None:
        """Return where a gate's threshold goes by its newest event; who else refreshes it emits one too."""
        last = (await self._gateway.tip()).number
        first = BlockNumber(max(0, last - SEARCH_BLOCKS + 1))
        found = keeping.find_heading_e4(await self._gateway.logs(gate, keeping.LEVELS_MOVED_TOPIC, first, last))
        return self._headings_e4.get(gate) if found is None else found
