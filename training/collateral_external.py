"""External checks of a collateral's card: does the margin lead what risk managers did, and coins that left their peg; beside a published table.

The model is one of the rows before `HELD_OUT_FROM`, judged on the time after, by the tasks `reserve_cut` and `depeg_7d`. Neither outcome trains it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.reference import compute_margins
from training.collateral_days import PriceDays, build_days
from training.collateral_holdout import HELD_OUT_FROM
from training.collateral_tables import train_packed
from training.datasets.files import data_file
from training.datasets.market_tables import DEPEGS
from training.datasets.prices import price_runs, read_closes
from training.errors import DatasetError
from training.evaluation.figures import MODEL, Figures, compute_figures
from training.evaluation.selection import complete_task
from training.evaluation.task import TaskRows
from training.evaluation.tasks.depeg import depeg_rows, read_pegs
from training.evaluation.tasks.reserves import reserve_rows
from training.evaluation.validation_card import estimate
from training.labels import LIQUIDATION_WINDOW_HOURS
from training.rows import CollateralRows
from training.statistics.ranking import compute_auc, has_both
from training.train import Recipe

type Array = np.ndarray[Any, Any]

PUBLISHED = Path("stablecoin_depeg_daily") / "published_results_summary_main.csv"
_WINDOW = "Window 2"
_COINS = {"USDC": ("usdc", "USDC"), "PAX": ("pax", "USDP")}
"""The table's coin: its file, and the exchange symbol that prices it. No pair prices DAI or USDT after February 2023."""
_HORIZONS = ("depeg_1d", "depeg_3d", "depeg_5d", "depeg_7d")


def describe_external(data: Path, rows: CollateralRows, recipe: Recipe) -> list[str]:
    """Return the card's lines; without one of the folders, what is missing."""
    start_s, end_s = int(HELD_OUT_FROM.timestamp()), int(rows.as_of_s.max()) + DAY_S
    trees = train_packed(rows.select(rows.as_of_s + LIQUIDATION_WINDOW_HOURS * 3_600 <= start_s), recipe)

    def margin_of(days: PriceDays) -> Array:
        return compute_margins(trees, days.vectors)

    span = TimestampS(start_s), TimestampS(end_s)
    lines = ["## External checks", f"A model of the rows before {HELD_OUT_FROM.date()}, on the time after.", ""]
    try:
        lines += _task_lines(
            "LTV cuts, threshold cuts and freezes on 22 chains within 30 days, asked weekly (`reserve_cut`)",
            reserve_rows(data, margin_of, *span),
        )
        lines += _task_lines(
            "A dollar coin more than 1 % from its peg within 7 days, asked daily (`depeg_7d`)",
            depeg_rows(read_pegs(data), margin_of, *span),
        )
        lines += _published_lines(data, margin_of, *span)
    except DatasetError as error:
        return [*lines, f"Not checked: {error.reason}."]
    return lines


def _task_lines(title: str, rows: TaskRows) -> list[str]:
    kept = complete_task(rows).rows
    figures = compute_figures(kept)
    classes = [
        f"{name.replace('_', ' ')} {compute_auc(positive, kept.model.values[mask]):.3f} ({int(positive.sum())} of {len(positive)})"
        for name, mask in kept.groups.items()
        if has_both(positive := np.asarray(kept.is_positive, dtype=np.int64)[mask])
    ]
    return [
        f"{title}: {figures.n} rows, {figures.positives} positive, on {figures.event_days} days, {figures.owners} assets. {_verdict(figures)}",
        *([f"AUC of the margin by class: {'; '.join(classes)}."] if classes else []),
        "",
        "| score | AUC | margin less it |",
        "| --- | --- | --- |",
        *(
            f"| {name} | {estimate(figures.scores[name]['auc'], 3)} | {_gain(figures, name)} |"
            for name in figures.scores
        ),
        "",
    ]


def _verdict(figures: Figures) -> str:
    low = figures.scores[MODEL]["auc"].low
    if low is not None and low > 0.5:
        return "The margin leads them."
    return "The data do not show that the margin leads them."


def _gain(figures: Figures, name: str) -> str:
    return "-" if name == MODEL else estimate(figures.paired[name]["auc"].difference, 3, "+")


def _published_lines(data: Path, margin_of: Callable[[PriceDays], Array], first_s: int, end_s: int) -> list[str]:
    """Return the margin's AUC on a published table's own labels, beside the best of the models published for it."""
    results = pl.read_csv(data_file(data, PUBLISHED)).filter(pl.col("window") == _WINDOW)
    best = {(c, h): float(a) for c, h, a in results.group_by("coin", "horizon").agg(pl.col("auc").max()).iter_rows()}
    ours = {coin: _labelled_aucs(data, *names, margin_of, first_s, end_s) for coin, names in _COINS.items()}
    return [
        "The labels of a published table (any move out of a narrow band, most of them below 1 %), here to the end of 2024, and there the best of six models trained on each coin, 2023 to 2025: AUC, theirs in brackets. Other days, so only roughly comparable.",
        "",
        "| coin | positive in a day | 1 d | 3 d | 5 d | 7 d |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {coin} | {hits} of {n} | {' | '.join(f'{auc:.3f} ({best[coin, h]:.3f})' for h, auc in zip(_HORIZONS, aucs, strict=True))} |"
            for coin, (n, hits, aucs) in ours.items()
        ),
        "",
    ]


def _labelled_aucs(
    data: Path, file: str, symbol: str, margin_of: Callable[[PriceDays], Array], first_s: int, end_s: int
) -> tuple[int, int, list[float]]:
    """Return (rows, positives within a day, AUC by horizon). A table's day is over at the midnight of the row after it."""
    path = next(table.file for table in DEPEGS if table.file.name.startswith(file))
    table = pl.read_parquet(data_file(data, path), columns=["date", *_HORIZONS]).drop_nulls()
    moments = {int(day.replace(tzinfo=UTC).timestamp()) + DAY_S: labels for day, *labels in table.iter_rows()}
    days = build_days(price_runs(symbol, *read_closes(data, [symbol])[symbol]), first_s, end_s)
    days = days.select(np.isin(days.as_of_s, sorted(moments)))
    labels = np.array([moments[t] for t in days.as_of_s.tolist()]).astype(np.int64)
    margins = margin_of(days)
    aucs = [compute_auc(column, margins) if has_both(column) else float("nan") for column in labels.T]
    return len(labels), int(labels[:, 0].sum()), aucs
