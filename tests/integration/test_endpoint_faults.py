"""Providers that lie or fail, in front of a real chain: the node goes on with what is proven, or abstains loudly and recovers by itself.

Each test compares with what a node behind honest endpoints finds: the same cut and the same scores, or none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from oracle.domain.units import TimestampS
from oracle.errors import StateForgottenError
from oracle.node.observe import Observed, Scorers
from oracle.sandbox import faults
from oracle.sandbox.config import TINY_HISTORY, SandboxConfig
from oracle.sandbox.relay import Fault, Reply
from oracle.sandbox.world import World, start_world
from tests.integration.chain_world import mine_past_boundary
from tests.integration.watching_node import TIMEOUT_S, load_sandbox_scorers, watching

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


class Stage(NamedTuple):
    """A world past a boundary, and what an honest node finds there."""

    world: World
    boundary_s: TimestampS
    honest: Observed
    scorers: Scorers

    @property
    def cut_block(self) -> int:
        return self.honest.cut.chains[0].block_number


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    scorers = load_sandbox_scorers()
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as world:
        boundary_s = await mine_past_boundary(world)
        async with watching(world, tmp_path_factory.mktemp("honest"), scorers) as node:
            honest = await node.observe(boundary_s)
        assert honest.scores
        yield Stage(world, boundary_s, honest, scorers)


def hang(stage: Stage) -> Fault:
    return faults.stay_silent(4 * TIMEOUT_S)


ABSTAINS: dict[str, tuple[Callable[[Stage], Fault], str, str]] = {
    "another hash for every block": (lambda _: faults.change_hash(), "endpoints_disagree", "disagree on block"),
    "another hash for the cut": (lambda s: faults.change_hash(s.cut_block), "endpoints_disagree", "disagree on block"),
    "logs doubled": (lambda _: faults.double_logs(), "chain_unreadable", "doubled or out of order"),
    "logs reordered": (lambda _: faults.reorder_logs(), "chain_unreadable", "doubled or out of order"),
    "time out": (hang, "chain_unreadable", "timed out"),
    "429": (lambda _: faults.limit_rate(), "chain_unreadable", "limits the rate of requests"),
    "429 with Retry-After": (lambda _: faults.limit_rate(1), "chain_unreadable", "limits the rate of requests"),
    "-32005": (lambda _: faults.limit_rate_in_json(), "chain_unreadable", "limits the rate of requests"),
    "a page of HTML": (lambda _: faults.answer_html(), "chain_unreadable", "not JSON"),
    "closed mid-body": (lambda _: faults.close_midway(), "chain_unreadable", "failed: RemoteProtocolError"),
    "closed without an answer": (lambda _: faults.hang_up(), "chain_unreadable", "failed: RemoteProtocolError"),
    "another chain": (lambda _: faults.serve_chain(1), "chain_unreadable", "serves chain 1, configured for 31337"),
}


def answer_strange_error(_method: str, _params: Sequence[Any], answer: Any) -> Any:
    return {"id": answer["id"], "error": {"code": [], "message": "none"}}


WIDE = "0x" + "f" * 5_000
ABSTAINS |= {
    "a block number of 20,000 bits": (
        lambda _: faults.overwrite("eth_getBlockByNumber", "number", WIDE),
        "chain_unreadable",
        "a block of the wrong shape",
    ),
    "a time of 20,000 bits": (
        lambda _: faults.overwrite("eth_getBlockByNumber", "timestamp", WIDE),
        "chain_unreadable",
        "a block of the wrong shape",
    ),
    "a time of 1,200 bits": (
        lambda _: faults.overwrite("eth_getBlockByNumber", "timestamp", WIDE[:300]),
        "chain_unreadable",
        "a block of the wrong shape",
    ),
    "a log of a block of 20,000 bits": (
        lambda _: faults.overwrite("eth_getLogs", "blockNumber", WIDE),
        "chain_unreadable",
        "a log of the wrong shape",
    ),
    "an error without a code": (lambda _: faults.rewrite(answer_strange_error), "chain_unreadable", "none"),
    "a Retry-After of another age": (
        lambda _: (
            lambda *_: Reply(
                status="429 Too Many Requests",
                headers=(("Retry-After", "Mon, 01 Jan 99999999999999 00:00:00 GMT"),),
                body=b"",
            )
        ),
        "chain_unreadable",
        "limits the rate of requests",
    ),
}
"""Answers made to break what reads them."""


@pytest.mark.parametrize("name", ABSTAINS)
async def test_cut__one_of_two_endpoints_is_faulty__abstains_loudly_and_recovers(
    stage: Stage, tmp_path: Path, name: str
) -> None:
    make, code, words = ABSTAINS[name]
    async with watching(stage.world, tmp_path, stage.scorers) as node:
        node.relays[1].fault = make(stage)
        looking = node.begin(stage.boundary_s)

        await node.wait_for_trouble(code, words)
        during = list(node.events)
        node.relays[1].fault = None
        await asyncio.wait_for(looking, 30)
        observed = await node.observer.observe(node.events[0].cut)  # type: ignore[union-attr]

        assert during == []
        assert (observed.cut, observed.scores) == (stage.honest.cut, stage.honest.scores)
        assert node.health.troubles() == ()


@pytest.mark.parametrize("name", ABSTAINS)
async def test_cut__one_of_three_endpoints_is_faulty__two_suffice(stage: Stage, tmp_path: Path, name: str) -> None:
    make, _, _ = ABSTAINS[name]
    async with watching(stage.world, tmp_path, stage.scorers, endpoints=3) as node:
        node.relays[0].fault = make(stage)

        observed = await node.observe(stage.boundary_s)

        blamed = node.chain.disagreements.get(node.endpoints[0].name, 0)
        failing = node.chain.last_failures.get(node.endpoints[0].name, "")
        assert (observed.cut, observed.scores) == (stage.honest.cut, stage.honest.scores)
        assert node.health.troubles() == ()
        assert blamed or failing
        assert set(node.chain.disagreements) | set(node.chain.last_failures) == {node.endpoints[0].name}


LIES_ABOUT_LOGS: dict[str, Callable[[Stage], Fault]] = {
    "truncated": lambda _: faults.truncate_logs(7),
    "none at all": lambda _: faults.truncate_logs(0),
    "one block hidden": lambda s: faults.drop_logs_of(int(s.cut_block)),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if "none" in name else ()) for name in LIES_ABOUT_LOGS]
)
async def test_cut__right_hashes_and_wrong_logs_at_one_of_two__receipts_decide(
    stage: Stage, tmp_path: Path, name: str
) -> None:
    """CH-07 on real blocks: more than 128 of them are proven by their receipts where nothing at all is answered."""
    async with watching(stage.world, tmp_path, stage.scorers) as node:
        node.relays[1].fault = LIES_ABOUT_LOGS[name](stage)

        observed = await node.observe(stage.boundary_s)

        assert (observed.cut, observed.scores) == (stage.honest.cut, stage.honest.scores)
        assert set(node.chain.disagreements) <= {node.endpoints[1].name}
        assert node.health.troubles() == ()


async def test_cut__both_endpoints_are_down__abstains_and_recovers(stage: Stage, tmp_path: Path) -> None:
    async with watching(stage.world, tmp_path, stage.scorers) as node:
        for relay in node.relays:
            relay.fault = faults.hang_up()
        looking = node.begin(stage.boundary_s)

        await node.wait_for_trouble("chain_unreadable", "fewer than two endpoints answered")
        for relay in node.relays:
            relay.fault = None
        await asyncio.wait_for(looking, 30)

        assert node.health.troubles() == ()


async def test_cut__rate_limited_with_a_time__is_not_asked_before(stage: Stage, tmp_path: Path) -> None:
    asked_s: list[float] = []

    def limit(request: bytes, answer: bytes) -> object:
        asked_s.append(time.monotonic())
        return faults.limit_rate(2)(request, answer)

    async with watching(stage.world, tmp_path, stage.scorers) as node:
        node.relays[1].fault = limit  # type: ignore[assignment]
        looking = node.begin(stage.boundary_s)
        await asyncio.sleep(3.5)
        node.relays[1].fault = None
        await asyncio.wait_for(looking, 30)

    assert len(asked_s) >= 2
    assert all(later - earlier >= 1.9 for earlier, later in pairwise(asked_s))


async def test_cut__endpoint_forgets_the_state_of_the_cut__abstains_and_says_what_to_do(
    stage: Stage, tmp_path: Path
) -> None:
    async with watching(stage.world, tmp_path, stage.scorers) as node:
        cut = await node.derive(stage.boundary_s)
        node.relays[1].fault = faults.forget_states()

        with pytest.raises(StateForgottenError, match="abstaining from this cut") as caught:
            await node.observer.observe(cut)
        node.relays[1].fault = None
        observed = await node.observer.observe(cut)

    assert caught.value.retryable
    assert observed.scores == stage.honest.scores


async def test_clock__answers_dated_an_hour_away__health_says_set_the_time(stage: Stage, tmp_path: Path) -> None:
    async with watching(stage.world, tmp_path, stage.scorers) as node:
        for relay in node.relays:
            relay.fault = faults.date_answers(lambda: time.time() + 3_600)
        await node.derive(stage.boundary_s)

        detail = await node.wait_for_trouble("clock_off", "set the time")

    assert "behind what the endpoints' answers are dated" in detail
