"""The API of a running node: four processes on a sandbox, one lying, asked over HTTP as a developer would."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from oracle.domain.ids import parse_hash
from oracle.domain.merkle import verify_proof
from oracle.sandbox.config import TINY_HISTORY, CommitteeSpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.world import World, start_world
from tests.integration.committee_processes import Committee

pytestmark = [pytest.mark.enable_socket, pytest.mark.slow]

LIAR, ASKED = 3, 0
EPOCH_S = 14


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Committee]]:
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
        nodes = Committee(world.manifest, tmp_path_factory.mktemp("committee"))
        try:
            for node in range(4):
                nodes.start(node, *(("--fault", "lie-score") if node == LIAR else ()))
            nodes.wait_for("two landed epochs", lambda: len(nodes.landed_epochs(ASKED)) >= 2 or None)
            nodes.wait_for("a blame", lambda: nodes.blames(ASKED) or None)
            yield world, nodes
        finally:
            nodes.stop()
            runner.run(world.stop())


def test_api__of_a_running_node__answers_every_user(running: tuple[World, Committee]) -> None:
    world, nodes = running
    borrower = next(b.address for b in world.manifest.borrowers if not b.has_code)
    chain = world.manifest.chain(31_337)
    assert chain.assay is not None
    market = next(m for m in chain.assay.markets if m.terms == "scored")

    with httpx.Client(base_url=nodes.members[ASKED].url, timeout=20) as client:

        def get(path: str, **parameters: Any) -> Any:
            answer = client.get(path, params=parameters)
            assert answer.status_code == 200, answer.text
            return answer.json()

        assert get("/healthz") == {"status": "alive"}
        latest = get("/v1/reports/latest")
        score = get(f"/v1/borrowers/{borrower}/score")
        proof = get(f"/v1/borrowers/{borrower}/proof", epoch=score["report"]["epoch"])
        collaterals = get("/v1/collaterals")["collaterals"]
        quote = get("/v1/quote", borrower=borrower, market=market.address, chain_id=31_337, amount=10**9)
        nodes_view = get("/v1/nodes")
        vector = get(f"/v1/features/{score['score']['leaf']}")

    root = parse_hash(proof["report"]["scores_root"])
    assert verify_proof(root, parse_hash(proof["leaf"]), [parse_hash(n) for n in proof["proof"]["proof"]])
    assert len(latest["report"]["cut"]) == 2
    assert len(latest["attestations"]) >= 3
    assert "WETH/USD" in [item["pair"]["name"] for item in collaterals]
    assert quote["quote"]["refusal"] == "no_collateral"
    assert quote["proof_epoch"] is not None
    assert {blame["node"] for blame in nodes_view["blames"]} == {LIAR}
    assert nodes_view["members"][ASKED]["is_this_node"] is True
    assert vector["features_hash"] == score["score"]["features_hash"]


def test_metrics_and_messages__beside_the_api__keep_their_paths(running: tuple[World, Committee]) -> None:
    _, nodes = running

    with httpx.Client(base_url=nodes.members[ASKED].url, timeout=20) as client:
        metrics = client.get("/metrics")
        message = client.post("/p2p/v1/messages", content=b"no message")

    assert metrics.status_code == 200
    assert "application/problem+json" not in metrics.headers["content-type"]
    assert message.status_code == 400
