"""A chain in memory whose block hashes are those of real headers over real receipts, so that a dispute about logs can be settled.

Headers and receipts are put together here by the same library; that they are Ethereum's is tested on published blocks and on a real chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from oracle.chain.receipts import encode_receipt
from oracle.chain.rpc import Call
from oracle.chain.trie import compute_list_root
from oracle.domain.ids import Hash32, keccak256, to_hex
from oracle.errors import EndpointRefusalError
from tests.chain.fake_endpoint import FakeChain, FakeEndpoint, FakeLog

type Json = dict[str, Any]
NO_BLOOM = "0x" + "00" * 256


class ProvableChain(FakeChain):
    """Each log is a transaction's of its own, of the types in turn."""

    def __init__(self, hash_header: Callable[[Json], Hash32]) -> None:
        super().__init__()
        self._hash_header = hash_header

    def mine(self, time_s: int, logs: Sequence[FakeLog] = (), *, fork: str = "") -> int:
        number = super().mine(time_s, logs, fork=fork)
        self.blocks[number].block_hash = self._hash_header(self.header(number))
        return number

    def receipts(self, number: int) -> list[Json]:
        return [
            {
                "type": hex(index % 5),
                "status": "0x1",
                "cumulativeGasUsed": hex(21_000 * (index + 1)),
                "logsBloom": NO_BLOOM,
                "logs": [
                    {
                        "address": to_hex(log.address),
                        "topics": [to_hex(log.topics[i : i + 32]) for i in range(0, len(log.topics), 32)],
                        "data": to_hex(log.data),
                    }
                ],
            }
            for index, log in enumerate(self.blocks[number].logs)
        ]

    def header(self, number: int) -> Json:
        root = compute_list_root([encode_receipt(receipt) for receipt in self.receipts(number)])
        return {
            "parentHash": to_hex(self.blocks[number - 1].block_hash),
            "sha3Uncles": "0x" + "1d" * 32,
            "miner": "0x" + "00" * 20,
            "stateRoot": "0x" + "51" * 32,
            "transactionsRoot": to_hex(keccak256(b"%d" % number)),
            "receiptsRoot": to_hex(root),
            "logsBloom": NO_BLOOM,
            "difficulty": "0x0",
            "number": hex(number),
            "gasLimit": "0x1c9c380",
            "gasUsed": hex(21_000 * len(self.blocks[number].logs)),
            "timestamp": hex(self.blocks[number].time_s),
            "extraData": "0x",
            "mixHash": "0x" + "00" * 32,
            "nonce": "0x" + "00" * 8,
            "baseFeePerGas": "0x7",
        }


class ProvingEndpoint(FakeEndpoint):
    """An endpoint that hands over headers and receipts; `hidden_blocks` is what it leaves out of its logs."""

    def __init__(self, name: str, chain: ProvableChain) -> None:
        super().__init__(name, chain)
        self.provable = chain
        self.hidden_blocks: frozenset[int] = frozenset()
        self.has_block_receipts = True
        self.has_receipts = True
        self.proven_blocks: list[int] = []
        self.claimed_transactions_count: int | None = None
        self.asked_receipts_count = 0
        self.delay_s = 0.0
        """How long each of its receipts takes."""
        self.forge: Callable[[list[Json]], list[Json]] = lambda receipts: receipts

    def _block(self, tag: str) -> Any:
        block = super()._block(tag)
        if block is None or int(block["number"], 16) == 0:
            return block
        number = int(block["number"], 16)
        count = self.claimed_transactions_count or len(self.provable.receipts(number))
        return {**self.provable.header(number), **block, "transactions": [f"{number}/{i}" for i in range(count)]}

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        if calls[0][0] in ("eth_getBlockReceipts", "eth_getTransactionReceipt"):
            self.asked_receipts_count += len(calls)
            await asyncio.sleep(self.delay_s)
        return await super().batch(calls)

    def _answer(self, method: str, params: Sequence[Any]) -> Any:
        if method == "eth_getBlockReceipts":
            if not self.has_block_receipts or not self.has_receipts:
                raise EndpointRefusalError(self.name, f"{method} is not supported")
            self.proven_blocks.append(int(params[0], 16))
            return self.forge(self.provable.receipts(int(params[0], 16)))
        if method == "eth_getTransactionReceipt":
            if not self.has_receipts:
                raise EndpointRefusalError(self.name, f"{method} is not supported")
            number, index = params[0].split("/")
            return self.forge(self.provable.receipts(int(number)))[int(index)]
        return super()._answer(method, params)

    def _logs(self, query: Json) -> list[Json]:
        return [log for log in super()._logs(query) if int(log["blockNumber"], 16) not in self.hidden_blocks]
