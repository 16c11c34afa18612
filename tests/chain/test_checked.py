"""Nothing is believed on the word of one endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from oracle.chain.abi import events
from oracle.chain.checked import CheckedChain
from oracle.chain.logs import LogQuery
from oracle.chain.rpc import Call
from oracle.domain.units import BlockNumber
from oracle.errors import (
    ConfigurationError,
    EndpointDisagreementError,
    EndpointRefusalError,
    OracleError,
    TooFewEndpointsError,
    WrongChainError,
)
from tests.chain.aave_logs import answer
from tests.chain.fake_endpoint import CHAIN_ID, WETH, FakeChain, FakeEndpoint, address_of, feed_of

pytestmark = pytest.mark.anyio
QUERY = LogQuery(
    first_block=BlockNumber(0),
    last_block=BlockNumber(9),
    addresses=frozenset({feed_of(WETH)}),
    topics=frozenset({events.ANSWER_UPDATED}),
)


def make_chain(blocks: int = 10) -> FakeChain:
    chain = FakeChain()
    for number in range(1, blocks + 1):
        chain.mine(number * 12, [answer(WETH, number * 10**8)])
    return chain


def make_checked(*endpoints: FakeEndpoint) -> CheckedChain:
    return CheckedChain(CHAIN_ID, endpoints)


async def test_fetch_logs__two_endpoints_agree__are_returned() -> None:
    chain = make_chain()

    logs = await make_checked(FakeEndpoint("a", chain), FakeEndpoint("b", chain)).fetch_logs(QUERY)

    assert [log.block_number for log in logs] == list(range(1, 10))


async def test_fetch_logs__one_of_two_truncates__abstains_and_names_both() -> None:
    chain = make_chain()
    truncating = FakeEndpoint("truncating", chain)
    truncating.truncated_to = 3

    with pytest.raises(EndpointDisagreementError) as caught:
        await make_checked(FakeEndpoint("honest", chain), truncating).fetch_logs(QUERY)

    assert caught.value.retryable
    assert "not settled by receipts" in str(caught.value)
    assert {"honest", "truncating"} == {name.split(":")[1] for name in caught.value.answers}
    assert len(set(caught.value.answers.values())) == 2


async def test_fetch_logs__one_of_three_truncates__is_outvoted_and_counted() -> None:
    chain = make_chain()
    truncating = FakeEndpoint("truncating", chain)
    truncating.truncated_to = 0
    checked = make_checked(truncating, FakeEndpoint("a", chain), FakeEndpoint("b", chain))

    logs = await checked.fetch_logs(QUERY)

    assert len(logs) == 9
    assert checked.disagreements == {"truncating": 1}


async def test_fetch_logs__one_of_two_is_down__is_not_believed() -> None:
    chain = make_chain()
    down = FakeEndpoint("down", chain)
    down.is_down = True

    with pytest.raises(TooFewEndpointsError) as caught:
        await make_checked(FakeEndpoint("a", chain), down).fetch_logs(QUERY)

    assert caught.value.retryable
    assert [f.endpoint for f in caught.value.failures] == ["down"]


async def test_fetch_logs__single_endpoint__is_not_believed() -> None:
    with pytest.raises(TooFewEndpointsError):
        await make_checked(FakeEndpoint("only", make_chain())).fetch_logs(QUERY)


def test_checked_chain__one_host_twice__is_refused() -> None:
    chain = make_chain()

    with pytest.raises(ConfigurationError):
        make_checked(FakeEndpoint("same", chain), FakeEndpoint("same", chain))


class StrayEndpoint(FakeEndpoint):
    """An endpoint that turns out to serve another chain."""

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        raise WrongChainError(self.name, CHAIN_ID, 1)


async def test_fetch_logs__one_of_three_serves_another_chain__two_suffice() -> None:
    chain = make_chain()
    checked = make_checked(StrayEndpoint("stray", chain), FakeEndpoint("a", chain), FakeEndpoint("b", chain))

    assert len(await checked.fetch_logs(QUERY)) == 9


async def test_fetch_logs__one_of_two_serves_another_chain__is_named() -> None:
    chain = make_chain()

    with pytest.raises(WrongChainError, match="stray"):
        await make_checked(StrayEndpoint("stray", chain), FakeEndpoint("a", chain)).fetch_logs(QUERY)


async def test_fetch_logs__range_too_large__failure_tells_so() -> None:
    chain = make_chain()
    limited = FakeEndpoint("limited", chain)
    limited.largest_range = 5

    with pytest.raises(TooFewEndpointsError) as caught:
        await make_checked(FakeEndpoint("a", chain), limited).fetch_logs(QUERY)

    assert isinstance(caught.value.failures[0], EndpointRefusalError)


async def test_fetch_logs__four_endpoints_in_two_camps__abstains() -> None:
    left, right = make_chain(), make_chain()
    right.reorganise(5)
    endpoints = [FakeEndpoint(name, left if name in "ab" else right) for name in "abcd"]

    with pytest.raises(EndpointDisagreementError):
        await make_checked(*endpoints).fetch_logs(QUERY)


async def test_fetch_header__hashes_differ__abstains() -> None:
    left, right = make_chain(), make_chain()
    right.reorganise(5)

    with pytest.raises(EndpointDisagreementError):
        await make_checked(FakeEndpoint("a", left), FakeEndpoint("b", right)).fetch_header(BlockNumber(5))


async def test_fetch_finalised_head__one_lags__is_what_both_hold() -> None:
    chain = make_chain()
    behind = FakeEndpoint("behind", chain)
    behind.lagging_blocks = 4

    head = await make_checked(FakeEndpoint("a", chain), behind).fetch_finalised_head()

    assert head.number == 6


async def test_fetch_finalised_head__one_of_three_lags__is_what_two_hold() -> None:
    chain = make_chain()
    behind = FakeEndpoint("behind", chain)
    behind.lagging_blocks = 4

    head = await make_checked(behind, FakeEndpoint("a", chain), FakeEndpoint("b", chain)).fetch_finalised_head()

    assert head.number == 10


async def test_fetch_header__block_not_there_yet__is_retryable() -> None:
    chain = make_chain()

    with pytest.raises(OracleError) as caught:
        await make_checked(FakeEndpoint("a", chain), FakeEndpoint("b", chain)).fetch_header(BlockNumber(99))

    assert caught.value.retryable


async def test_fetch_has_code__delegated_account__counts_as_without_code() -> None:
    chain = make_chain()
    contract, delegated, plain = address_of("contract"), address_of("delegated"), address_of("plain")
    chain.contracts.add(contract)
    chain.delegated.add(delegated)

    found = await make_checked(FakeEndpoint("a", chain), FakeEndpoint("b", chain)).fetch_has_code(
        [contract, delegated, plain], BlockNumber(3)
    )

    assert found == {contract: True, delegated: False, plain: False}
