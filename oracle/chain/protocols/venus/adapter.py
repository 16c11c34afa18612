"""The Venus adapter: rows of one Comptroller, its vTokens and its VAI controller become a market's state and canonical events.

Interest is as stored: up to each vToken's last accrual, which is what `getAccountLiquidity` reads; the rate since then is in no log. Shares follow
from `Transfer`, which every mint, redeem and seizure logs too; what a log repeats of them is checked. An account that ever minted VAI owes what no
vToken logs: it is left out.
Source: `@venusprotocol/venus-protocol` 10.3, `VToken`, `MarketFacet`, `SetterFacet`. Before it logs had other shapes: such histories need more decoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from oracle.chain.abi.words import data_address, data_uint, topic_address, topic_uint
from oracle.chain.adapter import PositionState, Prices
from oracle.chain.protocols.venus import events
from oracle.chain.protocols.venus.actions import ActionDecoder
from oracle.chain.protocols.venus.anchors import fetch_anchors
from oracle.chain.protocols.venus.state import (
    Account,
    AccountData,
    Debt,
    MarketView,
    Thresholds,
    VToken,
    compute_account,
    compute_view,
)
from oracle.chain.protocols.venus.v_token_logs import TOTALS
from oracle.chain.rows import LogRow
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.event import LendingEvent
from oracle.domain.ids import Address, Hash32
from oracle.domain.position import Position, PositionSample
from oracle.domain.units import TimestampS, Wad
from oracle.errors import InconsistentLedgerError, MissingAnchorError, UndecodableLogError

__all__ = ["PROTOCOL", "VenusAdapter", "fetch_anchors"]
PROTOCOL = "venus"
SHAPES = events.COMPTROLLER_SHAPES | events.VAI_SHAPES | events.VTOKEN_SHAPES


class VenusAdapter:
    """One Venus core pool of one chain."""

    topics: frozenset[Hash32] = frozenset(SHAPES)
    discovery_topics: frozenset[Hash32] = frozenset({events.MARKET_LISTED, events.NEW_VAI_CONTROLLER})

    def __init__(self, params: ChainParams, market: MarketParams, anchors: tuple[Address, ...]) -> None:
        self._params = params
        self._market = market.market
        self._token_of = dict(zip(anchors[::2], anchors[1::2], strict=True))
        self._listed: set[Address] = set()
        self._vai_controllers: set[Address] = set()
        self._v_tokens: dict[Address, VToken] = {}
        self._accounts: dict[Address, Account] = {}
        self._debtors: set[Address] = set()
        self._thresholds = Thresholds()
        self._actions = ActionDecoder(params, PROTOCOL, self._market, self._v_tokens)
        self._market_updates: dict[bytes, Callable[[LogRow], None]] = {
            events.MARKET_LISTED: self._on_market_listed,
            events.MARKET_UNLISTED: self._on_market_unlisted,
            events.MARKET_ENTERED: self._on_market_entered,
            events.MARKET_EXITED: self._on_market_exited,
            events.NEW_LIQUIDATION_THRESHOLD: self._on_threshold,
            events.POOL_SELECTED: self._on_pool_selected,
            events.POOL_ACTIVE_STATUS_UPDATED: self._on_pool_active,
            events.POOL_FALLBACK_STATUS_UPDATED: self._on_pool_fallback,
            events.POOL_MARKET_INITIALIZED: self._on_pool_market,
            events.POOL_MARKET_REMOVED: self._on_pool_market_removed,
            events.NEW_VAI_CONTROLLER: self._on_vai_controller,
        }
        self._balance_updates: dict[bytes, Callable[[LogRow, VToken], None]] = {
            events.TRANSFER: self._on_transfer,
            events.MINT: self._on_mint,
            events.REDEEM: self._on_redeem,
            events.BORROW: self._on_borrow,
            events.REPAY_BORROW: self._on_repay,
            events.NEW_RESERVE_FACTOR: self._check_reserve_factor,
        }

    @property
    def addresses(self) -> frozenset[Address]:
        """Return the Comptroller, the vTokens listed and the VAI controllers set so far."""
        return frozenset((self._market, *self._listed, *self._vai_controllers))

    def discover(self, row: LogRow) -> None:
        """Take in only what makes new addresses known."""
        if row.address == self._market and row.topic in self.discovery_topics:
            self._check_shape(row)
            if row.topic == events.MARKET_LISTED:
                self._listed.add(topic_address(row, 1))
            else:
                self._vai_controllers.add(data_address(row, 1))

    def apply(self, row: LogRow, prices: Prices) -> LendingEvent | None:
        """Take one row in, in chain order; return the account's event that it stands for, if any.

        Raises:
            UndecodableLogError: if the row does not have the shape of its topic.
            InconsistentLedgerError: if rows must be missing.
            MissingAnchorError: if a vToken was listed after the anchors were fetched.
        """
        if row.address == self._market and row.topic in self._market_updates:
            self._check_shape(row)
            self._market_updates[row.topic](row)
        elif row.address in self._vai_controllers and row.topic == events.MINT_VAI:
            self._check_shape(row)
            self._account(data_address(row, 0)).has_vai = True
        elif row.address in self._v_tokens and row.topic in events.VTOKEN_SHAPES:
            self._check_shape(row)
            return self._apply_to_v_token(row, self._v_tokens[row.address], prices)
        return None

    def _apply_to_v_token(self, row: LogRow, v_token: VToken, prices: Prices) -> LendingEvent | None:
        update = self._balance_updates.get(row.topic)
        if update is not None:
            update(row, v_token)
        total = TOTALS.get(row.topic)
        if total is not None:
            total(row, v_token)
        return self._actions.decode(row, prices)

    def compute_states(self, prices: Prices, time_s: TimestampS) -> Iterator[PositionState]:
        """Yield every position whose debt has a value, as stored at the last row, ascending by account."""
        view = compute_view(self._v_tokens, prices)
        for address in sorted(self._debtors):
            data = self._compute(address, view, prices)
            if data is not None:
                position = Position(
                    chain_id=self._params.chain_id,
                    protocol=PROTOCOL,
                    market=self._market,
                    account=address,
                    collaterals=data.collaterals,
                    debts=data.debts,
                )
                yield PositionState(position=position, health_factor_wad=data.health_factor_wad)

    def has_unvalued_debt(self, account: Address, prices: Prices) -> bool:
        """Return whether an account owes a token without a price, or ever minted VAI."""
        known = self._accounts.get(account)
        return known is not None and (known.has_vai or any(not self._is_valued(v, prices) for v in known.debts))

    def sample(self, prices: Prices, time_s: TimestampS) -> Iterator[tuple[Address, PositionSample]]:
        """Yield the state of every position whose debt has a value; in no order."""
        view = compute_view(self._v_tokens, prices)
        for address in self._debtors:
            data = self._compute(address, view, prices)
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

    def _compute(self, address: Address, view: MarketView, prices: Prices) -> AccountData | None:
        if self.has_unvalued_debt(address, prices):
            return None
        return compute_account(self._accounts[address], view, self._thresholds)

    def _is_valued(self, address: Address, prices: Prices) -> bool:
        v_token = self._v_tokens[address]
        return not v_token.is_listed or (v_token.token in prices and v_token.decimals is not None)

    def _check_shape(self, row: LogRow) -> None:
        if (len(row.topics), len(row.data)) != SHAPES[Hash32(row.topic)]:
            reason = f"{len(row.topics)} bytes of topics and {len(row.data)} of data do not fit Venus"
            raise UndecodableLogError(self._params.chain_id, row.block_number, row.log_index, reason)

    def _inconsistent(self, row: LogRow, reason: str) -> InconsistentLedgerError:
        return InconsistentLedgerError(self._params.chain_id, row.block_number, reason)

    def _account(self, address: Address) -> Account:
        account = self._accounts.get(address)
        if account is None:
            account = self._accounts[address] = Account()
        return account

    def _add_shares(self, row: LogRow, address: Address, delta: int) -> None:
        # A vToken's own address stands for nobody: shares come from it when they are minted and go to it when they are redeemed.
        if delta == 0 or address == row.address:
            return
        shares = self._account(address).shares
        balance = shares.get(row.address, 0) + delta
        if balance < 0:
            raise self._inconsistent(row, f"the shares of 0x{address.hex()} fall below zero")
        if balance:
            shares[row.address] = balance
        else:
            del shares[row.address]

    def _check_shares(self, row: LogRow, address: Address, *, missing: int, named: int) -> None:
        known = self._account(address).shares.get(row.address, 0) + missing
        if known != named:
            raise self._inconsistent(row, f"0x{address.hex()} holds {known} shares, and the log says {named}")

    def _on_transfer(self, row: LogRow, _: VToken) -> None:
        self._add_shares(row, topic_address(row, 1), -data_uint(row, 0))
        self._add_shares(row, topic_address(row, 2), data_uint(row, 0))

    def _on_mint(self, row: LogRow, _: VToken) -> None:
        # The last word is named totalSupply and holds the account's balance. The transfer comes after.
        self._check_shares(row, data_address(row, 0), missing=data_uint(row, 2), named=data_uint(row, 3))

    def _on_redeem(self, row: LogRow, _: VToken) -> None:
        self._check_shares(row, data_address(row, 0), missing=0, named=data_uint(row, 3))

    def _on_borrow(self, row: LogRow, v_token: VToken) -> None:
        self._set_debt(row, v_token, data_address(row, 0), data_uint(row, 2))

    def _on_repay(self, row: LogRow, v_token: VToken) -> None:
        self._set_debt(row, v_token, data_address(row, 1), data_uint(row, 3))

    def _set_debt(self, row: LogRow, v_token: VToken, address: Address, amount: int) -> None:
        debts = self._account(address).debts
        if amount:
            debts[row.address] = Debt(amount, v_token.borrow_index_wad)
        else:
            debts.pop(row.address, None)
        if debts:
            self._debtors.add(address)
        else:
            self._debtors.discard(address)

    def _check_reserve_factor(self, row: LogRow, v_token: VToken) -> None:
        if data_uint(row, 0) != v_token.reserve_factor_wad:
            reason = f"vToken 0x{row.address.hex()} had a reserve factor that it did not log after its listing"
            raise self._inconsistent(row, reason)

    def _on_market_listed(self, row: LogRow) -> None:
        address = topic_address(row, 1)
        token = self._token_of.get(address)
        if token is None:
            raise MissingAnchorError(self._params.chain_id, row.block_number, address.hex())
        self._listed.add(address)
        asset = self._params.asset(token)
        self._v_tokens[address] = VToken(token=token, decimals=None if asset is None else asset.decimals)

    def _on_market_unlisted(self, row: LogRow) -> None:
        self._listed_v_token(row, topic_address(row, 1)).is_listed = False

    def _listed_v_token(self, row: LogRow, address: Address) -> VToken:
        v_token = self._v_tokens.get(address)
        if v_token is None:
            raise self._inconsistent(row, f"vToken 0x{address.hex()} was never listed")
        return v_token

    def _on_market_entered(self, row: LogRow) -> None:
        self._account(topic_address(row, 2)).entered.add(topic_address(row, 1))

    def _on_market_exited(self, row: LogRow) -> None:
        self._account(topic_address(row, 2)).entered.discard(topic_address(row, 1))

    def _on_threshold(self, row: LogRow) -> None:
        self._thresholds.by_place[topic_uint(row, 1), topic_address(row, 2)] = Wad(data_uint(row, 1))

    def _on_pool_selected(self, row: LogRow) -> None:
        self._account(topic_address(row, 1)).pool_id = topic_uint(row, 2)

    def _on_pool_active(self, row: LogRow) -> None:
        self._thresholds.pool(topic_uint(row, 1)).is_active = bool(data_uint(row, 1))

    def _on_pool_fallback(self, row: LogRow) -> None:
        self._thresholds.pool(topic_uint(row, 1)).falls_back = bool(data_uint(row, 1))

    def _on_pool_market(self, row: LogRow) -> None:
        self._thresholds.pool(topic_uint(row, 1)).listed.add(topic_address(row, 2))

    def _on_pool_market_removed(self, row: LogRow) -> None:
        pool_id, v_token = topic_uint(row, 1), topic_address(row, 2)
        self._thresholds.pool(pool_id).listed.discard(v_token)
        self._thresholds.by_place.pop((pool_id, v_token), None)

    def _on_vai_controller(self, row: LogRow) -> None:
        self._vai_controllers.add(data_address(row, 1))
