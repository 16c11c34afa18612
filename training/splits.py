"""Splits by time with a purge: a row trains only if its whole horizon ends before the test begins. Never random.

Rolling folds are out of time. A held-out shock is not: what came after it trains too, so that it asks whether a crash of that kind was needed to foretell it. Rows whose
horizon reaches into the shock are purged, and as many days after it are left out (embargo; Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 7).
Unseen owners are owners of none of the rows that train, and their time lies after all of those. Splits by borrower alone are for generated activity, where time may hold a single crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S

type Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Row indices of one step."""

    train: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]


def forward_folds(as_of_s: np.ndarray[Any, Any], *, horizon_s: int, n_folds: int, first_share: float) -> Iterator[Fold]:
    """Yield expanding-window folds over equal spans of time after the first `first_share` of the span."""
    start, end = int(as_of_s.min()), int(as_of_s.max()) + 1
    first = start + int((end - start) * first_share)
    edges = [first + (end - first) * k // n_folds for k in range(n_folds + 1)]
    for test_start, test_end in pairwise(edges):
        train = np.flatnonzero(as_of_s + horizon_s <= test_start)
        test = np.flatnonzero((as_of_s >= test_start) & (as_of_s < test_end))
        if len(train) and len(test):
            yield Fold(train=train, test=test)


def unseen_folds(clusters: np.ndarray[Any, Any], *, n_folds: int) -> Iterator[Fold]:
    """Yield folds that hold out whole clusters, by their number."""
    for k in range(n_folds):
        is_test = clusters % n_folds == k
        yield Fold(train=np.flatnonzero(~is_test), test=np.flatnonzero(is_test))


class SplitKind(StrEnum):
    """What a part of the validation asks."""

    ROLLING = "out of time"
    UNSEEN = "out of time, unseen owners"
    SHOCK = "shock held out"


@dataclass(frozen=True, kw_only=True)
class Shock:
    """A crash by name: the days first <= day < until."""

    name: str
    first: date
    until: date


SHOCKS = (
    Shock(name="May 2021", first=date(2021, 5, 10), until=date(2021, 6, 1)),
    Shock(name="June 2022", first=date(2022, 6, 6), until=date(2022, 7, 1)),
    Shock(name="November 2022", first=date(2022, 11, 1), until=date(2022, 12, 1)),
    Shock(name="August 2024", first=date(2024, 8, 1), until=date(2024, 8, 16)),
)
"""The fall of 19 May 2021; Celsius and Three Arrows; FTX; the yen carry trade. Days are set by the news, before any figure was taken."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """A fold with what it asks and its name."""

    kind: SplitKind
    name: str
    fold: Fold


def rolling_splits(as_of_s: Array, *, horizon_s: int, n_folds: int, first_share: float) -> list[Split]:
    """Return the forward folds by name."""
    folds = forward_folds(as_of_s, horizon_s=horizon_s, n_folds=n_folds, first_share=first_share)
    return [Split(kind=SplitKind.ROLLING, name=f"fold {k + 1}", fold=fold) for k, fold in enumerate(folds)]


def unseen_splits(as_of_s: Array, owners: Array, *, horizon_s: int, first_share: float, n_parts: int) -> list[Split]:
    """Return, for each part of the owners, later rows of its owners after earlier rows of the others."""
    start, end = int(as_of_s.min()), int(as_of_s.max()) + 1
    first = start + int((end - start) * first_share)
    part_of = np.unique(owners, return_inverse=True)[1] % n_parts
    folds = [
        Fold(
            train=np.flatnonzero((as_of_s + horizon_s <= first) & (part_of != k)),
            test=np.flatnonzero((as_of_s >= first) & (part_of == k)),
        )
        for k in range(n_parts)
    ]
    return [
        Split(kind=SplitKind.UNSEEN, name=f"owners {k + 1} of {n_parts}", fold=fold)
        for k, fold in enumerate(folds)
        if len(fold.train) and len(fold.test)
    ]


def shock_splits(as_of_s: Array, *, horizon_s: int, shocks: tuple[Shock, ...] = SHOCKS) -> list[Split]:
    """Return each shock that holds rows. Tested are rows whose horizon meets the shock: those of the days before it foretell it."""
    splits = []
    for shock in shocks:
        first_s, until_s = _midnight_s(shock.first), _midnight_s(shock.until)
        is_test = (as_of_s + horizon_s > first_s) & (as_of_s < until_s)
        if not is_test.any():
            continue
        earliest_s = int(as_of_s[is_test].min())
        is_train = (as_of_s + horizon_s <= earliest_s) | (as_of_s >= until_s + horizon_s)
        fold = Fold(train=np.flatnonzero(is_train), test=np.flatnonzero(is_test))
        if len(fold.train):
            splits.append(Split(kind=SplitKind.SHOCK, name=shock.name, fold=fold))
    return splits


def _midnight_s(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // DAY_S * DAY_S
