"""What a borrower's events tell: answers to low health, liquidations, repayment, borrowing into a rally.

Adverse facts count whoever acted. Credit needs the account as caller, and debt that was really held: loops inside a day net to nothing, and a repayment
counts only up to the debt of the whole week before it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.position import PositionSample
from oracle.domain.units import BPS, DAY_S, TimestampS, UsdE8, mul_div_down
from oracle.features.health import WINDOW_S, HealthRecord

RALLY_WINDOW_S = 90 * DAY_S
_HELD_DAYS = 7
_ANSWER_SHARE_BPS = 100
_EPISODE_SHARE_BPS = 100


@dataclass(slots=True, kw_only=True)
class MarketActs:
    """Running net own reduction of risk in one market: repaid and supplied by the account, less borrowed and withdrawn."""

    times: list[int] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)

    def add(self, time_s: TimestampS, change_usd_e8: int) -> None:
        """Append one act; times ascend."""
        self.times.append(time_s)
        self.totals.append((self.totals[-1] if self.totals else 0) + change_usd_e8)

    def net_within(self, after_s: int, until_s: int) -> int:
        """Return the net reduction in (after_s, until_s]."""
        return self._total_at(until_s) - self._total_at(after_s)

    def _total_at(self, time_s: int) -> int:
        index = bisect_right(self.times, time_s)
        return self.totals[index - 1] if index else 0


@dataclass(slots=True, kw_only=True)
class ConductRecord:
    """Events, folded: acts by market, own repayments and all borrowing by midnight of the day, liquidations in order."""

    acts: dict[tuple[int, bytes], MarketActs] = field(default_factory=dict)
    repaid_on: dict[int, int] = field(default_factory=dict)
    borrowed_on: dict[int, int] = field(default_factory=dict)
    liquidations: list[tuple[TimestampS, UsdE8]] = field(default_factory=list)


def read_events(events: tuple[LendingEvent, ...]) -> ConductRecord:
    """Fold all events; what others repay or supply is left out."""
    record = ConductRecord()
    acts, repaid_on, borrowed_on = record.acts, record.repaid_on, record.borrowed_on
    for event in events:
        kind, time_s, value = event.kind, event.time_s, event.value_usd_e8
        if kind is EventKind.LIQUIDATION:
            record.liquidations.append((time_s, value))
            continue
        if kind is EventKind.REPAY or kind is EventKind.SUPPLY:
            if event.caller != event.account:
                continue
            change = int(value)
        else:
            change = -value
        market = (event.chain_id, event.market)
        if market not in acts:
            acts[market] = MarketActs()
        acts[market].add(time_s, change)
        day = time_s - time_s % DAY_S
        if kind is EventKind.REPAY:
            repaid_on[day] = repaid_on.get(day, 0) + value
        elif kind is EventKind.BORROW:
            borrowed_on[day] = borrowed_on.get(day, 0) + value
    return record


def compute_low_health_days(health: HealthRecord, conduct: ConductRecord, as_of_s: TimestampS) -> tuple[int, int]:
    """Return (days without an answer, days on which risk was raised) among days that began at low health.

    An answer is a net own repayment or top-up of at least 1 % of the position's debt within 24 hours; a raise is the opposite. A day that is not
    over can be a raise, never a missing answer.
    """
    unanswered: set[int] = set()
    raised: set[int] = set()
    for sample in health.low_samples:
        acts = conduct.acts.get((sample.chain_id, sample.market))
        net = acts.net_within(sample.time_s, sample.time_s + DAY_S) if acts else 0
        needed = mul_div_down(sample.debt_usd_e8, _ANSWER_SHARE_BPS, BPS)
        if net < needed and sample.time_s + DAY_S <= as_of_s:
            unanswered.add(sample.time_s)
        if -net >= needed:
            raised.add(sample.time_s)
    return len(unanswered), len(raised)


def compute_liquidation_episodes(
    liquidations: list[tuple[TimestampS, UsdE8]], samples: tuple[PositionSample, ...]
) -> tuple[int, TimestampS | None]:
    """Return the number of episodes and the end of the last; 24 hours without a liquidation end an episode.

    An episode counts if its liquidations together are at least 1 % of all debt at the midnight before it, or anything of value where there was none. A share
    and no amount, so that over many addresses it counts at each; of that midnight's debt, so that debt of other times does not dilute it.
    """
    episodes, last_end = 0, None
    for episode in _list_episodes(liquidations):
        midnight_s = episode[0][0] - episode[0][0] % DAY_S
        debt = sum(s.debt_usd_e8 for s in _samples_at(samples, midnight_s))
        if (value := sum(value for _, value in episode)) > 0 and value * BPS >= debt * _EPISODE_SHARE_BPS:
            episodes, last_end = episodes + 1, episode[-1][0]
    return episodes, last_end


def _list_episodes(liquidations: list[tuple[TimestampS, UsdE8]]) -> list[list[tuple[TimestampS, UsdE8]]]:
    episodes: list[list[tuple[TimestampS, UsdE8]]] = []
    for hit in liquidations:
        if not episodes or hit[0] - episodes[-1][-1][0] >= DAY_S:
            episodes.append([])
        episodes[-1].append(hit)
    return episodes


def _samples_at(samples: tuple[PositionSample, ...], time_s: int) -> tuple[PositionSample, ...]:
    first = bisect_left(samples, time_s, key=lambda s: s.time_s)
    return samples[first : bisect_right(samples, time_s, key=lambda s: s.time_s)]


def compute_repaid_usd_e8(health: HealthRecord, conduct: ConductRecord, as_of_s: TimestampS) -> int:
    """Return what the account repaid of debt it had held for a week, at most its largest debt."""
    debt_at, credited = health.debt_at, 0
    for day, repaid in conduct.repaid_on.items():
        net = repaid - conduct.borrowed_on.get(day, 0)
        if net > 0 and day >= as_of_s - WINDOW_S:
            held = min(debt_at.get(day - i * DAY_S, 0) for i in range(_HELD_DAYS))
            credited += min(net, held)
    return min(credited, health.peak_debt_usd_e8)


def compute_rally_borrowing_bps(
    health: HealthRecord, conduct: ConductRecord, as_of_s: TimestampS, rally_bps_at: Callable[[int], int]
) -> int:
    """Return the sum over days of net borrowing as a share of the debt after it, times the collateral's 30-day rally."""
    total = 0
    for day, borrowed in conduct.borrowed_on.items():
        net = borrowed - conduct.repaid_on.get(day, 0)
        if net > 0 and day >= as_of_s - RALLY_WINDOW_S:
            total += mul_div_down(net, rally_bps_at(day), net + health.debt_at.get(day, 0))
    return total
