"""`assay node check` asks for code as far back as a cut may lie when it is scored."""

from __future__ import annotations

import pytest

from oracle.chain.checked import CheckedChain
from oracle.chain.reader import ChainReader
from oracle.chain.rows import MemoryRows
from oracle.node.check_chains import check_state
from oracle.node.findings import Level
from tests.chain.fake_endpoint import CHAIN_ID, FakeChain, FakeEndpoint, address_of, make_params

pytestmark = pytest.mark.anyio

LAG_BLOCKS, EPOCH_S = 500, 600


@pytest.mark.parametrize(
    ("kept_states", "level", "words"),
    [
        # Blocks of 2 s: 1,000 in all, final up to 500; 600 s before that is block 200, 800 states behind the head.
        (128, Level.BAD, "state of finalised block 500: no cut can be scored"),
        (500, Level.BAD, "state of finalised block 500: no cut can be scored"),
        (501, Level.WARN, "state of block 200, an epoch before the finalised head"),
        (800, Level.WARN, "state of block 200, an epoch before the finalised head"),
        (801, Level.OK, "hold the states of blocks 500, 200"),
    ],
)
async def test_check_state__endpoints_keep_so_many_states__says_whether_cuts_can_be_scored(
    kept_states: int, level: Level, words: str
) -> None:
    chain = FakeChain(unfinalised_blocks=LAG_BLOCKS)
    for number in range(1, 1_001):
        chain.mine(2 * number)
    endpoints = [FakeEndpoint(name, chain) for name in "ab"]
    for endpoint in endpoints:
        endpoint.kept_states = kept_states
    reader = ChainReader(make_params(), CheckedChain(CHAIN_ID, endpoints), MemoryRows())

    finding = await check_state(reader, address_of("oracle"), await reader.chain.fetch_finalised_head(), EPOCH_S)

    assert finding.level is level
    assert words in finding.detail
