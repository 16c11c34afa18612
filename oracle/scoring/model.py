"""The integer tables that are the model: their values, their checks, their arithmetic.

`model.bin` (see `codec`) is the serialisation; its keccak is the model id. Source: `tests/vectors/FORMATS.md`, sections 7 and 8.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from enum import IntFlag
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from oracle.domain.ids import Hash32
from oracle.domain.score import ScoreKind
from oracle.domain.units import BPS, Bps, Margin, Ppm, clamp
from oracle.errors import MalformedValueError

MAX_TREES = 200
MAX_DEPTH = 5
LAYOUT_VERSION = 1
TABLE_SIZE = 256
POINTS_COUNT = 700
GRADES_COUNT = 9
PADDING_THRESHOLD = 65_535
EXACT_FLOAT32_UNITS = 1 << 24
"""Below this sum of absolute leaves, float32 sums in units of 2^-12 are exact in any order."""

type IntArray = np.ndarray[Any, np.dtype[np.int64]]


class ModelFlag(IntFlag):
    """Header bits."""

    TREES_ACTIVE = 1
    SANDBOX_ONLY = 2


@dataclass(frozen=True, kw_only=True)
class Support:
    """Where a slot's values may lie for a subject to be rated."""

    lo: int
    hi: int
    is_required: bool


@dataclass(frozen=True, kw_only=True)
class BorrowerTables:
    """State offset by z; probabilities by margin; points and grades by probability."""

    state_offsets: tuple[int, ...]
    lo: int
    shift: int
    pd_ppm: tuple[int, ...]
    pd_upper_ppm: tuple[int, ...]
    points_thresholds_ppm: tuple[int, ...]
    reference_lgd_bps: Bps
    grade_thresholds_ppm: tuple[int, ...]

    def state_offset(self, z: int) -> Margin:
        """Return the margin of a position at distance z, linear between knots and rounded to minus infinity."""
        i = z >> 8
        left, right = self.state_offsets[i], self.state_offsets[i + 1]
        return Margin(left + (((right - left) * (z & 255)) >> 8))

    def table_index(self, margin: int) -> int:
        """Return the bin of a margin."""
        return clamp((margin - self.lo) >> self.shift, 0, TABLE_SIZE - 1)

    def pd_upper_ppm_at(self, margin: Margin) -> Ppm:
        """Return the upper bound of that probability."""
        return Ppm(self.pd_upper_ppm[self.table_index(margin)])

    def points(self, pd_ppm: Ppm) -> int:
        """Return 300 plus the number of thresholds at or above the probability."""
        return 300 + self._reached(pd_ppm)

    def grade(self, pd_ppm: Ppm) -> int:
        """Return the grade of a rated borrower, 1 (best) to 10."""
        el_ppm = pd_ppm * self.reference_lgd_bps // BPS * 365 // 30
        return 1 + bisect_left(self.grade_thresholds_ppm, el_ppm)

    def _reached(self, pd_ppm: int) -> int:
        return POINTS_COUNT - bisect_left(self._ascending_thresholds, pd_ppm)

    @cached_property
    def _ascending_thresholds(self) -> tuple[int, ...]:
        return self.points_thresholds_ppm[::-1]


@dataclass(frozen=True, kw_only=True)
class CollateralTables:
    """Gap probability and drawdown by margin, and the constants that make LTVs of them."""

    lo: int
    shift: int
    gap_ppm: tuple[int, ...]
    drawdown_bps: tuple[int, ...]
    bonus_bps: Bps
    threshold_cap_bps: Bps
    buffer_bps: Bps
    floor_share_bps: Bps
    volatility_slot: int

    def table_index(self, margin: int) -> int:
        """Return the bin of a margin."""
        return clamp((margin - self.lo) >> self.shift, 0, TABLE_SIZE - 1)


@dataclass(frozen=True, kw_only=True)
class Trees:
    """Complete trees in level order: nodes (n_trees, 2^depth - 1), leaves (n_trees, 2^depth) in units of 2^-12."""

    depth: int
    features: IntArray
    thresholds: IntArray
    default_left: IntArray
    leaves: IntArray

    @property
    def n_trees(self) -> int:
        """Return the number of trees."""
        return int(self.leaves.shape[0])

    @cached_property
    def node_values(self) -> IntArray:
        """Return (n_trees, 2^(depth+1) - 1) values: a leaf's own, a node's mean of its children, rounded down."""
        levels = [self.leaves]
        while levels[0].shape[1] > 1:
            children = levels[0]
            levels.insert(0, (children[:, 0::2] + children[:, 1::2]) >> 1)
        return np.concatenate(levels, axis=1)


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model: header, tables, support and trees."""

    kind: ScoreKind
    n_features: int
    flags: ModelFlag
    schema_digest: Hash32
    tables: BorrowerTables | CollateralTables
    support: tuple[Support, ...]
    trees: Trees = field(repr=False)

    @property
    def trees_active(self) -> bool:
        """Return whether behaviour trees count; for a collateral they always do."""
        return self.kind is ScoreKind.COLLATERAL or ModelFlag.TREES_ACTIVE in self.flags

    @property
    def borrower_tables(self) -> BorrowerTables:
        """Return the tables of a borrower model.

        Raises:
            MalformedValueError: if the model scores the other kind.
        """
        if not isinstance(self.tables, BorrowerTables):
            raise MalformedValueError("model", self.kind.name, "a borrower model")
        return self.tables

    @property
    def collateral_tables(self) -> CollateralTables:
        """Return the tables of a collateral model.

        Raises:
            MalformedValueError: if the model scores the other kind.
        """
        if not isinstance(self.tables, CollateralTables):
            raise MalformedValueError("model", self.kind.name, "a collateral model")
        return self.tables

    def is_unrated(self, vector: tuple[int, ...]) -> bool:
        """Return whether a required slot is missing or a present one lies outside the support."""
        return any(
            support.is_required if x == 0 else not support.lo <= x <= support.hi
            for x, support in zip(vector, self.support, strict=True)
        )


def find_defects(model: Model) -> list[str]:
    """Return what makes a model unfit to run, in words; empty if nothing does."""
    trees = model.trees
    checks = [
        (1 <= model.n_features <= 32, "it has no features, or more than 32"),
        (trees.n_trees <= MAX_TREES and 1 <= trees.depth <= MAX_DEPTH, "it has more than 200 trees or depth 5"),
        (bool((trees.features < model.n_features).all()), "a tree splits on a slot that does not exist"),
        (bool((trees.thresholds >= 1).all()), "a tree has a threshold of 0, which is missing"),
        (bool((trees.default_left <= 1).all()), "a default direction is neither 0 nor 1"),
        (
            int(np.abs(trees.leaves).max(axis=1).sum()) < EXACT_FLOAT32_UNITS if trees.n_trees else True,
            "its leaves are too large for exact float32 sums",
        ),
        (all(s.lo <= s.hi and s.lo >= 1 for s in model.support), "a slot's support is empty"),
        (not model.flags & ~(ModelFlag.TREES_ACTIVE | ModelFlag.SANDBOX_ONLY), "it has unknown flags"),
    ]
    if isinstance(model.tables, BorrowerTables):
        is_padding = (trees.thresholds == PADDING_THRESHOLD) & (trees.default_left == 1)
        checks.append((bool((is_padding | (trees.features != 0)).all()), "a tree splits on slot 0, the position state"))
        checks += _borrower_checks(model.tables)
    else:
        checks += _collateral_checks(model.tables, model.support)
    return [reason for is_fine, reason in checks if not is_fine]


def _borrower_checks(tables: BorrowerTables) -> list[tuple[bool, str]]:
    upper_bounds = zip(tables.pd_ppm, tables.pd_upper_ppm, strict=True)
    return [
        (_is_rising(tables.state_offsets[::-1]), "the state offset rises with z"),
        (_is_rising(tables.pd_ppm) and _is_rising(tables.pd_upper_ppm), "a probability falls as the margin rises"),
        (tables.pd_ppm[0] >= 1 and tables.pd_upper_ppm[-1] <= 999_999, "a probability is 0 or 1"),
        (all(pd <= upper for pd, upper in upper_bounds), "an upper bound lies below its probability"),
        (_is_rising(tables.points_thresholds_ppm[::-1]), "points do not fall as the probability rises"),
        (_is_rising(tables.grade_thresholds_ppm), "grades are not ascending"),
    ]


def _collateral_checks(tables: CollateralTables, support: tuple[Support, ...]) -> list[tuple[bool, str]]:
    return [
        (_is_rising(tables.gap_ppm) and _is_rising(tables.drawdown_bps), "a table falls as the margin rises"),
        (tables.buffer_bps <= BPS and tables.floor_share_bps <= BPS, "a share is above 100 %"),
        (tables.volatility_slot < len(support), "the volatility slot does not exist"),
        # A missing volatility would read as none at all, and the pair as perfectly calm.
        (all(s.is_required for s in support[tables.volatility_slot :][:1]), "the volatility slot is not required"),
    ]


def _is_rising(values: tuple[int, ...]) -> bool:
    return all(a <= b for a, b in pairwise(values))
