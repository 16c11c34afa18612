"""What an answer of `eth_getLogs` must be before it is believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given as with_examples
from hypothesis import strategies as st

from oracle.chain.abi import events
from oracle.chain.logs import (
    LARGE_ANSWER_LOGS,
    LogQuery,
    LogsKey,
    RangeSize,
    RawLog,
    _parse_each,
    compute_logs_digest,
    parse_logs,
)
from oracle.domain.ids import keccak256, to_hex
from oracle.domain.units import BlockNumber, TimestampS
from oracle.errors import MalformedAnswerError
from tests.chain.aave_logs import answer, supply
from tests.chain.fake_endpoint import POOL, WETH, address_of, feed_of, log_json

BLOCK_HASH = keccak256(b"block 5")
QUERY = LogQuery(
    first_block=BlockNumber(5),
    last_block=BlockNumber(9),
    addresses=frozenset({POOL, feed_of(WETH)}),
    topics=frozenset({events.SUPPLY, events.ANSWER_UPDATED}),
)


def honest_answer() -> list[dict[str, Any]]:
    return [
        log_json(5, BLOCK_HASH, 0, answer(WETH, 10**8)),
        log_json(5, BLOCK_HASH, 3, supply(WETH, address_of("borrower"), 7)),
        log_json(9, keccak256(b"block 9"), 1, answer(WETH, 2 * 10**8)),
    ]


def test_parse_logs__honest_answer__is_taken_in_order() -> None:
    logs = parse_logs("a", QUERY, honest_answer())

    assert [(log.block_number, log.log_index) for log in logs] == [(5, 0), (5, 3), (9, 1)]
    assert logs[1].address == POOL
    assert logs[1].data[-1] == 7


def change(position: int, **fields: Any) -> list[dict[str, Any]]:
    changed = honest_answer()
    changed[position] |= fields
    return changed


@pytest.mark.parametrize(
    "given",
    [
        change(0, blockNumber="0x4"),
        change(2, blockNumber="0xa"),
        change(1, logIndex="0x0"),
        change(1, blockHash=to_hex(keccak256(b"another"))),
        change(1, address=to_hex(address_of("stranger"))),
        change(1, topics=[to_hex(events.BORROW)]),
        change(1, topics=[]),
        change(1, removed=True),
        change(1, data="0xzz"),
        change(1, blockHash="0x12"),
        change(0, logIndex="-0x1"),
        change(2, logIndex="0x80000000"),
        list(reversed(honest_answer())),
        [{}],
        ["text"],
        {"not": "a list"},
        None,
    ],
)
def test_parse_logs__answer_that_cannot_be__is_refused(given: Any) -> None:
    with pytest.raises(MalformedAnswerError):
        parse_logs("liar", QUERY, given)


ODD_VALUES: dict[str, tuple[Any, ...]] = {
    "blockNumber": ("0x5", "0x6", "0x9", "0x4", 5, "x"),
    "blockHash": (to_hex(BLOCK_HASH), to_hex(keccak256(b"fork")), "0x12", None),
    "logIndex": ("0x0", "0x3", "0x8", "-0x1", "0x80000000", []),
    "address": (to_hex(POOL), "0x" + POOL.hex().upper(), to_hex(WETH), "0x"),
    "topics": ([], [to_hex(events.SUPPLY)], [to_hex(events.SUPPLY)] * 5, ["0x12"], "0x"),
    "data": ("0x", "0xAB", "0xa", None),
    "removed": (True, False, None),
    "blockTimestamp": ("0x10", "0x11", None),
}
MUTATIONS = st.sampled_from([{name: value} for name, values in ODD_VALUES.items() for value in values])


def parse_or_none(
    parse: Callable[[str, LogQuery, Any], tuple[RawLog, ...]], given: Any
) -> list[tuple[Any, ...]] | None:
    try:
        return [log[:6] for log in parse("a", QUERY, given)]
    except MalformedAnswerError:
        return None


@with_examples(changes=st.lists(st.tuples(st.integers(0, 2), MUTATIONS), max_size=3), order=st.permutations(range(3)))
def test_parse_logs__any_answer__is_what_reading_log_by_log_gives(
    changes: list[tuple[int, dict[str, Any]]], order: list[int]
) -> None:
    answers = honest_answer()
    for position, fields in changes:
        answers[position] |= fields
    answers = [answers[i] for i in order] if len(changes) == 3 else answers

    assert parse_or_none(parse_logs, answers) == parse_or_none(_parse_each, answers)


@pytest.mark.parametrize(
    ("texts", "times"),
    [
        (("0x10", "0x10", "0x20"), [16, 16, 32]),
        (("0x10", "0x11", "0x20"), [None] * 3),
        (("0x10", "0x10", None), [None] * 3),
    ],
)
def test_parse_logs__times_given_with_the_logs__are_kept_if_every_block_has_one(
    texts: tuple[str | None, ...], times: list[int | None]
) -> None:
    given = [log | {"blockTimestamp": text} for log, text in zip(honest_answer(), texts, strict=True)]

    logs = parse_logs("a", QUERY, given)

    assert [log.time_s for log in logs] == times
    assert compute_logs_digest(logs) == compute_logs_digest(parse_logs("b", QUERY, honest_answer()))


def test_logs_digest__any_field_changed__differs() -> None:
    honest = parse_logs("a", QUERY, honest_answer())
    variants = [
        honest[:2],
        (honest[0]._replace(log_index=1), *honest[1:]),
        (honest[0]._replace(data=bytes(32)[:-1] + b"\1"), *honest[1:]),
        (honest[0]._replace(topics=honest[0].topics[:32], data=honest[0].topics[32:] + honest[0].data), *honest[1:]),
        (honest[0]._replace(block_hash=keccak256(b"fork")), *honest[1:]),
    ]

    digests = {compute_logs_digest(logs) for logs in [honest, *variants]}

    assert len(digests) == 1 + len(variants)
    assert len({LogsKey(logs) for logs in [honest, *variants]}) == 1 + len(variants)


def test_logs_key__only_times_differ__are_equal() -> None:
    honest = parse_logs("a", QUERY, honest_answer())
    timed = tuple(log._replace(time_s=TimestampS(16)) for log in honest)

    assert LogsKey(honest) == LogsKey(timed)
    assert hash(LogsKey(honest)) == hash(LogsKey(timed))
    assert LogsKey(honest) != compute_logs_digest(honest)
    assert repr(LogsKey(timed)) == compute_logs_digest(honest).hex()


def test_range_size__refused_and_answered__halves_and_grows_within_bounds() -> None:
    size = RangeSize(10, 12)
    sizes = [size.blocks]
    for _ in range(3):
        assert size.shrink()
        sizes.append(size.blocks)
    assert not size.shrink()
    for _ in range(6):
        size.adapt(0)
        sizes.append(size.blocks)

    assert sizes == [10, 5, 2, 1, 2, 3, 4, 6, 9, 12]


def test_range_size__huge_middling_and_small_answers__halve_keep_and_grow() -> None:
    size = RangeSize(100)
    sizes = []
    for logs_count in (LARGE_ANSWER_LOGS + 1, LARGE_ANSWER_LOGS, LARGE_ANSWER_LOGS // 2, 1):
        size.adapt(logs_count)
        sizes.append(size.blocks)

    assert sizes == [50, 50, 50, 75]
