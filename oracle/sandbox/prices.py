"""The price path of a world: a seeded geometric random walk with jumps, two dips, one crash and a recovery.

Hourly log returns are drawn for ETH and BTC (correlated); wstETH is ETH times a growing ratio that sags under stress; stablecoins stay
near a dollar and wobble in the crash. Feeds are updated every six hours, hourly around a shock, stablecoins daily.
The walk is for show and training of a sandbox model only, so floats are fine here; what reaches a chain is an integer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from oracle.domain.units import DAY_S, HOUR_S, YEAR_S
from oracle.sandbox.reserves import RESERVES

CALM_STEP_HOURS = 6
STABLE_STEP_HOURS = 24
STABLES = ("USDC", "DAI")
ETH_VOLATILITY = 0.55
BTC_VOLATILITY = 0.42
DRIFT = 0.35
CORRELATION = 0.8
JUMPS_PER_YEAR = 10.0
JUMP_SIZE = 0.03
STAKING_YIELD = 0.03
HOURS_PER_YEAR = YEAR_S // HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Shock:
    """A fall of ETH by `eth_log` (log return) spread over `hours`, starting at a share of the history."""

    at_share: float
    hours: int
    eth_log: float
    btc_log: float
    depeg: float
    recovery_log: float
    recovery_hours: int


SHOCKS = (
    Shock(at_share=0.22, hours=30, eth_log=-0.20, btc_log=-0.14, depeg=0.004, recovery_log=0.12, recovery_hours=240),
    Shock(at_share=0.56, hours=48, eth_log=-0.48, btc_log=-0.33, depeg=0.030, recovery_log=0.24, recovery_hours=480),
    Shock(at_share=0.82, hours=36, eth_log=-0.22, btc_log=-0.15, depeg=0.006, recovery_log=0.13, recovery_hours=240),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """One round of feed updates; `answers_usd_e8` holds the feeds that move, `prices_usd_e8` all of them."""

    time_s: int
    answers_usd_e8: Mapping[str, int]
    prices_usd_e8: Mapping[str, int]


def generate_price_path(seed: int, *, first_hour_s: int, days: int) -> tuple[PriceStep, ...]:
    """Return the updates of a history; the first one moves every feed. Times are full hours, ascending."""
    hours = days * DAY_S // HOUR_S
    hourly = _hourly_prices(Random(f"prices/{seed}"), hours)
    steps: list[PriceStep] = []
    for hour in range(hours + 1):
        is_first = hour == 0
        moves = is_first or hour % CALM_STEP_HOURS == 0 or hour == hours or _is_shocked(hour, hours)
        if not moves:
            continue
        stables_move = is_first or hour % STABLE_STEP_HOURS == 0
        prices = hourly[hour]
        answers = {symbol: price for symbol, price in prices.items() if stables_move or symbol not in STABLES}
        standing = dict(steps[-1].prices_usd_e8) | answers if steps else dict(answers)
        steps.append(PriceStep(time_s=first_hour_s + hour * HOUR_S, answers_usd_e8=answers, prices_usd_e8=standing))
    return tuple(steps)


def _is_shocked(hour: int, hours: int) -> bool:
    return any(-6 <= hour - int(s.at_share * hours) <= s.hours + 18 for s in SHOCKS)


def _hourly_prices(random: Random, hours: int) -> list[dict[str, int]]:
    first = {reserve.symbol: reserve.price_usd_e8 for reserve in RESERVES}
    ratio = first["wstETH"] / first["WETH"]
    eth_log = btc_log = depeg = 0.0
    path: list[dict[str, int]] = []
    for hour in range(hours + 1):
        if hour > 0:
            eth_return, btc_return = _hourly_returns(random, hour, hours)
            eth_log += eth_return
            btc_log += btc_return
        stress = _stress(hour, hours)
        depeg += 0.15 * (stress - depeg) + random.gauss(0.0, 0.0002)
        eth = first["WETH"] * math.exp(eth_log)
        staked = eth * ratio * (1.0 + STAKING_YIELD * hour / HOURS_PER_YEAR) * (1.0 - max(depeg, -0.001))
        wobble = random.gauss(0.0, 0.0004)
        path.append(
            {
                "WETH": round(eth),
                "WBTC": round(first["WBTC"] * math.exp(btc_log)),
                "wstETH": round(staked),
                "USDC": round(first["USDC"] * (1.0 + wobble - 0.10 * max(stress, 0.0))),
                "DAI": round(first["DAI"] * (1.0 - wobble - 0.25 * max(stress, 0.0))),
            }
        )
    return path


def _hourly_returns(random: Random, hour: int, hours: int) -> tuple[float, float]:
    common = random.gauss(0.0, 1.0)
    own = random.gauss(0.0, 1.0)
    scale = 1.0 / math.sqrt(HOURS_PER_YEAR)
    eth = DRIFT / HOURS_PER_YEAR + ETH_VOLATILITY * scale * common
    btc = DRIFT / HOURS_PER_YEAR + BTC_VOLATILITY * scale * (
        CORRELATION * common + math.sqrt(1.0 - CORRELATION**2) * own
    )
    if random.random() < JUMPS_PER_YEAR / HOURS_PER_YEAR:
        jump = random.gauss(0.0, JUMP_SIZE)
        eth += jump
        btc += 0.7 * jump
    for shock in SHOCKS:
        since = hour - int(shock.at_share * hours)
        if 0 < since <= shock.hours:
            eth += shock.eth_log / shock.hours + random.gauss(0.0, abs(shock.eth_log) * 0.012)
            btc += shock.btc_log / shock.hours
        elif shock.hours < since <= shock.hours + shock.recovery_hours:
            eth += shock.recovery_log / shock.recovery_hours
            btc += 0.7 * shock.recovery_log / shock.recovery_hours
    return eth, btc


def _stress(hour: int, hours: int) -> float:
    for shock in SHOCKS:
        since = hour - int(shock.at_share * hours)
        if 0 < since <= shock.hours + 24:
            return shock.depeg
    return 0.0
