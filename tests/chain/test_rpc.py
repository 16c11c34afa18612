"""One endpoint: every way in which it can fail has its own error, and nothing shows the key in its URL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate

import httpx
import orjson
import pytest

from oracle.chain.http_dates import LONGEST_REST_S
from oracle.chain.rpc import (
    BATCH_CALLS,
    LARGEST_ANSWER_BYTES,
    LARGEST_SINGLE_BYTES,
    Call,
    RpcEndpoint,
)
from oracle.domain.units import ChainId
from oracle.errors import (
    EndpointError,
    EndpointRateLimitError,
    EndpointRefusalError,
    EndpointTimeoutError,
    EndpointUnreachableError,
    MalformedAnswerError,
    WrongChainError,
)

pytestmark = pytest.mark.anyio
URL = "https://node.example:8545/v2/very-secret-key"
CHAIN_ID = ChainId(31337)
type Handler = Callable[[httpx.Request], httpx.Response]


def answer_all(request: httpx.Request) -> httpx.Response:
    """Answer every call with its own number, in reverse order, as servers may."""
    calls = orjson.loads(request.content)
    answers = [{"id": c["id"], "result": "0x7a69" if c["method"] == "eth_chainId" else c["params"]} for c in calls]
    return httpx.Response(200, content=orjson.dumps(answers[::-1]))


def make_endpoint(handler: Handler) -> RpcEndpoint:
    return RpcEndpoint(URL, CHAIN_ID, transport=httpx.MockTransport(handler))


def after_verification(handler: Handler) -> Handler:
    """Answer the first request, which asks for the chain id, and hand the rest to `handler`."""
    is_first = True

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal is_first
        if is_first:
            is_first = False
            return answer_all(request)
        return handler(request)

    return handle


async def test_batch__more_calls_than_fit__come_back_in_their_order() -> None:
    endpoint = make_endpoint(answer_all)
    calls: list[Call] = [("echo", [i]) for i in range(2 * BATCH_CALLS + 1)]

    results = await endpoint.batch(calls)

    assert results == [[i] for i in range(2 * BATCH_CALLS + 1)]
    assert endpoint.counters.calls_count == 2 * BATCH_CALLS + 2
    assert endpoint.counters.requests_count == 4
    assert endpoint.counters.received_bytes > 0
    assert endpoint.counters.failures_count == 0


async def test_batch__endpoint_of_another_chain__is_refused_before_anything_is_asked() -> None:
    other = httpx.Response(200, content=b'[{"id":0,"result":"0x1"}]')

    with pytest.raises(WrongChainError) as caught:
        await make_endpoint(lambda _: other).batch([("echo", [])])

    assert (caught.value.expected, caught.value.given) == (31337, 1)
    assert not caught.value.retryable


def raise_timeout(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow", request=request)


def raise_refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


FAILURES: list[tuple[Handler, type[EndpointError]]] = [
    (raise_timeout, EndpointTimeoutError),
    (raise_refused, EndpointUnreachableError),
    (lambda _: httpx.Response(502), EndpointUnreachableError),
    (lambda _: httpx.Response(429), EndpointRateLimitError),
    (lambda _: httpx.Response(503, headers={"retry-after": "1"}), EndpointRateLimitError),
    (lambda _: httpx.Response(503), EndpointUnreachableError),
    (lambda _: httpx.Response(413), EndpointRefusalError),
    (lambda _: httpx.Response(200, content=b"<html>"), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b"[]"), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b'"text"'), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b'[{"id":7,"result":1}]'), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b'[{"id":0,"error":{"code":-32005}}]'), EndpointRateLimitError),
    (lambda _: httpx.Response(200, content=b'[{"id":0,"error":{"code":-32000}}]'), EndpointRefusalError),
    (lambda _: httpx.Response(200, content=b'{"error":{"code":-32600}}'), EndpointRefusalError),
    (lambda _: httpx.Response(200, content=b'[{"id":0,"error":{"code":[]}}]'), EndpointRefusalError),
    (lambda _: httpx.Response(200, content=b'[{"id":0,"error":{"code":{},"message":[]}}]'), EndpointRefusalError),
    (lambda _: httpx.Response(200, content=b"[" + b"[]," * 10_000 + b"[]]"), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b"[" * 900 + b"]" * 900), MalformedAnswerError),
    (
        lambda _: httpx.Response(200, headers={"content-encoding": "gzip, gzip"}, stream=Dripping()),
        MalformedAnswerError,
    ),
    (lambda _: httpx.Response(200, content=b'{"error":{"code":429,"message":"slow down"}}'), EndpointRateLimitError),
]
TOO_MANY_RESULTS = b'[{"id":0,"error":{"code":-32005,"message":"query returned more than 10000 results"}}]'


@pytest.mark.parametrize(("handler", "error"), FAILURES)
async def test_batch__endpoint_fails__names_the_failure_and_not_the_key(
    handler: Handler, error: type[EndpointError]
) -> None:
    endpoint = make_endpoint(after_verification(handler))

    with pytest.raises(error) as caught:
        await endpoint.batch([("eth_getLogs", [])])

    assert caught.value.retryable
    assert "node.example:8545" in str(caught.value)
    assert "very-secret-key" not in str(caught.value)
    assert endpoint.counters.failures_count == 1


async def test_batch__limit_exceeded_by_the_answer__is_a_refusal_that_a_smaller_range_may_help() -> None:
    endpoint = make_endpoint(after_verification(lambda _: httpx.Response(200, content=TOO_MANY_RESULTS)))

    with pytest.raises(EndpointRefusalError):
        await endpoint.batch([("eth_getLogs", [])])


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({"retry-after": "30"}, 30),
        ({"date": "Tue, 05 Mar 2024 10:00:00 GMT", "retry-after": "Tue, 05 Mar 2024 10:00:30 GMT"}, 30),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, LONGEST_REST_S),
        ({"retry-after": "Mon, 01 Jan 99999999999999 00:00:00 GMT"}, None),
        ({"date": "Mon, 01 Jan 99999999999999 00:00:00 GMT", "retry-after": "30"}, 30),
        ({}, None),
    ],
)
async def test_batch__asked_too_often__tells_when_to_come_back(headers: dict[str, str], expected_s: int | None) -> None:
    endpoint = make_endpoint(after_verification(lambda _: httpx.Response(429, headers=headers)))

    with pytest.raises(EndpointRateLimitError) as caught:
        await endpoint.batch([("eth_getLogs", [])])

    assert caught.value.retry_after_s == expected_s


async def test_batch__told_to_wait__sends_nothing_before(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[httpx.Request] = []

    def limit(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(429, headers={"retry-after": "30"})

    endpoint = make_endpoint(after_verification(limit))
    for _ in range(3):
        with pytest.raises(EndpointRateLimitError):
            await endpoint.batch([("eth_getLogs", [])])

    assert len(asked) == 1
    now_s = time.monotonic()
    monkeypatch.setattr("oracle.chain.rpc.time.monotonic", lambda: now_s + 31)
    with pytest.raises(EndpointRateLimitError):
        await endpoint.batch([("eth_getLogs", [])])
    assert len(asked) == 2


async def test_clock_offset__answers_dated_an_hour_ago__is_an_hour() -> None:
    dated = {"date": formatdate(time.time() - 3_600, usegmt=True)}
    endpoint = make_endpoint(lambda request: httpx.Response(200, content=answer_all(request).content, headers=dated))

    await endpoint.batch([("echo", [])])

    assert endpoint.clock_offset_s is not None
    assert abs(endpoint.clock_offset_s - 3_600) < 5


@pytest.mark.parametrize("date", ["today", "Mon, 01 Jan 99999999999999 00:00:00 GMT"])
async def test_clock_offset__answers_without_a_readable_date__is_unknown(date: str) -> None:
    endpoint = make_endpoint(
        lambda request: httpx.Response(200, content=answer_all(request).content, headers={"date": date})
    )

    await endpoint.batch([("echo", [])])

    assert endpoint.clock_offset_s is None


@pytest.mark.parametrize("chain_id", [None, "", [], 31337, "-0x1", "0x" + "f" * 5_000])
async def test_batch__chain_id_is_no_number__is_malformed(chain_id: object) -> None:
    content = orjson.dumps([{"id": 0, "result": chain_id}])

    with pytest.raises(MalformedAnswerError):
        await make_endpoint(lambda _: httpx.Response(200, content=content)).batch([("echo", [])])


def test_name__url_with_user_and_password__shows_host_only() -> None:
    endpoint = RpcEndpoint("https://user:password@node.example/path", CHAIN_ID)

    assert endpoint.name == "node.example"


@pytest.mark.parametrize(
    "url", ["node.example/v2/very-secret-key", "https:/node.example/v2/very-secret-key", "https://[very-secret-key", ""]
)
def test_name__url_without_scheme_or_host__never_shows_the_path(url: str) -> None:
    assert "very-secret-key" not in RpcEndpoint(url, CHAIN_ID).name


@pytest.mark.parametrize("url", ["node.example/v2/very-secret-key", "https://node.example:port/very-secret-key"])
async def test_batch__url_that_is_none__is_unreachable_without_showing_it(url: str) -> None:
    with pytest.raises(EndpointUnreachableError) as caught:
        await RpcEndpoint(url, CHAIN_ID).batch([("eth_getLogs", [])])

    assert "very-secret-key" not in str(caught.value)


@pytest.mark.parametrize("number", [b"[0]", b"{}", b'"0"', b"null"])
async def test_batch__answer_numbered_with_no_number__is_malformed(number: bytes) -> None:
    answer = httpx.Response(200, content=b'[{"id":' + number + b',"result":"0x1"}]')

    with pytest.raises(MalformedAnswerError):
        await make_endpoint(after_verification(lambda _: answer)).batch([("eth_getLogs", [])])


class Dripping(httpx.AsyncByteStream):
    """A body that sends one byte at a time for ever, each well inside any timeout of a single read."""

    def __init__(self) -> None:
        self.sent_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.001)
            self.sent_bytes += 1
            yield b" "


async def test_batch__body_that_never_ends__times_out_as_a_whole() -> None:
    handler = after_verification(lambda _: httpx.Response(200, stream=Dripping()))
    endpoint = RpcEndpoint(URL, CHAIN_ID, timeout_s=0.05, transport=httpx.MockTransport(handler))

    with pytest.raises(EndpointTimeoutError):
        await asyncio.wait_for(endpoint.batch([("eth_getLogs", [])]), timeout=5)


async def test_batch__body_above_the_largest__is_cut_off_and_refused() -> None:
    body = Dripping()
    handler = after_verification(lambda _: httpx.Response(200, stream=body))
    endpoint = RpcEndpoint(URL, CHAIN_ID, largest_answer_bytes=100, transport=httpx.MockTransport(handler))

    with pytest.raises(EndpointRefusalError, match="more than 100 bytes"):
        await asyncio.wait_for(endpoint.batch([("eth_getLogs", [])]), timeout=5)

    assert body.sent_bytes == 101


@pytest.mark.parametrize(
    ("method", "calls_count", "largest_bytes"),
    [
        ("eth_getLogs", 1, LARGEST_ANSWER_BYTES),
        ("eth_getBlockReceipts", 2, LARGEST_ANSWER_BYTES),
        ("eth_getBlockByNumber", 1, LARGEST_SINGLE_BYTES),
        ("eth_getBlockByNumber", 3, 3 * LARGEST_SINGLE_BYTES),
        ("eth_getCode", BATCH_CALLS, LARGEST_ANSWER_BYTES),
    ],
)
async def test_batch__larger_than_such_an_answer_can_be__is_refused(
    method: str, calls_count: int, largest_bytes: int
) -> None:
    calls: list[Call] = [(method, [])] * calls_count

    def answer_padded(padded_bytes: int) -> Handler:
        answers = orjson.dumps([{"id": i, "result": None} for i in range(calls_count)])
        return after_verification(lambda _: httpx.Response(200, content=answers.ljust(padded_bytes)))

    assert await make_endpoint(answer_padded(largest_bytes)).batch(calls) == [None] * calls_count
    with pytest.raises(EndpointRefusalError, match=f"more than {largest_bytes} bytes"):
        await make_endpoint(answer_padded(largest_bytes + 1)).batch(calls)
