"""Logs of a block range: the query, the checks on every answer, the digest that endpoints must agree on, and the size of the next range."""

from __future__ import annotations

import gc
import hashlib
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import itemgetter, lt, methodcaller
from typing import Any, NamedTuple

from oracle.chain.quantities import UNREADABLE, parse_quantity
from oracle.domain.ids import Address, Hash32, to_hex
from oracle.domain.units import BlockNumber, TimestampS
from oracle.errors import MalformedAnswerError

FIRST_RANGE_BLOCKS = 2_000
LARGEST_RANGE_BLOCKS = 100_000
LARGE_ANSWER_LOGS = 10_000
MAX_TOPICS = 4
LARGEST_LOG_INDEX = 2**31 - 1
_TOPIC_BYTES = 32
_take_fields = itemgetter("blockNumber", "blockHash", "logIndex", "address", "topics", "data")
_is_removed = methodcaller("get", "removed")
_take_time = methodcaller("get", "blockTimestamp")


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
    """One log as an endpoint gave it, checked against the query; `time_s` is its block's time if the endpoint says it with every log."""

    block_number: BlockNumber
    block_hash: Hash32
    log_index: int
    address: Address
    topics: bytes
    data: bytes
    time_s: TimestampS | None = None


_TIME = RawLog._fields.index("time_s")
_make_log = partial(tuple.__new__, RawLog)
"""`RawLog._make` without counting the fields again: at log volume that costs as much as reading them."""


def parse_logs(endpoint: str, query: LogQuery, answer: Any) -> tuple[RawLog, ...]:
    """Return the logs of an `eth_getLogs` answer.

    Columns are decoded and checked at once, which costs a third; where any check fails, log by log tells which it was.

    Raises:
        MalformedAnswerError: if a log is not what was asked for, out of order, doubled, removed, or two logs of one block name two hashes.
    """
    with paused_collection():
        try:
            logs = _parse_columns(query, answer)
        except UNREADABLE:
            logs = None
        return _parse_each(endpoint, query, answer) if logs is None else logs


def compute_logs_digest(logs: Sequence[RawLog]) -> Hash32:
    """Return a hash over every field of every log but its time, lengths included, so that no two lists of logs share one.

    SHA-256, which processors have an instruction for: no signature is over it. Quantities are eight bytes, big-endian, column by column.
    """
    numbers, hashes, indexes, addresses, topics, data, _ = zip(*logs, strict=True) if logs else ((),) * 7
    count = len(logs)
    words = struct.pack(
        f">Q{4 * count}Q", count, *numbers, *indexes, *(len(t) for t in topics), *(len(d) for d in data)
    )
    state = hashlib.sha256(words)
    for column in (hashes, addresses, topics, data):
        state.update(b"".join(column))
    return Hash32(state.digest())


class LogsKey:
    """Stands for an answer where answers are compared: equal to another if every log has every field in common but its time.

    Comparing costs a tenth of hashing both, and nothing where both are one object.
    """

    __slots__ = ("_logs",)

    def __init__(self, logs: Sequence[RawLog]) -> None:
        self._logs = logs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LogsKey):
            return NotImplemented
        return self._logs == other._logs or [log[:_TIME] for log in self._logs] == [log[:_TIME] for log in other._logs]

    def __hash__(self) -> int:
        return hash((len(self._logs), *(log[:_TIME] for log in self._logs[-1:])))

    def __repr__(self) -> str:
        return compute_logs_digest(self._logs).hex()


@contextmanager
def paused_collection() -> Iterator[None]:
    """Keep the cycle collector from walking a large answer again and again while it is taken apart: it has no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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


def _parse_columns(query: LogQuery, answer: Any) -> tuple[RawLog, ...] | None:
    """Return the logs, None if any of them fails any check; raises what a wrong shape raises."""
    if not isinstance(answer, list) or any(map(_is_removed, answer)):
        return None
    if not answer:
        return ()
    number_texts, hash_texts, index_texts, address_texts, topic_lists, data_texts = zip(
        *map(_take_fields, answer), strict=True
    )
    number_of = {text: BlockNumber(parse_quantity(text)) for text in set(number_texts)}
    hash_of = {text: Hash32(bytes.fromhex(text[2:])) for text in set(hash_texts)}
    address_of = {text: Address(bytes.fromhex(text[2:])) for text in set(address_texts)}
    numbers = [number_of[text] for text in number_texts]
    hashes = [hash_of[text] for text in hash_texts]
    indexes = [int(text, 16) for text in index_texts]
    topics = [bytes.fromhex("".join([topic[2:] for topic in texts])) for texts in topic_lists]
    places = list(zip(numbers, indexes, strict=True))
    counts = set(map(len, topic_lists))
    is_sound = (
        query.first_block <= numbers[0]
        and numbers[-1] <= query.last_block
        and min(indexes) >= 0
        and max(indexes) <= LARGEST_LOG_INDEX
        and all(map(lt, places, islice(places, 1, None)))
        and len(set(zip(numbers, hashes, strict=True))) == len(set(numbers))
        and set(map(len, hash_of.values())) == {_TOPIC_BYTES}
        and query.addresses.issuperset(address_of.values())
        and min(counts) >= 1
        and max(counts) <= MAX_TOPICS
        and [len(words) for words in topics] == [_TOPIC_BYTES * len(texts) for texts in topic_lists]
        and query.topics.issuperset({words[:_TOPIC_BYTES] for words in topics})
    )
    if not is_sound:
        return None
    addresses = [address_of[text] for text in address_texts]
    data = [bytes.fromhex(text[2:]) for text in data_texts]
    times = _parse_times(numbers, list(map(_take_time, answer)))
    columns = zip(numbers, hashes, indexes, addresses, topics, data, times, strict=True)
    return tuple(map(_make_log, columns))


def _parse_times(numbers: Sequence[int], texts: Sequence[Any]) -> Sequence[TimestampS | None]:
    """Return the times of all logs, or none at all: the field is young, and not every endpoint has it."""
    known = dict(zip(numbers, texts, strict=True))
    if None in known.values() or len(set(zip(numbers, texts, strict=True))) != len(known):
        return [None] * len(numbers)
    time_of = {number: TimestampS(parse_quantity(text)) for number, text in known.items()}
    return [time_of[number] for number in numbers]


def _parse_each(endpoint: str, query: LogQuery, answer: Any) -> tuple[RawLog, ...]:
    """Return the logs one at a time, or say which of them is wrong."""
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


def _parse_log(endpoint: str, item: Any) -> RawLog:
    try:
        if item.get("removed"):
            raise MalformedAnswerError(endpoint, f"a removed log of block {str(item['blockNumber'])[:20]}")
        topics = item["topics"]
        log = RawLog(
            BlockNumber(parse_quantity(item["blockNumber"])),
            Hash32(bytes.fromhex(item["blockHash"][2:])),
            parse_quantity(item["logIndex"], LARGEST_LOG_INDEX),
            Address(bytes.fromhex(item["address"][2:])),
            bytes.fromhex("".join([topic[2:] for topic in topics])),
            bytes.fromhex(item["data"][2:]),
        )
        is_sound = len(log.block_hash) == 32 and len(log.address) == 20 and len(log.topics) == 32 * len(topics)
    except UNREADABLE as cause:
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
