"""The study: every rule on every asset that Aave listed, summed by blocks of days and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from oracle.domain.units import Bps, Ppm
from oracle.scoring.model import Model
from oracle.terms.expected_loss import MarketPolicy
from training.collateral import train_collateral
from training.datasets.assets import MAJORS, STABLECOINS
from training.datasets.prices import PriceRun, price_runs, read_closes
from training.economics import offers
from training.economics.frontier import BLOCK_DAYS, BlockSums
from training.economics.liquidators import read_haircuts, recovered_share
from training.economics.population import read_limit_shares
from training.economics.replay import SCALES, replay_offer
from training.economics.static_terms import StaticTerms, read_eth_thresholds, read_static_terms
from training.errors import TrainingError
from training.labels import LIQUIDATION_WINDOW_HOURS
from training.rows import CollateralRows
from training.train import Recipe

type Array = np.ndarray[Any, Any]

MARKET = MarketPolicy(severity_bps=Bps(1_000), budget_ppm=Ppm(300), floor_premium_bps=Bps(300))
"""The constants that the sandbox's markets have: severity, budget for 30 days, premium at the floor."""


@dataclass(frozen=True, kw_only=True)
class AssetLoans:
    """One rule on one asset: day of each start, whether Aave's parameters are on record there, sums by day."""

    days: Array
    is_recorded: Array
    granted: Array
    liquidated: Array
    bad_debt: Array


@dataclass(frozen=True, kw_only=True)
class ReplayedModels:
    """The released models that the replay prices loans with, and the day by which the borrowers' knew Maker; None if it does not say."""

    borrower: Model
    maker_known_until: date | None
    collateral: Model


ETH = "ETH"

type Loans = dict[str, dict[str, list[AssetLoans]]]
"""By rule and asset; an asset has one entry per run of prices."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What every replay of a study shares."""

    first_s: int
    n_days: int
    static: dict[str, StaticTerms]
    carried: dict[str, StaticTerms]
    eth: StaticTerms | None
    runs: dict[str, list[PriceRun]]
    shares: Array
    haircuts: dict[str, Bps]
    other_haircut: Bps

    def recovered(self, asset: str) -> float:
        """Return how much debt a dollar of the asset repays."""
        return recovered_share(self.haircut(asset))

    def haircut(self, asset: str) -> Bps:
        """Return the asset's haircut, that of the thinnest quoted token where it has no quotes."""
        return self.haircuts.get(asset, self.other_haircut)


def read_inputs(data: Path, first_s: int, n_days: int) -> Inputs:
    """Return prices, parameters, haircuts and population; stablecoins are left out, since a dollar against a dollar has no price to replay.

    Raises:
        DatasetError: if a folder is absent.
        TrainingError: if no asset with recorded parameters has prices.
    """
    static = read_static_terms(data, first_s, n_days)
    carried = read_static_terms(data, first_s, n_days, is_carried_back=True)
    closes = read_closes(data, sorted(static.keys() - STABLECOINS))
    if not closes:
        raise TrainingError("no asset with recorded parameters has hourly prices")
    haircuts, other = read_haircuts(data)
    return Inputs(
        first_s=first_s,
        n_days=n_days,
        static={asset: static[asset] for asset in closes},
        carried={asset: carried[asset] for asset in closes},
        eth=read_eth_thresholds(data, first_s, n_days),
        runs={asset: list(price_runs(asset, *series)) for asset, series in sorted(closes.items())},
        shares=read_limit_shares(data),
        haircuts=haircuts,
        other_haircut=other,
    )


def train_until(
    rows: CollateralRows, recipe: Recipe, cutoffs_s: Sequence[int], say: Callable[[str], None]
) -> tuple[offers.ModelUntil, ...]:
    """Return one model per cutoff, each from the rows whose window ended by then."""
    models = []
    for number, cutoff_s in enumerate(cutoffs_s, start=1):
        known = rows.as_of_s + LIQUIDATION_WINDOW_HOURS * 3_600 <= cutoff_s
        say(f"replay: model {number} of {len(cutoffs_s)}, on {int(known.sum())} rows before {date_of(cutoff_s)}")
        model = train_collateral(rows.select(known), recipe).model
        models.append(offers.ModelUntil(known_until_s=cutoff_s, model=model))
    return tuple(models)


def replay_all(
    inputs: Inputs, models: tuple[offers.ModelUntil, ...], borrower: Model, delays_hours: Iterable[int]
) -> dict[int, Loans]:
    """Return the loans of every rule for each time that liquidators take; offers that do not depend on it are computed once."""
    studies: dict[int, Loans] = {delay: {rule: {} for rule in offers.RULES} for delay in delays_hours}
    for asset, runs in inputs.runs.items():
        for run in runs:
            days = offers.list_days(run, inputs.first_s, inputs.n_days)
            if len(days.hours) == 0:
                continue
            rated, unrated = offers.our_offers(days, inputs.first_s, models, borrower.borrower_tables, MARKET)
            aave, guessed = (offers.static_offer(days, terms[asset]) for terms in (inputs.static, inputs.carried))
            made = {
                offers.OURS_RATED: rated,
                offers.OURS_UNRATED: unrated,
                offers.STATIC: aave,
                offers.STATIC_BUFFERED: offers.buffered(aave),
                offers.CARRIED: guessed,
                offers.CARRIED_BUFFERED: offers.buffered(guessed),
                offers.SMART_LTV: offers.smart_ltv_offer(run, days),
            }
            if asset == ETH and inputs.eth is not None:
                made[offers.ETH_BUFFERED] = offers.buffered(offers.static_offer(days, inputs.eth))
            for delay, loans in studies.items():
                made[offers.ZERO_BAD_DEBT] = offers.zero_bad_debt_offer(run, days, delay, inputs.haircut(asset))
                for rule, offer in made.items():
                    loans[rule].setdefault(asset, []).append(_loans(inputs, asset, run, days, offer, delay))
    return studies


def _loans(
    inputs: Inputs, asset: str, run: PriceRun, days: offers.Days, offer: offers.Offer, delay_hours: int
) -> AssetLoans:
    outcome = replay_offer(run, days, offer, inputs.shares, delay_hours=delay_hours, recovered=inputs.recovered(asset))
    # The same loans for every rule: days on which Aave lent on the asset, by its record or by what is carried back.
    kept = inputs.carried[asset].ltv_bps[days.numbers] > 0
    return AssetLoans(
        days=days.numbers[kept],
        is_recorded=inputs.static[asset].ltv_bps[days.numbers][kept] > 0,
        granted=outcome.granted[kept],
        liquidated=outcome.liquidated[kept],
        bad_debt=outcome.bad_debt[kept],
    )


def sum_blocks(
    loans: dict[str, list[AssetLoans]], n_days: int, *, keep: Callable[[str, AssetLoans], Array]
) -> BlockSums:
    """Return the sums of one rule by block of days, over the loans that `keep` picks."""
    n_blocks = -(-n_days // BLOCK_DAYS)
    counted, granted, liquidated = np.zeros(n_blocks), np.zeros(n_blocks), np.zeros(n_blocks)
    bad_debt = np.zeros((n_blocks, len(SCALES)))
    for asset, runs in loans.items():
        for part in runs:
            kept = keep(asset, part)
            blocks = part.days[kept] // BLOCK_DAYS
            np.add.at(counted, blocks, 1)
            np.add.at(granted, blocks, part.granted[kept])
            np.add.at(liquidated, blocks, part.liquidated[kept])
            np.add.at(bad_debt, blocks, part.bad_debt[kept])
    filled = counted > 0
    return BlockSums(
        loans=counted[filled], granted=granted[filled], liquidated=liquidated[filled], bad_debt=bad_debt[filled]
    )


def keep_recorded(_asset: str, part: AssetLoans) -> Array:
    """Pick the loans on days for which Aave's parameters are on record."""
    return part.is_recorded


def keep_recorded_majors(asset: str, part: AssetLoans) -> Array:
    """Pick those on majors."""
    return part.is_recorded & (asset in MAJORS)


def keep_eth(terms: StaticTerms) -> Callable[[str, AssetLoans], Array]:
    """Return what picks the loans on ETH on days for which it has terms."""
    return lambda asset, part: (terms.ltv_bps[part.days] > 0) & (asset == ETH)


def keep_days(first_day: int, end_day: int) -> Callable[[str, AssetLoans], Array]:
    """Return what picks the loans that start on first_day <= day < end_day, whether parameters are on record or carried back."""
    return lambda _asset, part: (part.days >= first_day) & (part.days < end_day)


def date_of(time_s: int) -> date:
    """Return the UTC day of a time."""
    return datetime.fromtimestamp(time_s, tz=UTC).date()
