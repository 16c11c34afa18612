"""The vector of a borrower: where its riskiest position stands (slot 0), and how it has behaved (the rest).

Behaviour is adverse facts, which add up and cannot be diluted by more activity, and credit for what costs money to show: debt held over time, stress lived
through with debt, own repayment of debt held for a week. Every slot has a declared direction, so the laws on gaming are statements about vectors.
Too little history (fewer than 7 days with debt above dust in a year) leaves `debt_age` missing, which makes the borrower unrated.
Source: `tests/vectors/FORMATS.md`, section 7; directions in `registry.BORROWER_SCHEMA`.
"""

from __future__ import annotations

from oracle.domain.event import EventKind
from oracle.domain.fixed_point import Z_AT_LIQUIDATION, Z_NO_DEBT, health_log
from oracle.domain.history import BorrowerHistory, PositionRisk
from oracle.domain.ids import Address
from oracle.domain.units import BPS, DAY_S, WAD, ChainId, Ppm, Wad, mul_div_down
from oracle.features.conduct import (
    ConductRecord,
    compute_liquidation_episodes,
    compute_low_health_days,
    compute_rally_borrowing_bps,
    compute_repaid_usd_e8,
    read_events,
)
from oracle.features.health import DUST_USD_E8, HealthRecord, read_samples
from oracle.features.quantize import MISSING, SLOT_MAX, count, ratio, signed, z
from oracle.features.regimes import Regime, regime_of

MIN_DEBT_DAYS = 7
UNKNOWN_VOLATILITY_PPM = Ppm(3_000_000)
"""Used above liquidation where no volatility is known: 300 % a year, more than any listed collateral has had."""
_NEVER_DAYS = SLOT_MAX

type Token = tuple[ChainId, Address]


def compute_borrower_vector(history: BorrowerHistory) -> tuple[int, ...]:
    """Return one slot per feature of `registry.BORROWER_SCHEMA`; 0 is missing."""
    as_of_s = history.as_of_s
    health = read_samples(history.samples, as_of_s)
    conduct = read_events(history.events)
    current_debt = sum(p.debt_usd_e8 for p in history.positions)
    peak = max(health.peak_debt_usd_e8, current_debt, 1)
    regimes = {key: regime_of(key, series) for key, series in history.token_prices}
    unanswered, raised = compute_low_health_days(health, conduct, as_of_s)
    episodes, last_episode_s = compute_liquidation_episodes(conduct.liquidations, history.samples)
    since_days = _NEVER_DAYS if last_episode_s is None else (as_of_s - last_episode_s) // DAY_S
    debt_days, counted = health.debt_days_usd_e8, health.counted_debt_days_usd_e8
    return (
        compute_state_slot(history.positions),
        MISSING if len(health.debt_at) < MIN_DEBT_DAYS else count(debt_days // peak),
        ratio(mul_div_down(health.low_debt_days_usd_e8, BPS, counted)) if debt_days else MISSING,
        count(unanswered),
        count(raised),
        count(episodes),
        count(since_days),
        ratio(_liquidated_share_bps(history, conduct)),
        ratio(mul_div_down(compute_repaid_usd_e8(health, conduct, as_of_s), BPS, peak)),
        signed(health_log(Wad(health.lowest_health_wad))) if debt_days else MISSING,
        count(health.low_days),
        count(_stress_debt_days(history, health, regimes) // peak),
        ratio(_rally_borrowing_bps(history, health, conduct, regimes)),
    )


def compute_state_slot(positions: tuple[PositionRisk, ...]) -> int:
    """Return z of the riskiest position above dust; positions below dust count if together they exceed it.

    Without known volatility a position above liquidation is taken at 300 % a year, one below it at the lowest z. No debt above dust: 65534.
    """
    above = [p for p in positions if p.debt_usd_e8 >= DUST_USD_E8]
    below = [p for p in positions if 0 < p.debt_usd_e8 < DUST_USD_E8]
    if sum(p.debt_usd_e8 for p in below) >= DUST_USD_E8:
        above += below
    return min((_position_z(p) for p in above), default=Z_NO_DEBT)


def _position_z(position: PositionRisk) -> int:
    if position.volatility_ppm > 0:
        return z(position.health_factor_wad, position.volatility_ppm)
    if position.health_factor_wad < WAD:
        return 1
    return max(Z_AT_LIQUIDATION, z(position.health_factor_wad, UNKNOWN_VOLATILITY_PPM))


def _liquidated_share_bps(history: BorrowerHistory, conduct: ConductRecord) -> int:
    """Return the sum over all liquidations of the value over the largest debt sampled before; nothing later can dilute it."""
    if not conduct.liquidations:
        return 0
    liquidated_at: dict[int, int] = {}
    peak = debt = at_s = 0
    samples = iter(history.samples)
    sample = next(samples, None)
    for time_s, value in conduct.liquidations:
        while sample is not None and sample.time_s <= time_s:
            debt = sample.debt_usd_e8 + (debt if sample.time_s == at_s else 0)
            peak, at_s = max(peak, debt), sample.time_s
            sample = next(samples, None)
        liquidated_at[peak] = liquidated_at.get(peak, 0) + value
    # Rounded per peak and not per event, so that splitting a liquidation changes nothing.
    return sum(mul_div_down(value, BPS, max(1, peak)) for peak, value in liquidated_at.items())


def _supplied_tokens(history: BorrowerHistory) -> tuple[set[Token], set[Token]]:
    """Return the tokens that the account supplied itself, and those that others supplied for it, above dust in sum."""
    own: set[Token] = set()
    gifts: dict[Token, int] = {}
    for event in history.events:
        if event.kind is EventKind.SUPPLY:
            token = (event.chain_id, event.token)
            if event.caller == event.account:
                own.add(token)
            else:
                gifts[token] = gifts.get(token, 0) + event.value_usd_e8
    return own, {token for token, value in gifts.items() if value >= DUST_USD_E8}


def _stress_debt_days(history: BorrowerHistory, health: HealthRecord, regimes: dict[Token, Regime]) -> int:
    """Return debt-days on which every token ever supplied was in stress: adding a volatile token earns nothing."""
    tokens = set[Token]().union(*_supplied_tokens(history))
    if not tokens or not tokens <= regimes.keys():
        return 0
    times = frozenset.intersection(*(regimes[t].stress_times for t in tokens))
    return sum(debt for time_s, debt in health.debt_at.items() if time_s in times)


def _rally_borrowing_bps(
    history: BorrowerHistory, health: HealthRecord, conduct: ConductRecord, regimes: dict[Token, Regime]
) -> int:
    """Return borrowing into rallies of the token that rallied most among those the account supplied itself, else of any supplied."""
    if not conduct.borrowed_on:
        return 0
    own, gifts = _supplied_tokens(history)
    rallies = [regimes[t].rally_bps_at for t in own or gifts if t in regimes]
    return compute_rally_borrowing_bps(
        health, conduct, history.as_of_s, lambda day: max((r.get(day, 0) for r in rallies), default=0)
    )
