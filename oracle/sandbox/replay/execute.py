"""Executes the steps of a replay on one chain, reads every receipt, and counts.

Prague keeps the hash of each of the last 8,191 blocks in a contract (EIP-2935), and anvil hashes its whole state at every block: with those
entries each block of the served chain would cost ten times as much. The contract is out while history is replayed; nothing here reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.replay.steps import LabelledTransaction, ReplayStep

CHUNK_STEPS = 100
BLOCK_HASHES = "0x0000F90827F1C53a10cb7A02335B175320002935"


class Refusal(BaseModel):
    """A transaction that the chain reverted, although the plan expected it to pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    owner_id: int | None
    row_number: int | None
    block_number: int


class ReplayProgress(BaseModel):
    """What has been executed so far, by label."""

    model_config = ConfigDict(extra="forbid")

    block_hashes_code: str
    transactions: Counter[str] = Field(default_factory=Counter)
    refusals: list[Refusal] = Field(default_factory=list)


class ChainReplay:
    """One chain on its way through its steps."""

    def __init__(self, chain: AnvilChain, progress: ReplayProgress, *, shift_s: int) -> None:
        self._chain = chain
        self.progress = progress
        self._shift_s = shift_s

    @classmethod
    async def start(cls, chain: AnvilChain, *, shift_s: int) -> ChainReplay:
        """Begin on a chain that holds its deployments."""
        code = str(await chain.rpc("eth_getCode", BLOCK_HASHES, "latest"))
        await chain.rpc("anvil_setCode", BLOCK_HASHES, "0x")
        return cls(chain, ReplayProgress(block_hashes_code=code), shift_s=shift_s)

    async def run(
        self,
        steps: Sequence[ReplayStep],
        *,
        first_step: int,
        on_chunk: Callable[[int], Awaitable[None]],
    ) -> None:
        """Execute the steps from `first_step` on; `on_chunk` is called with the number of the next one."""
        for start in range(first_step, len(steps), CHUNK_STEPS):
            chunk = steps[start : start + CHUNK_STEPS]
            await self.execute([(step.time_s + self._shift_s, step.transactions) for step in chunk])
            await on_chunk(start + len(chunk))

    async def execute(self, blocks: Sequence[tuple[int, Sequence[LabelledTransaction]]]) -> None:
        """Mine blocks at given times of the chain and take their receipts in."""
        receipts = await self._chain.execute_blocks([(time_s, [t.transaction for t in ts]) for time_s, ts in blocks])
        for (_, labelled), block_receipts in zip(blocks, receipts, strict=True):
            for item, receipt in zip(labelled, block_receipts, strict=True):
                self.progress.transactions[item.label] += 1
                if receipt["status"] != "0x1":
                    self.progress.refusals.append(
                        Refusal(
                            label=item.label, owner_id=item.owner_id, row_number=item.row_number,
                            block_number=int(receipt["blockNumber"], 16),
                        )
                    )  # fmt: skip

    async def finish(self) -> None:
        """Put back what was taken out."""
        await self._chain.rpc("anvil_setCode", BLOCK_HASHES, self.progress.block_hashes_code)
