"""One chain behind four calls, and the histories of two chains at a cut, over fake endpoints."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from oracle.chain.checked import CheckedChain
from oracle.chain.reader import ChainReader, fetch_histories
from oracle.chain.rows import MemoryRows, RowTuple
from oracle.domain.committee import CommitteeConfig, MarketParams, Params
from oracle.domain.ids import (
    ZERO_HASH,
    address_word,
    borrower_subject,
    contract_borrower_subject,
    parse_address,
    to_hex,
    uint_word,
)
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import DAY_S, BlockNumber, ChainId, Epoch, TimestampS
from oracle.errors import ForeignCutError
from tests.chain import venus_logs
from tests.chain.aave_logs import answer, market_opened, opened_loan
from tests.chain.fake_endpoint import USDC, WETH, FakeChain, FakeEndpoint, address_of, make_params

pytestmark = pytest.mark.anyio
LEFT, RIGHT = ChainId(31337), ChainId(31338)
EPOCH_S = 600
BOUNDARY_S = TimestampS(20_000 * DAY_S)
BORROWER, CONTRACT = address_of("borrower"), address_of("contract")


@dataclass(slots=True)
class Side:
    """One chain with its endpoints and reader."""

    chain: FakeChain
    endpoints: tuple[FakeEndpoint, FakeEndpoint]
    reader: ChainReader


def make_side(chain_id: ChainId) -> Side:
    chain = FakeChain(first_time_s=BOUNDARY_S - DAY_S)
    chain.mine(BOUNDARY_S - 7_200, market_opened())
    loans = [log for who in (BORROWER, CONTRACT) for log in opened_loan(who, collateral=10**18, debt=10**9)]
    chain.mine(BOUNDARY_S - 3_600, loans)
    chain.mine(BOUNDARY_S - 12)
    chain.mine(BOUNDARY_S + 1, opened_loan(address_of("latecomer"), collateral=10**18, debt=10**9))
    chain.contracts.add(CONTRACT)
    endpoints = (FakeEndpoint("a", chain), FakeEndpoint("b", chain))
    return Side(chain, endpoints, ChainReader(make_params(chain_id), CheckedChain(chain_id, endpoints), MemoryRows()))


def make_config() -> CommitteeConfig:
    params = Params(
        chains=(make_params(LEFT), make_params(RIGHT)),
        borrower_model_id=ZERO_HASH,
        collateral_model_id=ZERO_HASH,
        epoch_seconds=EPOCH_S,
        validity_seconds=3 * EPOCH_S,
    )
    members = tuple(address_of(f"member {i}") for i in range(4))
    return CommitteeConfig(prev_digest=ZERO_HASH, seq=0, members=members, f=1, q=3, params=params, from_epoch=Epoch(0))


async def make_cut(sides: dict[ChainId, Side]) -> Cut:
    cuts = [await side.reader.derive_cut(BOUNDARY_S) for side in sides.values()]
    return Cut(epoch=Epoch(BOUNDARY_S // EPOCH_S), chains=tuple(c for c in cuts if c is not None))


async def test_fetch_histories__two_chains__hold_what_was_known_at_the_cut() -> None:
    sides = {chain_id: make_side(chain_id) for chain_id in (LEFT, RIGHT)}
    cut = await make_cut(sides)

    histories = await fetch_histories(make_config(), {i: s.reader for i, s in sides.items()}, cut)

    assert [c.block_number for c in cut.chains] == [3, 3]
    assert {h.subject for h in histories.borrowers} == {
        borrower_subject(BORROWER),
        contract_borrower_subject(LEFT, CONTRACT),
        contract_borrower_subject(RIGHT, CONTRACT),
    }


async def test_fetch_histories__same_cut_later__needs_no_old_state() -> None:
    sides = {chain_id: make_side(chain_id) for chain_id in (LEFT, RIGHT)}
    readers = {i: s.reader for i, s in sides.items()}
    cut = await make_cut(sides)
    first = await fetch_histories(make_config(), readers, cut)

    # An endpoint that has forgotten old states would answer otherwise, or not at all.
    for side in sides.values():
        side.chain.contracts.clear()
    second = await fetch_histories(make_config(), readers, cut)

    assert second == first


async def test_project__block_of_another_chain__is_refused() -> None:
    side = make_side(LEFT)
    foreign = ChainCut(chain_id=LEFT, block_number=BlockNumber(3), block_hash=ZERO_HASH)

    with pytest.raises(ForeignCutError) as caught:
        await side.reader.project(foreign, BOUNDARY_S)

    assert (caught.value.block_number, caught.value.given) == (3, "00" * 32)


async def test_project__not_indexed_yet__syncs_by_itself() -> None:
    side = make_side(LEFT)
    cut = await side.reader.derive_cut(BOUNDARY_S)
    assert cut is not None

    ledger = await side.reader.project(cut, BOUNDARY_S)

    assert (ledger.block_number, ledger.block_time_s) == (3, BOUNDARY_S - 12)
    assert len(ledger.compute_states()) == 2


class SlowRows(MemoryRows):
    """Rows that take long to load, as millions of them do."""

    def load_rows(self, chain_id: ChainId, first_block: int, last_block: int) -> Iterable[RowTuple]:
        time.sleep(0.3)
        return super().load_rows(chain_id, first_block, last_block)


async def test_project__many_rows__leaves_the_loop_to_others() -> None:
    side = make_side(LEFT)
    reader = ChainReader(make_params(LEFT), CheckedChain(LEFT, side.endpoints), SlowRows())
    await reader.sync()
    cut = await reader.derive_cut(BOUNDARY_S)
    assert cut is not None
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    others = asyncio.create_task(count_turns())
    ledger = await reader.project(cut, BOUNDARY_S)
    others.cancel()

    assert turns >= 5
    assert len(ledger.compute_states()) == 2


class VenusEndpoint(FakeEndpoint):
    """An endpoint that names the vTokens listed so far, and what each is made of."""

    def _answer(self, method: str, params: Sequence[Any]) -> Any:
        if method != "eth_call":
            return super()._answer(method, params)
        tokens = {venus_logs.V_WETH: WETH, venus_logs.V_USDC: USDC}
        to = parse_address(params[0]["to"])
        if to in tokens:
            return to_hex(address_word(tokens[to]))
        emitted = [log for block in self.chain.blocks for log in block.logs]
        listed = [address_word(v) for v in tokens if venus_logs.listed(v) in emitted]
        return to_hex(uint_word(32) + uint_word(len(listed)) + b"".join(listed))


async def test_project__market_listed_after_the_first_look__is_followed_from_its_listing() -> None:
    chain = FakeChain(first_time_s=BOUNDARY_S - DAY_S)
    venus = MarketParams(protocol="venus", market=venus_logs.COMPTROLLER, start_block=BlockNumber(0))
    params = replace(make_params(LEFT), markets=(venus,))
    endpoints = (VenusEndpoint("a", chain), VenusEndpoint("b", chain))
    reader = ChainReader(params, CheckedChain(LEFT, endpoints), MemoryRows())
    await reader.sync()

    loan = venus_logs.opened_loan(BORROWER, debt=10**9)
    prices = [answer(WETH, 2_000 * 10**8), answer(USDC, 10**8)]
    chain.mine(BOUNDARY_S - 60, [*prices, *venus_logs.market_opened(), *loan])
    chain.mine(BOUNDARY_S + 1)
    cut = await reader.derive_cut(BOUNDARY_S)
    assert cut is not None
    ledger = await reader.project(cut, BOUNDARY_S)

    (state,) = ledger.compute_states()
    assert (state.position.account, state.position.collateral_usd_e8) == (BORROWER, 2_000 * 10**8)
    newcomer = ChainReader(params, CheckedChain(LEFT, endpoints), MemoryRows())
    assert (await newcomer.project(cut, BOUNDARY_S)).compute_states() == (state,)
