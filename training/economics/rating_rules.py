"""What a stricter rule for being rated would cost: what a record must then cost to buy, whom it shuts out, and whether those shut out were the riskier ones.

A rule asks for days (debt held, at the largest debt of the year) or for dollar-days of debt. Each is held against real borrows, by what was on record just before
the borrow, which is what a lender sees: the share that no longer gets a rated score, and how often those were liquidated against those still rated.
A rule in days costs an attacker time and no money, since the debt may be as small as dust; a rule in dollar-days costs money, and shuts small borrowers out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S
from oracle.features.borrower import MIN_DEBT_DAYS
from oracle.features.health import DUST_USD_E8, read_samples
from training.datasets.borrows import Borrows
from training.labels import HORIZON_S, is_liquidated
from training.statistics.clusters import build_clusters
from training.statistics.figure import Figure, absent, build_figure
from training.statistics.measures import Evaluate
from training.statistics.resampling import resample

type Array = np.ndarray[Any, Any]

GAS_USD = {"mainnet": 5.0, "rollup": 0.02}
"""Per transaction of about 250,000 gas: 8 gwei at $2,500, and a rollup's fee."""
CARRY_PER_YEAR = 0.05
OPEN_AND_CLOSE = 4
"""Transactions: supply, borrow, repay, withdraw."""
BLOCK_DAYS = 30
MORPHO_HORIZON_S = 7 * DAY_S
AFTER_CRASH_S = int(datetime(2021, 7, 1, tzinfo=UTC).timestamp())
"""After the crash of May 2021, in which most of Maker's liquidations lie."""
_USD = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingRule:
    """Rated from so many midnights with debt, days at the largest debt, and dollar-days of debt, all within a year."""

    midnights: int = MIN_DEBT_DAYS
    age_days: int = 0
    usd_days: int = 0

    @property
    def name(self) -> str:
        """Return the rule in words."""
        asked = [f"{self.age_days} days at the largest debt"] if self.age_days else []
        asked += [f"{self.usd_days:,} dollar-days"] if self.usd_days else []
        return " and ".join(asked) or f"{self.midnights} midnights (as now)"

    def cost_usd(self, gas_usd: float) -> float:
        """Return the interest and gas of the cheapest record that is rated: one position opened, held and closed."""
        days = max(self.midnights, self.age_days)
        held = max(days * DUST_USD_E8 / _USD, self.usd_days)
        return held * CARRY_PER_YEAR / 365 + gas_usd * OPEN_AND_CLOSE


NOW = RatingRule()
RULES = (
    NOW,
    *(RatingRule(age_days=days) for days in (14, 30, 90)),
    *(RatingRule(usd_days=held) for held in (10_000, 100_000, 1_000_000)),
)


@dataclass(frozen=True, kw_only=True)
class PastBorrows:
    """Borrows with what was on record just before each: midnights with debt, days at the largest debt, dollar-days; and what became of the borrow."""

    midnights: Array
    age_days: Array
    usd_days: Array
    debts_usd: Array
    is_liquidated: Array
    owners: Array
    as_of_s: Array

    def is_rated(self, rule: RatingRule) -> Array:
        """Return which borrows a rule rates."""
        rated: Array = (
            (self.midnights >= rule.midnights) & (self.age_days >= rule.age_days) & (self.usd_days >= rule.usd_days)
        )
        return rated

    def since(self, first_s: int) -> PastBorrows:
        """Return the borrows from a time on."""
        kept = self.as_of_s >= first_s
        return PastBorrows(**{name: getattr(self, name)[kept] for name in self.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class RuleEffect:
    """One rule on one source: shares of borrows and of debt without a rating, owners never rated, borrows that only this rule shuts out and how
    often those and the still rated were liquidated, with the difference."""

    rule: RatingRule
    unrated_share: float
    unrated_debt_share: float
    never_rated_owners_share: float
    n_shut_out: int
    n_hit_owners: int
    shut_out_rate: float | None
    rated_rate: float | None
    difference: Figure


def collect_borrows(borrows: Borrows, *, horizon_s: int = HORIZON_S) -> PastBorrows:
    """Return the borrows above dust whose horizon lies inside the data and whose level the data show."""
    dataset = borrows.dataset
    numbers = {borrower.subject: number for number, borrower in enumerate(dataset.borrowers)}
    rows: list[tuple[float, ...]] = []
    for moment in borrows.moments:
        time_s, debt = moment.positions[0].as_of_s, moment.debt_usd_e8
        if not moment.is_level_known or debt < DUST_USD_E8 or time_s + horizon_s > dataset.end_s:
            continue
        number = numbers[moment.subject]
        borrower = dataset.borrowers[number]
        known = borrower.samples[: bisect_right(borrower.sample_times, time_s)]
        record = read_samples(known, time_s)
        hit = is_liquidated(borrower, time_s, debt, horizon_s=horizon_s)
        age = record.debt_days_usd_e8 // max(1, record.peak_debt_usd_e8)
        rows.append((len(record.debt_at), age, record.debt_days_usd_e8 / _USD, debt / _USD, hit, number, time_s))
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 7).T
    whole = [column.astype(np.int64) for column in columns]
    return PastBorrows(
        midnights=whole[0],
        age_days=whole[1],
        usd_days=columns[2],
        debts_usd=columns[3],
        is_liquidated=columns[4] > 0,
        owners=whole[5],
        as_of_s=whole[6],
    )


def measure_rules(past: PastBorrows, rules: Sequence[RatingRule] = RULES) -> tuple[RuleEffect, ...]:
    """Return each rule's effect against the rule of now; nothing without borrows."""
    return tuple(_measure(past, rule) for rule in rules) if len(past.owners) else ()


def _measure(past: PastBorrows, rule: RatingRule) -> RuleEffect:
    rated, before = past.is_rated(rule), past.is_rated(NOW)
    shut_out = before & ~rated
    owners = set(past.owners.tolist())
    hit_owners = set(past.owners[shut_out & past.is_liquidated].tolist())
    return RuleEffect(
        rule=rule,
        unrated_share=float((~rated).mean()),
        unrated_debt_share=float(past.debts_usd[~rated].sum() / past.debts_usd.sum()),
        never_rated_owners_share=1 - len(set(past.owners[rated].tolist())) / len(owners),
        n_shut_out=int(shut_out.sum()),
        n_hit_owners=len(hit_owners),
        shut_out_rate=_rate(past.is_liquidated, shut_out),
        rated_rate=_rate(past.is_liquidated, rated),
        difference=_difference(past, shut_out, rated),
    )


def _rate(is_hit: Array, among: Array) -> float | None:
    return float(is_hit[among].mean()) if among.any() else None


def _difference(past: PastBorrows, shut_out: Array, rated: Array) -> Figure:
    """Return how much more often the borrows shut out were liquidated than those still rated."""
    if not shut_out.any() or not rated.any():
        return absent("one of the groups is empty")
    clusters = build_clusters(past.owners, past.as_of_s, block_days=BLOCK_DAYS)
    groups = {"shut out": shut_out, "rated": rated}
    draws = resample(clusters, {name: [_Rate(is_hit=past.is_liquidated, among=g)] for name, g in groups.items()})
    error = draws.standard_error(("shut out", "rate"), ("rated", "rate"))
    is_event = past.is_liquidated & (shut_out | rated)
    value = float(past.is_liquidated[shut_out].mean() - past.is_liquidated[rated].mean())
    return build_figure(value, error, clusters.degrees_of_freedom(is_event), least=-1.0, most=1.0)


@dataclass(frozen=True, kw_only=True)
class _Rate:
    """The share of hits among some of the rows."""

    is_hit: Array
    among: Array
    names: tuple[str, ...] = ("rate",)

    def bind(self, groups: Array, n_groups: int) -> Evaluate:
        hits, counts = (
            np.bincount(groups, weights=w, minlength=n_groups) for w in (self.is_hit & self.among, self.among)
        )
        return lambda weights: np.asarray((hits @ weights) / (counts @ weights))[None, :]


def describe_rules(maker: Borrows, morpho: Borrows) -> list[str]:
    """Return the card's part on stricter rules, on Maker's borrows, those after the crash of 2021, and Morpho's."""
    vaults = collect_borrows(maker)
    sources = {
        "Maker": vaults,
        "Maker, from 2021-07": vaults.since(AFTER_CRASH_S),
        "Morpho, 7 days": collect_borrows(morpho, horizon_s=MORPHO_HORIZON_S),
    }
    return render({name: measure_rules(past) for name, past in sources.items()})


def render(effects: Mapping[str, tuple[RuleEffect, ...]]) -> list[str]:
    """Return the card's part on stricter rules: a table with one row per rule and source, and what it comes to."""
    lines = [
        "### What a stricter rule for being rated would cost",
        f"By what was on record just before each borrow whose level is known. Price: the cheapest record that is rated. Shut out: rated now, and not by that rule; 95 % intervals count owners and blocks of {BLOCK_DAYS} days together.",
        "",
        f"| borrows | rated from | {' | '.join(f'USD, {layer}' for layer in GAS_USD)} | unrated | of debt | owners never rated | shut out (owners hit) | liquidated, shut out | still rated | difference |",
        "|" + " --- |" * (len(GAS_USD) + 9),
    ]
    lines += [_row(source, effect) for source, found in effects.items() for effect in found]
    return [*lines, "", _verdict([e for found in effects.values() for e in found]), ""]


def _row(source: str, effect: RuleEffect) -> str:
    costs = " | ".join(f"{effect.rule.cost_usd(gas):,.2f}" for gas in GAS_USD.values())
    rates = " | ".join("-" if r is None else f"{r:.1%}" for r in (effect.shut_out_rate, effect.rated_rate))
    found = effect.difference
    if found.value is None:
        words = "-"
    elif found.low is None or found.high is None:
        words = f"{100 * found.value:+.1f} points (no interval)"
    else:
        words = f"{100 * found.value:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return (
        f"| {source} | {effect.rule.name} | {costs} | {effect.unrated_share:.1%} | {effect.unrated_debt_share:.1%} "
        f"| {effect.never_rated_owners_share:.1%} | {effect.n_shut_out} ({effect.n_hit_owners}) | {rates} | {words} |"
    )


def _verdict(effects: Sequence[RuleEffect]) -> str:
    proved = [e for e in effects if e.difference.low is not None and e.difference.low > 0]
    if proved:
        return f"Those shut out are proved riskier by: {'; '.join(sorted({e.rule.name for e in proved}))}."
    return (
        "No stricter rule is proved to shut out the riskier ones, on these borrows and counting owners: each takes the rating from honest borrowers for no proved saving, and "
        f"the rule stays at {MIN_DEBT_DAYS} midnights. Days cost a buyer of records time, not money; dollar-days cost money, and fall on small borrowers."
    )
