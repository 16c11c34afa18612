"""Populations: how the rows that a bundle was trained on are distributed, by column; the file that a bundle carries of it.

Bins hold about equally many rows each, what is missing apart. Only counts, no row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.score import ScoreKind
from oracle.features.registry import BORROWER_SCHEMA, COLLATERAL_SCHEMA
from oracle.scoring.model import IntArray

FORMAT = 1
N_BINS = 10
SCORE = "score"
"""Name of the margin that the pd or drawdown tables are indexed by, beside the features' names."""
SCHEMAS = {ScoreKind.BORROWER: BORROWER_SCHEMA, ScoreKind.COLLATERAL: COLLATERAL_SCHEMA}


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of rows; bin i holds values in (edges[i - 1], edges[i]], the last all above. The first edge of a feature is 0: missing."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]

    def count(self, values: IntArray) -> tuple[int, ...]:
        """Return how many values fall into each bin."""
        bins = np.searchsorted(np.array(self.edges, dtype=np.int64), values, side="left")
        return tuple(np.bincount(bins, minlength=len(self.counts)).tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Histograms of a bundle's training rows by column: each feature's name, and `SCORE`."""

    columns: Mapping[str, Histogram]


def make_reference(columns: Mapping[str, IntArray]) -> Reference:
    """Return histograms whose bins hold about equally many rows each, missing apart."""
    found = {}
    for name, values in columns.items():
        present = values if name == SCORE else values[values > 0]
        shares = np.arange(1, N_BINS) / N_BINS
        cuts = _below_top(
            present, np.unique(np.quantile(present, shares, method="lower")).tolist() if len(present) else []
        )
        edges = tuple(int(cut) for cut in ([] if name == SCORE else [0]) + cuts)
        empty = Histogram(edges=edges, counts=(0,) * (len(edges) + 1))
        found[name] = Histogram(edges=edges, counts=empty.count(values))
    return Reference(columns=found)


def _below_top(values: IntArray, cuts: list[int]) -> list[int]:
    """Return the cuts with one at the largest value moved to the largest below it: the last bin would else be empty, and a column that is mostly at its top one bin."""
    lower = values[values < values.max()] if len(values) else values
    if not cuts or cuts[-1] < values.max() or not len(lower):
        return cuts
    return sorted({*cuts[:-1], int(lower.max())})


def encode_reference(reference: Reference) -> str:
    """Return a reference as its file holds it: canonical JSON, one column a line."""
    rows = [
        f'"{name}": {json.dumps({"edges": list(h.edges), "counts": list(h.counts)})}'
        for name, h in reference.columns.items()
    ]
    return f'{{"format": {FORMAT}, "columns": {{\n' + ",\n".join(rows) + "\n}}\n"


def decode_reference(text: str, kind: ScoreKind) -> Reference:
    """Return the reference of a file.

    Raises:
        ValueError: if it has other columns than the kind's features and the score, or bins that cannot be.
    """
    content: Any = json.loads(text)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"the reference is not of format {FORMAT}")
    columns = {
        name: Histogram(edges=tuple(h["edges"]), counts=tuple(h["counts"])) for name, h in content["columns"].items()
    }
    if list(columns) != [*(f.name for f in SCHEMAS[kind]), SCORE]:
        raise ValueError("the reference has other columns than the feature schema")
    for name, histogram in columns.items():
        numbers = (*histogram.edges, *histogram.counts)
        is_sound = all(type(number) is int for number in numbers) and min(histogram.counts, default=-1) >= 0
        is_ascending = all(a < b for a, b in zip(histogram.edges, histogram.edges[1:], strict=False))
        if not is_sound or not is_ascending or len(histogram.counts) != len(histogram.edges) + 1:
            raise ValueError(f"the reference of {name} has bins that cannot be")
        if sum(histogram.counts) == 0:
            raise ValueError(f"the reference of {name} has no rows")
    return Reference(columns=columns)
