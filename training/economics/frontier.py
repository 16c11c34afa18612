"""Capacity at equal bad debt, and bad debt at equal capacity: two rules, one of them scaled until one side is the same, with block-bootstrap intervals.

A rule scaled by s grants s times its debt. Intervals resample blocks of 60 days of loan starts, because one crash hits every asset and every loan of the month before
it. Draws in which the reference loses nothing cannot be compared; their share is reported, and they are left out of the interval.
Where the reference loses nothing at all, both rules are scaled to a loss named beforehand: who lends more at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.economics.replay import SCALES

type Array = np.ndarray[Any, Any]
type Figure = tuple[float, float | None, float | None]
"""A value and its 95 % interval, which fewer than `LEAST_BLOCKS` blocks do not give."""

BLOCK_DAYS = 60
LEAST_BLOCKS = 6
_DRAWS = 2_000
_LEAST_BAD_DEBT = 1e-9


@dataclass(frozen=True, kw_only=True)
class BlockSums:
    """One rule's sums by block of days: loans, debt granted, debt liquidated, and bad debt at each scale (n_blocks, n_scales)."""

    loans: Array
    granted: Array
    liquidated: Array
    bad_debt: Array

    def drawn(self, blocks: Array) -> tuple[float, Array]:
        """Return (granted, bad debt by scale) of some blocks, repeats counted."""
        return float(self.granted[blocks].sum()), self.bad_debt[blocks].sum(axis=0)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A rule against a reference; None where the reference, or the rule at every scale, loses nothing."""

    capacity_gain: Figure | None
    bad_debt_change: Figure | None
    scale: float | None
    undefined_share: float


def compute_capacity_gain(rule: tuple[float, Array], reference: tuple[float, Array]) -> tuple[float, float] | None:
    """Return (relative gain in debt granted at the reference's bad debt, scale of the rule there).

    None if the reference loses nothing, or the rule loses less at the largest scale, or more at the smallest.
    """
    granted, bad_debt = rule
    scale = scale_at_loss(bad_debt, bad_debt_at(reference[1], 1.0))
    return None if scale is None or granted <= 0 else (scale * granted / reference[0] - 1, scale)


def scale_at_loss(bad_debt: Array, target: float) -> float | None:
    """Return the scale at which a rule loses the target; None if it does at no scale replayed."""
    if target <= _LEAST_BAD_DEBT or not bad_debt[0] <= target <= bad_debt[-1]:
        return None
    # Losses rise with the scale; the last scale at which they are no larger starts the step to interpolate.
    left = int(np.searchsorted(bad_debt, target, side="right")) - 1
    if left == len(SCALES) - 1:
        return float(SCALES[-1])
    part = (target - bad_debt[left]) / (bad_debt[left + 1] - bad_debt[left])
    return float(SCALES[left] + part * (SCALES[left + 1] - SCALES[left]))


def compute_gain_at_loss(rule: tuple[float, Array], reference: tuple[float, Array], target: float) -> float | None:
    """Return the relative gain in debt granted where rule and reference are each scaled to lose the target; None if one loses it at no scale."""
    scales = [scale_at_loss(bad_debt, target) for _, bad_debt in (rule, reference)]
    if scales[0] is None or scales[1] is None or reference[0] <= 0:
        return None
    return scales[0] * rule[0] / (scales[1] * reference[0]) - 1


def compute_bad_debt_change(rule: tuple[float, Array], reference: tuple[float, Array]) -> float | None:
    """Return the relative change in bad debt where the rule is scaled to grant what the reference grants; None if it cannot be, or the reference loses nothing."""
    target = bad_debt_at(reference[1], 1.0)
    if target <= _LEAST_BAD_DEBT or rule[0] <= 0:
        return None
    scale = reference[0] / rule[0]
    if not SCALES[0] <= scale <= SCALES[-1]:
        return None
    return bad_debt_at(rule[1], scale) / target - 1


def bad_debt_at(bad_debt: Array, scale: float) -> float:
    """Return a rule's bad debt at a scale, linear between those replayed."""
    return float(np.interp(scale, SCALES, bad_debt))


def compare(rule: BlockSums, reference: BlockSums, *, seed: int = 11) -> Comparison:
    """Return both comparisons; the same blocks are drawn for rule and reference."""
    n_blocks = len(rule.granted)
    everything = np.arange(n_blocks)
    random = np.random.default_rng(seed)
    gains, changes = [], []
    for _ in range(_DRAWS):
        blocks = random.integers(0, n_blocks, n_blocks)
        pair = rule.drawn(blocks), reference.drawn(blocks)
        gain, change = compute_capacity_gain(*pair), compute_bad_debt_change(*pair)
        gains += [] if gain is None else [gain[0]]
        changes += [] if change is None else [change]
    whole = rule.drawn(everything), reference.drawn(everything)
    found = compute_capacity_gain(*whole)
    return Comparison(
        capacity_gain=_figure(None if found is None else found[0], gains, n_blocks),
        bad_debt_change=_figure(compute_bad_debt_change(*whole), changes, n_blocks),
        scale=None if found is None else found[1],
        undefined_share=1 - len(gains) / _DRAWS,
    )


def compare_at_loss(rule: BlockSums, reference: BlockSums, loss_share: float, *, seed: int = 11) -> Figure | None:
    """Return the gain in debt granted where both lose `loss_share` of the collateral pledged; None if one does at no scale. Draws without an answer are left out."""
    n_blocks = len(rule.granted)
    random = np.random.default_rng(seed)

    def gain(blocks: Array) -> float | None:
        return compute_gain_at_loss(rule.drawn(blocks), reference.drawn(blocks), loss_share * rule.loans[blocks].sum())

    drawn = (gain(random.integers(0, n_blocks, n_blocks)) for _ in range(_DRAWS))
    return _figure(gain(np.arange(n_blocks)), [found for found in drawn if found is not None], n_blocks)


def _figure(value: float | None, draws: list[float], n_blocks: int) -> Figure | None:
    if value is None or not draws:
        return None
    if n_blocks < LEAST_BLOCKS:
        return value, None, None
    low, high = np.quantile(draws, [0.025, 0.975])
    return value, float(low), float(high)
