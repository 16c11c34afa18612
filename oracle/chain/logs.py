"""Logs of a block range: the query, the checks on every answer, the digest that endpoints must agree on, and the size of the next range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oracle.domain.ids import Address, Hash32, keccak256, to_hex
from oracle.domain.units import BlockNumber
from oracle.errors import MalformedAnswerError

FIRST_RANGE_BLOCKS = 2_000
LARGEST_RANGE_BLOCKS = 100_000
LARGE_ANSWER_LOGS = 20_000
MAX_TOPICS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Logs of some addresses with one of some first topics, in blocks `first_block`..`last_block`, both included."""

    first_block: BlockNumber
    last_block: BlockNumber
    addresses: frozenset[Address]
    topics: frozenset[Hash32]

    def to_params(self) -> list[Any]:
        """Return the parameters of `eth_getLogs`."""
        return [
            {
                "fromBlock": hex(self.first_block),
                "toBlock": hex(self.last_block),
                "address": sorted(to_hex(a) for a in self.addresses),
                "topics": [sorted(to_hex(t) for t in self.topics)],
            }
        ]


class RawLog(NamedTuple):
    """One log as an endpoint gave it, checked against the query; its time is not known yet."""

    block_number: BlockNumber
    block_hash: Hash32
    log_index: int
    address: Address
    topics: bytes
    data: bytes


def parse_logs(endpoint: str, query: LogQuery, answer: Any) -> tuple[RawLog, ...]:
    """Return the logs of an `eth_getLogs` answer.

    Raises:
        MalformedAnswerError: if a log is not what was asked for, out of order, doubled, removed, or two logs of one block name two hashes.
    """
    if not isinstance(answer, list):
        raise MalformedAnswerError(endpoint, f"eth_getLogs answered {str(answer)[:80]}")
    logs: list[RawLog] = []
    last: tuple[int, int] = (-1, -1)
    last_hash: bytes = b""
    for item in answer:
        log = _parse_log(endpoint, item)
        _check_asked_for(endpoint, query, log)
        place = (log.block_number, log.log_index)
        if place <= last:
            raise MalformedAnswerError(
                endpoint, f"log {log.log_index} of block {log.block_number} is doubled or out of order"
            )
        if log.block_number == last[0] and log.block_hash != last_hash:
            raise MalformedAnswerError(endpoint, f"two hashes for block {log.block_number}")
        last, last_hash = place, log.block_hash
        logs.append(log)
    return tuple(logs)


def compute_logs_digest(logs: Sequence[RawLog]) -> Hash32:
    """Return keccak over every field of every log, lengths included, so that no two lists of logs share one."""
    parts = [
        b"%d %d %d %d " % (log.block_number, log.log_index, len(log.topics), len(log.data))
        + log.block_hash + log.address + log.topics + log.data
        for log in logs
    ]  # fmt: skip
    return keccak256(b"".join(parts))


class RangeSize:
    """How many blocks to ask for: halved when an endpoint refuses or an answer is huge, grown by half after a small one."""

    def __init__(self, first_blocks: int = FIRST_RANGE_BLOCKS, largest_blocks: int = LARGEST_RANGE_BLOCKS) -> None:
        self.blocks = first_blocks
        self._largest_blocks = largest_blocks

    def shrink(self) -> bool:
        """Halve; return False if it was one block already."""
        if self.blocks == 1:
            return False
        self.blocks //= 2
        return True

    def adapt(self, logs_count: int) -> None:
        """Follow the last answer: it has to fit into memory twice, so more than `LARGE_ANSWER_LOGS` halve the range."""
        if logs_count > LARGE_ANSWER_LOGS:
            self.shrink()
        elif logs_count < LARGE_ANSWER_LOGS // 2:
            self._grow()

    def _grow(self) -> None:
        self.blocks = min(self._largest_blocks, self.blocks + max(1, self.blocks // 2))


def _parse_log(endpoint: str, item: Any) -> RawLog:
    try:
        if item.get("removed"):
            raise MalformedAnswerError(endpoint, f"a removed log of block {item['blockNumber']}")
        topics = item["topics"]
        log = RawLog(
            BlockNumber(int(item["blockNumber"], 16)),
            Hash32(bytes.fromhex(item["blockHash"][2:])),
            int(item["logIndex"], 16),
            Address(bytes.fromhex(item["address"][2:])),
            bytes.fromhex("".join([topic[2:] for topic in topics])),
            bytes.fromhex(item["data"][2:]),
        )
        is_sound = len(log.block_hash) == 32 and len(log.address) == 20 and len(log.topics) == 32 * len(topics)
    except (AttributeError, KeyError, TypeError, ValueError) as cause:
        raise MalformedAnswerError(endpoint, f"a log of the wrong shape: {str(item)[:120]}") from cause
    if not is_sound or not 1 <= len(topics) <= MAX_TOPICS:
        raise MalformedAnswerError(endpoint, f"a log with fields of the wrong length: {str(item)[:120]}")
    return log


def _check_asked_for(endpoint: str, query: LogQuery, log: RawLog) -> None:
    if not query.first_block <= log.block_number <= query.last_block:
        raise MalformedAnswerError(
            endpoint, f"a log of block {log.block_number}, outside {query.first_block}..{query.last_block}"
        )
    if log.address not in query.addresses or log.topics[:32] not in query.topics:
        raise MalformedAnswerError(endpoint, f"a log of {to_hex(log.address)} that was not asked for")
