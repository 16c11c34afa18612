"""What the daily samples of a borrower's positions tell: debt by day, low health, lowest health.

Only samples of the last 365 days count, for credit those with at least dust of debt, against the borrower those of 1 % of the largest debt of that year too: a
position of any size is low by the same days when it is split over addresses. Nothing here gives credit for an event, so nobody else can change it except by adding collateral or repaying, which only raises health.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from oracle.domain.position import PositionSample
from oracle.domain.units import BPS, DAY_S, WAD, TimestampS, mul_div_up

DUST_USD_E8 = 100 * 10**8
_ADVERSE_SHARE_BPS = 100
WINDOW_S = 365 * DAY_S
LOW_HEALTH_WAD = 12 * WAD // 10


@dataclass(slots=True, kw_only=True)
class HealthRecord:
    """A year of samples, folded; debts above dust by midnight, low samples in order, `counted_debt_days_usd_e8` what the low ones are a share of."""

    debt_at: dict[int, int] = field(default_factory=dict)
    low_samples: list[PositionSample] = field(default_factory=list)
    debt_days_usd_e8: int = 0
    counted_debt_days_usd_e8: int = 0
    low_debt_days_usd_e8: int = 0
    lowest_health_wad: int = 0

    @property
    def peak_debt_usd_e8(self) -> int:
        """Return the largest total debt above dust of a day, 0 without samples."""
        return max(self.debt_at.values(), default=0)

    @property
    def low_days(self) -> int:
        """Return the number of midnights at which some position was at low health."""
        return len({s.time_s for s in self.low_samples})


def read_samples(samples: tuple[PositionSample, ...], as_of_s: TimestampS) -> HealthRecord:
    """Fold the samples of the year before `as_of_s`."""
    record = HealthRecord()
    debt_at, low = record.debt_at, record.low_samples
    start_s = as_of_s - WINDOW_S
    least = _least_adverse_debt(samples, start_s)
    total = counted = low_total = lowest = 0
    for sample in samples:
        debt = sample.debt_usd_e8
        if debt < least:
            continue
        time_s = sample.time_s
        if time_s < start_s:
            continue
        health = sample.health_factor_wad
        counted += debt
        if debt >= DUST_USD_E8:
            total += debt
            debt_at[time_s] = debt_at.get(time_s, 0) + debt
        if health < LOW_HEALTH_WAD:
            low_total += debt
            low.append(sample)
        if health < lowest or lowest == 0:
            lowest = max(1, health)
    record.debt_days_usd_e8, record.counted_debt_days_usd_e8 = total, counted
    record.low_debt_days_usd_e8, record.lowest_health_wad = low_total, lowest
    return record


def _least_adverse_debt(samples: tuple[PositionSample, ...], start_s: int) -> int:
    """Return the debt from which a sample counts against the borrower: dust, or 1 % of the largest debt since the start if that is less, at least 1."""
    if all(s.debt_usd_e8 >= DUST_USD_E8 for s in samples):
        return DUST_USD_E8
    debts: dict[int, int] = {}
    for sample in samples:
        if sample.time_s >= start_s:
            debts[sample.time_s] = debts.get(sample.time_s, 0) + sample.debt_usd_e8
    share = mul_div_up(max(debts.values(), default=0), _ADVERSE_SHARE_BPS, BPS)
    return min(DUST_USD_E8, max(1, share))
