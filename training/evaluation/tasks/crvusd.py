"""crvUSD: a loan that ends in liquidation, forced or by the borrower itself, within 30 days of its opening. An external test: nothing is trained on it.

Size and health at opening are unknown, so the score is `opening_health`'s at the volatility of the day, plus ln(1 + past liquidations of the borrower): the relative rate
that a gamma-distributed frailty of mean and shape one gives. A market whose collateral no exchange prices is taken at the volatility a node takes the unknown at.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from oracle.domain.units import DAY_S, PPM, TimestampS
from oracle.features.borrower import UNKNOWN_VOLATILITY_PPM
from oracle.scoring.bundle import Bundle
from training.datasets.crvusd import LIQUIDATED, LOANS, PRICED_BY
from training.datasets.schema import read_table
from training.errors import TrainingError
from training.evaluation.opening_health import BORROWED, PricesSince, compute_log_odds
from training.evaluation.price_path import read_price_paths
from training.evaluation.records import compute_behaviour
from training.evaluation.task import NO_EVENT_DAY, Array, Score, TaskRows

HORIZON_S = 30 * DAY_S
PRIOR, LOANS_BEFORE, VOLATILITY, SHADOW = "past_liquidations", "past_loans", "volatility", "shadow"
FIRST, LATER = "first_loan", "later_loan"


def build_crvusd(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
    """Return one row per loan opened in the span, its 30 days inside the record."""
    loans = read_table(data, LOANS).frame.sort("start_block", maintain_order=True)
    opened = loans["start_time_est_s"].to_numpy()
    record_end_s = (
        max(int(opened.max()), int(loans["end_time_est_s"].fill_null(0).to_numpy().max())) if len(loans) else 0
    )
    is_row = (opened >= first_s) & (opened < end_s) & (opened + HORIZON_S <= record_end_s)
    if not is_row.any():
        raise TrainingError("no loan opened in this span has 30 days of record after it")
    before, n_liquidated, last_s = (column[is_row] for column in count_history(loans))
    rows = loans.filter(is_row)
    opened = opened[is_row]
    volatility = _volatility(data, rows["market"].to_list(), opened)
    same = np.ones(len(rows))
    since = PricesSince(relative=same, lowest=same, volatility=volatility, age_s=np.zeros(len(rows)))
    active, shadow = compute_behaviour(bundle, n_liquidated, last_s, opened)
    frailty = np.log1p(n_liquidated)
    baselines = {
        PRIOR: n_liquidated.astype(np.float64),
        LOANS_BEFORE: before.astype(np.float64),
        VOLATILITY: volatility,
        SHADOW: compute_log_odds(bundle, BORROWED, since, shadow) + frailty,
    }
    event_days = _event_days(rows)
    return TaskRows(
        is_positive=event_days != NO_EVENT_DAY,
        owners=np.unique(rows["borrower"].to_numpy(), return_inverse=True)[1],
        as_of_s=opened,
        event_days=event_days,
        model=Score(values=compute_log_odds(bundle, BORROWED, since, active) + frailty, is_probability=False),
        baselines={name: Score(values=v, is_probability=False) for name, v in baselines.items()},
        groups={FIRST: before == 0, LATER: before > 0},
        features={name: baselines[name] for name in (PRIOR, LOANS_BEFORE, VOLATILITY)},
    )


def count_history(loans: pl.DataFrame) -> tuple[Array, Array, Array]:
    """Return for each loan, by its opening: loans opened before, of these liquidated before it, and the time of the last of those."""
    before, liquidated, last_s = (np.zeros(len(loans), dtype=np.int64) for _ in range(3))
    opened = loans["start_time_est_s"].to_numpy()
    ended = loans["end_time_est_s"].fill_null(np.iinfo(np.int64).max).to_numpy()
    is_liquidated = loans["status"].is_in(LIQUIDATED).to_numpy()
    for rows in loans.with_row_index().group_by("borrower").agg("index")["index"].to_list():
        own = np.array(rows)
        for row in own.tolist():
            past = own[opened[own] < opened[row]]
            ends = ended[past][is_liquidated[past] & (ended[past] <= opened[row])]
            before[row], liquidated[row], last_s[row] = len(past), len(ends), ends.max(initial=0)
    return before, liquidated, last_s


def _event_days(rows: pl.DataFrame) -> Array:
    opened, ended = rows["start_time_est_s"].to_numpy(), rows["end_time_est_s"].fill_null(0).to_numpy()
    is_positive = rows["status"].is_in(LIQUIDATED).to_numpy() & (ended <= opened + HORIZON_S)
    return np.where(is_positive, ended // DAY_S, NO_EVENT_DAY)


def _volatility(data: Path, markets: list[str], opened: Array) -> Array:
    symbols = np.array([PRICED_BY.get(market, "") for market in markets])
    known = tuple(sorted(set(symbols.tolist()) - {""}))
    paths = read_price_paths(data, known) if known else {}
    volatility = np.full(len(markets), np.nan)
    for symbol, path in paths.items():
        is_own = symbols == symbol
        volatility[is_own] = path.volatility(opened[is_own] // DAY_S * DAY_S)
    return np.where(np.isfinite(volatility), volatility, UNKNOWN_VOLATILITY_PPM / PPM)
