"""Whether the margin leads risk managers: an LTV or threshold cut, or a freeze, of an asset on any chain within 30 days, asked once a week.

An asset counts from the first proposal that names it, as long as an exchange pair prices it. Dates are those of proposals, some of which were never executed; changes by
risk stewards are absent, so a quiet month may only be one that nobody wrote down. Many cuts retire an asset for reasons no price shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from oracle.domain.units import DAY_S, TimestampS
from oracle.scoring.bundle import Bundle
from training.collateral_days import PriceDays, compute_days_margins, read_days
from training.datasets.assets import class_masks, pair_of
from training.datasets.files import data_file
from training.errors import DatasetError, TrainingError
from training.evaluation.task import NO_EVENT_DAY, Array, Score, TaskRows

CHANGES = Path("aave_reserve_params") / "param_changes.parquet"
HORIZON_S = 30 * DAY_S
PRIOR_ACTIONS = "prior_actions"
_STEP_DAYS, _PRIOR_S = 7, 365 * DAY_S
_COLUMNS = ("date", "symbol", "param", "before", "after", "before_num", "after_num")
_CUTS = ("ltv", "liquidationThreshold")


@dataclass(frozen=True, kw_only=True)
class ReserveActions:
    """What is known of the assets' parameters: per pair, when it was first named and the days of adverse actions, once a day."""

    first_named_s: dict[str, int]
    adverse_s: dict[str, Array]
    end_s: int


def build_reserve_cut(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per asset and week whose 30 days end inside the record."""
    return reserve_rows(data, lambda days: compute_days_margins(bundle, days), first_s, end_s)


def reserve_rows(
    data: Path, margin_of: Callable[[PriceDays], Array], first_s: TimestampS, end_s: TimestampS
) -> TaskRows:
    """Return the same by what scores a day.

    Raises:
        DatasetError: if a file is absent or has other columns.
        TrainingError: if there are none.
    """
    actions = read_actions(data)
    days = read_days(data, frozenset(actions.first_named_s), first_s, end_s, step_days=_STEP_DAYS)
    named = np.array([actions.first_named_s[s] for s in days.symbols])
    days = days.select((days.as_of_s >= named) & (days.as_of_s + HORIZON_S <= actions.end_s))
    if len(days.as_of_s) == 0:
        raise TrainingError("no week of a listed asset in this span has its 30 days inside the record of parameters")
    event_days, prior = count_actions(days, actions)
    return TaskRows(
        is_positive=event_days != NO_EVENT_DAY,
        owners=days.owners,
        as_of_s=days.as_of_s,
        event_days=event_days,
        model=Score(values=margin_of(days), is_probability=False),
        baselines={
            **{name: Score(values=v, is_probability=False) for name, v in days.forecasts_bps.items()},
            PRIOR_ACTIONS: Score(values=prior, is_probability=False),
        },
        groups=class_masks(days.symbols),
    )


def read_actions(data: Path) -> ReserveActions:
    """Return the actions of all chains; a simulation that was repeated counts once.

    Raises:
        DatasetError: if the file is absent, has other columns, or no row.
    """
    path = data_file(data, CHANGES)
    absent = set(_COLUMNS) - set(pl.scan_parquet(path).collect_schema().names())
    if absent:
        raise DatasetError(str(data), f"{CHANGES} has no column {', '.join(sorted(absent))}")
    table = pl.read_parquet(path, columns=list(_COLUMNS)).with_columns(
        pl.col("symbol", "param", "before", "after").cast(pl.String), pl.col("date").dt.epoch("s")
    )
    table = table.filter(pl.col("symbol").is_not_null() & pl.col("date").is_not_null())
    if len(table) == 0:
        raise DatasetError(str(data), f"{CHANGES} names no asset")
    is_cut = pl.col("param").is_in(_CUTS) & (pl.col("after_num") < pl.col("before_num"))
    is_freeze = (pl.col("param") == "isFrozen") & (pl.col("before") == "false") & (pl.col("after") == "true")
    table = table.with_columns(
        pl.col("symbol").map_elements(pair_of, return_dtype=pl.String).alias("pair"),
        (is_cut | is_freeze).fill_null(value=False).alias("is_adverse"),
    )
    named = table.group_by("pair").agg(pl.col("date").min())
    adverse = table.filter("is_adverse").select("pair", "date").unique().sort("pair", "date")
    return ReserveActions(
        first_named_s=dict(named.iter_rows()),
        adverse_s={str(pair): part["date"].to_numpy() for (pair,), part in adverse.group_by(["pair"])},
        end_s=int(table.select(pl.col("date").max()).item()),
    )


def count_actions(days: PriceDays, actions: ReserveActions) -> tuple[Array, Array]:
    """Return (day of the first adverse action within 30 days after a row, number in the year up to it)."""
    event_days, prior = [], []
    for symbol, as_of_s in zip(days.symbols, days.as_of_s.tolist(), strict=True):
        times = actions.adverse_s.get(symbol, np.zeros(0, dtype=np.int64))
        start, now, last = np.searchsorted(times, [as_of_s - _PRIOR_S, as_of_s, as_of_s + HORIZON_S], side="right")
        event_days.append(int(times[now]) // DAY_S if last > now else NO_EVENT_DAY)
        prior.append(int(now - start))
    return np.array(event_days), np.array(prior)
