"""Four node processes while a provider of one of them lies and while a chain stands still: the others report, it comes back, nothing wrong is signed."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from oracle.domain.report import Report
from oracle.domain.units import Epoch
from oracle.sandbox import faults
from oracle.sandbox.config import TINY_HISTORY, CommitteeSpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.jsonrpc import JsonRpc
from oracle.sandbox.relay import Relay
from oracle.sandbox.world import World, start_world
from tests.integration.committee_processes import CHAINS, Committee

MISLED, WITNESS = 0, 1
EPOCH_S = 30
STALL_MS = 8_000
pytestmark = [pytest.mark.enable_socket, pytest.mark.slow]


class RelayThread:
    """A relay on a loop of its own: the test waits for processes, and the relay has to answer meanwhile."""

    def __init__(self, target: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.relay = Relay(target)
        asyncio.run_coroutine_threadsafe(self.relay.start(), self._loop).result(30)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.relay.stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()


class Hostile:
    """A committee, and what can be done to the world around it."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.committee = Committee(world.manifest, directory)
        url = world.manifest.chains[0].rpc_urls[1]
        self._thread = RelayThread(url)
        self.relay = self._thread.relay
        for node, member in enumerate(self.committee.members):
            text = member.config_path.read_text().replace("[timing]", f"[timing]\nstall_ms = {STALL_MS}")
            if node == MISLED:
                text = text.replace(f'"{url}"', f'"{self.relay.url}"')
            member.config_path.write_text(text)
            self.committee.start(node)

    def stop(self) -> None:
        self.committee.stop()
        self._thread.stop()

    def troubles(self, node: int) -> set[str]:
        """Return the codes that a node's metrics show."""
        text = httpx.get(f"{self.committee.members[node].url}/metrics", timeout=30).text
        return set(re.findall(r'assay_trouble\{code="(\w+)"\} [1-9]', text))

    def newest(self) -> Epoch:
        """Return the newest epoch that the witness agreed on."""
        reports = self.committee.read(WITNESS, lambda s: s.reports.latest(1))
        return reports[0].epoch if reports else Epoch(0)

    def reports_after(self, epoch: Epoch) -> list[Report]:
        """Return the witness's later reports, oldest first."""
        found = self.committee.read(WITNESS, lambda s: s.reports.latest(20))
        return [report for report in reversed(found) if report.epoch > epoch]

    def set_interval(self, chain_id: int, interval_s: int) -> None:
        """Let a chain mine by itself, or stand still."""

        async def send() -> None:
            client = JsonRpc(self.world.chain(chain_id).url)
            await client.call("evm_setIntervalMining", interval_s)
            await client.close()

        asyncio.run(send())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    borrower_model, collateral_model = find_sandbox_models()
    config = SandboxConfig(
        history=TINY_HISTORY,
        committee=CommitteeSpec(epoch_seconds=EPOCH_S, validity_seconds=600),
        borrower_model=borrower_model,
        collateral_model=collateral_model,
        run_directory=tmp_path_factory.mktemp("world"),
    )
    with asyncio.Runner() as runner:
        world = runner.run(start_world(config))
        running = None
        try:
            running = Hostile(world, tmp_path_factory.mktemp("committee"))
            yield running
        finally:
            if running is not None:
                running.stop()
            runner.run(world.stop())


def test_committee__provider_of_one_node_lies__it_abstains_loudly_the_others_report_it_comes_back(
    hostile: Hostile,
) -> None:
    committee = hostile.committee
    committee.wait_for(
        "a report of all four", lambda: any(r.observers == 0b1111 for r in hostile.reports_after(Epoch(0))) or None
    )

    hostile.relay.fault = faults.change_hash()
    committee.wait_for("red health", lambda: "endpoints_disagree" in hostile.troubles(MISLED) or None)
    begun = Epoch(hostile.newest() + 1)
    without = committee.wait_for(
        "a landed report without the misled node",
        lambda: (
            [
                r
                for r in hostile.reports_after(begun)
                if not r.observers >> MISLED & 1 and committee.has_landed(WITNESS, r.epoch, r.scores_root)
            ]
            or None
        ),
    )
    during = hostile.troubles(WITNESS)

    hostile.relay.fault = None
    healed = hostile.newest()
    committee.wait_for(
        "a report with the misled node again",
        lambda: any(r.observers >> MISLED & 1 for r in hostile.reports_after(healed)) or None,
    )
    committee.wait_for("green health", lambda: "endpoints_disagree" not in hostile.troubles(MISLED) or None)

    log = (committee.members[MISLED].config_path.parent / "log.jsonl").read_text()
    assert without
    assert "endpoints_disagree" not in during
    assert "endpoints disagree on block" in log
    assert [committee.blames(node) for node in range(4)] == [(), (), (), ()]


def test_committee__a_chain_stands_still__report_says_so_in_its_bitmap_and_it_comes_back(hostile: Hostile) -> None:
    """C-15 through real processes: bit 1 is chain 1 of the configuration."""
    committee = hostile.committee
    committee.wait_for("a report", lambda: hostile.newest() or None)

    hostile.set_interval(CHAINS[1], 0)
    stalled = committee.wait_for(
        "a report without the stalled chain",
        lambda: next((r for r in hostile.reports_after(Epoch(0)) if r.stalled_chains), None),
    )
    landed = committee.wait_for(
        "its landing on the chain that goes on",
        lambda: committee.read(WITNESS, lambda s: s.reports.landings(stalled.epoch)) or None,
    )
    hostile.set_interval(CHAINS[1], 1)
    whole = committee.wait_for(
        "a whole report, landed on both chains",
        lambda: next(
            (
                r
                for r in hostile.reports_after(stalled.epoch)
                if not r.stalled_chains and committee.has_landed(WITNESS, r.epoch, r.scores_root)
            ),
            None,
        ),
    )

    assert stalled.stalled_chains == 0b10
    assert [landing.chain_id for landing in landed] == [CHAINS[0]]
    assert stalled.collaterals < whole.collaterals
    assert [committee.blames(node) for node in range(4)] == [(), (), (), ()]
