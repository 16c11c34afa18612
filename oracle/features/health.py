"""What the daily samples of a borrower's positions tell: debt by day, low health, lowest health, worst week.

Only samples of the last 365 days with at least dust of debt count. Nothing here gives credit for an event, so nobody else can change it
except by adding collateral or repaying, which only raises health.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from oracle.domain.fixed_point import ilog2
from oracle.domain.position import PositionSample
from oracle.domain.units import DAY_S, WAD, TimestampS

DUST_USD_E8 = 100 * 10**8
WINDOW_S = 365 * DAY_S
LOW_HEALTH_WAD = 12 * WAD // 10
_WEEK_S = 7 * DAY_S


@dataclass(slots=True, kw_only=True)
class HealthRecord:
    """A year of samples, folded; debts by midnight, low samples in order."""

    debt_at: dict[int, int] = field(default_factory=dict)
    low_samples: list[PositionSample] = field(default_factory=list)
    debt_days_usd_e8: int = 0
    low_debt_days_usd_e8: int = 0
    lowest_health_wad: int = 0
    worst_before_wad: int = 1
    worst_after_wad: int = 1

    @property
    def peak_debt_usd_e8(self) -> int:
        """Return the largest total debt of a day, 0 without samples."""
        return max(self.debt_at.values(), default=0)

    @property
    def worst_week_loss(self) -> int:
        """Return the largest fall of a position's health factor within 7 days, in 1024ths of an octave."""
        if self.worst_after_wad >= self.worst_before_wad:
            return 0
        return ilog2(self.worst_before_wad) - ilog2(self.worst_after_wad)


def read_samples(samples: tuple[PositionSample, ...], as_of_s: TimestampS) -> HealthRecord:
    """Fold the samples of the year before `as_of_s`."""
    record = HealthRecord()
    debt_at, low = record.debt_at, record.low_samples
    health_at: dict[tuple[int, bytes, int], int] = {}
    start_s = as_of_s - WINDOW_S
    total = low_total = lowest = 0
    before, after = 1, 1
    for sample in samples:
        time_s, debt = sample.time_s, sample.debt_usd_e8
        if time_s < start_s or debt < DUST_USD_E8:
            continue
        health = max(1, sample.health_factor_wad)
        total += debt
        debt_at[time_s] = debt_at.get(time_s, 0) + debt
        if health < LOW_HEALTH_WAD:
            low_total += debt
            low.append(sample)
        if lowest == 0 or health < lowest:
            lowest = health
        market = (sample.chain_id, sample.market)
        week_ago = health_at.get((*market, time_s - _WEEK_S), 0)
        if week_ago * after > before * health:
            before, after = week_ago, health
        health_at[(*market, time_s)] = health
    record.debt_days_usd_e8, record.low_debt_days_usd_e8 = total, low_total
    record.lowest_health_wad, record.worst_before_wad, record.worst_after_wad = lowest, before, after
    return record
