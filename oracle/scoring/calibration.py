"""From margins and vectors to scores: every derived field of a leaf, by table and integer formula.

Source: `tests/vectors/FORMATS.md`, sections 7 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from oracle.domain.ids import Hash32, SubjectId, keccak256
from oracle.domain.score import Binding, BorrowerScore, CollateralScore
from oracle.domain.units import BPS, Bps, Margin, Ppm
from oracle.scoring.model import BorrowerTables, CollateralTables, IntArray, Model
from oracle.scoring.reasons import adverse_codes, compute_borrower_contributions

GAP_FALL_BPS = Bps(1_500)
"""The fall within 24 hours that `gap_ppm` is the probability of, in every bundle: through buffer and bonus, and what lies between."""
_STEP_BPS = 50


def features_hash(vector: np.ndarray[Any, Any] | Sequence[int]) -> Hash32:
    """Return keccak of the slots, two bytes each."""
    return keccak256(np.asarray(vector).astype(">u2").tobytes())


def compute_state_offsets(tables: BorrowerTables, z: IntArray) -> IntArray:
    """Return the state offset of each z; the same as `BorrowerTables.state_offset`, by column."""
    knots = np.array(tables.state_offsets, dtype=np.int64)
    i = z >> 8
    offsets: IntArray = knots[i] + (((knots[i + 1] - knots[i]) * (z & 255)) >> 8)
    return offsets


def compute_unrated(model: Model, vectors: IntArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return for each row whether a required slot is missing or a present one lies outside the support."""
    lo = np.array([s.lo for s in model.support])
    hi = np.array([s.hi for s in model.support])
    required = np.array([s.is_required for s in model.support])
    outside = np.where(vectors == 0, required, (vectors < lo) | (vectors > hi))
    return np.asarray(outside.any(axis=1))


def score_borrowers(
    model: Model, subjects: Sequence[SubjectId], vectors: IntArray, trees_margins: IntArray
) -> list[BorrowerScore]:
    """Return the scores of rows whose trees add up to `trees_margins`."""
    tables = model.borrower_tables
    offsets = compute_state_offsets(tables, vectors[:, 0])
    behaviour = trees_margins if model.trees_active else np.zeros_like(trees_margins)
    index = np.clip((offsets + behaviour - tables.lo) >> tables.shift, 0, len(tables.pd_ppm) - 1)
    unrated = compute_unrated(model, vectors).tolist()
    reasons = adverse_codes(compute_borrower_contributions(model, vectors, offsets)[1])
    packed = vectors.astype(">u2")
    points = [tables.points(Ppm(pd)) for pd in tables.pd_ppm]
    grades = [tables.grade(Ppm(pd)) for pd in tables.pd_ppm]
    rows = zip(subjects, offsets.tolist(), behaviour.tolist(), index.tolist(), strict=True)
    return [
        BorrowerScore(
            subject=subject,
            state_offset=Margin(offset),
            behaviour_margin=Margin(margin),
            pd_ppm=Ppm(tables.pd_ppm[i]),
            pd_upper_ppm=Ppm(tables.pd_upper_ppm[i]),
            points=points[i],
            grade=0 if unrated[row] else grades[i],
            reasons=reasons[row],
            features_hash=keccak256(packed[row].tobytes()),
        )
        for row, (subject, offset, margin, i) in enumerate(rows)
    ]


def score_collaterals(
    model: Model, subjects: Sequence[SubjectId], vectors: IntArray, margins: IntArray
) -> list[CollateralScore]:
    """Return the scores of rows whose trees add up to `margins`."""
    tables = model.collateral_tables
    unrated = compute_unrated(model, vectors).tolist()
    packed = vectors.astype(">u2")
    scores = []
    for row, (subject, margin) in enumerate(zip(subjects, margins.tolist(), strict=True)):
        i = tables.table_index(margin)
        threshold, ceiling, floor, binding = compute_ltvs(tables, tables.drawdown_bps[i], is_unrated=unrated[row])
        volatility_slot = int(vectors[row, tables.volatility_slot])
        scores.append(
            CollateralScore(
                subject=subject,
                margin=Margin(margin),
                volatility_ppm=Ppm(max(0, (volatility_slot - 1) * 100)),
                drawdown_bps=Bps(tables.drawdown_bps[i]),
                gap_ppm=Ppm(tables.gap_ppm[i]),
                ltv_ceiling_bps=ceiling,
                ltv_floor_bps=floor,
                liquidation_threshold_bps=threshold,
                binding=binding,
                features_hash=keccak256(packed[row].tobytes()),
            )
        )
    return scores


def compute_ltvs(tables: CollateralTables, drawdown_bps: int, *, is_unrated: bool) -> tuple[Bps, Bps, Bps, Binding]:
    """Return (liquidation threshold, LTV ceiling, LTV floor, binding); every step rounds down, to 50 bps."""
    if is_unrated:
        return Bps(0), Bps(0), Bps(0), Binding.UNRATED
    threshold = _floor50((BPS - min(drawdown_bps, BPS)) * BPS // (BPS + tables.bonus_bps))
    binding = Binding.DRAWDOWN
    if threshold > tables.threshold_cap_bps:
        threshold, binding = tables.threshold_cap_bps, Binding.CAP
    ceiling = _floor50(threshold * (BPS - tables.buffer_bps) // BPS)
    return Bps(threshold), ceiling, _floor50(ceiling * tables.floor_share_bps // BPS), binding


def _floor50(value_bps: int) -> Bps:
    return Bps(value_bps - value_bps % _STEP_BPS)
