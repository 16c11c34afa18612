"""The validation's part of a model card: tables with intervals and dates, plots, digests of data and code.

Differences are model minus baseline on the same rows: a higher AUC is better, a lower log loss is. `detectable` is the smallest true difference that the rows would show in
four of five cases; a smaller one that is not significant says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.evaluation.charts import draw_bars, draw_calibration
from training.evaluation.figures import MODEL, Comparison
from training.evaluation.provenance import code_digest, data_digest
from training.evaluation.validation import SplitResult, Validation
from training.splits import SplitKind
from training.statistics.figure import Figure
from training.statistics.stability import LARGE_SHIFT, MODERATE_SHIFT

CALIBRATION, STABILITY = "calibration.svg", "stability.svg"
_NONE = "-"


@dataclass(frozen=True, kw_only=True)
class ValidationCard:
    """Lines for the card, and the plots that they show, by file name."""

    lines: tuple[str, ...]
    plots: dict[str, str]

    def write_plots(self, folder: Path) -> None:
        """Write the plots beside the card."""
        for name, text in self.plots.items():
            (folder / name).write_text(text, encoding="utf-8")


def build_validation_card(validation: Validation, data: Path | None) -> ValidationCard:
    """Return the part of the card; without a data folder (generated data) only the code has a digest."""
    results = (*validation.pooled, *validation.splits)
    rolling = next((r for r in results if r.kind is SplitKind.ROLLING), None)
    latest = next((r for r in reversed(validation.splits) if r.kind is SplitKind.ROLLING), None)
    plots = {}
    if rolling is not None:
        title = f"{validation.model}, {rolling.tested_first} to {rolling.tested_last}"
        plots[CALIBRATION] = draw_calibration(rolling.bins, title)
    if latest is not None and latest.inputs:
        title = f"PSI of inputs, {latest.tested_first} to {latest.tested_last}"
        moved = sorted(latest.inputs, key=lambda name: (-latest.inputs[name].psi, name))
        plots[STABILITY] = draw_bars({n: latest.inputs[n].psi for n in moved}, (MODERATE_SHIFT, LARGE_SHIFT), title)
    lines = [
        "## Validation",
        f"Judged: {validation.model}. Brackets are 95 % intervals that count owners and blocks of time together. No row tested trained; training knew nothing later than the day named (pooled rows name the first fold's), but for a shock.",
        "",
        *_split_table(results),
        "",
        *_calibration_table(results),
        "",
        *_paired_table(validation.pooled or validation.splits),
        *(f"Not judged: {note}." for note in validation.skipped),
        "",
        *(f"![{name.removesuffix('.svg')}]({name})" for name in plots),
        "",
        f"Code: SHA-256 `{code_digest()}`.",
        *([f"Data: SHA-256 `{data_digest(data)}`."] if data is not None else []),
    ]
    return ValidationCard(lines=tuple(lines), plots=plots)


def _split_table(results: tuple[SplitResult, ...]) -> list[str]:
    head = (
        "split",
        "tested",
        "training knew to",
        "rows",
        "positive",
        "event days",
        "AUC",
        "PR-AUC",
        "KS",
        "log loss",
        "Brier",
        "ECE",
    )
    rows = [
        (
            _name(r),
            _dates(r),
            str(r.known_until) if r.kind is not SplitKind.SHOCK else "all but the shock",
            str(r.figures.n),
            str(r.figures.positives),
            str(r.figures.event_days),
            *(estimate(r.figures.scores[MODEL][key], 3) for key in ("auc", "pr_auc", "ks")),
            *(estimate(r.figures.scores[MODEL][key], 4) for key in ("log_loss", "brier", "ece")),
        )
        for r in results
    ]
    return _table(head, rows)


def _calibration_table(results: tuple[SplitResult, ...]) -> list[str]:
    head = ("split", "tested", "calibration slope", "in the large", "PSI of the score", "PSI by chance")
    rows = [
        (
            _name(r),
            _dates(r),
            estimate(r.line.slope, 2),
            estimate(r.line.in_the_large, 2),
            _NONE if r.stability is None else f"{r.stability.psi:.3f}",
            _NONE if r.stability is None else f"{r.stability.by_chance:.3f}",
        )
        for r in results
    ]
    return _table(head, rows)


def _paired_table(results: tuple[SplitResult, ...]) -> list[str]:
    head = (
        "split",
        "tested",
        "against",
        "its AUC",
        "AUC difference",
        "detectable",
        "log-loss difference",
        "detectable",
    )
    rows = [
        (
            _name(r),
            _dates(r),
            name,
            estimate(r.figures.scores[name]["auc"], 3),
            *_comparison(r.figures.paired[name]["auc"], 3),
            *_comparison(r.figures.paired[name]["log_loss"], 5),
        )
        for r in results
        for name in r.figures.paired
    ]
    return _table(head, rows)


def _comparison(comparison: Comparison, places: int) -> tuple[str, str]:
    smallest = comparison.detectable
    return estimate(comparison.difference, places, "+"), _NONE if smallest is None else f"{smallest:.{places}f}"


def estimate(figure: Figure, places: int, sign: str = "") -> str:
    """Return a figure with its interval in brackets, or what of it there is."""
    if figure.value is None:
        return _NONE
    if figure.low is None or figure.high is None:
        return f"{figure.value:{sign}.{places}f}"
    return f"{figure.value:{sign}.{places}f} [{figure.low:{sign}.{places}f}, {figure.high:{sign}.{places}f}]"


def _name(result: SplitResult) -> str:
    return f"{result.kind}: {result.name}"


def _dates(result: SplitResult) -> str:
    return f"{result.tested_first} to {result.tested_last}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]
