"""What an answer of `eth_getLogs` must be before it is believed."""

from __future__ import annotations

from typing import Any

import pytest

from oracle.chain.abi import events
from oracle.chain.logs import LARGE_ANSWER_LOGS, LogQuery, RangeSize, compute_logs_digest, parse_logs
from oracle.domain.ids import keccak256, to_hex
from oracle.domain.units import BlockNumber
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
