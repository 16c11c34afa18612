"""Drift: how far today's vectors and scores lie from those that a bundle was trained on, by the population stability index.

PSI = sum over bins of (q - p) * ln(q / p), p of the reference and q of now, half a row added to every bin; one that neither holds is none. Without any drift its mean is close to
(bins - 1) * (1 / n_reference + 1 / n_now), so with few rows it is large by chance; that mean stands beside every figure. Floats, for display only.
Source: Yurdakul and Naranjo, Statistical properties of the population stability index (2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from oracle.domain.fixed_point import Z_NO_DEBT
from oracle.domain.score import ScoreKind
from oracle.scoring.calibration import compute_state_offsets
from oracle.scoring.model import IntArray, Model
from oracle.scoring.population import SCHEMAS, SCORE, Reference

MODERATE_PSI, LARGE_PSI = 0.10, 0.25


class Shift(StrEnum):
    """What a PSI says, by the usual bounds; within what chance gives it says nothing."""

    STEADY = "steady"
    MODERATE = "moderate"
    LARGE = "large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One column's PSI, the mean it would have by chance alone, and the share of rows in which it is missing."""

    name: str
    psi: float
    by_chance: float
    missing_share: float

    @property
    def shift(self) -> Shift:
        """Return what the figure says, beyond what chance gives."""
        beyond = self.psi - self.by_chance
        if beyond < MODERATE_PSI:
            return Shift.STEADY
        return Shift.MODERATE if beyond < LARGE_PSI else Shift.LARGE


def select_columns(model: Model, vectors: IntArray, trees_margins: IntArray) -> dict[str, IntArray]:
    """Return each feature and the score of the rows that count: a borrower without debt has no distance to liquidation, and is left out."""
    if model.kind is ScoreKind.BORROWER:
        kept = vectors[:, 0] != Z_NO_DEBT
        vectors, trees_margins = vectors[kept], trees_margins[kept]
        behaviour = trees_margins if model.trees_active else np.zeros_like(trees_margins)
        score = compute_state_offsets(model.borrower_tables, vectors[:, 0]) + behaviour
    else:
        score = trees_margins
    return {**{f.name: vectors[:, f.slot] for f in SCHEMAS[model.kind]}, SCORE: score}


def compute_drifts(reference: Reference, columns: Mapping[str, IntArray]) -> tuple[Drift, ...]:
    """Return the drift of every column, in the reference's order; empty without rows."""
    drifts = []
    for name, histogram in reference.columns.items():
        values = columns[name]
        if not len(values):
            return ()
        psi, by_chance = compute_psi(histogram.counts, histogram.count(values))
        missing = 0.0 if name == SCORE else float((values == 0).mean())
        drifts.append(Drift(name=name, psi=psi, by_chance=by_chance, missing_share=missing))
    return tuple(drifts)


def compute_psi(reference: Sequence[int], now: Sequence[int]) -> tuple[float, float]:
    """Return (PSI, its mean by chance alone) of two counts over the same bins, each with a row."""
    both = np.array((reference, now), dtype=np.float64)
    before, after = both[:, both.sum(axis=0) > 0]
    p, q = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (before, after))
    psi = float(((q - p) * np.log(q / p)).sum())
    return psi, (len(before) - 1) * (1 / float(before.sum()) + 1 / float(after.sum()))
