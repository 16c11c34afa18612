"""Feature vectors per second, from histories that a ledger made, against two peers that do less than we do.

Borrowers: one plain Python pass over the same events and samples that only adds up their values. No feature code in pure Python can be faster than that,
so the ratio says how near to the bound we are. Collaterals: polars, which computes the same windows from the same series in floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

import polars as pl

from oracle.chain.histories import Histories
from oracle.domain.history import BorrowerHistory, CollateralHistory
from oracle.domain.units import HOUR_S
from oracle.features import regimes
from oracle.features.borrower import compute_borrower_vector
from oracle.features.collateral import compute_collateral_vector
from tests.bench import peers
from tests.bench.feature_volume import compute_borrowers, compute_collaterals
from tests.bench.figures import Figure, Peer, measure

RUNS = 5
VOLUME_ROWS = 300_000
_DAY, _WEEK, _MONTH, _QUARTER, _YEAR = 24, 168, 720, 2_160, 8_760
_value = attrgetter("value_usd_e8")
_debt = attrgetter("debt_usd_e8")


def measure_features(histories: Histories) -> Iterator[Figure]:
    """Yield vectors per second of both kinds."""
    borrowers, collaterals = histories.borrowers, histories.collaterals
    ours, bound = measure(lambda: _vectors(borrowers), runs=RUNS), measure(lambda: _pass_over(borrowers), runs=RUNS)
    touched = sum(len(h.events) + len(h.samples) for h in borrowers) // len(borrowers)
    yield Figure(
        name=f"borrower vectors, {touched} events and samples each",
        value=len(borrowers) / ours.cpu_s,
        unit="vectors/s",
        peer=Peer(name="one plain Python pass that adds up the same rows", value=len(borrowers) / bound.cpu_s),
        more_is_better=True,
    )
    rows, hours = compute_borrowers(VOLUME_ROWS, processes=1), compute_collaterals()
    yield Figure(
        name=f"feature rows, {rows.rows_count:,} events and samples of borrowers",
        value=rows.rows_count / rows.vectors_cpu_s,
        unit="rows/s a core",
        peer=peers.FEATURE_ROWS_LIMIT,
        more_is_better=True,
    )
    yield Figure(
        name=f"feature rows, {hours.rows_count:,} price hours of collaterals",
        value=hours.rows_count / hours.vectors_cpu_s,
        unit="rows/s a core",
        peer=peers.FEATURE_ROWS_LIMIT,
        more_is_better=True,
    )
    mine = measure(lambda: [compute_collateral_vector(h) for h in collaterals], runs=RUNS)
    theirs = measure(lambda: [describe_in_polars(h) for h in collaterals], runs=RUNS)
    yield Figure(
        name=f"collateral vectors, {len(collaterals[0].series.prices_e8)} hours each",
        value=len(collaterals) / mine.cpu_s,
        unit="vectors/s",
        peer=Peer(name="polars over the same windows, in floats", value=len(collaterals) / theirs.cpu_s),
        more_is_better=True,
    )


def _vectors(borrowers: Sequence[BorrowerHistory]) -> list[tuple[int, ...]]:
    """Compute every vector as a new epoch does: nothing is remembered of the price series."""
    regimes._memo.clear()
    return [compute_borrower_vector(history) for history in borrowers]


def _pass_over(borrowers: Sequence[BorrowerHistory]) -> int:
    return sum(sum(map(_value, h.events)) + sum(map(_debt, h.samples)) for h in borrowers)


def describe_in_polars(history: CollateralHistory) -> tuple[float | None, ...]:
    """Return what a collateral vector tells of its series, as floats: the same windows, no rounding rules, no missing rules."""
    frame = pl.DataFrame({"price": pl.Series(history.series.prices_e8[-(_YEAR + 1) :], dtype=pl.Float64)})
    change = pl.col("price").pct_change()
    fall = 1 - pl.col("price") / pl.col("price").rolling_max(_DAY + 1, min_samples=1)
    row = frame.select(
        *((change.tail(window) ** 2).mean().sqrt().alias(f"volatility {window}") for window in (_YEAR, _MONTH, _WEEK)),
        *(fall.tail(window).max().alias(f"fall {window}") for window in (_MONTH, _QUARTER, _YEAR)),
        (-change.tail(_QUARTER).quantile(0.01)).alias("tail"),
        (1 - pl.col("price").last() / pl.col("price").tail(_QUARTER).max()).alias("below high"),
        (1 - pl.col("price").last() / pl.col("price").tail(_MONTH).median()).alias("below base"),
    ).row(0)
    age_days = (history.series.last_hour_s - history.series.first_hour_s) // (_DAY * HOUR_S)
    return (*row, float(age_days))
