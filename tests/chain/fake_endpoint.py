"""A chain in memory and endpoints on it, honest or not: the fakes of every test of chain access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from oracle.chain.protocols.aave_v3.adapter import ADDRESSES_PROVIDER, GET_POOL_CONFIGURATOR
from oracle.chain.protocols.morpho_blue.adapter import FEE_RECIPIENT
from oracle.chain.rpc import Call
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.ids import BTC, ETH, USD, Address, address_word, keccak256, parse_address, to_hex
from oracle.domain.market import AssetFacts
from oracle.domain.units import BlockNumber, ChainId
from oracle.errors import EndpointRefusalError, EndpointUnreachableError

CHAIN_ID = ChainId(31337)


def address_of(name: str) -> Address:
    """Return a made-up address that is easy to tell apart."""
    return Address(keccak256(name.encode())[12:])


POOL = address_of("pool")
PROVIDER = address_of("addresses provider")
CONFIGURATOR = address_of("configurator")
WETH = Address(bytes.fromhex("11" * 20))
WSTETH = Address(bytes.fromhex("22" * 20))
USDC = Address(bytes.fromhex("33" * 20))
WBTC = Address(bytes.fromhex("44" * 20))


def make_asset(token: Address, numeraire: Address, decimals: int) -> AssetFacts:
    return AssetFacts(
        token=token,
        price_feed=feed_of(token),
        numeraire=numeraire,
        decimals=decimals,
        issuer_risk=0,
        bridge_risk=0,
    )


def feed_of(token: Address) -> Address:
    return Address(keccak256(b"feed" + token)[12:])


def make_params(chain_id: ChainId = CHAIN_ID, *, start_block: int = 0) -> ChainParams:
    return ChainParams(
        chain_id=chain_id,
        markets=(MarketParams(protocol="aave_v3", market=POOL, start_block=BlockNumber(start_block)),),
        assets=(
            make_asset(WETH, ETH, 18),
            make_asset(WSTETH, ETH, 18),
            make_asset(USDC, USD, 6),
            make_asset(WBTC, BTC, 8),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeLog:
    """One log as a contract emits it."""

    address: Address
    topics: bytes
    data: bytes


@dataclass(slots=True)
class FakeBlock:
    block_hash: bytes
    time_s: int
    logs: list[FakeLog] = field(default_factory=list)


class FakeChain:
    """Blocks in a row; the last `unfinalised_blocks` are not final yet."""

    def __init__(self, *, first_time_s: int = 0, unfinalised_blocks: int = 0) -> None:
        self.unfinalised_blocks = unfinalised_blocks
        self.blocks = [FakeBlock(keccak256(b"genesis"), first_time_s)]
        self.contracts: set[bytes] = set()
        self.delegated: set[bytes] = set()

    def mine(self, time_s: int, logs: Sequence[FakeLog] = (), *, fork: str = "") -> int:
        """Append a block and return its number."""
        seed = self.blocks[-1].block_hash + fork.encode() + time_s.to_bytes(8, "big")
        self.blocks.append(FakeBlock(keccak256(seed), time_s, list(logs)))
        return len(self.blocks) - 1

    def reorganise(self, first_replaced: int) -> None:
        """Replace every block from `first_replaced` on, times kept, logs dropped."""
        replaced = self.blocks[first_replaced:]
        del self.blocks[first_replaced:]
        for block in replaced:
            self.mine(block.time_s, fork="fork")

    @property
    def finalised(self) -> int:
        return max(0, len(self.blocks) - 1 - self.unfinalised_blocks)


class FakeEndpoint:
    """An endpoint on a fake chain; each attribute is one way to fail."""

    def __init__(self, name: str, chain: FakeChain) -> None:
        self.name = name
        self.chain = chain
        self.largest_range: int | None = None
        self.truncated_to: int | None = None
        self.is_down = False
        self.lagging_blocks = 0
        self.gives_times = False
        self.kept_states: int | None = None
        self.late_s = 0
        self.asked_headers: list[int] = []
        self.asked_ranges: list[tuple[int, int]] = []

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        if self.is_down:
            raise EndpointUnreachableError(self.name, "connection refused")
        return [self._answer(method, params) for method, params in calls]

    def _answer(self, method: str, params: Sequence[Any]) -> Any:
        match method:
            case "eth_getBlockByNumber":
                return self._block(params[0])
            case "eth_getLogs":
                return self._logs(params[0])
            case "eth_call":
                data = params[0]["data"]
                words = {ADDRESSES_PROVIDER: PROVIDER, GET_POOL_CONFIGURATOR: CONFIGURATOR, FEE_RECIPIENT: PROVIDER}
                return to_hex(address_word(words[bytes.fromhex(data[2:])]))
            case "eth_getCode":
                if self.kept_states is not None and int(params[1], 16) <= len(self.chain.blocks) - 1 - self.kept_states:
                    raise EndpointRefusalError(self.name, "missing trie node")
                return self._code(parse_address(params[0]))
            case "eth_getBlockReceipts" | "eth_getTransactionReceipt":
                raise EndpointRefusalError(self.name, f"{method} is not supported")
        raise AssertionError(method)

    def _code(self, address: Address) -> str:
        if address in self.chain.delegated:
            return "0xef0100" + "ab" * 20
        return "0x6001" if address in self.chain.contracts else "0x"

    def _block(self, tag: str) -> Any:
        head = self.chain.finalised - self.lagging_blocks
        number = head if tag == "finalized" else int(tag, 16)
        if number > len(self.chain.blocks) - 1 - self.lagging_blocks:
            return None
        self.asked_headers.append(number)
        block = self.chain.blocks[number]
        parent = self.chain.blocks[number - 1].block_hash if number else bytes(32)
        return {
            "number": hex(number),
            "hash": to_hex(block.block_hash),
            "parentHash": to_hex(parent),
            "timestamp": hex(block.time_s),
            "transactions": ["0x" + "77" * 32],
        }

    def _logs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        self.asked_ranges.append((first, last))
        if self.largest_range is not None and last - first + 1 > self.largest_range:
            raise EndpointRefusalError(self.name, "query returned more than 10000 results")
        addresses, topics = set(query["address"]), set(query["topics"][0])
        found = [
            log_json(number, block.block_hash, index, log) | self._time_of(block)
            for number, block in enumerate(self.chain.blocks)
            if first <= number <= last
            for index, log in enumerate(block.logs)
            if to_hex(log.address) in addresses and to_hex(log.topics[:32]) in topics
        ]
        return found if self.truncated_to is None else found[: self.truncated_to]

    def _time_of(self, block: FakeBlock) -> dict[str, str]:
        """Return the field that newer clients add to a log."""
        return {"blockTimestamp": hex(block.time_s + self.late_s)} if self.gives_times else {}


def log_json(number: int, block_hash: bytes, index: int, log: FakeLog) -> dict[str, Any]:
    """Return a log as JSON-RPC has it."""
    return {
        "address": to_hex(log.address),
        "topics": [to_hex(log.topics[i : i + 32]) for i in range(0, len(log.topics), 32)],
        "data": to_hex(log.data),
        "blockNumber": hex(number),
        "blockHash": to_hex(block_hash),
        "logIndex": hex(index),
        "removed": False,
    }
