"""Answers made to break what reads them: a liar of three changes nothing and is blamed, one of two makes the node abstain with a reason (CH-01)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from oracle.chain.abi import events
from oracle.chain.checked import CheckedChain
from oracle.chain.logs import LogQuery
from oracle.chain.quantities import LARGEST_QUANTITY
from oracle.chain.rpc import Call
from oracle.domain.units import BlockNumber
from oracle.errors import EndpointDisagreementError, TooFewEndpointsError
from tests.chain.aave_logs import answer
from tests.chain.fake_endpoint import CHAIN_ID, WETH, FakeChain, FakeEndpoint, feed_of

pytestmark = pytest.mark.anyio
WIDE, WIDER, NEGATIVE = "0x" + "f" * 300, "0x" + "f" * 5_000, "-0x1"
QUERY = LogQuery(
    first_block=BlockNumber(0),
    last_block=BlockNumber(9),
    addresses=frozenset({feed_of(WETH)}),
    topics=frozenset({events.ANSWER_UPDATED}),
)
STRANGE: tuple[Any, ...] = (WIDE, WIDER, NEGATIVE, "0x", "0x" + "11" * 33, 7, None, [], {}, "\u0660x")


class LyingEndpoint(FakeEndpoint):
    """Gives one field of blocks and logs another value."""

    def __init__(self, chain: FakeChain, field: str, value: Any) -> None:
        super().__init__("liar", chain)
        self.field, self.value = field, value

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        return [self._spoil(answer) for answer in await super().batch(calls)]

    def _spoil(self, answer: Any) -> Any:
        if isinstance(answer, list):
            return [self._spoil(item) for item in answer]
        return {**answer, self.field: self.value} if self.field in answer else answer


def make_chain() -> FakeChain:
    chain = FakeChain()
    for number in range(1, 11):
        chain.mine(number * 12, [answer(WETH, number * 10**8)])
    return chain


def with_liar(field: str, value: Any, honest: int) -> CheckedChain:
    chain = make_chain()
    endpoints = [LyingEndpoint(chain, field, value), *(FakeEndpoint(f"honest {i}", chain) for i in range(honest))]
    for endpoint in endpoints:
        endpoint.gives_times = True
    return CheckedChain(CHAIN_ID, endpoints)


@pytest.mark.parametrize("field", ["number", "timestamp", "hash", "parentHash"])
@pytest.mark.parametrize("value", STRANGE)
async def test_fetch_finalised_head__strange_field_at_one_of_three__two_suffice_and_it_is_blamed(
    field: str, value: Any
) -> None:
    checked = with_liar(field, value, honest=2)

    head = await checked.fetch_finalised_head()

    assert (head.number, head.time_s) == (10, 120)
    assert checked.disagreements.get("liar", 0) >= 1
    assert all(max(known.number, known.time_s) <= LARGEST_QUANTITY for known in checked.heads.values())


@pytest.mark.parametrize("field", ["number", "timestamp", "hash", "parentHash"])
@pytest.mark.parametrize("value", STRANGE)
async def test_fetch_finalised_head__strange_field_at_one_of_two__abstains_and_names_it(field: str, value: Any) -> None:
    checked = with_liar(field, value, honest=1)

    with pytest.raises(TooFewEndpointsError, match="liar"):
        await checked.fetch_finalised_head()


@pytest.mark.parametrize("field", ["blockNumber", "blockHash", "logIndex", "address", "topics", "data"])
@pytest.mark.parametrize("value", [*STRANGE, [WIDER], [None]])
async def test_fetch_logs__strange_field_at_one_of_three__two_suffice_and_it_is_blamed(field: str, value: Any) -> None:
    checked = with_liar(field, value, honest=2)

    logs = await checked.fetch_logs(QUERY)

    assert [(log.block_number, log.time_s) for log in logs] == [(number, number * 12) for number in range(1, 10)]
    assert checked.disagreements == {"liar": 1}


@pytest.mark.parametrize("field", ["blockNumber", "logIndex", "topics"])
@pytest.mark.parametrize("value", STRANGE)
async def test_fetch_logs__strange_field_at_one_of_two__abstains(field: str, value: Any) -> None:
    with pytest.raises((TooFewEndpointsError, EndpointDisagreementError)) as caught:
        await with_liar(field, value, honest=1).fetch_logs(QUERY)

    assert caught.value.retryable


@pytest.mark.parametrize("value", [WIDE, WIDER, NEGATIVE, [], {}])
async def test_fetch_logs__strange_time_with_each_log__is_no_time_and_no_crash(value: Any) -> None:
    """A time is no part of what two agree on: the liar's is not taken."""
    logs = await with_liar("blockTimestamp", value, honest=2).fetch_logs(QUERY)

    assert {log.time_s for log in logs} <= {None, *(number * 12 for number in range(1, 10))}
    assert len(logs) == 9
