"""A Morpho Blue adapter fed with hand-made logs, and what it answers."""

from __future__ import annotations

from dataclasses import replace

from oracle.chain.adapter import PositionState
from oracle.chain.protocols.morpho_blue.adapter import MorphoBlueAdapter
from oracle.domain.committee import MarketParams
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import BlockNumber, TimestampS, UsdE8
from tests.chain import morpho_logs as logs
from tests.chain.aave_logs import to_rows
from tests.chain.fake_endpoint import USDC, WBTC, WETH, FakeLog, make_params
from tests.chain.morpho_logs import MORPHO

PRICES = {WETH: UsdE8(2_000 * 10**8), USDC: UsdE8(10**8), WBTC: UsdE8(60_000 * 10**8)}


def make_market(*emitted: FakeLog, time_s: int = 0) -> MorphoBlueAdapter:
    """Return a singleton with two markets after `emitted`, all in one block at `time_s`."""
    params = replace(
        make_params(), markets=(MarketParams(protocol="morpho_blue", market=MORPHO, start_block=BlockNumber(0)),)
    )
    adapter = MorphoBlueAdapter(params, params.markets[0], ())
    apply(adapter, *logs.singleton_opened(), *emitted, time_s=time_s)
    return adapter


def apply(adapter: MorphoBlueAdapter, *emitted: FakeLog, time_s: int = 0) -> list[LendingEvent]:
    found = [adapter.apply(row, PRICES) for row in to_rows(list(emitted), time_s=time_s)]
    return [event for event in found if event is not None]


def states_of(adapter: MorphoBlueAdapter, account: Address, time_s: int = 0) -> list[PositionState]:
    return [s for s in adapter.compute_states(PRICES, TimestampS(time_s)) if s.position.account == account]


def debt_of(adapter: MorphoBlueAdapter, account: Address, time_s: int = 0) -> int:
    (state,) = states_of(adapter, account, time_s)
    return state.position.debts[0].amount
