"""`assay node check` on a real world with one thing wrong at a time: one line that is bad, and says what to do."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from oracle.node import check as check_module
from oracle.node.check import check_node
from oracle.node.findings import Finding, Level
from oracle.node.provision import provision_sandbox
from oracle.node.settings import load_settings
from oracle.node.transport import bind_socket
from oracle.sandbox import faults
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig, find_sandbox_models
from oracle.sandbox.relay import Fault, Relay
from oracle.sandbox.world import World, start_world
from oracle.storage.engine import open_database

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


class Member(NamedTuple):
    """A member of a world's committee, who reads the first chain through two relays."""

    world: World
    config_path: Path
    relays: tuple[Relay, Relay]

    @property
    def database(self) -> Path:
        return self.config_path.parent / "node.db"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, tuple[Relay, Relay]]]:
    borrower_model, collateral_model = find_sandbox_models()
    config = SandboxConfig(
        history=TINY_HISTORY,
        borrower_model=borrower_model,
        collateral_model=collateral_model,
        block_interval_s=0,
        run_directory=tmp_path_factory.mktemp("world"),
    )
    async with await start_world(config) as world:
        relays = Relay(world.chain(world.chain_ids[0]).url), Relay(world.chain(world.chain_ids[0]).url)
        for relay in relays:
            await relay.start()
        yield world, relays
        for relay in relays:
            await relay.stop()


@pytest.fixture
def member(running: tuple[World, tuple[Relay, Relay]], tmp_path: Path) -> Member:
    world, relays = running
    path = provision_sandbox(world.manifest, tmp_path)[0].config_path
    text = path.read_text()
    for url, relay in zip(world.manifest.chains[0].rpc_urls, relays, strict=True):
        text = text.replace(f'"{url}"', f'"{relay.url}"')
        relay.fault = None
    path.write_text(text)
    open_database(path.parent / "node.db").close()
    return Member(world, path, relays)


async def find_bad(member: Member) -> list[Finding]:
    return [finding for finding in await check_node(member.config_path) if finding.level is Level.BAD]


async def test_check__all_well__only_the_peers_are_missing(member: Member) -> None:
    for relay in member.relays:
        relay.fault = faults.date_answers(time.time)

    findings = await check_node(member.config_path)

    assert [f for f in findings if f.level is Level.BAD] == []
    assert {f.name.split()[0] for f in findings if f.level is Level.WARN} == {"peer"}
    assert {"disk", "clock", "chain 31337 old logs", "chain 31337 gas cap"} <= {f.name for f in findings}


WRONG: dict[str, tuple[Callable[[], Fault], str, str]] = {
    "another chain": (lambda: faults.serve_chain(1), "chain 31337 endpoint", "serves chain 1, configured for 31337: cor"),
    "rate limit": (faults.limit_rate, "chain 31337 endpoint", "use a plan that allows more, or another provider"),
    "HTML": (faults.answer_html, "chain 31337 endpoint", "the answer is not JSON: is the URL right"),
    "down": (faults.hang_up, "chain 31337 endpoint", "RemoteProtocolError: is the URL right"),
    "hash": (faults.change_hash, "chain 31337", "endpoints disagree on block"),
    "cut off logs": (lambda: faults.truncate_logs(3), "chain 31337 old logs", "has 3): it prunes or cuts off"),
    "refused logs": (
        lambda: faults.refuse("eth_getLogs", -32_000, "history is pruned"),
        "chain 31337 old logs",
        "use one that keeps every log since the markets' first block",
    ),
    "no state": (faults.forget_states, "chain 31337 old states", "endpoints forgot the state of finalised block"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_check__endpoint_is_wrong__says_how_and_what_to_do(member: Member, name: str) -> None:
    make, finding_name, words = WRONG[name]
    member.relays[1].fault = make()

    found = await find_bad(member)

    assert any(finding.name == finding_name and words in finding.detail for finding in found), found
    assert all("chain 31338" not in finding.name for finding in found)


@pytest.mark.parametrize(("offset_s", "words"), [(3_600, "s behind what"), (-3_600, "s ahead of what")])
async def test_check__clock_an_hour_off__says_set_the_time(member: Member, offset_s: int, words: str) -> None:
    for relay in member.relays:
        relay.fault = faults.date_answers(lambda: time.time() + offset_s)

    (clock,) = [finding for finding in await find_bad(member) if finding.name == "clock"]

    assert words in clock.detail
    assert "set the time (NTP)" in clock.detail


async def test_check__another_program_writes__says_locked(member: Member) -> None:
    with closing(sqlite3.connect(member.database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        (database,) = [finding for finding in await find_bad(member) if finding.name == "database"]

    assert "is locked" in database.detail
    assert "Stop that, or whatever else writes to it" in database.detail


@pytest.mark.parametrize(
    ("version", "words"), [(99, "install the release that wrote it"), (0, "run `assay node migrate`")]
)
async def test_check__database_of_another_release__says_what_to_run(member: Member, version: int, words: str) -> None:
    with closing(sqlite3.connect(member.database)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")

    (database,) = [finding for finding in await find_bad(member) if finding.name == "database"]

    assert words in database.detail


async def test_check__little_disk_left__says_how_much(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "LEAST_FREE_BYTES", 1 << 60)

    (disk,) = [finding for finding in await find_bad(member) if finding.name == "disk"]

    assert "MiB are left beside the database: free some space" in disk.detail


@pytest.mark.parametrize(
    ("cap_wei", "level", "words"),
    [
        (1, Level.BAD, "less than one report may cost"),
        (5 * 10**15, Level.WARN, "reports of a day at today's fees; raise [delivery] daily_cap_wei to"),
    ],
)
async def test_check__cap_too_small_for_the_schedule__says_which_would_do(
    member: Member, monkeypatch: pytest.MonkeyPatch, cap_wei: int, level: Level, words: str
) -> None:
    monkeypatch.setenv("ASSAY_DELIVERY__DAILY_CAP_WEI", str(cap_wei))

    findings = await check_node(member.config_path)
    (cap,) = [finding for finding in findings if finding.name == "chain 31337 gas cap"]

    assert cap.level is level
    assert words in cap.detail


async def test_check__endpoint_lags__says_by_how_much(member: Member) -> None:
    member.relays[1].fault = faults.Lag()
    await find_bad(member)
    chain = member.world.chain(31_337)
    _, head_s = await chain.fetch_head()
    for step in range(1, 5):
        await chain.mine(head_s + 600 * step)

    found = await find_bad(member)

    (lag,) = [finding for finding in found if finding.name == "endpoint lag"]
    assert "4 blocks (" in lag.detail
    assert "wait until it has caught up, or replace it" in lag.detail


async def test_check__node_runs__is_no_trouble(member: Member) -> None:
    settings = load_settings(member.config_path)
    held, bound = open_database(member.database), bind_socket(settings.listen_host, settings.listen_port)
    try:
        held.hold()
        findings = await check_node(member.config_path)
    finally:
        held.close()
        bound.close()

    assert not [f for f in findings if f.name in ("database", "port")]
    (node,) = [f for f in findings if f.name == "node"]
    assert node.level is Level.OK
    assert "runs already" in node.detail


async def test_check__port_of_a_stranger__is_bad(member: Member) -> None:
    settings = load_settings(member.config_path)
    bound = bind_socket(settings.listen_host, settings.listen_port)
    try:
        (port,) = [finding for finding in await find_bad(member) if finding.name == "port"]
    finally:
        bound.close()

    assert "is in use" in port.detail
