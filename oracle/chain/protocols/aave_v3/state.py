"""State of one Aave v3 market: reserves, scaled balances and flags of accounts, and the account data that the pool computes from them.

Balances are scaled (divided by the index), so they change with logs only; interest is in the index. `compute_account` follows
`GenericLogic.calculateUserAccountData` step by step with the same rounding, so its results are equal, not close.
Source: Aave v3 core 1.19, `GenericLogic`, `EModeLogic.isInEModeCategory`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from oracle.chain.adapter import Prices
from oracle.chain.protocols.aave_v3.rays import (
    compute_normalized_debt,
    compute_normalized_income,
    percent_mul,
    ray_mul,
    wad_div,
)
from oracle.domain.ids import Address
from oracle.domain.position import Collateral, Holding
from oracle.domain.units import RAY, Bps, Ray, TimestampS, UsdE8, Wad

ONE_RAY = Ray(RAY)
NO_RATE = Ray(0)
NO_THRESHOLD = Bps(0)
NEVER = TimestampS(0)


@dataclass(slots=True, kw_only=True)
class Reserve:
    """One token of the market; `decimals` is None if the committee does not price it."""

    token: Address
    a_token: Address
    debt_token: Address
    decimals: int | None
    liquidity_index_ray: Ray = ONE_RAY
    liquidity_rate_ray: Ray = NO_RATE
    debt_index_ray: Ray = ONE_RAY
    debt_rate_ray: Ray = NO_RATE
    updated_s: TimestampS = NEVER
    liquidation_threshold_bps: Bps = NO_THRESHOLD
    emode_category: int = 0


@dataclass(slots=True)
class Account:
    """Scaled balances by reserve token, the tokens enabled as collateral, and the e-mode category."""

    supplied: dict[Address, int] = field(default_factory=dict)
    borrowed: dict[Address, int] = field(default_factory=dict)
    enabled: set[Address] = field(default_factory=set)
    emode_category: int = 0
    has_stable_debt: bool = False


class ReserveView(NamedTuple):
    """A reserve at one moment: last price, units of one token, indexes with interest, threshold and e-mode category."""

    price_usd_e8: int
    unit: int
    income_ray: int
    debt_ray: int
    liquidation_threshold_bps: Bps
    emode_category: int


class AccountData(NamedTuple):
    """What `Pool.getUserAccountData` returns, without the LTV part."""

    collateral_usd_e8: UsdE8
    debt_usd_e8: UsdE8
    liquidation_threshold_bps: Bps
    health_factor_wad: Wad


type MarketView = dict[Address, ReserveView]


def compute_view(reserves: dict[Address, Reserve], prices: Prices, time_s: TimestampS) -> MarketView:
    """Return every reserve that has a price, with interest accrued up to `time_s`."""
    view: MarketView = {}
    for token, reserve in reserves.items():
        price = prices.get(token)
        if price is None or reserve.decimals is None:
            continue
        seconds = time_s - reserve.updated_s
        view[token] = ReserveView(
            price,
            10**reserve.decimals,
            compute_normalized_income(reserve.liquidity_index_ray, reserve.liquidity_rate_ray, seconds),
            compute_normalized_debt(reserve.debt_index_ray, reserve.debt_rate_ray, seconds),
            reserve.liquidation_threshold_bps,
            reserve.emode_category,
        )
    return view


def compute_account(account: Account, view: MarketView, emode_thresholds: dict[int, Bps]) -> AccountData | None:
    """Return an account's data at the moment of `view`.

    None without debt, and if a debt cannot be valued (no price, or a stable-rate debt, whose logs are not indexed): such an account is not
    scored and gets the floor. Collateral without a price counts nothing.
    """
    debt = 0
    if account.has_stable_debt:
        return None
    for token, scaled in account.borrowed.items():
        reserve = view.get(token)
        if reserve is None:
            return None
        debt += ray_mul(scaled, reserve.debt_ray) * reserve.price_usd_e8 // reserve.unit
    if debt == 0:
        return None
    collateral = 0
    weighted = 0
    for token, scaled in account.supplied.items():
        reserve = view.get(token)
        if reserve is None or reserve.liquidation_threshold_bps == 0 or token not in account.enabled:
            continue
        value = ray_mul(scaled, reserve.income_ray) * reserve.price_usd_e8 // reserve.unit
        collateral += value
        weighted += value * _threshold(account, reserve, emode_thresholds)
    threshold = Bps(weighted // collateral if collateral else 0)
    health_factor = wad_div(percent_mul(collateral, threshold), debt)
    return AccountData(UsdE8(collateral), UsdE8(debt), threshold, health_factor)


def list_collaterals(account: Account, view: MarketView, emode_thresholds: dict[int, Bps]) -> tuple[Collateral, ...]:
    """Return the enabled collateral of an account, ascending by token."""
    found = []
    for token in sorted(account.supplied):
        reserve = view.get(token)
        if reserve is None or reserve.liquidation_threshold_bps == 0 or token not in account.enabled:
            continue
        amount = ray_mul(account.supplied[token], reserve.income_ray)
        found.append(
            Collateral(
                token=token,
                amount=amount,
                value_usd_e8=UsdE8(amount * reserve.price_usd_e8 // reserve.unit),
                liquidation_threshold_bps=_threshold(account, reserve, emode_thresholds),
            )
        )
    return tuple(found)


def list_debts(account: Account, view: MarketView) -> tuple[Holding, ...]:
    """Return the debts of an account with interest, ascending by token; every one has to have a price."""
    found = []
    for token in sorted(account.borrowed):
        reserve = view[token]
        amount = ray_mul(account.borrowed[token], reserve.debt_ray)
        found.append(
            Holding(token=token, amount=amount, value_usd_e8=UsdE8(amount * reserve.price_usd_e8 // reserve.unit))
        )
    return tuple(found)


def _threshold(account: Account, reserve: ReserveView, emode_thresholds: dict[int, Bps]) -> Bps:
    category = account.emode_category
    if category != 0 and category == reserve.emode_category:
        return emode_thresholds.get(category, Bps(0))
    return reserve.liquidation_threshold_bps
