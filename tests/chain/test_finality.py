"""The cut: the last block at or before the boundary that has a finalised successor after it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.chain.checked import CheckedChain
from oracle.chain.finality import derive_cut
from oracle.domain.units import TimestampS
from tests.chain.fake_endpoint import CHAIN_ID, FakeChain, FakeEndpoint

pytestmark = pytest.mark.anyio


def make_source(chain: FakeChain) -> CheckedChain:
    return CheckedChain(CHAIN_ID, [FakeEndpoint("a", chain), FakeEndpoint("b", chain)])


def make_chain(times: list[int], *, unfinalised_blocks: int = 0) -> FakeChain:
    chain = FakeChain(first_time_s=times[0], unfinalised_blocks=unfinalised_blocks)
    for time_s in times[1:]:
        chain.mine(time_s)
    return chain


@pytest.mark.parametrize(
    ("boundary_s", "block"),
    [(99, None), (100, 0), (111, 0), (112, 1), (123, 1), (124, 2), (135, 2), (136, None), (999, None)],
)
async def test_derive_cut__boundary_against_four_blocks__is_last_before_it(boundary_s: int, block: int | None) -> None:
    chain = make_chain([100, 112, 124, 136])

    cut = await derive_cut(make_source(chain), CHAIN_ID, TimestampS(boundary_s))

    assert (None if cut is None else cut.block_number) == block
    if cut is not None:
        assert cut.block_hash == chain.blocks[cut.block_number].block_hash


async def test_derive_cut__successor_not_final_yet__there_is_none() -> None:
    times = [100, 112, 124, 136]

    assert await derive_cut(make_source(make_chain(times, unfinalised_blocks=1)), CHAIN_ID, TimestampS(124)) is None
    assert await derive_cut(make_source(make_chain(times)), CHAIN_ID, TimestampS(124)) is not None


@given(
    gaps=st.lists(st.integers(0, 5), min_size=1, max_size=120),
    boundary_s=st.integers(0, 700),
    unfinalised_blocks=st.integers(0, 5),
)
async def test_derive_cut__any_chain__satisfies_its_definition(
    gaps: list[int], boundary_s: int, unfinalised_blocks: int
) -> None:
    # Equal timestamps occur on rollups.
    times = [100]
    for gap in gaps:
        times.append(times[-1] + gap)
    chain = make_chain(times, unfinalised_blocks=unfinalised_blocks)

    cut = await derive_cut(make_source(chain), CHAIN_ID, TimestampS(boundary_s))

    final = times[: chain.finalised + 1]
    before = [number for number, time_s in enumerate(final) if time_s <= boundary_s]
    expected = before[-1] if before and final[-1] > boundary_s else None
    assert (None if cut is None else cut.block_number) == expected
