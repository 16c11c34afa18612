"""The laws on gaming, held against bundles: what simulated attackers gain in terms, through the real feature code, trees and policy.

Hiding, a fresh address, splitting, an old proof, deleted history and wash activity never improve terms; a third party's dust never worsens them. Better terms are
a larger LTV, or a smaller premium at the floor or at the LTV had before. The structural score alone makes the laws easy, because behaviour counts for
nothing; so the trees of a bundle in shadow are held against them as if they counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

import numpy as np

from oracle.domain.score import CollateralScore
from oracle.domain.units import Bps, Margin
from oracle.features.borrower import compute_borrower_vector
from oracle.scoring.calibration import compute_unrated
from oracle.scoring.model import Model, ModelFlag
from oracle.scoring.reference import compute_margins
from oracle.terms.expected_loss import MarketPolicy
from oracle.terms.policy import compute_max_ltv, compute_terms
from training.economics.attackers import ATTACKS, draw_life, dust_of_others, make_paths

type Array = np.ndarray[Any, Any]

HIDING, OLD_PROOF, DUST = "hiding", "proof older than the grace", "dust of others"
_BATCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a borrower gets in one market: largest LTV, and the premium at the floor."""

    max_ltv_bps: Bps
    floor_premium_bps: Bps


@dataclass(frozen=True, slots=True, kw_only=True)
class LawResult:
    """One law over its attackers: how many, how many broke it, and the largest gain in LTV among them (for dust of others: the largest loss)."""

    name: str
    attackers: int
    breaches: int
    largest_bps: int


class Pricing:
    """Terms of one market for the margins of one model, each worked out once."""

    def __init__(self, model: Model, pairs: Sequence[CollateralScore], market: MarketPolicy) -> None:
        self.pairs = tuple(pairs)
        tables = model.borrower_tables

        @cache
        def offer(pair: int, margin: int | None) -> Offer:
            score, behaviour = self.pairs[pair], None if margin is None else Margin(margin)
            floor = compute_terms(score, tables, behaviour, score.ltv_floor_bps, market)
            return Offer(
                max_ltv_bps=compute_max_ltv(score, tables, behaviour, market), floor_premium_bps=floor.premium_bps
            )

        @cache
        def premium_at(pair: int, margin: int | None, ask_bps: int) -> int:
            behaviour = None if margin is None else Margin(margin)
            return compute_terms(self.pairs[pair], tables, behaviour, Bps(ask_bps), market).premium_bps

        self.offer, self.premium_at = offer, premium_at

    def is_better(self, margin: int | None, before: int | None) -> bool:
        """Return whether a margin gets better terms than another in any pair; None is no rated proof."""
        for pair in range(len(self.pairs)):
            new, old = self.offer(pair, margin), self.offer(pair, before)
            if new.max_ltv_bps > old.max_ltv_bps or new.floor_premium_bps < old.floor_premium_bps:
                return True
            # At the LTV had before a refusal costs 0 and is worse.
            ask = old.max_ltv_bps
            if new.max_ltv_bps >= ask and self.premium_at(pair, margin, ask) < self.premium_at(pair, before, ask):
                return True
        return False

    def gain_bps(self, margin: int | None, before: int | None) -> int:
        """Return the largest change in LTV over the pairs."""
        return max(
            self.offer(pair, margin).max_ltv_bps - self.offer(pair, before).max_ltv_bps
            for pair in range(len(self.pairs))
        )


def as_if_active(model: Model) -> Model:
    """Return a model whose trees count."""
    return replace(model, flags=model.flags | ModelFlag.TREES_ACTIVE)


def rated_margins(model: Model, vectors: Array) -> list[int | None]:
    """Return each row's behaviour margin as terms take it, None where the row is unrated."""
    margins = compute_margins(model.trees, vectors)
    if not model.trees_active:
        margins = np.zeros_like(margins)
    unrated = compute_unrated(model, vectors)
    return [None if is_unrated else margin for margin, is_unrated in zip(margins.tolist(), unrated, strict=True)]


def check_laws(
    models: dict[str, Model], pairs: Sequence[CollateralScore], market: MarketPolicy, *, attackers: int, seed: int
) -> dict[str, tuple[LawResult, ...]]:
    """Return the laws' results per model over that many attackers, who take turns with the attacks; the same seed gives the same figures."""
    pricings = {name: Pricing(model, pairs, market) for name, model in models.items()}
    laws = (*ATTACKS, HIDING, OLD_PROOF, DUST)
    counts = {name: {law: [0, 0, 0] for law in laws} for name in models}
    random, paths = Random(seed), make_paths(seed)
    for first in range(0, attackers, _BATCH):
        turns = [laws[n % len(laws)] for n in range(first, min(attackers, first + _BATCH))]
        before, after = _draw_vectors(turns, random, paths)
        for name, model in models.items():
            old, new = rated_margins(model, before), rated_margins(model, after)
            for law, was, became in zip(turns, old, new, strict=True):
                shown = None if law in (HIDING, OLD_PROOF) else became
                better, worse = (was, shown) if law == DUST else (shown, was)
                count = counts[name][law]
                count[0] += 1
                count[1] += pricings[name].is_better(better, worse)
                count[2] = max(count[2], pricings[name].gain_bps(better, worse))
    return {
        name: tuple(
            LawResult(name=law, attackers=tried, breaches=broken, largest_bps=largest)
            for law, (tried, broken, largest) in by_law.items()
        )
        for name, by_law in counts.items()
    }


def _draw_vectors(turns: list[str], random: Random, paths: Any) -> tuple[Array, Array]:
    before, after = [], []
    for law in turns:
        life = draw_life(random, paths)
        vector = compute_borrower_vector(life)
        before.append(vector)
        if law in (HIDING, OLD_PROOF):
            after.append(vector)
        else:
            changed = (dust_of_others if law == DUST else ATTACKS[law])(life, random)
            after.append(compute_borrower_vector(changed))
    return np.array(before, dtype=np.int64), np.array(after, dtype=np.int64)
