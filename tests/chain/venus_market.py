"""A Venus market in memory, opened by the logs of `venus_logs`, and what it says of an account."""

from __future__ import annotations

from oracle.chain.adapter import PositionState
from oracle.chain.protocols.venus.adapter import VenusAdapter
from oracle.domain.committee import MarketParams
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address
from oracle.domain.units import BlockNumber, TimestampS, UsdE8
from tests.chain import venus_logs as logs
from tests.chain.aave_logs import to_rows
from tests.chain.fake_endpoint import USDC, WETH, FakeLog, address_of, make_params
from tests.chain.venus_logs import ANCHORS, COMPTROLLER, LENDER, V_USDC, V_WETH

BORROWER = address_of("borrower")
OTHER = address_of("other")
LIQUIDATOR = address_of("liquidator")
PRICES = {WETH: UsdE8(2_000 * 10**8), USDC: UsdE8(10**8)}


def make_market(*emitted: FakeLog) -> VenusAdapter:
    """Return an open market after `emitted`, all in block 1."""
    market = MarketParams(protocol="venus", market=COMPTROLLER, start_block=BlockNumber(0))
    adapter = VenusAdapter(make_params(), market, ANCHORS)
    apply(adapter, *logs.market_opened(), *emitted)
    return adapter


def apply(adapter: VenusAdapter, *emitted: FakeLog, block_number: int = 1) -> list[LendingEvent]:
    found = [adapter.apply(row, PRICES) for row in to_rows(list(emitted), block_number=block_number)]
    return [event for event in found if event is not None]


def state_of(adapter: VenusAdapter, account: Address) -> PositionState | None:
    return {s.position.account: s for s in adapter.compute_states(PRICES, TimestampS(0))}.get(account)


def supplied_usdc(adapter: VenusAdapter) -> int:
    """Return what the lender's 500,000 shares are worth, with a cent of WETH debt so that it is a position."""
    apply(adapter, logs.entered(V_USDC, LENDER), logs.borrowed(V_WETH, LENDER, 10**16, owed=10**16, borrows=10**16))
    state = state_of(adapter, LENDER)
    assert state is not None
    (collateral,) = state.position.collaterals
    return collateral.amount
