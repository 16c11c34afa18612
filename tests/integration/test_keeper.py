"""A node keeps a gate in step: when the pair's posted score falls and nobody borrows, the node's own transaction sends the threshold on its way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from oracle.delivery.keeping import LEVELS_MOVED_TOPIC
from oracle.domain.ids import USD, collateral_subject, parse_address, to_hex
from oracle.domain.score import Binding, CollateralScore, Score
from oracle.domain.units import Bps, ChainId, Ppm
from oracle.sandbox.jsonrpc import encode_call
from tests.integration.dispute_world import EPOCH_S, PASSWORD, DisputeWorld, dispute_world, observe, running_node

pytestmark = [pytest.mark.anyio, pytest.mark.enable_socket, pytest.mark.slow]
THRESHOLD_BPS, FALLEN_BPS = 8_000, 7_500


@pytest.fixture
async def court(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DisputeWorld]:
    monkeypatch.setenv("ASSAY_KEYSTORE_PASSWORD", PASSWORD)
    async with dispute_world(tmp_path) as made:
        yield made


async def find_gate(court: DisputeWorld) -> str:
    """The gate of the first scored market, whose collateral is WETH."""
    assay = court.world.manifest.chains[0].assay
    assert assay is not None
    (gate,) = await court.chain.read(assay.markets[0].address, "gate()", returns=("address",))
    return str(gate)


async def headings_bps(court: DisputeWorld, gate: str) -> list[int]:
    """Where each event of the gate sent its threshold."""
    query = {"fromBlock": "0x0", "toBlock": "latest", "address": gate, "topics": [to_hex(LEVELS_MOVED_TOPIC)]}
    return [int(log["data"][2:66], 16) // 10_000 for log in await court.chain.rpc("eth_getLogs", query)]


async def post_threshold(court: DisputeWorld, threshold_bps: int) -> None:
    """Let the committee post a WETH/USD score with this threshold at the next boundary."""
    observed = await observe(court)
    home = court.world.manifest.chains[0]
    subject = collateral_subject(ChainId(home.chain_id), parse_address(home.token("WETH").address.lower()), USD)
    true = next(score for score in observed.scores if score.subject == subject)
    assert isinstance(true, CollateralScore)
    said = replace(
        true,
        liquidation_threshold_bps=Bps(threshold_bps),
        ltv_ceiling_bps=Bps(threshold_bps - 500),
        ltv_floor_bps=Bps(threshold_bps - 1_000),
        volatility_ppm=Ppm(600_000),
        binding=Binding.DRAWDOWN,
    )
    scores: tuple[Score, ...] = tuple(said if score is true else score for score in observed.scores)
    await court.publish(court.report_of(observed, scores), scores, [said])


async def test_node__score_of_a_pair_fell__refreshes_its_gate_once(court: DisputeWorld) -> None:
    gate = await find_gate(court)
    await post_threshold(court, THRESHOLD_BPS)
    await court.send(gate, encode_call("refresh()"))
    before = await headings_bps(court, gate)
    await post_threshold(court, FALLEN_BPS)
    path = court.member.config_path
    keeper = f'[[chains.keeper]]\nkind = "gate"\naddress = "{gate}"\n\n'
    first, second = path.read_text().rsplit("[[chains]]", 1)
    path.write_text(first + keeper + "[[chains]]" + second)
    await court.world.mine(2, timestamp_s=court.deployer.clock_s + EPOCH_S // 2)  # every member's turn has come

    async with running_node(court) as node:

        async def look() -> list[int] | None:
            found = await headings_bps(court, gate)
            return found if len(found) > len(before) else None

        after = await node.wait_for(look)

    member = parse_address(court.member.address)
    assert before[-1] == THRESHOLD_BPS
    assert after == [*before, FALLEN_BPS]
    assert int(await court.chain.rpc("eth_getTransactionCount", to_hex(member), "latest"), 16) == 1
