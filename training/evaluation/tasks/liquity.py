"""Liquity: liquidated within 30 days, asked of every owner once a week. An external test: nothing is trained on it.

A row is an owner whose last borrow lies at most a year back and was not followed by a liquidation, which closes a trove whole. Collateral is not in the data, so the
score is `opening_health`'s; as the level is assumed it only ranks. Closed troves stay in until their year is over: the record does not show a closure.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oracle.domain.event import EventKind
from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import Bundle
from training.datasets.canonical import Borrower, Dataset
from training.datasets.liquity import read_liquity
from training.errors import TrainingError
from training.evaluation.opening_health import BORROWED, PricesSince, compute_log_odds
from training.evaluation.price_path import PricePath, read_price_paths
from training.evaluation.records import compute_behaviour
from training.evaluation.task import NO_EVENT_DAY, Array, Score, TaskRows

HORIZON_S = 30 * DAY_S
LONGEST_S = 365 * DAY_S
STEP_DAYS = 7
ETH_SYMBOL = "ETH"
RETURN, AGE, PRIOR, SHADOW = "return_since_borrow", "time_since_borrow", "past_liquidations", "shadow"
_COLUMNS = ("owner", "as_of_s", "borrowed_s", "n_liquidations", "last_liquidation_s", "event_day")


def build_liquity(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per owner at risk and week whose 30 days end inside the record."""
    dataset = read_liquity(data)
    return rank_owners(dataset, read_price_paths(data, (ETH_SYMBOL,))[ETH_SYMBOL], bundle, first_s, end_s)


def rank_owners(dataset: Dataset, path: PricePath, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return the rows of a dataset of borrows and liquidations of one collateral.

    Raises:
        TrainingError: if the span holds none.
    """
    columns = zip(_COLUMNS, _list_rows(dataset, list_weeks(dataset, first_s, end_s)), strict=True)
    rows = {name: np.array(column, dtype=np.int64) for name, column in columns}
    borrowed, now = path.at(rows["borrowed_s"]), path.at(rows["as_of_s"])
    volatility = path.volatility(rows["as_of_s"])
    is_priced = np.isfinite(borrowed) & np.isfinite(now) & np.isfinite(volatility)
    rows = {name: column[is_priced] for name, column in rows.items()}
    if len(rows["owner"]) == 0:
        raise TrainingError("no owner at risk in this span has prices since the borrow and 30 days of record after it")
    as_of_s, borrowed, now = rows["as_of_s"], borrowed[is_priced], now[is_priced]
    since = PricesSince(
        relative=now / borrowed,
        lowest=path.lowest(rows["borrowed_s"], as_of_s) / borrowed,
        volatility=volatility[is_priced],
        age_s=as_of_s - rows["borrowed_s"],
    )
    active, shadow = compute_behaviour(bundle, rows["n_liquidations"], rows["last_liquidation_s"], as_of_s)
    baselines = {
        RETURN: -since.relative,
        AGE: -since.age_s / DAY_S,
        PRIOR: rows["n_liquidations"].astype(np.float64),
        SHADOW: compute_log_odds(bundle, BORROWED, since, shadow),
    }
    return TaskRows(
        is_positive=rows["event_day"] != NO_EVENT_DAY,
        owners=rows["owner"],
        as_of_s=as_of_s,
        event_days=rows["event_day"],
        model=Score(values=compute_log_odds(bundle, BORROWED, since, active), is_probability=False),
        baselines={name: Score(values=v, is_probability=False) for name, v in baselines.items()},
        features={**_features(since), PRIOR: baselines[PRIOR]},
    )


def _features(since: PricesSince) -> dict[str, Array]:
    return {
        "relative_price": since.relative,
        "lowest_price": since.lowest,
        "volatility": since.volatility,
        "age_days": since.age_s / DAY_S,
    }


def list_weeks(dataset: Dataset, first_s: int, end_s: int) -> Array:
    """Return each midnight of the span whose day number divides by seven, inside the record of borrows and 30 days before the record's end."""
    borrows = [e.time_s for b in dataset.borrowers for e in b.events if e.kind is EventKind.BORROW]
    last_s = min(end_s - 1, max(borrows, default=0), dataset.end_s - HORIZON_S)
    days = np.arange(-(-max(first_s, dataset.start_s) // DAY_S), last_s // DAY_S + 1)
    return np.asarray(days[days % STEP_DAYS == 0] * DAY_S)


def _list_rows(dataset: Dataset, weeks: Array) -> tuple[list[int], ...]:
    columns: tuple[list[int], ...] = tuple([] for _ in _COLUMNS)
    for owner, borrower in enumerate(dataset.borrowers):
        borrows, liquidations = _times(borrower, EventKind.BORROW), _times(borrower, EventKind.LIQUIDATION)
        for as_of_s in weeks.tolist():
            opened, ended = (
                np.searchsorted(borrows, as_of_s, side="right"),
                np.searchsorted(liquidations, as_of_s, side="right"),
            )
            if opened == 0 or as_of_s - borrows[opened - 1] > LONGEST_S:
                continue
            last_end = int(liquidations[ended - 1]) if ended else 0
            if last_end > borrows[opened - 1]:
                continue
            is_next = ended < len(liquidations) and liquidations[ended] <= as_of_s + HORIZON_S
            event_day = int(liquidations[ended]) // DAY_S if is_next else NO_EVENT_DAY
            values = (owner, as_of_s, int(borrows[opened - 1]), int(ended), last_end, event_day)
            for column, value in zip(columns, values, strict=True):
                column.append(value)
    return columns


def _times(borrower: Borrower, kind: EventKind) -> Array:
    return np.array([e.time_s for e in borrower.events if e.kind is kind], dtype=np.int64)
