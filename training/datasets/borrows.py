"""Borrow events as a lender meets them: the borrower's positions right after each, with the loan asked for inside."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.domain.canonical import PositionAt
from oracle.domain.ids import SubjectId
from training.datasets.canonical import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowMoment:
    """Positions right after a borrow; `n_events` of the borrower's events had then happened, the borrow the last of them.

    `is_level_known` is False where the data show too little of the position for a health factor: `positions` then hold what is seen of it.
    """

    subject: SubjectId
    n_events: int
    positions: tuple[PositionAt, ...]
    is_first: bool
    is_level_known: bool

    @property
    def debt_usd_e8(self) -> int:
        """Return the debt seen over all positions."""
        return sum(at.position.debt_usd_e8 for at in self.positions)


@dataclass(frozen=True, kw_only=True)
class Borrows:
    """A dataset and its borrow events, ascending by time.

    `unseen` names features that the source cannot show of anybody, `unseen_without_level` those that it cannot show where the level is unknown: both count as missing.
    """

    dataset: Dataset
    moments: tuple[BorrowMoment, ...]
    unseen: frozenset[str] = frozenset()
    unseen_without_level: frozenset[str] = frozenset()
