"""How endpoints are asked: all at once, again after a hiccup, and without waiting for one that is slower than two who agree.

Waits double up to a largest one and are spread by chance, so that nodes behind one provider do not come back all at the same moment.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from oracle.chain.quantities import read_answer
from oracle.chain.rpc import Endpoint
from oracle.errors import (
    ChainError,
    EndpointError,
    EndpointRateLimitError,
    EndpointTimeoutError,
    EndpointUnreachableError,
    TooSlowEndpointError,
    WrongChainError,
)

AGREEING_ENDPOINTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a read waits: between tries at one endpoint, and for the others once there is an answer.

    One that failed before gets its grace once in `second_chance_s`, so that it does not slow down every read.
    """

    tries_count: int = 3
    first_wait_s: float = 0.1
    largest_wait_s: float = 5.0
    grace_s: float = 1.0
    second_chance_s: float = 30.0


class Backoff:
    """Waits that double from `first_s` to `largest_s`, each times a random factor of a half to one; `reset` begins anew."""

    def __init__(self, first_s: float, largest_s: float) -> None:
        self._first_s = first_s
        self._largest_s = max(first_s, largest_s)
        self._wait_s = first_s

    def next_s(self) -> float:
        """Return how long to wait now."""
        wait_s = self._wait_s
        self._wait_s = min(self._largest_s, 2 * wait_s)
        # Chance spreads load here and decides nothing.
        return wait_s * random.uniform(0.5, 1.0)  # noqa: S311

    def reset(self) -> None:
        """Begin with the first wait again."""
        self._wait_s = self._first_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers[T]:
    """What came back, in the order of the endpoints."""

    given: tuple[tuple[Endpoint, T], ...]
    failures: tuple[tuple[Endpoint, ChainError], ...]


async def ask_all[T](
    endpoints: Sequence[Endpoint],
    fetch: Callable[[Endpoint], Awaitable[T]],
    is_enough: Callable[[Sequence[T]], bool],
    patience: Patience,
    grace_of: Callable[[Endpoint], float],
) -> Answers[T]:
    """Return every endpoint's answer; those still missing some grace after the others were enough count as too slow.

    Raises:
        OracleError: what `fetch` raises beside failures of an endpoint.
    """
    tasks = {asyncio.create_task(_ask(endpoint, fetch, patience)): endpoint for endpoint in endpoints}
    try:
        await _wait(tasks, is_enough, grace_of)
    finally:
        late = [task for task in tasks if not task.done()]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    given: list[tuple[Endpoint, T]] = []
    failures: list[tuple[Endpoint, ChainError]] = []
    for task, endpoint in tasks.items():
        if task.cancelled():
            failures.append((endpoint, TooSlowEndpointError(endpoint.name)))
        elif isinstance(error := task.exception(), EndpointError | WrongChainError):
            failures.append((endpoint, error))
        else:
            given.append((endpoint, task.result()))
    return Answers(given=tuple(given), failures=tuple(failures))


async def _wait[T](
    tasks: dict[asyncio.Task[T], Endpoint],
    is_enough: Callable[[Sequence[T]], bool],
    grace_of: Callable[[Endpoint], float],
) -> None:
    pending: set[asyncio.Task[T]] = set(tasks)
    while pending:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        good = [task.result() for task in tasks if task.done() and task.exception() is None]
        if pending and len(good) >= AGREEING_ENDPOINTS and is_enough(good):
            await asyncio.wait(pending, timeout=max(grace_of(tasks[task]) for task in pending))
            return


async def _ask[T](endpoint: Endpoint, fetch: Callable[[Endpoint], Awaitable[T]], patience: Patience) -> T:
    """Ask one endpoint, again after a closed connection or where it says when; not after a timeout, which has cost enough."""
    backoff = Backoff(patience.first_wait_s, patience.largest_wait_s)
    for _ in range(patience.tries_count - 1):
        try:
            return await read_answer(endpoint.name, fetch(endpoint))
        except EndpointTimeoutError:
            raise
        except EndpointRateLimitError as error:
            wait_s = max(error.retry_after_s or 0.0, backoff.next_s())
            if wait_s > patience.largest_wait_s:
                raise
        except EndpointUnreachableError:
            wait_s = backoff.next_s()
        await asyncio.sleep(wait_s)
    return await read_answer(endpoint.name, fetch(endpoint))
