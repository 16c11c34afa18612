"""Rows of borrow events, each valued right after the borrow: the lender's question.

A health factor that the data do not show is taken as the lower quartile of those shown by earlier borrows: whoever hides the level is not given a good one. It is
marked, and the same for the model and every baseline that reads a health factor.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import replace
from functools import lru_cache

from oracle.domain.history import BorrowerHistory
from oracle.domain.position import Position
from oracle.domain.units import HOUR_S, WAD, Ppm, TimestampS, UsdE8, Wad
from oracle.features.quantize import MISSING
from oracle.features.registry import BORROWER_SCHEMA
from oracle.features.volatility import compute_position_volatility
from training.datasets.borrows import BorrowMoment, Borrows
from training.histories import Snapshot, take_snapshot
from training.labels import HORIZON_S
from training.rows import BorrowerRows, RowSink

_LEAST_SEEN = 20


def build_borrow_rows(
    borrows: Borrows, *, horizon_s: int = HORIZON_S, first_s: int | None = None, end_s: int | None = None
) -> BorrowerRows:
    """Return one row per borrow in first <= time < end whose horizon lies inside the data and whose debt is above dust."""
    dataset, sink, levels = borrows.dataset, RowSink(horizon_s), KnownLevels()
    numbers = {borrower.subject: number for number, borrower in enumerate(dataset.borrowers)}

    @lru_cache(maxsize=2)
    def snapshot_at(hour_s: int) -> Snapshot:
        return take_snapshot(dataset, TimestampS(hour_s))

    for moment in borrows.moments:
        time_s = moment.positions[0].as_of_s
        known = levels.fallback_wad
        levels.add(moment)
        is_inside = (first_s is None or time_s >= first_s) and (end_s is None or time_s < end_s)
        if not is_inside or time_s + horizon_s > dataset.end_s:
            continue
        snapshot = snapshot_at(time_s - time_s % HOUR_S)
        number = numbers[moment.subject]
        borrower = dataset.borrowers[number]
        history = snapshot.history_of(borrower, time_s, moment.positions, n_events=moment.n_events)
        if not moment.is_level_known:
            history = _at_level(history, known, snapshot, moment)
        sink.add(
            number,
            borrower,
            history,
            snapshot,
            is_borrow=True,
            is_first=moment.is_first,
            is_level_known=moment.is_level_known,
        )
    return _blank_unseen(sink.rows(), borrows)


def _blank_unseen(rows: BorrowerRows, borrows: Borrows) -> BorrowerRows:
    """Return the rows with what the source cannot show as missing."""
    vectors = rows.vectors.copy()
    for feature in BORROWER_SCHEMA:
        if feature.name in borrows.unseen:
            vectors[:, feature.slot] = MISSING
        elif feature.name in borrows.unseen_without_level:
            vectors[~rows.is_level_known, feature.slot] = MISSING
    return replace(rows, vectors=vectors)


class KnownLevels:
    """Health factors that borrows so far have shown, ascending."""

    def __init__(self) -> None:
        self._seen: list[int] = []

    @property
    def fallback_wad(self) -> Wad:
        """Return their lower quartile; one, which every lender demands, while few are known."""
        return Wad(self._seen[len(self._seen) // 4] if len(self._seen) >= _LEAST_SEEN else WAD)

    def add(self, moment: BorrowMoment) -> None:
        """Count a borrow whose level is known."""
        if moment.is_level_known:
            insort(self._seen, min(at.health_factor_wad for at in moment.positions))


def _at_level(
    history: BorrowerHistory, health_factor_wad: Wad, snapshot: Snapshot, moment: BorrowMoment
) -> BorrowerHistory:
    """Return the history with every position at a health factor; its volatility is that of its market's collateral, of which none may have been seen."""
    return replace(
        history,
        positions=tuple(
            replace(p, health_factor_wad=health_factor_wad, volatility_ppm=_market_volatility(snapshot, at.position))
            for p, at in zip(history.positions, moment.positions, strict=True)
        ),
    )


def _market_volatility(snapshot: Snapshot, position: Position) -> Ppm:
    seen = replace(position, collaterals=tuple(replace(c, value_usd_e8=UsdE8(1)) for c in position.collaterals))
    return compute_position_volatility(snapshot.chains[position.chain_id], seen, snapshot.sigmas)
