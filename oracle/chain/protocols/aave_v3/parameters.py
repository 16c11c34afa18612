"""The rules of an Aave v3 market over time, from the logs of its configurator.

Thresholds and bonuses are in bps as Aave has them (a bonus of 5 % is 10,500). An e-mode category's rules are named with its number.
Source: Aave v3 core 1.19, `IPoolConfigurator`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from oracle.chain.abi import events
from oracle.chain.abi.words import data_uint, topic_address, topic_uint
from oracle.chain.rows import LogRow
from oracle.domain.ids import Address, Hash32

type NamedRule = tuple[Address | None, Address, str, int]
"""(None: the pool; token, or zero for the whole pool; name; value)."""

WHOLE_MARKET = Address(bytes(20))
RULES = ("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps")


def read_collateral(row: LogRow) -> Iterator[NamedRule]:
    """Yield LTV, threshold and bonus of a token."""
    for index, name in enumerate(RULES):
        yield None, topic_address(row, 1), name, data_uint(row, index)


def read_emode_category(row: LogRow) -> Iterator[NamedRule]:
    """Yield LTV, threshold and bonus of an e-mode category."""
    for index, name in enumerate(RULES):
        yield None, WHOLE_MARKET, f"emode_{topic_uint(row, 1)}_{name}", data_uint(row, index)


def read_emode_asset(row: LogRow) -> Iterator[NamedRule]:
    """Yield the e-mode category of a token."""
    yield None, topic_address(row, 1), "emode_category", data_uint(row, 1)


def read_supply_cap(row: LogRow) -> Iterator[NamedRule]:
    """Yield how much of a token may be supplied, in whole tokens; 0 is no cap."""
    yield None, topic_address(row, 1), "supply_cap_tokens", data_uint(row, 1)


def read_borrow_cap(row: LogRow) -> Iterator[NamedRule]:
    """Yield how much of a token may be borrowed, in whole tokens; 0 is no cap."""
    yield None, topic_address(row, 1), "borrow_cap_tokens", data_uint(row, 1)


PARAMETER_READERS: dict[Hash32, Callable[[LogRow], Iterator[NamedRule]]] = {
    events.COLLATERAL_CONFIGURATION_CHANGED: read_collateral,
    events.EMODE_CATEGORY_ADDED: read_emode_category,
    events.EMODE_ASSET_CATEGORY_CHANGED: read_emode_asset,
    events.SUPPLY_CAP_CHANGED: read_supply_cap,
    events.BORROW_CAP_CHANGED: read_borrow_cap,
}
