"""HTTP between members: what is answered, what is never read, and what a sender does with a peer that is away (N-05)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from oracle.consensus.messages import decode_batch
from oracle.domain.units import NodeId
from oracle.errors import PortInUseError
from oracle.node import transport
from oracle.node.transport import MESSAGES_PATH, MessageServer, PeerSender, bind_socket

pytestmark = pytest.mark.anyio
LIMIT_BYTES = 1_000


class Exchange:
    """One request to an ASGI application, chunk by chunk."""

    def __init__(self, chunks: list[bytes], *, length: int | None = None, path: str = MESSAGES_PATH) -> None:
        self.chunks = chunks
        self.read_count = 0
        self.sent: list[MutableMapping[str, Any]] = []
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope = {"type": "http", "path": path, "method": "POST", "headers": headers}

    async def receive(self) -> MutableMapping[str, Any]:
        chunk = self.chunks[self.read_count]
        self.read_count += 1
        return {"type": "http.request", "body": chunk, "more_body": self.read_count < len(self.chunks)}

    async def send(self, event: MutableMapping[str, Any]) -> None:
        self.sent.append(event)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


class Taker:
    def __init__(self, *, accepts: bool = True) -> None:
        self.accepts = accepts
        self.batches: list[bytes] = []
        self.too_large_count = 0

    def on_batch(self, content: bytes) -> bool:
        self.batches.append(content)
        return self.accepts

    def on_too_large(self) -> None:
        self.too_large_count += 1

    def server(self, **options: Any) -> MessageServer:
        return MessageServer(self.on_batch, self.on_too_large, max_body_bytes=LIMIT_BYTES, **options)


async def test_server__batch_in_two_chunks__is_handed_over_whole() -> None:
    taker, exchange = Taker(), Exchange([b"ab", b"cd"])

    await taker.server()(exchange.scope, exchange.receive, exchange.send)

    assert taker.batches == [b"abcd"]
    assert exchange.status == 204


async def test_server__refused_batch__is_a_bad_request() -> None:
    taker, exchange = Taker(accepts=False), Exchange([b"junk"])

    await taker.server()(exchange.scope, exchange.receive, exchange.send)

    assert exchange.status == 400


@pytest.mark.parametrize("length", [LIMIT_BYTES + 1, 1 << 60])
async def test_server__stated_length_too_large__is_refused_unread(length: int) -> None:
    taker, exchange = Taker(), Exchange([b"never read"], length=length)

    await taker.server()(exchange.scope, exchange.receive, exchange.send)

    assert (exchange.status, exchange.read_count, taker.too_large_count) == (413, 0, 1)
    assert taker.batches == []


async def test_server__endless_body_without_length__is_cut_off_at_the_limit() -> None:
    taker, exchange = Taker(), Exchange([b"x" * 400] * 1_000)

    await taker.server()(exchange.scope, exchange.receive, exchange.send)

    assert (exchange.status, exchange.read_count) == (413, 3)


async def test_server__sender_gone__takes_nothing() -> None:
    taker, exchange = Taker(), Exchange([])

    async def gone() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    await taker.server()(exchange.scope, gone, exchange.send)

    assert (taker.batches, exchange.sent) == ([], [])


async def test_server__other_paths__go_to_metrics_the_mounted_one_or_nowhere() -> None:
    seen: list[str] = []

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])

    bare, metrics, other = (Exchange([b""], path=p) for p in ("/v1/nodes", "/metrics", "/v1/nodes"))
    await Taker().server()(bare.scope, bare.receive, bare.send)
    await Taker().server(metrics=lambda: b"assay_epoch 1")(metrics.scope, metrics.receive, metrics.send)
    await Taker().server(mounted=mounted)(other.scope, other.receive, other.send)

    assert bare.status == 404
    assert metrics.sent[1]["body"] == b"assay_epoch 1"
    assert seen == ["/v1/nodes"]


def test_bind_socket__port_in_use__says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class TakenSocket:
        def __init__(self, *_: object) -> None: ...

        def setsockopt(self, *_: object) -> None: ...

        def bind(self, _: object) -> None:
            raise OSError(98, "Address already in use")

        def close(self) -> None: ...

    monkeypatch.setattr(socket, "socket", TakenSocket)

    with pytest.raises(PortInUseError, match=r"127\.0\.0\.1:7101 is in use"):
        bind_socket("127.0.0.1", 7101)


class Peer:
    """A peer behind a mock transport."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, ...]] = []
        self.failures = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.failures:
            self.failures -= 1
            raise httpx.ConnectError("refused")
        self.requests.append(decode_batch(request.content))
        return httpx.Response(204)


async def run_sender(peer: Peer, wires: list[bytes], *, limit_bytes: int = 10_000, until: int = 1) -> PeerSender:
    async with httpx.AsyncClient(transport=httpx.MockTransport(peer)) as client:
        sender = PeerSender(NodeId(1), "http://peer", client, max_body_bytes=limit_bytes)
        for wire in wires:
            sender.put(wire)
        task = asyncio.create_task(sender.run())
        async with asyncio.timeout(10):
            while len(peer.requests) < until:  # noqa: ASYNC110 - the peer is a plain function
                await asyncio.sleep(0.01)
        task.cancel()
        return sender


async def test_sender__messages_that_wait__go_out_as_one_request() -> None:
    peer = Peer()

    sender = await run_sender(peer, [b"one", b"two", b"three"])

    assert peer.requests == [(b"one", b"two", b"three")]
    assert sender.is_reachable is True


async def test_sender__more_than_a_body_holds__is_split_in_order() -> None:
    peer = Peer()

    await run_sender(peer, [b"a" * 500, b"b" * 500, b"c" * 500], limit_bytes=1_400, until=2)

    assert peer.requests == [(b"a" * 500, b"b" * 500), (b"c" * 500,)]


async def test_sender__peer_away__loses_the_batch_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "RETRY_PAUSE_S", 0.0)
    peer = Peer()
    peer.failures = 1

    sender = await run_sender(peer, [b"a" * 900, b"b" * 900], limit_bytes=1_100)

    assert peer.requests == [(b"b" * 900,)]
    assert (sender.failures, sender.sent) == (1, 1)


async def test_sender__too_many_waiting__drops_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_WAITING_MESSAGES", 2)
    peer = Peer()

    await run_sender(peer, [b"1", b"2", b"3"])

    assert peer.requests == [(b"2", b"3")]
