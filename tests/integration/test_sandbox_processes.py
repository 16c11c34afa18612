"""Processes of a world: named faults, and nothing left running however the caller ends."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from oracle.errors import ChainPortInUseError
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.world import start_world

pytestmark = pytest.mark.anyio


async def ended_within(pid: int, *, seconds: int) -> bool:
    for _ in range(seconds * 10):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_start_world__port_in_use__is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ChainPortInUseError, match=f"port {port} is in use"):
            await start_world(SandboxConfig(history=TINY_HISTORY, ports=(0, port)))


async def test_sandbox_up__other_chain_of_same_id_on_port__fails_and_leaves_it_alone(tmp_path: Path) -> None:
    other = await AnvilChain.start(TINY_HISTORY.chain_ids[0], directory=tmp_path, genesis_s=1)
    try:
        up = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "oracle.sandbox", "up", "--tiny", "--once", "--ports", str(other.port), "0",
            stdout=subprocess.PIPE,
        )  # fmt: skip
        output, _ = await up.communicate()

        assert (up.returncode, f"port {other.port} is in use" in output.decode()) == (1, True)
        assert await other.fetch_head() == (0, 1)
    finally:
        await other.stop()


async def test_relay_process__standard_input_ends__process_ends() -> None:
    relay = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oracle.sandbox.relay", "--route", "0=http://127.0.0.1:1",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert relay.stdout is not None
    assert relay.stdin is not None
    port = int(await relay.stdout.readline())

    relay.stdin.close()

    assert await asyncio.wait_for(relay.wait(), 10) == 0
    assert port > 0


async def test_anvil_chain__caller_dies_without_stopping__guard_ends_it(tmp_path: Path) -> None:
    dying = (
        "import asyncio, os, pathlib, sys\n"
        "from oracle.sandbox.chains import AnvilChain\n"
        "async def main():\n"
        "    chain = await AnvilChain.start(1, directory=pathlib.Path(sys.argv[1]), genesis_s=1)\n"
        "    print(chain.pid, flush=True)\n"
        "    os._exit(9)\n"
        "asyncio.run(main())\n"
    )
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", dying, str(tmp_path), stdout=subprocess.PIPE)
    output, _ = await caller.communicate()

    assert await ended_within(int(output), seconds=10)
