"""Labels of cohorts, from the histories of a later cut: what a score said would happen, and whether it did.

Borrower: liquidations of more than max($100, 1 % of the debt then) in the 30 days after, all summed. Collateral: the fall that its gap probability is of, within 24 hours.
A borrower who is no longer listed, and a pair without a price then, have no known label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oracle.domain.event import EventKind
from oracle.domain.history import BorrowerHistory, CollateralHistory
from oracle.domain.ids import SubjectId
from oracle.domain.score import Binding, BorrowerScore, CollateralScore, Score
from oracle.domain.units import BPS, DAY_S, HOUR_S, PPM, TimestampS
from oracle.features.health import DUST_USD_E8
from oracle.scoring.calibration import GAP_FALL_BPS
from oracle.storage.cohorts import Member, Tally

BORROWER_HORIZON_S = 30 * DAY_S
COLLATERAL_HORIZON_S = DAY_S


def borrower_members(scores: Iterable[Score], histories: Iterable[BorrowerHistory]) -> list[Member]:
    """Return the rated borrowers with debt above dust."""
    debts = {h.subject: sum(p.debt_usd_e8 for p in h.positions) for h in histories}
    return [
        Member(
            subject=s.subject,
            predicted_ppm=s.pd_ppm,
            upper_ppm=s.pd_upper_ppm,
            debt_usd_e8=debts[s.subject],
        )
        for s in scores
        if isinstance(s, BorrowerScore) and s.grade > 0 and debts.get(s.subject, 0) >= DUST_USD_E8
    ]


def collateral_members(scores: Iterable[Score]) -> list[Member]:
    """Return the rated pairs; a collateral has no upper bound, its probability stands for it."""
    return [
        Member(subject=s.subject, predicted_ppm=s.gap_ppm, upper_ppm=s.gap_ppm)
        for s in scores
        if isinstance(s, CollateralScore) and s.binding is not Binding.UNRATED
    ]


def label_borrower(history: BorrowerHistory, as_of_s: TimestampS, debt_usd_e8: int) -> bool:
    """Return whether the borrower was liquidated in (as_of, as_of + 30 days]."""
    until_s = as_of_s + BORROWER_HORIZON_S
    value = sum(
        e.value_usd_e8 for e in history.events if e.kind is EventKind.LIQUIDATION and as_of_s < e.time_s <= until_s
    )
    return value > max(DUST_USD_E8, debt_usd_e8 // 100)


def label_collateral(history: CollateralHistory, as_of_s: TimestampS) -> bool | None:
    """Return whether the price fell by `GAP_FALL_BPS` or more within 24 hours of the full hour at or before; None without all of those prices."""
    series = history.series
    first = (as_of_s - as_of_s % HOUR_S - series.first_hour_s) // HOUR_S
    last = first + COLLATERAL_HORIZON_S // HOUR_S
    if first < 0 or last >= len(series.prices_e8):
        return None
    price, lowest = series.prices_e8[first], min(series.prices_e8[first : last + 1])
    return (price - lowest) * BPS >= GAP_FALL_BPS * price


def count(members: Iterable[Member], labels: Mapping[SubjectId, bool]) -> Tally:
    """Return the sums over the members whose label is known."""
    known = [m for m in members if m.subject in labels]
    return Tally(
        known_count=len(known),
        realised_count=sum(labels[m.subject] for m in known),
        expected_ppm=sum(m.predicted_ppm for m in known),
        upper_ppm=sum(m.upper_ppm for m in known),
        variance_ppm=sum(m.predicted_ppm * (PPM - m.predicted_ppm) // PPM for m in known),
    )
