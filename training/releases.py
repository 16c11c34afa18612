"""What is trained on what: profiles, and the bundles that come out.

The small profile is the same path on fewer rows; it is there to be reproduced in minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from oracle.domain.units import HOUR_S
from oracle.scoring.bundle import Bundle
from training.borrower import train_borrower
from training.card import GENERATED_LIMITS, MAKER_LIMITS, borrower_card, collateral_card, span_line
from training.collateral import read_runs, train_collateral
from training.datasets.canonical import Dataset
from training.datasets.folder import read_dataset
from training.datasets.maker import read_maker
from training.errors import DatasetError
from training.export import write_bundle
from training.labels import HORIZON_S, LIQUIDATION_WINDOW_HOURS
from training.rows import BorrowerRows, build_borrower_rows, build_collateral_rows, concatenate
from training.train import Recipe

# With some sixty liquidated vaults, anything stronger than shallow, slow trees learns the vaults.
MAKER_RECIPE = Recipe(rounds=40, depth=2, learning_rate=0.03, min_child_weight=8, l2=30)
SANDBOX_RECIPE = Recipe(rounds=60, depth=3, learning_rate=0.05, min_child_weight=10, l2=10)
SANDBOX_STEP_DAYS = 5
SMALL_SYMBOLS = tuple(
    "BTC ETH BNB SOL AVAX LINK UNI AAVE CRV MKR DOGE SHIB LUNA FTT USDC TUSD USDP WBTC WBETH DOT ATOM LTC XRP ADA NEAR SNX "
    "COMP LDO SUSHI YFI 1INCH PAXG EUR FIL AXS".split()
)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How much data a run uses."""

    borrower_step_days: int
    collateral_step_days: int
    symbols: tuple[str, ...] | None
    collateral_recipe: Recipe


PROFILES = {
    "full": Profile(
        borrower_step_days=7,
        collateral_step_days=3,
        symbols=None,
        collateral_recipe=Recipe(rounds=120, depth=4, learning_rate=0.06, min_child_weight=5, l2=5),
    ),
    "small": Profile(
        borrower_step_days=14,
        collateral_step_days=5,
        symbols=SMALL_SYMBOLS,
        collateral_recipe=Recipe(rounds=60, depth=4, learning_rate=0.08, min_child_weight=20, l2=5),
    ),
}


def train_on_data(data: Path, profile: Profile, out: Path) -> list[Bundle]:
    """Return `borrower-1` and `collateral-1`, written below `out`.

    Raises:
        DatasetError: if the folder or a data set in it is missing.
    """
    if not data.is_dir():
        raise DatasetError(
            str(data), "there is no such folder: pass the one that holds the data sets (make train DATA=...)"
        )
    borrowers = build_borrower_rows(read_maker(data), step_days=profile.borrower_step_days)
    runs = read_runs(data, list(profile.symbols) if profile.symbols else None)
    collaterals = build_collateral_rows(runs, step_days=profile.collateral_step_days)
    source = f"{len({r.symbol for r in runs})} hourly pairs, 2021 to 2024, every {profile.collateral_step_days} days"
    span = span_line(collaterals.as_of_s, LIQUIDATION_WINDOW_HOURS * HOUR_S)
    trained = train_collateral(collaterals, profile.collateral_recipe)
    return [
        _write_borrower(
            "borrower-1", _maker_source(borrowers, profile), borrowers, MAKER_RECIPE, out, is_sandbox=False
        ),
        write_bundle(
            out / "collateral-1",
            trained.model,
            collateral_card("collateral-1", source, span, trained),
            collaterals.vectors,
        ),
    ]


def train_on_canonical(folders: list[Path], name: str, out: Path, *, is_sandbox: bool) -> Bundle:
    """Return one borrower bundle trained on canonical dataset folders together, written below `out`."""
    return train_on_datasets((read_dataset(folder) for folder in folders), name, out, is_sandbox=is_sandbox)


def train_on_datasets(datasets: Iterable[Dataset], name: str, out: Path, *, is_sandbox: bool) -> Bundle:
    """Return one borrower bundle trained on datasets in memory, one held at a time, written below `out`."""
    parts, names = [], []
    for dataset in datasets:
        parts.append(build_borrower_rows(dataset, step_days=SANDBOX_STEP_DAYS))
        names.append(f"{dataset.name} ({len(dataset.borrowers)} borrowers)")
    source = f"{'; '.join(names)}; every {SANDBOX_STEP_DAYS} days"
    return _write_borrower(name, source, concatenate(parts), SANDBOX_RECIPE, out, is_sandbox=is_sandbox)


def _write_borrower(
    name: str, source: str, rows: BorrowerRows, recipe: Recipe, out: Path, *, is_sandbox: bool
) -> Bundle:
    trained = train_borrower(rows, recipe, is_sandbox=is_sandbox)
    limits = GENERATED_LIMITS if is_sandbox else MAKER_LIMITS
    card = borrower_card(name, source, span_line(rows.as_of_s, HORIZON_S), trained, limits)
    return write_bundle(out / name, trained.model, card, rows.vectors)


def _maker_source(rows: BorrowerRows, profile: Profile) -> str:
    vaults = len(set(rows.clusters.tolist()))
    return f"Maker ETH-B, {vaults} vaults with debt, every {profile.borrower_step_days} days, 2020-10 to 2022-12"
