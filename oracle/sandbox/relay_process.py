"""The relays of a world as one process of their own, so that a busy caller does not slow them down."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import Mapping
from pathlib import Path

from oracle.errors import ChainProcessError
from oracle.sandbox.artifacts import REPOSITORY
from oracle.sandbox.chains import AnvilChain

READY_S = 20.0


class RelayProcess:
    """A running relay process; `urls` by chain id. It ends with its standard input, so also if we die."""

    def __init__(self, process: Process, urls: Mapping[int, str]) -> None:
        self._process = process
        self.urls = dict(urls)

    @classmethod
    async def start(cls, chains: Mapping[int, AnvilChain], ports: tuple[int, ...], log_path: Path) -> RelayProcess:
        """Start one relay per chain. Raises: ChainProcessError if one does not listen."""
        command = [sys.executable, "-m", "oracle.sandbox.relay"]
        for chain, port in zip(chains.values(), ports, strict=True):
            command += ["--route", f"{port}={chain.url}"]
        with log_path.open("wb") as log:
            process = await create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=log, cwd=REPOSITORY)
        relay = cls(process, {})
        answered = await relay._read_ports()
        if len(answered) != len(chains):
            await relay.stop()
            words = log_path.read_text(errors="replace").strip()[-300:]
            raise ChainProcessError(next(iter(chains)), f"the relay did not start: {words}")
        relay.urls = {chain_id: f"http://127.0.0.1:{port}" for chain_id, port in zip(chains, answered, strict=True)}
        return relay

    async def stop(self) -> None:
        """Close its standard input and wait for the end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()

    async def _read_ports(self) -> list[str]:
        if self._process.stdout is None:
            return []
        line = await asyncio.wait_for(self._process.stdout.readline(), READY_S)
        return line.decode().split()
