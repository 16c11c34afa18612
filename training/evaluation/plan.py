"""For each task: what the bundle scores, and the day that its frozen baselines were fitted before. Later rows are out of time for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from oracle.domain.score import ScoreKind


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """A task's kind of bundle, and the end of the training span: no horizon of a training row reaches beyond it."""

    kind: ScoreKind
    trained_until: date


def _borrower(year: int, month: int, day: int = 1) -> TaskPlan:
    return TaskPlan(kind=ScoreKind.BORROWER, trained_until=date(year, month, day))


_COLLATERAL = TaskPlan(kind=ScoreKind.COLLATERAL, trained_until=date(2023, 7, 1))

# The record of risk managers begins in 2022: before July 2023 it holds twelve positive weeks, too few to fit anything.
_RESERVES = TaskPlan(kind=ScoreKind.COLLATERAL, trained_until=date(2024, 1, 1))

PLAN: Mapping[str, TaskPlan] = {
    "maker_borrow_30d": _borrower(2022, 1),
    "maker_weekly_30d": _borrower(2022, 1),
    "maker_weekly_7d": _borrower(2022, 1),
    "morpho_borrow_7d": _borrower(2025, 11, 25),
    "morpho_reliquidation_30d": _borrower(2025, 6),
    "liquity_30d": _borrower(2022, 2),
    "aave_repeat_30d": _borrower(2021, 12),
    "crvusd_30d": _borrower(2023, 11),
    "drop_24h_15": _COLLATERAL,
    "drop_24h_25": _COLLATERAL,
    "drawdown_q99": _COLLATERAL,
    "reserve_cut": _RESERVES,
    "depeg_7d": _COLLATERAL,
}
