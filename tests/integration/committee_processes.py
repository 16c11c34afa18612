"""A committee of real node processes on a tiny sandbox world, for tests that watch it from outside: databases, HTTP, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from oracle.domain.units import Epoch
from oracle.node.provision import MemberFiles, provision_sandbox
from oracle.node.stores import Stores
from oracle.sandbox.manifest import WorldManifest
from oracle.storage.records import Blame
from oracle.storage.reports import Landing

ROOT = Path(__file__).resolve().parent.parent.parent
CHAINS = (31_337, 31_338)
PATIENCE_S = 240.0


class Committee:
    """Starts, kills and watches the nodes of one world; every process is ended by its id."""

    def __init__(self, manifest: WorldManifest, directory: Path) -> None:
        self.directory = directory
        self.members: tuple[MemberFiles, ...] = provision_sandbox(manifest, directory, log_format="json")
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, node: int, *arguments: str) -> None:
        """Start a node; `arguments` are added to `assay node run`."""
        config = self.members[node].config_path
        command = [sys.executable, "-m", "oracle.cli", "node", "run", "--config", str(config), *arguments]
        with (config.parent / "log.jsonl").open("ab") as log:
            self._processes[node] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=_cached_bytecode())

    def kill(self, node: int) -> None:
        """End a node without any chance to tidy up."""
        process = self._processes.pop(node)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End every node politely."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            process.wait(timeout=30)
        self._processes.clear()

    def is_running(self, node: int) -> bool:
        """Return whether a node's process is alive."""
        return self._processes[node].poll() is None

    def wait_for[T](self, what: str, look: Callable[[], T | None]) -> T:
        """Return what `look` finds as soon as it finds something; fails with the nodes' last words."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = look()
            if found is not None:
                return found
            ended = [node for node, process in self._processes.items() if process.poll() is not None]
            assert not ended, f"nodes {ended} ended\n{self.last_words()}"
            time.sleep(0.5)
        raise AssertionError(f"no {what} within {PATIENCE_S} s\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of every log."""
        logs = sorted(self.directory.glob("node-*/log.jsonl"))
        return "\n".join(f"{log.parent.name}: {log.read_text()[-1_500:]}" for log in logs)

    def landed_epochs(self, node: int, *, after: int = 0) -> list[Epoch]:
        """Return the epochs above `after` that a node saw on both chains, with one root everywhere, ascending."""
        return [
            report.epoch
            for report in reversed(self.read(node, lambda s: s.reports.latest(50)))
            if report.epoch > after and self.has_landed(node, report.epoch, report.scores_root)
        ]

    def has_landed(self, node: int, epoch: Epoch, root: bytes) -> bool:
        """Return whether both chains hold `root` for the epoch."""
        landings: tuple[Landing, ...] = self.read(node, lambda s: s.reports.landings(epoch))
        assert all(landing.scores_root == root for landing in landings)
        return tuple(landing.chain_id for landing in landings) == CHAINS

    def blames(self, node: int) -> tuple[Blame, ...]:
        """Return whom a node caught."""
        return self.read(node, lambda s: s.records.blames())

    def read[T](self, node: int, look: Callable[[Stores], T]) -> T:
        """Return what `look` finds in a node's database."""
        path = self.members[node].config_path.parent / "node.db"
        stores = Stores.open(path, hold=False)
        try:
            return look(stores)
        finally:
            stores.database.close()

    def run_assay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return run_assay(arguments)


def run_assay(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `assay` with arguments and return what it said."""
    command = [sys.executable, "-m", "oracle.cli", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, env=_cached_bytecode(), check=False
    )


def _cached_bytecode() -> dict[str, str]:
    """Return an environment in which the second process starts faster than the first."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
