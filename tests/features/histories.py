"""Random borrower histories by seed, and the order that declared directions put on vectors."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.history import BorrowerHistory, PositionRisk
from oracle.domain.ids import Address, borrower_subject
from oracle.domain.market import HourlySeries
from oracle.domain.position import PositionSample
from oracle.domain.units import DAY_S, HOUR_S, WAD, BlockNumber, ChainId, Ppm, TimestampS, UsdE8, Wad
from oracle.features.registry import BORROWER_SCHEMA

AS_OF_S = TimestampS(1_700_006_400 - 1_700_006_400 % DAY_S)
ACCOUNT, STRANGER, MARKET = (Address(bytes([n]) * 20) for n in (0xA1, 0x57, 0x3A))
VOLATILE, STABLE, DEBT = (Address(bytes([n]) * 20) for n in (0x01, 0x02, 0x03))
CHAIN = ChainId(1)
USD = 10**8


def event(kind: EventKind, time_s: int, usd: int, *, token: Address = DEBT, caller: Address = ACCOUNT) -> LendingEvent:
    return LendingEvent(
        chain_id=CHAIN,
        block_number=BlockNumber(time_s // 12),
        log_index=0,
        time_s=TimestampS(time_s),
        protocol="test",
        market=MARKET,
        kind=kind,
        account=ACCOUNT,
        caller=caller,
        token=token,
        amount=usd,
        value_usd_e8=UsdE8(usd * USD),
    )


def sample(days_ago: int, *, usd: int, health_percent: int, market: Address = MARKET) -> PositionSample:
    return PositionSample(
        time_s=TimestampS(AS_OF_S - days_ago * DAY_S),
        chain_id=CHAIN,
        market=market,
        health_factor_wad=Wad(health_percent * WAD // 100),
        debt_usd_e8=UsdE8(usd * USD),
        collateral_usd_e8=UsdE8(2 * usd * USD),
    )


def position(*, usd: int, health_percent: int, volatility_ppm: int = 700_000) -> PositionRisk:
    return PositionRisk(
        chain_id=CHAIN,
        market=MARKET,
        health_factor_wad=Wad(health_percent * WAD // 100),
        debt_usd_e8=UsdE8(usd * USD),
        volatility_ppm=Ppm(volatility_ppm),
    )


def series(daily_prices: list[int]) -> HourlySeries:
    """Return a series that ends at the cut and holds each daily price for 24 hours; the last is the cut's."""
    hourly = [price * USD for price in daily_prices[:-1] for _ in range(24)] + [daily_prices[-1] * USD]
    return HourlySeries(first_hour_s=TimestampS(AS_OF_S - (len(hourly) - 1) * HOUR_S), prices_e8=tuple(hourly))


def history(
    events: list[LendingEvent],
    samples: list[PositionSample],
    *,
    prices: list[int] | None = None,
    positions: tuple[PositionRisk, ...] = (),
) -> BorrowerHistory:
    tokens = {VOLATILE: series(prices or [100] * 60), STABLE: series([1] * 60)}
    return BorrowerHistory(
        subject=borrower_subject(ACCOUNT),
        as_of_s=AS_OF_S,
        positions=positions,
        events=tuple(sorted(events, key=lambda e: e.order)),
        samples=tuple(sorted(samples, key=lambda s: (s.time_s, s.chain_id, s.market))),
        token_prices=tuple(((CHAIN, token), prices) for token, prices in sorted(tokens.items())),
    )


def random_history(seed: int) -> BorrowerHistory:
    """Return up to 120 days of samples with wandering debt and health, and events of all kinds by the account and others."""
    random = Random(seed)
    days = random.randint(8, 120)
    debt, health = random.randint(150, 100_000), random.randint(101, 250)
    samples = []
    for days_ago in range(days, -1, -1):
        debt = max(101, round(debt * random.uniform(0.9, 1.12)))
        health = max(90, min(400, round(health * random.uniform(0.93, 1.08))))
        samples.append(sample(days_ago, usd=debt, health_percent=health))
    events = [event(EventKind.SUPPLY, AS_OF_S - days * DAY_S - 100, 1_000, token=VOLATILE)]
    for _ in range(random.randint(0, 30)):
        kind = random.choice([*EventKind])
        time_s = AS_OF_S - random.randrange(days * DAY_S)
        token = random.choice([VOLATILE, STABLE]) if kind in (EventKind.SUPPLY, EventKind.WITHDRAW) else DEBT
        by_stranger = kind is EventKind.LIQUIDATION or random.random() < 0.1
        events.append(
            event(
                kind,
                time_s,
                random.randint(1, 2 * debt),
                token=token,
                caller=STRANGER if by_stranger else ACCOUNT,
            )
        )
    prices = [100]
    for _ in range(days + 60):
        prices.append(max(5, round(prices[-1] * random.uniform(0.9, 1.11))))
    return history(events, samples, prices=prices, positions=(position(usd=debt, health_percent=health),))


def with_events(base: BorrowerHistory, *more: LendingEvent) -> BorrowerHistory:
    return replace(base, events=tuple(sorted((*base.events, *more), key=lambda e: e.order)))


def improvements(before: tuple[int, ...], after: tuple[int, ...]) -> list[str]:
    """Return the features by which `after` is better than `before`; a missing value is worse than any."""
    better = []
    for feature in BORROWER_SCHEMA:
        old, new = before[feature.slot], after[feature.slot]
        if old == new or new == 0:
            continue
        if old == 0 or (new - old) * feature.monotone < 0:
            better.append(f"{feature.name}: {old} -> {new}")
    return better
