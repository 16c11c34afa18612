"""Attackers: random lives of borrowers, and what each can do to them to look better, or what others can do to make them look worse.

Every attack returns the history that nodes see afterwards at the address presented. Lives share a few price paths; nothing here is real.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.history import BorrowerHistory, PositionRisk
from oracle.domain.ids import Address, borrower_subject
from oracle.domain.market import HourlySeries
from oracle.domain.position import PositionSample
from oracle.domain.units import DAY_S, HOUR_S, WAD, BlockNumber, ChainId, Ppm, TimestampS, UsdE8, Wad
from oracle.features.health import DUST_USD_E8

AS_OF_S = TimestampS(1_700_006_400)
USD = 10**8
CHAIN = ChainId(1)
ACCOUNT, STRANGER, MARKET, VOLATILE, DEBT = (Address(bytes([n]) * 20) for n in (0xA1, 0x57, 0x3A, 0x01, 0x03))
_HOURS = 200 * 24
_N_PATHS = 32
_MOST_DAYS = 90

type Attack = Callable[[BorrowerHistory, Random], BorrowerHistory]


def make_paths(seed: int) -> tuple[HourlySeries, ...]:
    """Return price paths that lives share: daily steps of up to 10 %, each held for a day, ending at the cut."""
    random = Random(seed)
    paths = []
    for _ in range(_N_PATHS):
        daily = [100 * USD]
        while len(daily) * 24 < _HOURS:
            daily.append(max(USD, daily[-1] * random.randint(9_000, 11_100) // 10_000))
        hourly = [price for price in daily for _ in range(24)]
        first_s = TimestampS(AS_OF_S - (len(hourly) - 1) * HOUR_S)
        paths.append(HourlySeries(first_hour_s=first_s, prices_e8=tuple(hourly)))
    return tuple(paths)


def make_event(
    kind: EventKind, time_s: int, value: int, *, token: Address = DEBT, caller: Address = ACCOUNT
) -> LendingEvent:
    """Return an event of the borrower; `value` is in USD of 10^-8."""
    return LendingEvent(
        chain_id=CHAIN,
        block_number=BlockNumber(time_s // 12),
        log_index=0,
        time_s=TimestampS(time_s),
        protocol="simulated",
        market=MARKET,
        kind=kind,
        account=ACCOUNT,
        caller=caller,
        token=token,
        amount=value,
        value_usd_e8=UsdE8(value),
    )


def make_sample(time_s: int, debt: int, health_bps: int) -> PositionSample:
    """Return a midnight's position."""
    return PositionSample(
        time_s=TimestampS(time_s),
        chain_id=CHAIN,
        market=MARKET,
        health_factor_wad=Wad(health_bps * WAD // 10_000),
        debt_usd_e8=UsdE8(debt),
        collateral_usd_e8=UsdE8(2 * debt),
    )


def make_history(
    events: list[LendingEvent], samples: list[PositionSample], path: HourlySeries, debt: int = 0, health_bps: int = 0
) -> BorrowerHistory:
    """Return a history as the feature code takes it, with one open position where there is debt."""
    open_position = PositionRisk(
        chain_id=CHAIN,
        market=MARKET,
        health_factor_wad=Wad(health_bps * WAD // 10_000),
        debt_usd_e8=UsdE8(debt),
        volatility_ppm=Ppm(700_000),
    )
    return BorrowerHistory(
        subject=borrower_subject(ACCOUNT),
        as_of_s=AS_OF_S,
        positions=(open_position,) if debt else (),
        events=tuple(sorted(events, key=lambda e: e.order)),
        samples=tuple(samples),
        token_prices=(((CHAIN, VOLATILE), path),),
    )


def draw_life(random: Random, paths: tuple[HourlySeries, ...]) -> BorrowerHistory:
    """Return up to 90 days of wandering debt and health with acts of all kinds, by the account and by others."""
    days = random.randint(8, _MOST_DAYS)
    debt, health = random.randint(200, 10**6) * USD, random.randint(10_000, 20_000)
    samples = []
    for ago in range(days, -1, -1):
        debt = max(150 * USD, debt * random.randint(9_000, 11_200) // 10_000)
        health = max(9_000, min(40_000, health * random.randint(9_300, 10_800) // 10_000))
        samples.append(make_sample(AS_OF_S - ago * DAY_S, debt, health))
    events = [make_event(EventKind.SUPPLY, AS_OF_S - days * DAY_S - 100, 1_000 * USD, token=VOLATILE)]
    for _ in range(random.randint(0, 20)):
        kind = random.choice((*EventKind,))
        is_strange = kind is EventKind.LIQUIDATION or random.random() < 0.1
        token = VOLATILE if kind in (EventKind.SUPPLY, EventKind.WITHDRAW) else DEBT
        time_s = AS_OF_S - random.randrange(days * DAY_S)
        caller = STRANGER if is_strange else ACCOUNT
        events.append(make_event(kind, time_s, random.randint(1, debt), token=token, caller=caller))
    return make_history(events, samples, random.choice(paths), debt, health)


def with_events(life: BorrowerHistory, *more: LendingEvent) -> BorrowerHistory:
    """Return a life with further events."""
    return replace(life, events=tuple(sorted((*life.events, *more), key=lambda e: e.order)))


def flash_loan(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Borrow and repay up to a billion dollars within one block, up to five times."""
    acts = []
    for _ in range(random.randint(1, 5)):
        time_s, value = _past_s(random), random.randint(1, 10**9) * USD
        acts += [make_event(kind, time_s, value) for kind in (EventKind.BORROW, EventKind.REPAY)]
    return with_events(life, *acts)


def wash(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Run loops of borrowing and repaying, and of supplying and withdrawing, within a day."""
    acts = []
    for _ in range(random.randint(1, 20)):
        day_s = _past_s(random) // DAY_S * DAY_S
        first, last = sorted(day_s + random.randrange(DAY_S) for _ in range(2))
        value = random.randint(1, 10**7) * USD
        if random.random() < 0.5:
            acts += [make_event(EventKind.BORROW, first, value), make_event(EventKind.REPAY, last, value)]
        else:
            acts.append(make_event(EventKind.SUPPLY, first, value, token=VOLATILE))
            acts.append(make_event(EventKind.WITHDRAW, last, value, token=VOLATILE))
    return with_events(life, *acts)


def fresh_wallet(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Move to an address that has had debt at no more than six midnights."""
    kept = random.randint(0, 6)
    samples = life.samples[len(life.samples) - kept :]
    since_s = samples[0].time_s if samples else AS_OF_S
    return replace(life, samples=samples, events=tuple(e for e in life.events if e.time_s >= since_s))


def split_wallets(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Live the same life over several addresses, pro rata; no debt or liquidation above dust falls below it."""
    values = [s.debt_usd_e8 for s in life.samples]
    values += [e.value_usd_e8 for e in life.events if e.kind is EventKind.LIQUIDATION]
    least = min(value for value in values if value >= DUST_USD_E8)
    return _piece_of(life, random.randint(1, least // DUST_USD_E8))


def split_into_dust(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Live the same life over so many addresses that a liquidation can fall below dust in each."""
    return _piece_of(life, random.choice((5, 20, 100, 1_000)))


def _piece_of(life: BorrowerHistory, parts: int) -> BorrowerHistory:
    def piece(value: int) -> UsdE8:
        return UsdE8(value // parts)

    return replace(
        life,
        events=tuple(replace(e, value_usd_e8=piece(e.value_usd_e8)) for e in life.events),
        samples=tuple(replace(s, debt_usd_e8=piece(s.debt_usd_e8)) for s in life.samples),
        positions=tuple(replace(p, debt_usd_e8=piece(p.debt_usd_e8)) for p in life.positions),
    )


def split_acts(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Do every act in up to six parts; let oneself be liquidated, within a block, in so many that each can be dust."""
    parts, dust_parts = random.randint(2, 6), random.choice((6, 50, 300))
    pieces = tuple(
        replace(e, value_usd_e8=UsdE8(e.value_usd_e8 * (k + 1) // n - e.value_usd_e8 * k // n))
        for e in life.events
        for n in (dust_parts if e.kind is EventKind.LIQUIDATION else parts,)
        for k in range(n)
    )
    return replace(life, events=pieces)


def delete_history(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Leave out any of the account's own repayments, which it could have made from elsewhere."""
    kept = tuple(e for e in life.events if e.kind is not EventKind.REPAY or not e.by_account or random.random() < 0.5)
    return replace(life, events=kept)


def act_through_others(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Let another address supply and repay on the account's behalf, for any of those acts."""
    moved = (EventKind.REPAY, EventKind.SUPPLY)
    events = tuple(replace(e, caller=STRANGER) if e.kind in moved and random.random() < 0.5 else e for e in life.events)
    return replace(life, events=events)


def dust_of_others(life: BorrowerHistory, random: Random) -> BorrowerHistory:
    """Let a stranger supply or repay for the account, below dust in sum."""
    acts, left = [], DUST_USD_E8 - 1
    for _ in range(random.randint(1, 4)):
        value = random.randint(1, left // 2)
        left -= value
        kind, token = random.choice(
            ((EventKind.SUPPLY, VOLATILE), (EventKind.SUPPLY, STRANGER), (EventKind.REPAY, DEBT))
        )
        acts.append(make_event(kind, _past_s(random), value, token=token, caller=STRANGER))
    return with_events(life, *acts)


ATTACKS: dict[str, Attack] = {
    "flash loan": flash_loan,
    "wash activity": wash,
    "fresh wallet": fresh_wallet,
    "splitting over wallets": split_wallets,
    "splitting into dust": split_into_dust,
    "splitting acts": split_acts,
    "deleting own history": delete_history,
    "acting through others": act_through_others,
}
"""What an attacker does to look better; hiding and proofs older than the grace are no histories, and are the same as no proof."""


def _past_s(random: Random) -> int:
    return AS_OF_S - random.randrange(_MOST_DAYS * DAY_S)
