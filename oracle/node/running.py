"""Runs a wired node until it is told to stop: server, peers, protocol; then everything is closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable

from oracle.domain.ids import to_hex
from oracle.errors import PortInUseError
from oracle.node.build import Node
from oracle.node.logs import get_log
from oracle.node.transport import bind_socket, make_server


async def run_node(node: Node) -> None:
    """Serve and take part until SIGINT or SIGTERM.

    Raises:
        PortInUseError: before anything has started.
        StorageError: if a vote could not be written.
    """
    base = node.foundation
    log = get_log(node=base.node_id)
    try:
        bound = bind_socket(base.settings.listen_host, base.settings.listen_port)
    except PortInUseError:
        await close_node(node)
        raise
    url = show_url(base.settings.listen_host, bound.getsockname()[1])
    log.info(
        "node starts",
        member=to_hex(base.signer.address),
        config_digest=to_hex(base.config.digest),
        listen=url,
        members=base.config.n,
    )
    if node.server.mounted is not None:
        log.info("API serves", api=f"{url}/v1", docs=f"{url}/docs")
    try:
        await _run(node, bound)
    finally:
        await close_node(node)
        log.info("node stopped")


def show_url(host: str, port: int) -> str:
    """Return where a node listens, to be opened by a reader."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _run(node: Node, bound: socket.socket) -> None:
    server = make_server(node.server)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    protocol = asyncio.create_task(node.runtime.run())
    beside = [asyncio.create_task(peer.run()) for peer in node.peers.values()]
    beside.append(asyncio.create_task(node.endpoints.run()))
    done, _ = await asyncio.wait({serving, protocol}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for task in (protocol, *beside):
        task.cancel()
    await asyncio.gather(serving, protocol, *beside, return_exceptions=True)
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def close_node(node: Node) -> None:
    """Close connections and the database; what is queued for the disk is written first."""
    base = node.foundation
    closing: list[Awaitable[None]] = [node.peer_client.aclose(), *(e.close() for e in base.access.all_endpoints)]
    with contextlib.suppress(RuntimeError):
        await asyncio.gather(*closing)
    await asyncio.to_thread(base.bookkeeper.close)
    base.stores.database.close()
