"""The Aave v3 adapter: rows of one pool, its configurator and its tokens become a market's state and canonical events.

Scaled balances follow from `Mint`, `Burn` and `BalanceTransfer` alone: the amount a mint or burn was called with is its value corrected by the
interest that the log adds to it, and the contract scales that amount by the index in the same log, half up.
Source: Aave v3 core 1.19, `ScaledBalanceTokenBase`, `AToken`, `ReserveLogic`. Before core 1.17 `BalanceTransfer` held unscaled amounts, and
after Aave 3.4 rounding changed: such markets need an adapter of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from oracle.chain.abi import events
from oracle.chain.abi.words import data_address, data_uint, topic_address, topic_uint
from oracle.chain.adapter import PositionState, Prices, ViewCall
from oracle.chain.protocols.aave_v3.actions import ActionDecoder
from oracle.chain.protocols.aave_v3.rays import ray_div
from oracle.chain.protocols.aave_v3.state import (
    Account,
    Reserve,
    compute_account,
    compute_view,
    list_collaterals,
    list_debts,
)
from oracle.chain.rows import LogRow
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address, Hash32, keccak256, to_hex
from oracle.domain.position import Position, PositionSample
from oracle.domain.units import Bps, Ray, TimestampS
from oracle.errors import ConfigurationError, InconsistentLedgerError, UndecodableLogError

PROTOCOL = "aave_v3"
ADDRESSES_PROVIDER = keccak256(b"ADDRESSES_PROVIDER()")[:4]
GET_POOL_CONFIGURATOR = keccak256(b"getPoolConfigurator()")[:4]
STABLE_RATE = 1

# Bytes of topics and of data of each event; an e-mode category ends in a string of any length.
SHAPES: dict[Hash32, tuple[int, int]] = {
    events.SUPPLY: (128, 64),
    events.WITHDRAW: (128, 32),
    events.BORROW: (128, 128),
    events.REPAY: (128, 64),
    events.SWAP_BORROW_RATE_MODE: (96, 32),
    events.LIQUIDATION_CALL: (128, 128),
    events.RESERVE_DATA_UPDATED: (64, 160),
    events.COLLATERAL_ENABLED: (96, 0),
    events.COLLATERAL_DISABLED: (96, 0),
    events.USER_EMODE_SET: (64, 32),
    events.RESERVE_INITIALIZED: (96, 96),
    events.COLLATERAL_CONFIGURATION_CHANGED: (64, 96),
    events.EMODE_CATEGORY_ADDED: (64, 160),
    events.EMODE_ASSET_CATEGORY_CHANGED: (64, 64),
    events.SUPPLY_CAP_CHANGED: (64, 64),
    events.BORROW_CAP_CHANGED: (64, 64),
    events.MINT: (96, 96),
    events.BURN: (96, 96),
    events.BALANCE_TRANSFER: (96, 64),
}


async def fetch_anchors(market: Address, call: ViewCall) -> tuple[Address, ...]:
    """Return the address of a pool's configurator, which its logs do not name.

    Raises:
        ConfigurationError: if the market is no pool.
    """
    provider = _parse_address(market, await call(market, ADDRESSES_PROVIDER))
    return (_parse_address(market, await call(provider, GET_POOL_CONFIGURATOR)),)


def _parse_address(market: Address, answer: bytes) -> Address:
    if len(answer) != 32 or any(answer[:12]) or not any(answer):
        raise ConfigurationError(
            f"market {to_hex(market)} answers {to_hex(answer[:64])} instead of an address: it is no Aave v3 pool on this chain"
        )
    return Address(answer[12:])


class AaveV3Adapter:
    """One Aave v3 market of one chain."""

    topics: frozenset[Hash32] = frozenset(SHAPES)
    discovery_topics: frozenset[Hash32] = frozenset({events.RESERVE_INITIALIZED})

    def __init__(self, params: ChainParams, market: MarketParams, anchors: tuple[Address, ...]) -> None:
        self._params = params
        self._market = market.market
        (self._configurator,) = anchors
        self._reserves: dict[Address, Reserve] = {}
        self._reserve_of: dict[Address, tuple[Reserve, bool]] = {}
        """By aToken (False) and by debt token (True)."""
        self._accounts: dict[Address, Account] = {}
        self._debtors: set[Address] = set()
        self._emode_thresholds: dict[int, Bps] = {}
        self._actions = ActionDecoder(params, PROTOCOL)
        self._updates: dict[bytes, Callable[[LogRow], None]] = {
            events.BORROW: self._on_borrow,
            events.SWAP_BORROW_RATE_MODE: self._on_swap,
            events.RESERVE_DATA_UPDATED: self._on_reserve_data,
            events.COLLATERAL_ENABLED: self._on_collateral_enabled,
            events.COLLATERAL_DISABLED: self._on_collateral_disabled,
            events.USER_EMODE_SET: self._on_user_emode,
            events.RESERVE_INITIALIZED: self._on_reserve_initialized,
            events.COLLATERAL_CONFIGURATION_CHANGED: self._on_collateral_configuration,
            events.EMODE_CATEGORY_ADDED: self._on_emode_category,
            events.EMODE_ASSET_CATEGORY_CHANGED: self._on_emode_asset,
            events.MINT: self._on_mint,
            events.BURN: self._on_burn,
            events.BALANCE_TRANSFER: self._on_balance_transfer,
        }

    @property
    def addresses(self) -> frozenset[Address]:
        """Return pool, configurator and the tokens known so far."""
        return frozenset((self._market, self._configurator, *self._reserve_of))

    def discover(self, row: LogRow) -> None:
        """Take in only what makes new addresses known."""
        if row.topic == events.RESERVE_INITIALIZED and row.address == self._configurator:
            self._check_shape(row)
            self._on_reserve_initialized(row)

    def apply(self, row: LogRow, prices: Prices) -> LendingEvent | None:
        """Take one row in, in chain order; return the account's event that it stands for, if any."""
        self._check_shape(row)
        update = self._updates.get(row.topics[:32])
        if update is not None:
            update(row)
        return self._actions.decode(row, prices)

    def compute_states(self, prices: Prices, time_s: TimestampS) -> Iterator[PositionState]:
        """Yield every position whose debt has a value, with interest up to `time_s`, ascending by account."""
        view = compute_view(self._reserves, prices, time_s)
        for address in sorted(self._debtors):
            account = self._accounts[address]
            data = compute_account(account, view, self._emode_thresholds)
            if data is None:
                continue
            position = Position(
                chain_id=self._params.chain_id,
                protocol=PROTOCOL,
                market=self._market,
                account=address,
                collaterals=list_collaterals(account, view, self._emode_thresholds),
                debts=list_debts(account, view),
            )
            yield PositionState(position=position, health_factor_wad=data.health_factor_wad)

    def has_unvalued_debt(self, account: Address, prices: Prices) -> bool:
        """Return whether an account owes a token without a price, or ever borrowed at a stable rate."""
        known = self._accounts.get(account)
        return known is not None and (
            known.has_stable_debt or any(not self._is_valued(t, prices) for t in known.borrowed)
        )

    def sample(self, prices: Prices, time_s: TimestampS) -> Iterator[tuple[Address, PositionSample]]:
        """Yield the state of every position whose debt has a value at `time_s`; in no order."""
        view = compute_view(self._reserves, prices, time_s)
        for address in self._debtors:
            data = compute_account(self._accounts[address], view, self._emode_thresholds)
            if data is not None:
                yield (
                    address,
                    PositionSample(
                        time_s=time_s,
                        chain_id=self._params.chain_id,
                        market=self._market,
                        health_factor_wad=data.health_factor_wad,
                        debt_usd_e8=data.debt_usd_e8,
                        collateral_usd_e8=data.collateral_usd_e8,
                    ),
                )

    def _is_valued(self, token: Address, prices: Prices) -> bool:
        return token in prices and self._reserves[token].decimals is not None

    def _check_shape(self, row: LogRow) -> None:
        topics_bytes, data_bytes = SHAPES[Hash32(row.topics[:32])]
        is_open = row.topics[:32] == events.EMODE_CATEGORY_ADDED
        if len(row.topics) != topics_bytes or not (
            len(row.data) == data_bytes or (is_open and len(row.data) > data_bytes)
        ):
            reason = f"{len(row.topics)} bytes of topics and {len(row.data)} of data do not fit Aave v3"
            raise UndecodableLogError(self._params.chain_id, row.block_number, row.log_index, reason)

    def _account(self, address: Address) -> Account:
        account = self._accounts.get(address)
        if account is None:
            account = self._accounts[address] = Account()
        return account

    def _add_scaled(self, row: LogRow, address: Address, delta: int) -> None:
        """Change a scaled balance of the token that logged. Raises: InconsistentLedgerError below zero."""
        if delta == 0:
            return
        reserve, is_debt = self._reserve_of[row.address]
        account = self._account(address)
        balances = account.borrowed if is_debt else account.supplied
        scaled = balances.get(reserve.token, 0) + delta
        if scaled < 0:
            reason = f"a balance of 0x{address.hex()} falls below zero"
            raise InconsistentLedgerError(self._params.chain_id, row.block_number, reason)
        if scaled:
            balances[reserve.token] = scaled
        else:
            del balances[reserve.token]
        if is_debt and account.borrowed:
            self._debtors.add(address)
        elif is_debt:
            self._debtors.discard(address)

    def _on_mint(self, row: LogRow) -> None:
        # A mint of less than the accrued interest comes from a burn; one of exactly the interest from a transfer.
        amount = data_uint(row, 0) - data_uint(row, 1)
        index = data_uint(row, 2)
        self._add_scaled(
            row, topic_address(row, 2), ray_div(amount, index) if amount >= 0 else -ray_div(-amount, index)
        )

    def _on_burn(self, row: LogRow) -> None:
        amount = data_uint(row, 0) + data_uint(row, 1)
        self._add_scaled(row, topic_address(row, 1), -ray_div(amount, data_uint(row, 2)))

    def _on_balance_transfer(self, row: LogRow) -> None:
        scaled = data_uint(row, 0)
        self._add_scaled(row, topic_address(row, 1), -scaled)
        self._add_scaled(row, topic_address(row, 2), scaled)

    def _on_borrow(self, row: LogRow) -> None:
        if data_uint(row, 2) == STABLE_RATE:
            self._account(topic_address(row, 2)).has_stable_debt = True

    def _on_swap(self, row: LogRow) -> None:
        # To or from a stable rate: the debt moved where its logs are not indexed, it was not repaid.
        self._account(topic_address(row, 2)).has_stable_debt = True

    def _on_reserve_data(self, row: LogRow) -> None:
        reserve = self._reserve(row)
        reserve.liquidity_rate_ray = Ray(data_uint(row, 0))
        reserve.debt_rate_ray = Ray(data_uint(row, 2))
        reserve.liquidity_index_ray = Ray(data_uint(row, 3))
        reserve.debt_index_ray = Ray(data_uint(row, 4))
        reserve.updated_s = row.time_s

    def _on_collateral_enabled(self, row: LogRow) -> None:
        self._account(topic_address(row, 2)).enabled.add(topic_address(row, 1))

    def _on_collateral_disabled(self, row: LogRow) -> None:
        self._account(topic_address(row, 2)).enabled.discard(topic_address(row, 1))

    def _on_user_emode(self, row: LogRow) -> None:
        self._account(topic_address(row, 1)).emode_category = data_uint(row, 0)

    def _on_reserve_initialized(self, row: LogRow) -> None:
        token, a_token, debt_token = topic_address(row, 1), topic_address(row, 2), data_address(row, 1)
        asset = self._params.asset(token)
        decimals = None if asset is None else asset.decimals
        reserve = Reserve(token=token, a_token=a_token, debt_token=debt_token, decimals=decimals)
        self._reserves[token] = reserve
        self._reserve_of[a_token] = (reserve, False)
        self._reserve_of[debt_token] = (reserve, True)

    def _on_collateral_configuration(self, row: LogRow) -> None:
        self._reserve(row).liquidation_threshold_bps = Bps(data_uint(row, 1))

    def _on_emode_category(self, row: LogRow) -> None:
        self._emode_thresholds[topic_uint(row, 1)] = Bps(data_uint(row, 1))

    def _on_emode_asset(self, row: LogRow) -> None:
        self._reserve(row).emode_category = data_uint(row, 1)

    def _reserve(self, row: LogRow) -> Reserve:
        token = topic_address(row, 1)
        reserve = self._reserves.get(token)
        if reserve is None:
            reason = f"reserve 0x{token.hex()} was never initialised"
            raise InconsistentLedgerError(self._params.chain_id, row.block_number, reason)
        return reserve
