"""The peers' part of a check: a URL for each other member, and a node behind it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from oracle.domain.ids import to_hex
from oracle.domain.units import NodeId
from oracle.errors import ConfigurationError
from oracle.node.check_peers import check_peers
from oracle.node.findings import Finding, Level, failed
from oracle.node.settings import load_settings
from tests.node.committee import quick_config
from tests.node.test_settings import config_text, write

CONFIG = quick_config()
MEMBERS = [to_hex(member) for member in CONFIG.members]


def peer(request: httpx.Request) -> httpx.Response:
    """Answer as a node (1), as another server (2), or not at all."""
    match request.url.host:
        case "node-1":
            return httpx.Response(405)
        case "node-2":
            return httpx.Response(404)
        case _:
            raise httpx.ConnectError("refused")


async def found(folder: Path, peers: dict[str, str]) -> list[Finding]:
    settings = load_settings(write(folder, config_text(peers=peers).render()))
    async with httpx.AsyncClient(transport=httpx.MockTransport(peer)) as client:
        return await check_peers(settings, CONFIG, NodeId(0), client)


@pytest.mark.anyio
async def test_check_peers__node_other_server_and_nobody__only_the_node_is_ok(tmp_path: Path) -> None:
    findings = await found(tmp_path, {member: f"http://node-{i}" for i, member in enumerate(MEMBERS) if i})

    assert [f.level for f in findings][:3] == [Level.OK, Level.WARN, Level.WARN]
    assert "not a node" in findings[1].detail
    assert "http://node-3 does not answer" in findings[2].detail


@pytest.mark.anyio
async def test_check_peers__member_without_url__is_bad_and_named(tmp_path: Path) -> None:
    (finding,) = await found(tmp_path, dict.fromkeys(MEMBERS[2:], "http://node-1"))

    assert finding.level is Level.BAD
    assert MEMBERS[1] in finding.detail


def test_failed__error_that_begins_with_the_name__says_it_once() -> None:
    assert failed("chain 31337", ConfigurationError("chain 31337: gone")).detail == "gone"
