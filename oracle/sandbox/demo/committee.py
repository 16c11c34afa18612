"""The four node processes of the demo, run and asked as an operator and a developer would: `assay node ...` and HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from oracle.errors import DemoFailedError
from oracle.sandbox.artifacts import REPOSITORY

STOP_TIMEOUT_S = 10.0
POLL_S = 0.4
ASSAY = (sys.executable, "-m", "oracle.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What an `assay` command said."""

    exit_code: int
    output: str
    seconds: float


async def run_assay(*arguments: str) -> CommandResult:
    """Run an `assay` command to its end."""
    started_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *ASSAY, *arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return CommandResult(
        exit_code=process.returncode or 0,
        output=output.decode(errors="replace"),
        seconds=round(time.monotonic() - started_s, 2),
    )


class Committee:
    """Starts, asks and ends the members; each has its own folder, keystore, database and port."""

    def __init__(self, directory: Path, size: int) -> None:
        self.directory = directory
        self.size = size
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._client = httpx.AsyncClient(timeout=20.0)

    @classmethod
    async def provision(cls, manifest_path: Path, directory: Path, size: int) -> Committee:
        """Make every member's files for a world. Raises: DemoFailedError."""
        result = await run_assay("node", "init", "--world", str(manifest_path), "--directory", str(directory))
        if result.exit_code != 0:
            raise DemoFailedError(f"`assay node init` failed: {result.output.strip()}")
        return cls(directory, size)

    def config_path(self, node: int) -> Path:
        """Return a member's config file."""
        return self.directory / f"node-{node}" / "node.toml"

    def log_path(self, node: int) -> Path:
        """Return a member's log file."""
        return self.directory / f"node-{node}" / "node.log"

    def url(self, node: int) -> str:
        """Return a member's base URL."""
        settings = tomllib.loads(self.config_path(node).read_text(encoding="utf-8"))
        return f"http://{settings['listen_host']}:{settings['listen_port']}"

    def pid(self, node: int) -> int:
        """Return the process id of a running member."""
        return self._processes[node].pid

    def start(self, node: int, *, fault: str | None = None) -> None:
        """Start a member, honest unless `fault` is given; it ends with the demo."""
        command = [*ASSAY, "node", "run", "--config", str(self.config_path(node))]
        if fault is not None:
            command += ["--fault", fault]
        with self.log_path(node).open("ab") as log:
            self._processes[node] = subprocess.Popen(
                command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def kill(self, node: int) -> None:
        """End a member without warning, as a power cut would."""
        process = self._processes.pop(node)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    async def stop(self, node: int) -> None:
        """End a member politely."""
        process = self._processes.pop(node)
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    async def stop_all(self) -> None:
        """End every member."""
        await asyncio.gather(*(self.stop(node) for node in list(self._processes)))
        await self._client.aclose()

    async def get(self, node: int, path: str, **query: str | int) -> Any:
        """Return the JSON answer of a member's API. Raises: DemoFailedError with the problem document."""
        response = await self._client.get(self.url(node) + path, params=query)
        if response.status_code != httpx.codes.OK:
            raise DemoFailedError(f"node {node} answered {response.status_code} to {path}: {response.text[:300]}")
        return orjson.loads(response.content)

    async def wait_for_landing(self, node: int, *, after_epoch: int, chains: int, timeout_s: float) -> dict[str, Any]:
        """Return the first report newer than `after_epoch` that a member has seen land on all chains.

        Raises: DemoFailedError if a process ended or the time is up.
        """
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            self.require_alive()
            report = await self._try_latest(node)
            if report is not None and report["report"]["epoch"] > after_epoch and len(report["landings"]) >= chains:
                return report
            await asyncio.sleep(POLL_S)
        raise DemoFailedError(
            f"no report after epoch {after_epoch} landed on {chains} chains within {timeout_s:.0f} s: "
            f"see {self.log_path(node)}"
        )

    def require_alive(self) -> None:
        """Raises: DemoFailedError with the log's end if a member that should run has ended."""
        for node, process in self._processes.items():
            if process.poll() is not None:
                words = self.log_path(node).read_text(errors="replace").strip()[-600:]
                raise DemoFailedError(f"node {node} ended with code {process.returncode}: {words}")

    async def _try_latest(self, node: int) -> dict[str, Any] | None:
        try:
            response = await self._client.get(self.url(node) + "/v1/reports/latest")
        except httpx.HTTPError:
            return None
        if response.status_code != httpx.codes.OK:
            return None
        report: dict[str, Any] = orjson.loads(response.content)
        return report
