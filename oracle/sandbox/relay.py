"""A pass-through in front of a chain that stands in for a second RPC provider.

It forwards each JSON-RPC body and returns the answer unchanged, unless a fault is set: a function of (request, answer) that returns what
the client gets, None for no answer at all. `faults` has those that providers show. Run as a process it ends when its standard input ends, that is with the process that
started it.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from oracle.errors import SandboxRpcError
from oracle.sandbox.http_connection import HttpConnection

type Fault = Callable[[bytes, bytes], bytes | Reply | None]
HEADER_LIMIT = 2**16
UPSTREAM_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole HTTP answer, for faults below JSON-RPC; `sent_bytes` of the body are sent before the connection closes."""

    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    sent_bytes: int | None = None
    delay_s: float = 0.0


class Relay:
    """Forwards HTTP POST bodies from a local port to `target`."""

    def __init__(self, target: str, *, fault: Fault | None = None) -> None:
        parts = urlsplit(target)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self.fault = fault
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on `port`, 0 for a free one. Raises: OSError if it is in use."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=HEADER_LIMIT)
        self.port = int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Where clients reach the relay."""
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._clients):
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        upstream = HttpConnection(self._host, self._port, timeout_s=UPSTREAM_TIMEOUT_S)
        try:
            while (body := await _read_body(reader)) is not None:
                reply = await self._forward(upstream, body)
                if reply is None:
                    break
                await asyncio.sleep(reply.delay_s)
                writer.write(_head(reply) + reply.body[: reply.sent_bytes])
                await writer.drain()
                if reply.sent_bytes is not None:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client left or does not speak HTTP: nobody is there to be told
        finally:
            await upstream.close()
            writer.close()
            self._clients.discard(writer)

    async def _forward(self, upstream: HttpConnection, body: bytes) -> Reply | None:
        try:
            answer = await upstream.post(body)
        except (OSError, SandboxRpcError):
            return Reply(
                status="502 Bad Gateway",
                body=b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"upstream is down"}}',
            )
        given = answer if self.fault is None else self.fault(body, answer)
        return Reply(body=given) if isinstance(given, bytes) else given


def _head(reply: Reply) -> bytes:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **dict(reply.headers)}
    lines = [f"HTTP/1.1 {reply.status}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def _read_body(reader: asyncio.StreamReader) -> bytes | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    return await reader.readexactly(int(headers.get(b"content-length", b"0")))


async def run_relays(routes: Sequence[tuple[int, str]]) -> None:
    """Serve `routes` (port, target) until standard input ends; print the ports in one line when ready."""
    relays = [Relay(target) for _, target in routes]
    for relay, (port, _) in zip(relays, routes, strict=True):
        await relay.start(port)
    sys.stdout.write(" ".join(str(relay.port) for relay in relays) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)
    for relay in relays:
        await relay.stop()


def main() -> None:
    """Run relays as a process: `python -m oracle.sandbox.relay --route PORT=URL ...`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--route", action="append", required=True, help="PORT=URL, port 0 for a free one")
    options = parser.parse_args()
    routes = [(int(port), target) for port, target in (route.split("=", 1) for route in options.route)]
    # Ctrl-C reaches the whole group; the world decides the order, by closing our standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(run_relays(routes))


if __name__ == "__main__":
    main()
