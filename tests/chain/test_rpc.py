"""One endpoint: every way in which it can fail has its own error, and nothing shows the key in its URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import orjson
import pytest

from oracle.chain.rpc import BATCH_CALLS, TWIN_ANSWER_BYTES, Call, RpcEndpoint, TwinDecoder
from oracle.domain.units import ChainId
from oracle.errors import (
    EndpointError,
    EndpointRefusalError,
    EndpointTimeoutError,
    EndpointUnreachableError,
    MalformedAnswerError,
    OracleError,
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
    (lambda _: httpx.Response(429), EndpointUnreachableError),
    (lambda _: httpx.Response(413), EndpointRefusalError),
    (lambda _: httpx.Response(200, content=b"<html>"), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b"[]"), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b'"text"'), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b'[{"id":7,"result":1}]'), MalformedAnswerError),
    (lambda _: httpx.Response(200, content=b'[{"id":0,"error":{"code":-32005}}]'), EndpointRefusalError),
    (lambda _: httpx.Response(200, content=b'{"error":{"code":-32600}}'), EndpointRefusalError),
]


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


async def test_batch__chain_id_is_no_number__is_malformed() -> None:
    with pytest.raises(OracleError):
        await make_endpoint(lambda _: httpx.Response(200, content=b'[{"id":0,"result":null}]')).batch([("echo", [])])


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


def test_twin_decoder__same_bytes_twice__are_decoded_once_and_then_forgotten() -> None:
    decoder = TwinDecoder()
    content = orjson.dumps(["x" * TWIN_ANSWER_BYTES])

    first, second, third = (decoder.decode(content) for _ in range(3))

    assert first is second
    assert third is not first
    assert third == first


def test_twin_decoder__other_bytes__are_decoded_and_nothing_stays() -> None:
    decoder = TwinDecoder()
    left, right = (orjson.dumps([letter * TWIN_ANSWER_BYTES]) for letter in "xy")

    assert (decoder.decode(left), decoder.decode(right)) == (["x" * TWIN_ANSWER_BYTES], ["y" * TWIN_ANSWER_BYTES])
    assert decoder._content == b""


def test_twin_decoder__no_json__is_an_error_each_time() -> None:
    decoder = TwinDecoder()

    for _ in range(2):
        with pytest.raises(orjson.JSONDecodeError):
            decoder.decode(b"[" * TWIN_ANSWER_BYTES)
