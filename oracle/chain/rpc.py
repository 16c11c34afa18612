"""One JSON-RPC endpoint: batches, timeouts, one kind of error for each kind of failure, and counters.

Raw HTTP and orjson: a general client library costs ten times more at log volume. A URL may hold a key, so only its host is ever shown. An endpoint may
be hostile: an answer has a largest size by what was asked, few enough parts for that size, and a deadline for the whole of it, so that it is
never more than half a gigabyte, decoded, and holds nobody up byte by byte.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import orjson

from oracle.chain.http_dates import LONGEST_REST_S, parse_date_s, read_retry_after_s
from oracle.chain.logs import paused_collection
from oracle.chain.quantities import UNREADABLE, parse_quantity
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

type Call = tuple[str, Sequence[Any]]
BATCH_CALLS = 100
DEFAULT_TIMEOUT_S = 20.0
LARGEST_ANSWER_BYTES = 32 << 20
"""Three times the logs of a range that is not halved (10,000 of 1 kB), or the receipts of some full blocks; beyond, less is asked for."""
LARGEST_SINGLE_BYTES = 1 << 20
"""Of each call of any other method: a full block names 7,000 transactions in half a megabyte, code has 48 kB."""
LONG_METHODS = frozenset({"eth_getLogs", "eth_getBlockReceipts"})
HARMLESS_PARTS = 1_000
LEAST_BYTES_PER_PART = 16
"""`[],` decodes to thirty times its size; a log or a receipt has two objects or lists in 300 bytes and more."""
TWIN_ANSWER_BYTES = 64 << 10
"""From this size on it pays to compare an answer with the one before."""
RATE_LIMIT_CODES = frozenset({429, -32005, -32007, -32029})
"""JSON-RPC codes of providers for too many requests; -32005 (EIP-1474, "limit exceeded") is used for too large answers as well."""
SIZE_WORDS = ("result", "range", "logs", "size", "response")


@dataclass(slots=True, kw_only=True)
class EndpointCounters:
    """What one endpoint has been asked and has cost so far."""

    calls_count: int = 0
    requests_count: int = 0
    failures_count: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class Endpoint(Protocol):
    """One way to reach a chain; the port at which tests put their fakes."""

    @property
    def name(self) -> str:
        """Return what the endpoint is called in messages and metrics."""

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Return the results of `calls` in their order.

        Raises:
            EndpointError: if one of them fails.
        """


class _TooManyPartsError(ValueError):
    """An answer whose values would take far more memory than its bytes."""


def decode_json(content: bytes) -> Any:
    """Return the value of a JSON text that has few enough objects and lists for its size.

    Raises:
        ValueError: if it has more.
        orjson.JSONDecodeError: if it is no JSON.
    """
    if content.count(b"[") + content.count(b"{") > max(HARMLESS_PARTS, len(content) // LEAST_BYTES_PER_PART):
        raise _TooManyPartsError("the answer has too many parts for its size")
    return orjson.loads(content)


class TwinDecoder:
    """Decodes JSON, and only once where two endpoints of a chain send the same bytes, as two with the same software do.

    Nothing is believed for it: equal bytes are equal answers. At most one large answer is remembered, until the next one came.
    """

    def __init__(self) -> None:
        self._content = b""
        self._decoded: Any = None

    def decode(self, content: bytes) -> Any:
        """Return the value; whoever asked for the same bytes before holds the same object, so it is read only.

        Raises:
            orjson.JSONDecodeError: if it is no JSON.
        """
        if len(content) < TWIN_ANSWER_BYTES:
            return decode_json(content)
        first, known = self._content, self._decoded
        self._content, self._decoded = b"", None
        if content == first:
            return known
        with paused_collection():
            decoded = decode_json(content)
        if not first:
            self._content, self._decoded = content, decoded
        return decoded


class RpcEndpoint:
    """An endpoint over HTTP; `close` ends its connections."""

    def __init__(
        self,
        url: str,
        chain_id: ChainId,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        largest_answer_bytes: int = LARGEST_ANSWER_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
        decoder: TwinDecoder | None = None,
    ) -> None:
        self.chain_id = chain_id
        self.counters = EndpointCounters()
        self._url = url
        self._name = _host_of(url)
        self._timeout_s = timeout_s
        self._largest_answer_bytes = largest_answer_bytes
        self._decode = decode_json if decoder is None else decoder.decode
        self._client = httpx.AsyncClient(
            timeout=timeout_s, headers={"content-type": "application/json"}, transport=transport
        )
        self._is_verified = False
        self._resume_s = 0.0
        self._dated: tuple[str, float] | None = None

    @property
    def name(self) -> str:
        """Return the host and port."""
        return self._name

    @property
    def clock_offset_s(self) -> float | None:
        """Return by how much this machine's clock was ahead of the endpoint's at the last answer, None if that had no date."""
        if self._dated is None:
            return None
        date_s = parse_date_s(self._dated[0])
        return None if date_s is None else self._dated[1] - date_s

    async def close(self) -> None:
        """Close the kept connections."""
        await self._client.aclose()

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Return the results of `calls` in their order; the first use checks that the endpoint serves its chain.

        Raises:
            EndpointError: if the endpoint does not answer, refuses a call or answers malformed.
            WrongChainError: if it serves another chain.
        """
        rest_s = self._resume_s - time.monotonic()
        if rest_s > 0:
            # Asking earlier than it wants to be asked would only prolong the limit.
            raise EndpointRateLimitError(self._name, f"{calls[0][0] if calls else 'a call'} not sent", rest_s)
        if not self._is_verified:
            await self._verify_chain()
        results: list[Any] = []
        for start in range(0, len(calls), BATCH_CALLS):
            results += await self._send(calls[start : start + BATCH_CALLS])
        return results

    async def _verify_chain(self) -> None:
        (answer,) = await self._send([("eth_chainId", [])])
        given = self._to_int(answer)
        if given != self.chain_id:
            raise WrongChainError(self._name, self.chain_id, given)
        self._is_verified = True

    def _to_int(self, answer: Any) -> int:
        try:
            return parse_quantity(answer)
        except UNREADABLE as cause:
            self.counters.failures_count += 1
            raise MalformedAnswerError(self._name, f"expected a hex quantity, got {str(answer)[:60]}") from cause

    async def _send(self, calls: Sequence[Call]) -> list[Any]:
        try:
            return self._read(await self._post(calls), calls)
        except EndpointError as error:
            self.counters.failures_count += 1
            if isinstance(error, EndpointRateLimitError) and error.retry_after_s is not None:
                self._resume_s = time.monotonic() + min(error.retry_after_s, LONGEST_REST_S)
            raise

    async def _post(self, calls: Sequence[Call]) -> bytes:
        body = orjson.dumps([{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)])
        largest_bytes = self._largest_of(calls)
        self.counters.calls_count += len(calls)
        self.counters.requests_count += 1
        self.counters.sent_bytes += len(body)
        try:
            async with asyncio.timeout(self._timeout_s):
                status, headers, content = await self._exchange(body, largest_bytes)
        except (httpx.TimeoutException, TimeoutError) as cause:
            raise EndpointTimeoutError(self._name, f"{calls[0][0]} timed out") from cause
        except (httpx.HTTPError, httpx.InvalidURL) as cause:
            raise EndpointUnreachableError(self._name, f"{calls[0][0]} failed: {type(cause).__name__}") from cause
        self.counters.received_bytes += len(content)
        if len(content) > largest_bytes:
            raise EndpointRefusalError(self._name, f"{calls[0][0]}: more than {largest_bytes} bytes")
        if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            raise EndpointRefusalError(self._name, f"{calls[0][0]}: HTTP 413")
        retry_after_s = read_retry_after_s(headers)
        if status == httpx.codes.TOO_MANY_REQUESTS or (
            status == httpx.codes.SERVICE_UNAVAILABLE and retry_after_s is not None
        ):
            raise EndpointRateLimitError(self._name, f"{calls[0][0]}: HTTP {status}", retry_after_s)
        if status != httpx.codes.OK:
            raise EndpointUnreachableError(self._name, f"{calls[0][0]}: HTTP {status}")
        return content

    def _largest_of(self, calls: Sequence[Call]) -> int:
        if any(method in LONG_METHODS for method, _ in calls):
            return self._largest_answer_bytes
        return min(self._largest_answer_bytes, LARGEST_SINGLE_BYTES * len(calls))

    async def _exchange(self, body: bytes, largest_bytes: int) -> tuple[int, httpx.Headers, bytes]:
        """Return status, headers and content, which is cut off soon after the largest size."""
        chunks: list[bytes] = []
        size = 0
        async with self._client.stream("POST", self._url, content=body) as response:
            if "," in response.headers.get("content-encoding", ""):
                # Packed twice, a few bytes unpack to gigabytes before their size is known.
                raise MalformedAnswerError(self._name, "an answer that is compressed more than once")
            async for chunk in response.aiter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > largest_bytes:
                    break
        if "date" in response.headers:
            self._dated = (response.headers["date"], time.time())
        return response.status_code, response.headers, b"".join(chunks)

    def _read(self, content: bytes, calls: Sequence[Call]) -> list[Any]:
        try:
            answers = self._decode(content)
        except _TooManyPartsError as cause:
            raise MalformedAnswerError(self._name, f"{calls[0][0]}: {cause}") from cause
        except orjson.JSONDecodeError as cause:
            raise MalformedAnswerError(self._name, f"{calls[0][0]}: the answer is not JSON") from cause
        if isinstance(answers, dict):
            raise self._refusal(calls[0][0], answers.get("error"))
        found = answers if isinstance(answers, list) else []
        by_id = {a["id"]: a for a in found if isinstance(a, dict) and isinstance(a.get("id"), int)}
        if set(by_id) != set(range(len(calls))):
            raise MalformedAnswerError(self._name, f"{calls[0][0]}: {len(calls)} calls, {len(by_id)} answers")
        results = []
        for position, (method, _) in enumerate(calls):
            answer = by_id[position]
            if "result" not in answer:
                raise self._refusal(method, answer.get("error"))
            results.append(answer["result"])
        return results

    def _refusal(self, method: str, error: Any) -> EndpointError:
        """Return a JSON-RPC error as ours: asked too often, or not willing to answer this."""
        words = f"{method}: {str(error)[:200]}"
        code = error.get("code") if isinstance(error, dict) else None
        text = str(error.get("message", "")).lower() if isinstance(error, dict) else ""
        if isinstance(code, int) and code in RATE_LIMIT_CODES and not any(word in text for word in SIZE_WORDS):
            return EndpointRateLimitError(self._name, words)
        return EndpointRefusalError(self._name, words)


def _host_of(url: str) -> str:
    """Return host and port; of a URL without a scheme too, whose path may hold a key as well."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
    except ValueError:
        return "with a malformed URL"
    return parts.netloc.rpartition("@")[2] or "without a host"
