"""Waiting for endpoints: no longer than needed, again after a hiccup, and when an endpoint says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from oracle.chain.asking import Answers, Backoff, Patience, ask_all
from oracle.chain.rpc import Call, Endpoint
from oracle.errors import (
    EndpointRateLimitError,
    EndpointTimeoutError,
    EndpointUnreachableError,
    MalformedAnswerError,
    TooSlowEndpointError,
)

pytestmark = pytest.mark.anyio
PATIENCE = Patience(tries_count=3, first_wait_s=0.01, largest_wait_s=0.2, grace_s=0.05)


class ScriptedEndpoint:
    """Answers by a script: an error is raised, a number of seconds is waited; then it answers its name."""

    def __init__(self, name: str, *script: Exception | float) -> None:
        self.name = name
        self.script = list(script)
        self.asked_times: list[float] = []

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        self.asked_times.append(time.monotonic())
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            await asyncio.sleep(step)
        return [self.name]


async def ask(*endpoints: ScriptedEndpoint) -> Answers[list[Any]]:
    async def fetch(endpoint: Endpoint) -> list[Any]:
        return await endpoint.batch([])

    return await ask_all(endpoints, fetch, lambda _: True, PATIENCE, lambda _: PATIENCE.grace_s)


async def test_ask_all__third_never_answers__is_left_behind_after_the_grace() -> None:
    begun_s = time.monotonic()

    answers = await ask(ScriptedEndpoint("a"), ScriptedEndpoint("b"), ScriptedEndpoint("slow", 30.0))

    assert [endpoint.name for endpoint, _ in answers.given] == ["a", "b"]
    assert [type(error) for _, error in answers.failures] == [TooSlowEndpointError]
    assert time.monotonic() - begun_s < 5


async def test_ask_all__second_of_two_is_slow__is_waited_for() -> None:
    answers = await ask(ScriptedEndpoint("a"), ScriptedEndpoint("slow", 0.3))

    assert [endpoint.name for endpoint, _ in answers.given] == ["a", "slow"]


async def test_ask_all__connection_closed_twice__third_try_counts() -> None:
    closed = EndpointUnreachableError("a", "closed")
    endpoint = ScriptedEndpoint("a", closed, closed)

    answers = await ask(endpoint, ScriptedEndpoint("b"))

    assert len(answers.given) == 2
    assert len(endpoint.asked_times) == 3


async def test_ask_all__always_unreachable__gives_up_after_its_tries() -> None:
    endpoint = ScriptedEndpoint("a", *[EndpointUnreachableError("a", "closed")] * 9)

    answers = await ask(endpoint, ScriptedEndpoint("b"))

    assert [endpoint.name for endpoint, _ in answers.failures] == ["a"]
    assert len(endpoint.asked_times) == PATIENCE.tries_count


@pytest.mark.parametrize("cause", [ValueError(), OverflowError(), KeyError("x"), AttributeError(), TypeError()])
async def test_ask_all__answer_breaks_what_reads_it__is_malformed_and_costs_no_other(cause: Exception) -> None:
    answers = await ask(ScriptedEndpoint("liar", cause), ScriptedEndpoint("a"), ScriptedEndpoint("b"))

    assert [endpoint.name for endpoint, _ in answers.given] == ["a", "b"]
    assert [(endpoint.name, type(error)) for endpoint, error in answers.failures] == [("liar", MalformedAnswerError)]


async def test_ask_all__timed_out__is_not_asked_again() -> None:
    endpoint = ScriptedEndpoint("a", EndpointTimeoutError("a", "slow"))

    await ask(endpoint, ScriptedEndpoint("b"))

    assert len(endpoint.asked_times) == 1


async def test_ask_all__rate_limited_for_a_moment__waits_as_long_as_it_says() -> None:
    endpoint = ScriptedEndpoint("a", EndpointRateLimitError("a", "429", 0.15))

    answers = await ask(endpoint, ScriptedEndpoint("b"))

    first_s, second_s = endpoint.asked_times
    assert len(answers.given) == 2
    assert second_s - first_s >= 0.15


async def test_ask_all__rate_limited_for_long__is_not_waited_for() -> None:
    endpoint = ScriptedEndpoint("a", EndpointRateLimitError("a", "429", 60))

    answers = await ask(endpoint, ScriptedEndpoint("b"))

    assert [error.args[0] for _, error in answers.failures] == [
        "endpoint a: 429: it limits the rate of requests, again in 60 s"
    ]
    assert len(endpoint.asked_times) == 1


def test_backoff__many_waits__double_within_their_bounds_and_begin_anew() -> None:
    backoff = Backoff(1.0, 8.0)

    waits = [backoff.next_s() for _ in range(6)]
    backoff.reset()

    for wait_s, full_s in zip(waits, [1, 2, 4, 8, 8, 8], strict=True):
        assert full_s / 2 <= wait_s <= full_s
    assert backoff.next_s() <= 1.0
