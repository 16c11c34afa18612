"""Why a score is what it is: integer contributions of each slot that add up exactly to the margin, and the codes that go into the leaf.

A reason code is the slot plus one; a leaf holds the four largest adverse contributions, strongest first, 0 for none. Slot 0 of a borrower is measured
against a position two standard deviations from liquidation. Reasons are not part of disputes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracle.domain.fixed_point import Z_AT_LIQUIDATION
from oracle.domain.score import Reasons, ScoreKind
from oracle.domain.units import Margin
from oracle.features.registry import Schema
from oracle.scoring.bundle import Bundle
from oracle.scoring.model import IntArray, Model
from oracle.scoring.reference import compute_attributions

REASON_COUNT = 4
_REFERENCE_Z = Z_AT_LIQUIDATION + 2 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """How much one feature moves the margin, in units of 2^-12; positive is riskier. `slot_value` is 0 if missing."""

    name: str
    slot: int
    slot_value: int
    margin: Margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`bias` plus all contributions is exactly `margin`; contributions are sorted, riskiest first."""

    bias: Margin
    contributions: tuple[Contribution, ...]
    margin: Margin

    @property
    def adverse(self) -> tuple[Contribution, ...]:
        """Return what makes the subject riskier, strongest first."""
        return tuple(c for c in self.contributions if c.margin > 0)

    @property
    def favourable(self) -> tuple[Contribution, ...]:
        """Return what makes the subject safer, strongest first."""
        return tuple(c for c in reversed(self.contributions) if c.margin < 0)


def compute_borrower_contributions(model: Model, vectors: IntArray, offsets: IntArray) -> tuple[int, IntArray]:
    """Return (bias, contributions (n, n_features)) of state offset plus behaviour margin."""
    reference = model.borrower_tables.state_offset(_REFERENCE_Z)
    if model.trees_active:
        bias, contributions = compute_attributions(model.trees, vectors)
    else:
        bias, contributions = 0, np.zeros(vectors.shape, dtype=np.int64)
    contributions[:, 0] += offsets - reference
    return bias + reference, contributions


def adverse_codes(contributions: IntArray) -> list[Reasons]:
    """Return the leaf's four codes for each row; equal contributions go by slot."""
    order = np.argsort(-contributions, axis=1, kind="stable")[:, :REASON_COUNT]
    strength = np.take_along_axis(contributions, order, axis=1)
    codes = np.where(strength > 0, order + 1, 0).astype(np.uint8)
    if codes.shape[1] < REASON_COUNT:
        codes = np.pad(codes, ((0, 0), (0, REASON_COUNT - codes.shape[1])))
    return [Reasons(row.tobytes()) for row in codes]


def explain_vector(bundle: Bundle, vector: tuple[int, ...]) -> Explanation:
    """Return the exact explanation of one vector of the bundle's kind, from the integer tables alone."""
    rows = np.asarray([vector], dtype=np.int64)
    if bundle.kind is ScoreKind.BORROWER:
        offsets = np.asarray([bundle.model.borrower_tables.state_offset(vector[0])], dtype=np.int64)
        bias, parts = compute_borrower_contributions(bundle.model, rows, offsets)
    else:
        bias, parts = compute_attributions(bundle.model.trees, rows)
    return explain(bundle.schema, vector, bias, parts[0])


def explain(schema: Schema, vector: tuple[int, ...], bias: int, contributions: IntArray) -> Explanation:
    """Return one row's contributions by name, riskiest first."""
    parts = [
        Contribution(name=f.name, slot=f.slot, slot_value=vector[f.slot], margin=Margin(int(contributions[f.slot])))
        for f in schema
    ]
    parts.sort(key=lambda c: (-c.margin, c.slot))
    return Explanation(
        bias=Margin(bias), contributions=tuple(parts), margin=Margin(bias + sum(c.margin for c in parts))
    )
