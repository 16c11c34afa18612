"""The peers' part of `assay node check`: each other member has a URL, and a node answers there."""

from __future__ import annotations

import asyncio

import httpx

from oracle.domain.committee import CommitteeConfig
from oracle.domain.units import NodeId
from oracle.errors import ConfigurationError
from oracle.node.findings import Finding, failed, good, warn
from oracle.node.settings import LocalSettings
from oracle.node.transport import MESSAGES_PATH
from oracle.node.wiring import make_peers

PEER_TIMEOUT_S = 3.0


async def check_peers(
    settings: LocalSettings, config: CommitteeConfig, node_id: NodeId, client: httpx.AsyncClient
) -> list[Finding]:
    """Return what is said of each other member; a silent one is a warning: whoever starts first finds nobody."""
    try:
        peers = make_peers(settings, config, node_id, client)
    except ConfigurationError as error:
        return [failed("peers", error)]
    urls = settings.peer_urls()
    return list(await asyncio.gather(*(_ask(client, node, urls[config.members[node]]) for node in peers)))


async def _ask(client: httpx.AsyncClient, node: NodeId, url: str) -> Finding:
    name = f"peer {node}"
    try:
        response = await client.get(url + MESSAGES_PATH, timeout=PEER_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return warn(name, f"{url} does not answer ({type(error).__name__}): is it running, and the URL its operator's?")
    # Messages come by POST only: a node says so, another server knows no such path.
    if response.status_code != httpx.codes.METHOD_NOT_ALLOWED:
        return warn(name, f"{url} answers {response.status_code}, which is not a node: check the URL in [peers]")
    return good(name, f"{url} answers")
