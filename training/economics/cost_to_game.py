"""What it costs to buy better terms: made-up records, priced, scored by the real feature code and trees, and turned into LTV by the policy.

A record is bought with debt held over midnights at a safe health, which pays interest, and with transactions, which pay gas. Features are shares of one's own largest
debt, so the smallest debt that counts buys as much as a large one; what a record costs does not grow with the loan taken on it. What bounds the loan is the
borrower's limit above the floor, and the market's. Gas and interest are assumptions, stated in the table's heading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.history import BorrowerHistory
from oracle.domain.market import HourlySeries
from oracle.domain.position import PositionSample
from oracle.domain.score import CollateralScore
from oracle.domain.units import BPS, DAY_S, TimestampS
from oracle.features.borrower import MIN_DEBT_DAYS, compute_borrower_vector
from oracle.features.health import DUST_USD_E8
from oracle.scoring.model import Model
from training.economics.attackers import (
    AS_OF_S,
    USD,
    VOLATILE,
    make_event,
    make_history,
    make_sample,
)
from training.economics.laws import LawResult, Pricing, as_if_active, check_laws, rated_margins
from training.economics.pairs import make_pairs
from training.economics.rating_rules import CARRY_PER_YEAR, GAS_USD, OPEN_AND_CLOSE
from training.economics.study import MARKET

COLLATERAL_BUNDLE = "collateral-1"
_SAFE_HEALTH_BPS = 40_000
_HELD_DAYS = (1, 6, 7, 8, 14, 30, 90, 180, 364)
CARD_ATTACKERS, CARD_SEED = 10_000, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A bought past: what it is, the debt held, for how long, and how many transactions it takes."""

    name: str
    history: BorrowerHistory
    debt_usd: float
    held_days: float
    transactions: int

    def cost_usd(self, gas_usd: float) -> float:
        """Return interest and gas."""
        return self.debt_usd * CARRY_PER_YEAR * self.held_days / 365 + gas_usd * self.transactions


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What a record gets: LTV above the floor in bps, by pair, as signed and as if the trees counted."""

    record: Record
    is_rated: bool
    signed_bps: tuple[int, ...]
    counted_bps: tuple[int, ...]


def list_records() -> tuple[Record, ...]:
    """Return the records on sale: debt of dust held for some days and repaid, the same at midnights only, and flash loans."""
    return (
        _flash_loans(),
        *(_held(f"$100 held {days} days, repaid", days, minutes_only=False) for days in _HELD_DAYS),
        _held(f"$100 at {MIN_DEBT_DAYS} midnights only", MIN_DEBT_DAYS, minutes_only=True),
        _held("$1,000,000 at 364 midnights only", 364, minutes_only=True, debt_usd=1_000_000),
    )


def measure(model: Model, collateral: Model, records: Iterable[Record]) -> tuple[Bought, ...]:
    """Return what each record buys in each pair."""
    records = tuple(records)
    pairs = tuple(make_pairs(collateral).values())
    vectors = np.array([compute_borrower_vector(record.history) for record in records], dtype=np.int64)
    columns = []
    for shown in (model, as_if_active(model)):
        pricing, margins = Pricing(shown, pairs, MARKET), rated_margins(shown, vectors)
        columns.append(
            [
                tuple(pricing.offer(n, m).max_ltv_bps - pricing.offer(n, None).max_ltv_bps for n in range(len(pairs)))
                for m in margins
            ]
        )
    rated = [margin is not None for margin in rated_margins(model, vectors)]
    return tuple(
        Bought(record=record, is_rated=is_rated, signed_bps=signed, counted_bps=counted)
        for record, is_rated, signed, counted in zip(records, rated, *columns, strict=True)
    )


def find_cheapest(bought: Iterable[Bought], pair: int, gas_usd: float) -> tuple[float, Bought] | None:
    """Return the least dollars per bps of LTV as signed, and the record that gets it; None if nothing gains."""
    priced = [(b.record.cost_usd(gas_usd) / b.signed_bps[pair], b) for b in bought if b.signed_bps[pair] > 0]
    return min(priced, key=lambda item: item[0], default=None)


def render(model: Model, collateral: Model, *, attackers: int = CARD_ATTACKERS) -> list[str]:
    """Return the card's part on gaming a borrower model beside a collateral model: what records cost and bring, and the laws on simulated attackers."""
    pairs = make_pairs(collateral)
    bought = measure(model, collateral, list_records())
    shown = {"as signed": model} if model.trees_active else {"as signed": model, "trees counted": as_if_active(model)}
    laws = check_laws(shown, tuple(pairs.values()), MARKET, attackers=attackers, seed=CARD_SEED)
    gas = ", ".join(f"${usd:g} on a {layer}" for layer, usd in GAS_USD.items())
    return [
        "## Cost to game",
        f"LTV above the floor that a bought record gets, in bps, on pairs of `{COLLATERAL_BUNDLE}` with made-up prices ({', '.join(pairs)}). A transaction costs {gas}; debt costs {CARRY_PER_YEAR:.0%} a year.",
        "",
        f"| record | {' | '.join(f'USD, {layer}' for layer in GAS_USD)} | rated | as signed | as if trees counted |",
        "|" + " --- |" * (len(GAS_USD) + 4),
        *(_row(b) for b in bought),
        "",
        *_cheapest_lines(bought, list(pairs)),
        f"Whoever can buy a rating can leave a bad record behind: a new address costs the same. A record's price does not depend on the loan: the borrower's limit above the floor bounds what it is worth ({DUST_USD_E8 // USD} dollars of debt at {MIN_DEBT_DAYS} midnights are enough).",
        *_worst_lines(pairs, bought),
        "",
        *render_laws(laws),
        "",
    ]


def render_laws(laws: dict[str, tuple[LawResult, ...]]) -> list[str]:
    """Return the laws' results as lines: how many attackers, and who broke a law."""
    lines = []
    for name, results in laws.items():
        tried = sum(r.attackers for r in results)
        broken = [
            f"{r.name} {r.breaches} of {r.attackers} (at most {r.largest_bps} bps)" for r in results if r.breaches
        ]
        kinds = ", ".join(r.name for r in results)
        lines.append(
            f"Laws, {name}, on {tried:,} simulated attackers ({kinds}): {'broken by ' + ', '.join(broken) if broken else 'none broken'}."
        )
    return lines


def _row(bought: Bought) -> str:
    costs = " | ".join(f"{bought.record.cost_usd(gas):,.2f}" for gas in GAS_USD.values())
    signed, counted = (" / ".join(f"{bps:+d}" for bps in row) for row in (bought.signed_bps, bought.counted_bps))
    return f"| {bought.record.name} | {costs} | {'yes' if bought.is_rated else 'no'} | {signed} | {counted} |"


def _cheapest_lines(bought: tuple[Bought, ...], pairs: list[str]) -> list[str]:
    found = []
    for layer, gas in GAS_USD.items():
        for number, pair in enumerate(pairs):
            best = find_cheapest(bought, number, gas)
            if best is not None:
                found.append(f"{best[0]:.5f} on a {layer}, {pair} ({best[1].record.name})")
    return [f"Cheapest USD per bps of LTV, as signed: {'; '.join(found)}." if found else "No record gains LTV."]


def _worst_lines(pairs: Mapping[str, CollateralScore], bought: tuple[Bought, ...]) -> list[str]:
    """Return what bought ratings can cost lenders at worst: every loan on them liquidated, and the loan at which that reaches the price of a rating."""
    words = []
    for number, (name, score) in enumerate(pairs.items()):
        worst = worst_loss_ppm(score)
        prices = [(layer, find_cheapest(bought, number, gas)) for layer, gas in GAS_USD.items()]
        sizes = [
            f"${best[1].record.cost_usd(GAS_USD[layer]) * 1e6 / worst:,.0f} on a {layer}"
            for layer, best in prices
            if best
        ]
        words.append(
            f"{name} {worst:.0f} ppm of the loan, which is a rating's price at {' and '.join(sizes) or 'no loan'}"
        )
    return [
        f"If every loan on a bought rating were liquidated, lenders would expect to lose at most: {'; '.join(words)}.",
        f"The budget is {MARKET.budget_ppm} ppm for 30 days: where the worst is above it, the market's limit per borrower above the floor is what holds.",
    ]


def worst_loss_ppm(score: CollateralScore) -> float:
    """Return what lenders expect to lose of a loan that is certain to be liquidated, in ppm: the pair's gap times the severity."""
    return score.gap_ppm * MARKET.severity_bps / BPS


def _flash_loans() -> Record:
    loops = [
        make_event(kind, AS_OF_S - day * DAY_S, 10**9 * USD)
        for day in range(1, 31)
        for kind in (EventKind.BORROW, EventKind.REPAY)
    ]
    return Record(
        name="a flash loan of $1 bn on 30 days", history=_past(loops, []), debt_usd=0, held_days=0, transactions=30
    )


def _held(name: str, days: int, *, minutes_only: bool, debt_usd: int = DUST_USD_E8 // USD) -> Record:
    """Return debt at the last `days` midnights before the cut's, repaid after them; `minutes_only` borrows just before each and repays just after."""
    debt = debt_usd * USD
    midnights = [AS_OF_S - (days - n) * DAY_S for n in range(days)]
    samples = [make_sample(time_s, debt, _SAFE_HEALTH_BPS) for time_s in midnights]
    opened = midnights if minutes_only else midnights[:1]
    closed = midnights if minutes_only else midnights[-1:]
    events = [make_event(EventKind.SUPPLY, midnights[0] - 90, 4 * debt, token=VOLATILE)]
    events += [make_event(EventKind.BORROW, time_s - 60, debt) for time_s in opened]
    events += [make_event(EventKind.REPAY, time_s + 60, debt) for time_s in closed]
    return Record(
        name=name,
        history=_past(events, samples),
        debt_usd=debt_usd,
        held_days=2 * len(midnights) / 1_440 if minutes_only else days,
        transactions=2 + 2 * len(midnights) if minutes_only else OPEN_AND_CLOSE,
    )


def _past(events: list[LendingEvent], samples: list[PositionSample]) -> BorrowerHistory:
    # A price that stands still: no stress lived through, no rally borrowed into.
    series = HourlySeries(first_hour_s=TimestampS(AS_OF_S - 400 * DAY_S), prices_e8=(100 * USD,) * (400 * 24 + 1))
    return make_history(events, samples, series)
