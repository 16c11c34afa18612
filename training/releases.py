"""What is trained on what: profiles, and the bundles that come out.

The small profile is the same path on fewer rows; it is there to be reproduced in minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from oracle.domain.units import HOUR_S
from oracle.scoring.bundle import Bundle
from oracle.scoring.model import Model, ModelFlag
from training.borrow_rows import build_borrow_rows
from training.borrower import TrainedBorrower, train_borrower
from training.borrower_card import evidence_lines
from training.borrower_figures import compute_borrower_figures
from training.borrower_validation import validate_borrower_model
from training.card import GENERATED_LIMITS, MAKER_LIMITS, borrower_card, last_known_day, span_line
from training.collateral import read_runs, train_collateral
from training.collateral_card import collateral_card
from training.collateral_days import build_days
from training.collateral_external import describe_external
from training.collateral_holdout import HELD_OUT_FROM
from training.collateral_validation import validate_collateral_model
from training.datasets import maker as maker_vaults
from training.datasets import morpho_tables
from training.datasets.assets import LENDING
from training.datasets.borrows import Borrows
from training.datasets.canonical import Dataset
from training.datasets.folder import read_dataset
from training.datasets.maker import read_eth_series, read_maker_borrows
from training.datasets.morpho import read_morpho
from training.datasets.streamed import Bounds, stream_borrower_rows
from training.economics import cost_to_game
from training.economics.rating_rules import describe_rules
from training.economics.report import describe_replay
from training.economics.study import ReplayedModels
from training.errors import DatasetError
from training.evaluation.validation_card import ValidationCard, build_validation_card
from training.export import write_bundle
from training.labels import HORIZON_S, LIQUIDATION_WINDOW_HOURS
from training.rows import BorrowerRows, build_borrower_rows, build_collateral_rows, concatenate, join_samples
from training.statistics.resampling import DRAWS
from training.structure_study import study_structure
from training.train import Recipe
from training.upper_coverage import compute_coverage

type Array = np.ndarray[Any, Any]
type Say = Callable[[str], None]
"""Told of each stage before it begins."""

# With some sixty liquidated vaults, anything stronger than shallow, slow trees learns the vaults.
MAKER_RECIPE = Recipe(rounds=40, depth=2, learning_rate=0.03, min_child_weight=8, l2=30)
SANDBOX_RECIPE = Recipe(rounds=60, depth=3, learning_rate=0.05, min_child_weight=10, l2=10)
# Chosen on forward folds that end in June 2023; more rounds learn single crises.
COLLATERAL_RECIPE = Recipe(rounds=20, depth=4, learning_rate=0.06, min_child_weight=100, l2=50)
SANDBOX_STEP_DAYS = 5
MAKER, MORPHO = str(maker_vaults.FOLDER), str(morpho_tables.FOLDER)
SMALL_SYMBOLS = tuple(
    "BTC ETH BNB SOL AVAX LINK UNI AAVE CRV MKR DOGE SHIB LUNA FTT USDC TUSD USDP WBTC WBETH DOT ATOM LTC XRP ADA NEAR SNX "
    "COMP LDO SUSHI YFI 1INCH PAXG EUR FIL AXS".split()
)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How much data a run uses, and how often the validation draws."""

    borrower_step_days: int
    borrow_step: int
    collateral_step_days: int
    symbols: tuple[str, ...] | None
    collateral_recipe: Recipe
    validation_draws: int
    has_replay: bool = False


PROFILES = {
    "full": Profile(
        borrower_step_days=7,
        borrow_step=1,
        collateral_step_days=3,
        symbols=None,
        collateral_recipe=COLLATERAL_RECIPE,
        validation_draws=DRAWS,
        has_replay=True,
    ),
    "small": Profile(
        borrower_step_days=14,
        borrow_step=4,
        collateral_step_days=5,
        symbols=SMALL_SYMBOLS,
        collateral_recipe=COLLATERAL_RECIPE,
        validation_draws=200,
    ),
}


def train_on_data(data: Path, profile: Profile, out: Path, say: Say) -> list[Bundle]:
    """Return `borrower-1` and `collateral-1`, written below `out`.

    Raises:
        DatasetError: if the folder or a data set in it is missing.
    """
    if not data.is_dir():
        raise DatasetError(
            str(data), "there is no such folder: pass the one that holds the data sets (make train DATA=...)"
        )
    # Each card prices the other kind of subject too, by the model that is released with it.
    say("borrower-1: rows of the Maker vaults and of Morpho's borrows")
    sources = read_borrower_rows(data, profile)
    say(f"borrower-1: {len(sources.rows.as_of_s)} rows; training")
    trained = train_borrower(sources.rows, MAKER_RECIPE, is_sandbox=False)
    pairs = _train_pairs(data, profile, out, say, (trained.model, sources.known_until(MAKER)))
    return [_write_borrowers(data, profile, out, say, (sources, trained, pairs.model)), pairs]


def _write_borrowers(
    data: Path, profile: Profile, out: Path, say: Say, made: tuple[BorrowerSources, TrainedBorrower, Model]
) -> Bundle:
    """Validate borrowers trained on their sources, price a record on the collateral model beside them, and write the bundle."""
    sources, trained, collateral = made
    rows, maker = sources.rows, sources.parts[MAKER]
    say("borrower-1: validation on all splits")
    is_active = ModelFlag.TREES_ACTIVE in trained.model.flags
    validation = validate_borrower_model(maker, MAKER_RECIPE, is_active=is_active, n_draws=profile.validation_draws)
    figures = compute_borrower_figures(rows, trained.validation, is_active=is_active)
    coverages = compute_coverage(rows, trained.validation, is_active=is_active)
    study = study_structure(maker.select(~maker.is_borrow), read_eth_series(data))
    card = borrower_card(
        "borrower-1",
        _borrower_source(rows, profile),
        _spans(rows, sources.parts),
        trained,
        MAKER_LIMITS,
        evidence_lines(figures, coverages, study, trained),
    )
    say("borrower-1: cost to game, and the laws on simulated attackers")
    card = "\n".join(
        (card, *cost_to_game.render(trained.model, collateral), *describe_rules(sources.vaults, sources.morpho))
    )
    validated = build_validation_card(validation, data)
    # A node looks at borrowers day by day: the moments of borrows, and Morpho's masked histories, are not what it sees.
    looks = maker.vectors[~maker.is_borrow]
    return _write_validated(out / "borrower-1", trained.model, card, validated, rows.vectors, looks)


@dataclass(frozen=True, kw_only=True)
class BorrowerSources:
    """What borrowers are learned from: both data sets, their rows by folder, and all rows together, numbered in that order."""

    vaults: Borrows
    morpho: Borrows
    parts: Mapping[str, BorrowerRows]
    rows: BorrowerRows

    def known_until(self, source: str) -> date:
        """Return the day by which the last label of a source is known."""
        return last_known_day(self.parts[source].as_of_s, HORIZON_S)


def read_borrower_rows(data: Path, profile: Profile) -> BorrowerSources:
    """Return the rows of the Maker vaults, looks before borrows, and those of Morpho's borrows.

    Raises:
        DatasetError: if a data set is missing.
    """
    vaults, morpho = read_maker_borrows(data), read_morpho(data)
    weekly = build_borrower_rows(vaults.dataset, step_days=profile.borrower_step_days)
    parts = {
        MAKER: join_samples([weekly, build_borrow_rows(_thin(vaults, profile))]),
        MORPHO: build_borrow_rows(_thin(morpho, profile)),
    }
    return BorrowerSources(vaults=vaults, morpho=morpho, parts=parts, rows=concatenate(list(parts.values())))


def _spans(rows: BorrowerRows, sources: Mapping[str, BorrowerRows]) -> str:
    """Return the card's lines on when all rows, and those of each source, are from."""
    each = [span_line(part.as_of_s, HORIZON_S, source) for source, part in sources.items()]
    return "\n".join([span_line(rows.as_of_s, HORIZON_S), *each])


def _thin(borrows: Borrows, profile: Profile) -> Borrows:
    return replace(borrows, moments=borrows.moments[:: profile.borrow_step])


def _train_pairs(data: Path, profile: Profile, out: Path, say: Say, borrower: tuple[Model, date]) -> Bundle:
    """Train, validate and write the pairs' bundle; the market is replayed with the borrowers' model, which knows Maker until the day beside it."""
    say("collateral-1: rows of the hourly pairs")
    runs = read_runs(data, list(profile.symbols) if profile.symbols else None)
    rows = build_collateral_rows(runs, step_days=profile.collateral_step_days)
    source = f"{len({r.symbol for r in runs})} hourly pairs, 2021 to 2024, every {profile.collateral_step_days} days"
    span = span_line(rows.as_of_s, LIQUIDATION_WINDOW_HOURS * HOUR_S)
    say(f"collateral-1: {len(rows.as_of_s)} rows; training")
    held_out_days = build_days(
        (run for run in runs if run.symbol in LENDING), int(HELD_OUT_FROM.timestamp()), int(rows.as_of_s.max())
    )
    trained = train_collateral(rows, profile.collateral_recipe, held_out_days)
    say("collateral-1: validation on all splits")
    validation = validate_collateral_model(rows, profile.collateral_recipe, n_draws=profile.validation_draws)
    card = collateral_card("collateral-1", source, span, trained)
    if profile.has_replay:
        say("collateral-1: external checks")
        card = "\n".join((card, *describe_external(data, rows, profile.collateral_recipe)))
        models = ReplayedModels(borrower=borrower[0], maker_known_until=borrower[1], collateral=trained.model)
        card = "\n".join((card, *describe_replay(data, rows, profile.collateral_recipe, say, models))) + "\n"
    return _write_validated(
        out / "collateral-1", trained.model, card, build_validation_card(validation, data), rows.vectors
    )


def _write_validated(
    folder: Path, model: Model, card: str, validated: ValidationCard, vectors: Array, scored: Array | None = None
) -> Bundle:
    """Write the bundle with the validation at the end of its card, and its plots beside it."""
    bundle = write_bundle(folder, model, "\n".join((card, *validated.lines)) + "\n", vectors, scored)
    validated.write_plots(folder)
    return bundle


def train_on_canonical(
    folders: list[Path], name: str, out: Path, *, is_sandbox: bool, bounds: Bounds | None = None
) -> Bundle:
    """Return one borrower bundle trained on canonical dataset folders together, written below `out`; with bounds they are streamed from disk.

    Raises:
        DatasetError: if a folder is no canonical dataset.
    """
    if bounds is None:
        return train_on_datasets((read_dataset(folder) for folder in folders), name, out, is_sandbox=is_sandbox)
    streamed = (stream_borrower_rows(folder, bounds, step_days=SANDBOX_STEP_DAYS) for folder in folders)
    return _train_on_rows(streamed, name, out, is_sandbox=is_sandbox)


def train_on_datasets(datasets: Iterable[Dataset], name: str, out: Path, *, is_sandbox: bool) -> Bundle:
    """Return one borrower bundle trained on datasets in memory, one held at a time, written below `out`."""
    parts = (
        (build_borrower_rows(dataset, step_days=SANDBOX_STEP_DAYS), dataset.name, len(dataset.borrowers))
        for dataset in datasets
    )
    return _train_on_rows(parts, name, out, is_sandbox=is_sandbox)


def _train_on_rows(parts: Iterable[tuple[BorrowerRows, str, int]], name: str, out: Path, *, is_sandbox: bool) -> Bundle:
    """Return the bundle of rows, each part with its dataset's name and number of borrowers."""
    rows, names = [], []
    for part, dataset_name, n_borrowers in parts:
        rows.append(part)
        names.append(f"{dataset_name} ({n_borrowers} borrowers)")
    source = f"{'; '.join(names)}; every {SANDBOX_STEP_DAYS} days"
    together = concatenate(rows)
    trained = train_borrower(together, SANDBOX_RECIPE, is_sandbox=is_sandbox)
    limits = GENERATED_LIMITS if is_sandbox else MAKER_LIMITS
    card = borrower_card(name, source, span_line(together.as_of_s, HORIZON_S), trained, limits)
    return write_bundle(out / name, trained.model, card, together.vectors)


def _borrower_source(rows: BorrowerRows, profile: Profile) -> str:
    is_maker = rows.sources == 0
    vaults, owners = (len(set(rows.clusters[mask].tolist())) for mask in (is_maker, ~is_maker))
    weekly, borrows, morpho = (
        int(mask.sum()) for mask in (is_maker & ~rows.is_borrow, is_maker & rows.is_borrow, ~is_maker)
    )
    return (
        f"Maker ETH-B, {vaults} vaults with debt, {weekly} looks every {profile.borrower_step_days} days and {borrows} borrows, "
        f"2020-10 to 2022-12; Morpho on Base, {owners} borrowers, {morpho} borrows, 2025-10 and 2025-11, for the trees only"
    )
