"""A Morpho Blue adapter fed with hand-made logs, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from oracle.chain.abi import morpho_events as events
from oracle.chain.adapter import PositionState
from oracle.chain.protocols.morpho_blue.adapter import MorphoBlueAdapter
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import TimestampS, UsdE8
from tests.chain import morpho_logs as logs
from tests.chain.aave_logs import to_rows
from tests.chain.fake_endpoint import USDC, WBTC, WETH, FakeLog, make_params
from tests.chain.morpho_logs import MORPHO

PRICES = {WETH: UsdE8(2_000 * 10**8), USDC: UsdE8(10**8), WBTC: UsdE8(60_000 * 10**8)}


def make_market(*emitted: FakeLog, time_s: int = 0, listed: Iterable[bytes] | None = None) -> MorphoBlueAdapter:
    """Return a singleton with two markets after `emitted`, all in one block at `time_s`; every market counts that is created, or what is `listed`."""
    opened = [*logs.singleton_opened(), *emitted]
    created = [one.topics[32:64] for one in opened if one.topics[:32] == events.CREATE_MARKET]
    params = replace(make_params(), markets=logs.params_listing(created if listed is None else listed))
    (singleton,) = [m for m in params.markets if m.market == MORPHO]
    adapter = MorphoBlueAdapter(params, singleton, ())
    apply(adapter, *opened, time_s=time_s)
    return adapter


def apply(adapter: MorphoBlueAdapter, *emitted: FakeLog, time_s: int = 0) -> list[LendingEvent]:
    found = [adapter.apply(row, PRICES) for row in to_rows(list(emitted), time_s=time_s)]
    return [event for event in found if event is not None]


def states_of(adapter: MorphoBlueAdapter, account: Address, time_s: int = 0) -> list[PositionState]:
    return [s for s in adapter.compute_states(PRICES, TimestampS(time_s)) if s.position.account == account]


def debt_of(adapter: MorphoBlueAdapter, account: Address, time_s: int = 0) -> int:
    (state,) = states_of(adapter, account, time_s)
    return state.position.debts[0].amount
