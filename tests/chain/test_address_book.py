"""The address book: a log counts from the row on that makes its address known, whatever ranges it was read in."""

from __future__ import annotations

import pytest

from oracle.chain.checked import CheckedChain
from oracle.chain.indexer import Indexer
from oracle.chain.logs import RangeSize
from oracle.chain.rows import MemoryRows
from tests.chain.fake_endpoint import CHAIN_ID, FakeEndpoint
from tests.chain.morpho_logs import make_chain_with_early_logs, make_params_of_morpho

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("range_blocks", [1, 7, 19, 40])
async def test_sync__address_logs_before_it_is_known__rows_do_not_depend_on_how_ranges_fell(range_blocks: int) -> None:
    """Enabled in block 20, where it also logs before and after that; block 19 shares a range with 20, or not."""
    chain, rows = make_chain_with_early_logs(), MemoryRows()
    endpoints = [FakeEndpoint(name, chain) for name in "ab"]
    size = RangeSize(range_blocks, range_blocks)

    await Indexer(make_params_of_morpho(), CheckedChain(CHAIN_ID, endpoints), rows, range_size=size).sync()

    assert [(row[0], row[3]) for row in rows.load_rows(CHAIN_ID, 0, 99)] == [(20, 1), (20, 2), (31, 0)]
