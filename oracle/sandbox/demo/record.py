"""What the demo found, as one JSON document: `build/demo.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from oracle.domain.ids import keccak256
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.demo.committee import Committee
from oracle.sandbox.manifest import WorldManifest

REPORT_PUBLISHED = "ReportPublished(uint64,bytes32,bytes32,bytes32,uint32,uint32,uint32,uint32,uint32)"


def describe_chains(manifest: WorldManifest) -> list[dict[str, Any]]:
    """Return id, URLs and contracts of each chain."""
    found = []
    for chain in manifest.chains:
        activity = next(report for report in manifest.activity if report.chain_id == chain.chain_id)
        found.append(
            {
                "chain_id": chain.chain_id,
                "rpc_urls": list(chain.rpc_urls),
                "aave_pool": chain.aave.pool,
                "risk_oracle": chain.assay.risk_oracle if chain.assay else None,
                "markets": [market.model_dump() for market in chain.assay.markets] if chain.assay else [],
                "history": activity.model_dump(),
            }
        )
    return found


def describe_nodes(committee: Committee, manifest: WorldManifest) -> list[dict[str, Any]]:
    """Return address and URL of each member."""
    members = manifest.committee.members if manifest.committee else ()
    return [{"node": node, "address": address, "url": committee.url(node)} for node, address in enumerate(members)]


async def fetch_published(chain: AnvilChain, risk_oracle: str, start_block: int) -> dict[int, str]:
    """Return the scores root of every epoch that landed on a chain, read from its own logs."""
    topic = "0x" + keccak256(REPORT_PUBLISHED.encode()).hex()
    query = {"address": risk_oracle, "topics": [topic], "fromBlock": hex(start_block), "toBlock": "latest"}
    logs = await chain.rpc("eth_getLogs", query)
    return {int(log["topics"][1], 16): log["data"][:66] for log in logs}


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write the document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")
