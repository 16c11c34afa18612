"""State of one Venus market: vTokens, balances and debts of accounts, and the liquidity that the Comptroller computes from them.

Everything is as stored: each vToken's index and exchange rate stand where its last accrual left them, as `getAccountLiquidity` reads them.
`compute_account` follows `ComptrollerLens` step by step; every division there rounds down, so its results are equal, not close.
Source: `@venusprotocol/venus-protocol` 10.3, `ComptrollerLens._calculateAccountPosition`, `VToken`, `MarketFacet.getLiquidationParams`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from oracle.chain.adapter import Prices
from oracle.domain.ids import Address
from oracle.domain.position import Collateral, Holding
from oracle.domain.units import BPS, WAD, Bps, UsdE8, Wad

CORE_POOL = 0
PRICE_DECIMALS = 36
"""The oracle's price of 1 unit of a token with d decimals has 36 - d of them; an answer has 8."""
FEED_DECIMALS = 8
ONE_WAD = Wad(WAD)
NO_FACTOR = Wad(0)


@dataclass(slots=True, kw_only=True)
class VToken:
    """One vToken as its last log left it; `decimals` are the underlying token's, None if the committee does not price it."""

    token: Address
    decimals: int | None
    is_listed: bool = True
    cash_amount: int = 0
    borrows_amount: int = 0
    reserves_amount: int = 0
    supply_shares: int = 0
    borrow_index_wad: Wad = ONE_WAD
    reserve_factor_wad: Wad = NO_FACTOR
    accrued_block_number: int = -1
    reduced_reserves_amount: int | None = None
    """What an accrual that is not over yet sent from the reserves."""
    flash_loan_amount: int = 0
    flash_debt_amount: int = 0
    """What a flash loan left unpaid: the next borrow takes no cash out."""

    @property
    def exchange_rate_wad(self) -> Wad:
        """Return `exchangeRateStored`, rounded down; 0 where nothing is supplied, since nobody holds any."""
        if self.supply_shares == 0:
            return NO_FACTOR
        assets = self.cash_amount + self.flash_loan_amount + self.borrows_amount - self.reserves_amount
        return Wad(assets * WAD // self.supply_shares)


class Debt(NamedTuple):
    """A debt when it last changed, and the vToken's borrow index then."""

    principal_amount: int
    index_wad: Wad


@dataclass(slots=True)
class Account:
    """Shares and debts by vToken, the vTokens entered, and the pool (e-mode) chosen."""

    shares: dict[Address, int] = field(default_factory=dict)
    debts: dict[Address, Debt] = field(default_factory=dict)
    entered: set[Address] = field(default_factory=set)
    pool_id: int = CORE_POOL
    has_vai: bool = False


@dataclass(slots=True)
class Pool:
    """One pool: its thresholds hold only where its status allows."""

    is_active: bool = True
    falls_back: bool = False
    listed: set[Address] = field(default_factory=set)


class VTokenView(NamedTuple):
    """A listed vToken with a price: stored exchange rate and borrow index, the oracle's price, units of one token."""

    token: Address
    rate_wad: int
    index_wad: int
    price_usd_e8: int
    oracle_price: int
    unit: int


class AccountData(NamedTuple):
    """An account's holdings and what `getAccountLiquidity` compares, in 10^-18 dollars."""

    collaterals: tuple[Collateral, ...]
    debts: tuple[Holding, ...]
    weighted_collateral_wad: int
    debt_wad: int

    @property
    def health_factor_wad(self) -> Wad:
        """Return weighted collateral over debt, rounded down; the contract compares the two and never divides."""
        return Wad(self.weighted_collateral_wad * WAD // self.debt_wad)

    @property
    def collateral_usd_e8(self) -> UsdE8:
        """Return the value of all collateral that counts."""
        return UsdE8(sum(c.value_usd_e8 for c in self.collaterals))

    @property
    def debt_usd_e8(self) -> UsdE8:
        """Return the value of all debt."""
        return UsdE8(sum(d.value_usd_e8 for d in self.debts))


type MarketView = dict[Address, VTokenView]


@dataclass(slots=True)
class Thresholds:
    """Liquidation thresholds by pool and vToken, and the pools' status."""

    by_place: dict[tuple[int, Address], Wad] = field(default_factory=dict)
    pools: dict[int, Pool] = field(default_factory=dict)

    def pool(self, pool_id: int) -> Pool:
        """Return a pool; one that was created and never changed is active, without fallback."""
        return self.pools.setdefault(pool_id, Pool())

    def effective(self, pool_id: int, v_token: Address) -> Wad:
        """Return the threshold in force for an account of a pool. Source: `MarketFacet.getLiquidationParams`."""
        if pool_id != CORE_POOL:
            pool = self.pool(pool_id)
            is_core = not pool.is_active or (pool.falls_back and v_token not in pool.listed)
            pool_id = CORE_POOL if is_core else pool_id
        return self.by_place.get((pool_id, v_token), NO_FACTOR)


def compute_view(v_tokens: dict[Address, VToken], prices: Prices) -> MarketView:
    """Return every listed vToken whose underlying token has a price."""
    view: MarketView = {}
    for address, v_token in v_tokens.items():
        price, decimals = prices.get(v_token.token), v_token.decimals
        if v_token.is_listed and price is not None and decimals is not None:
            view[address] = VTokenView(
                v_token.token,
                v_token.exchange_rate_wad,
                v_token.borrow_index_wad,
                price,
                price * 10 ** (PRICE_DECIMALS - FEED_DECIMALS) // 10**decimals,
                10**decimals,
            )
    return view


def compute_account(account: Account, view: MarketView, thresholds: Thresholds) -> AccountData | None:
    """Return an account's data at the moment of `view`; the caller has seen to it that every debt can be valued.

    None without a debt of at least 10^-8 dollars. Collateral counts where it was entered; without a price it counts nothing.
    """
    debts, debt_wad = _list_debts(account, view)
    if sum(d.value_usd_e8 for d in debts) == 0:
        return None
    collaterals, weighted_wad = [], 0
    for address in sorted(account.entered & account.shares.keys() & view.keys(), key=lambda a: (view[a].token, a)):
        v_token, shares = view[address], account.shares[address]
        threshold_wad = thresholds.effective(account.pool_id, address)
        if threshold_wad == 0:
            continue
        per_share = threshold_wad * v_token.rate_wad // WAD * v_token.oracle_price // WAD
        weighted_wad += per_share * shares // WAD
        amount = v_token.rate_wad * shares // WAD
        collaterals.append(
            Collateral(
                token=v_token.token,
                amount=amount,
                value_usd_e8=UsdE8(amount * v_token.price_usd_e8 // v_token.unit),
                liquidation_threshold_bps=Bps(threshold_wad * BPS // WAD),
            )
        )
    return AccountData(tuple(collaterals), debts, weighted_wad, debt_wad)


def _list_debts(account: Account, view: MarketView) -> tuple[tuple[Holding, ...], int]:
    """Return debts ascending by token, and their sum in 10^-18 dollars; the Comptroller leaves out what it no longer lists."""
    found, debt_wad = [], 0
    for address in sorted(account.debts.keys() & view.keys(), key=lambda a: (view[a].token, a)):
        v_token, debt = view[address], account.debts[address]
        amount = debt.principal_amount * v_token.index_wad // debt.index_wad
        debt_wad += v_token.oracle_price * amount // WAD
        value = UsdE8(amount * v_token.price_usd_e8 // v_token.unit)
        found.append(Holding(token=v_token.token, amount=amount, value_usd_e8=value))
    return tuple(found), debt_wad
