"""Messages over HTTP: a raw ASGI application for what peers send, and one sender per peer for what this node says.

`POST /p2p/v1/messages` carries abi(bytes[]). A body is refused by its stated length before it is read, and cut off while it is read. Whatever else
is asked for goes to the application mounted behind (the API), if there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import httpx
import uvicorn

from oracle.consensus.messages import encode_batch
from oracle.domain.units import NodeId
from oracle.errors import PortInUseError
from oracle.node.logs import get_log

MESSAGES_PATH = "/p2p/v1/messages"
METRICS_PATH = "/metrics"
METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
MAX_WAITING_MESSAGES = 2_000
SEND_TIMEOUT_S = 5.0
RETRY_PAUSE_S = 0.5

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class BodyTooLargeError(Exception):
    """A request is larger than what is accepted; answered with 413, never raised to the node."""


class MessageServer:
    """The node's ASGI application. `on_batch` gets the content of a request and returns whether a member could have sent it."""

    def __init__(
        self,
        on_batch: Callable[[bytes], bool],
        on_too_large: Callable[[], None],
        *,
        max_body_bytes: int,
        mounted: AsgiApp | None = None,
        metrics: Callable[[], bytes] | None = None,
    ) -> None:
        self._on_batch = on_batch
        self._on_too_large = on_too_large
        self._max_body_bytes = max_body_bytes
        self.mounted = mounted
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != MESSAGES_PATH:
            await self._serve_other(scope, receive, send)
            return
        if scope["method"] != "POST":
            await _answer(send, 405)
            return
        try:
            content = await self._read(scope, receive)
        except BodyTooLargeError:
            self._on_too_large()
            await _answer(send, 413)
            return
        if content is None:
            return
        await _answer(send, 204 if self._on_batch(content) else 400)

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == METRICS_PATH and self.metrics is not None:
            await _answer(send, 200, self.metrics(), METRICS_TYPE)
        elif self.mounted is not None:
            await self.mounted(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(send, 404)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if not stated.isdigit() or int(stated) > self._max_body_bytes:
            raise BodyTooLargeError
        chunks: list[bytes] = []
        size = 0
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return None
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > self._max_body_bytes:
                raise BodyTooLargeError
            chunks.append(chunk)
            if not event.get("more_body", False):
                return b"".join(chunks)


async def _answer(send: Send, status: int, body: bytes = b"", content_type: bytes = b"") -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    if content_type:
        headers.append((b"content-type", content_type))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def bind_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket, so that a port in use is found before anything starts.

    Raises:
        PortInUseError: if something else listens there, or the address is not ours.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except OSError:
        bound.close()
        raise PortInUseError(host, port) from None
    bound.setblocking(False)
    return bound


class PlainServer(uvicorn.Server):
    """A server that leaves signals to the node, which has more to close than sockets."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def make_server(app: AsgiApp) -> uvicorn.Server:
    """Return a server for `app`; `serve(sockets=[...])` runs it until `should_exit` is set."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=2,
        ws="none",
    )
    return PlainServer(config)


class PeerSender:
    """Sends to one peer: what waits goes out as one request, one request at a time. Losing messages is allowed."""

    def __init__(self, node: NodeId, url: str, client: httpx.AsyncClient, *, max_body_bytes: int) -> None:
        self.node = node
        self.failures = 0
        self.sent = 0
        self.is_reachable: bool | None = None
        self._url = url + MESSAGES_PATH
        self._client = client
        self._max_body_bytes = max_body_bytes
        self._waiting: list[bytes] = []
        self._wake = asyncio.Event()
        self._log = get_log(peer=node)

    def put(self, wire: bytes) -> None:
        """Queue a message; the oldest goes first, and is the first to be dropped when too many wait."""
        self._waiting.append(wire)
        if len(self._waiting) > MAX_WAITING_MESSAGES:
            del self._waiting[0]
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            batch = self._take()
            if not batch:
                self._wake.clear()
                continue
            await self._post(batch)

    def _take(self) -> list[bytes]:
        """Return as many waiting messages as one request may hold."""
        size, count = 0, 0
        for wire in self._waiting:
            size += len(wire) + 128
            if count and size > self._max_body_bytes:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _post(self, batch: list[bytes]) -> None:
        try:
            response = await self._client.post(self._url, content=encode_batch(batch), timeout=SEND_TIMEOUT_S)
        except httpx.HTTPError as error:
            self._failed(type(error).__name__, len(batch))
            await asyncio.sleep(RETRY_PAUSE_S)
            return
        if self.is_reachable is not True:
            self._log.info("peer reachable")
        self.is_reachable = True
        if response.status_code == httpx.codes.NO_CONTENT:
            self.sent += len(batch)
        else:
            self.failures += 1
            self._log.warning("peer refused", status=response.status_code, lost_messages=len(batch))

    def _failed(self, why: str, count: int) -> None:
        self.failures += 1
        if self.is_reachable is not False:
            self._log.warning("peer unreachable", why=why, lost_messages=count)
        self.is_reachable = False
