"""What surrounds every request: an id, and a token bucket per client, announced in headers.

Headers as in draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "default";q=120;w=60` and `RateLimit: "default";r=<left>;t=<seconds until full>`.
The client is the peer's address; a proxy in front has to limit by itself, because forwarded headers can be forged. Health checks are not limited.
"""

from __future__ import annotations

import re
import uuid
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oracle.api.deps import RateLimit
from oracle.api.errors import RATE_LIMITED, problem_response
from oracle.errors import RateLimitError

MAX_CLIENTS = 10_000
UNLIMITED_PATHS = frozenset({"/healthz", "/readyz"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class TokenBuckets:
    """Buckets by client, in milli-tokens so that they refill in integers; the longest unused are forgotten."""

    def __init__(self, limit: RateLimit, now_ms: Callable[[], int]) -> None:
        self.limit = limit
        self._now_ms = now_ms
        self._buckets: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._full = limit.burst_count * 1_000

    def take(self, client: str) -> tuple[bool, int, int]:
        """Take one token; return (whether there was one, whole tokens left, seconds until the bucket is full, or has one)."""
        now = self._now_ms()
        tokens, since = self._buckets.pop(client, (self._full, now))
        elapsed_ms = max(0, now - since)
        tokens = min(self._full, tokens + elapsed_ms * self.limit.burst_count // self.limit.window_s)
        is_granted = tokens >= 1_000
        if is_granted:
            tokens -= 1_000
        self._buckets[client] = (tokens, now)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        missing = self._full - tokens if is_granted else 1_000 - tokens
        wait_s = -(-missing * self.limit.window_s // (self.limit.burst_count * 1_000))
        return is_granted, tokens // 1_000, max(1, wait_s)


class RequestFrame:
    """ASGI middleware: request id in and out, rate limit, and headers that every answer carries."""

    def __init__(self, app: ASGIApp, buckets: Callable[[], TokenBuckets | None]) -> None:
        self._app = app
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["request_id"] = request_id
        extra = {"X-Request-ID": request_id, "X-Content-Type-Options": "nosniff"}
        buckets = self._buckets()
        is_granted, wait_s = True, 0
        if buckets is not None and scope["path"] not in UNLIMITED_PATHS:
            client = scope.get("client")
            is_granted, left_count, wait_s = buckets.take(client[0] if client else "local")
            limit = buckets.limit
            extra["RateLimit-Policy"] = f'"default";q={limit.burst_count};w={limit.window_s}'
            extra["RateLimit"] = f'"default";r={left_count};t={wait_s}'

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in extra.items():
                    headers.setdefault(name, value)
            await send(message)

        if is_granted:
            await self._app(scope, receive, send_with_headers)
            return
        detail = str(RateLimitError(wait_s))
        response = problem_response(Request(scope), RATE_LIMITED, detail, retry_after_s=wait_s)
        await response(scope, receive, send_with_headers)


def _request_id(scope: Scope) -> str:
    """Return the client's id if it is a plain word, so that it can be logged, or a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
