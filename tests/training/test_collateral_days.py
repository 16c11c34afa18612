"""Daily rows of prices: nothing later than the row counts, falls and forecasts are those worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from oracle.domain.units import DAY_S, HOUR_S, TimestampS
from oracle.scoring.bundle import load_bundle
from training.collateral_baselines import EWMA, FILTERED, HISTORICAL_VAR, VOLATILITY, ewma_volatility, forecast_falls
from training.collateral_days import build_days
from training.datasets.assets import class_masks, pair_of
from training.datasets.prices import CLOSES, PriceRun, price_runs
from training.errors import DatasetError, TrainingError
from training.evaluation.task import NO_EVENT_DAY, QuantileRows, TaskRows
from training.evaluation.tasks import TASKS

START = datetime(2022, 1, 1, tzinfo=UTC)
START_S = int(START.timestamp())
FALL_HOUR = 50 * 24 + 5


def wave(n_hours: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([10**9 + (10**7 if i % 2 else 0) for i in range(n_hours)], dtype=np.int64)


def run_of(prices: np.ndarray[tuple[int], np.dtype[np.int64]]) -> PriceRun:
    return PriceRun(symbol="ETH", first_hour_s=TimestampS(START_S), prices=prices)


def write_closes(folder: Path, prices: dict[str, list[float]]) -> None:
    frames = [
        pl.DataFrame(
            {
                "symbol": [s] * len(p),
                "time": [(START + timedelta(hours=i)).replace(tzinfo=None) for i in range(len(p))],
                "close": p,
            }
        )
        for s, p in prices.items()
    ]
    (folder / CLOSES).parent.mkdir(parents=True)
    pl.concat(frames).write_parquet(folder / CLOSES)


def test_build_days__later_prices_change__only_outcomes_change() -> None:
    calm, crash = wave(60 * 24), wave(60 * 24)
    crash[FALL_HOUR:] //= 2

    before = build_days([run_of(calm)], START_S, START_S + 51 * DAY_S)
    after = build_days([run_of(crash)], START_S, START_S + 51 * DAY_S)

    assert np.array_equal(before.vectors, after.vectors)
    for name, values in before.forecasts_bps.items():
        assert np.array_equal(values, after.forecasts_bps[name]), name
    assert np.flatnonzero(before.falls_bps != after.falls_bps).tolist() == [len(after.as_of_s) - 1]


def test_build_days__end_of_data__last_day_claims_no_outcome() -> None:
    days = build_days([run_of(wave(40 * 24))], START_S, START_S + 100 * DAY_S)

    assert days.as_of_s[0] == START_S + 30 * DAY_S
    assert days.falls_bps.tolist() == [0] * 9 + [-1]


def test_build_days__too_short_history__clear_error() -> None:
    with pytest.raises(TrainingError, match="30 days"):
        build_days([run_of(wave(20 * 24))], START_S, START_S + 100 * DAY_S)


def test_forecast_falls__constant_daily_fall__values_by_hand() -> None:
    # Every hour moves by 1 % of the lower price: volatility 0.01 * sqrt(24) a day, and 2.5758 of them are 12.62 %.
    prices = wave(40 * 24)
    grid = np.arange(7 * 24, 40 * 24, 24)

    forecasts = forecast_falls(prices, grid)

    assert forecasts[VOLATILITY][-1] == pytest.approx(1_262, rel=0.006)
    assert forecasts[HISTORICAL_VAR][-1] == 0
    assert forecasts[FILTERED][-1] == 0
    assert np.isnan(forecasts[HISTORICAL_VAR][19])
    assert not np.isnan(forecasts[HISTORICAL_VAR][20])
    assert forecasts[EWMA][-1] < forecasts[VOLATILITY][-1]


def test_ewma_volatility__one_move__decays_by_riskmetrics() -> None:
    prices = np.full(20 * 24, 10**9, dtype=np.int64)
    prices[8 * 24 :] = 11 * 10**8

    daily = ewma_volatility(prices, np.arange(7 * 24, 10 * 24 + 1, 24))

    assert daily.tolist() == pytest.approx(
        [0, (0.06 * 0.01) ** 0.5, (0.06 * 0.94 * 0.01) ** 0.5, (0.06 * 0.94**2 * 0.01) ** 0.5]
    )


def test_price_runs__spliced_ticker__no_run_spans_both_coins() -> None:
    # One ticker, two coins: the first dies, the second starts 18 days later at another price.
    times = np.concatenate([START_S + HOUR_S * np.arange(100), START_S + 18 * DAY_S + HOUR_S * np.arange(100, 200)])
    closes = np.concatenate([np.full(100, 0.0001), np.full(100, 9.0)])

    runs = list(price_runs("LUNA", times, closes))

    assert len(runs) == 2
    assert all(np.ptp(run.prices) == 0 for run in runs)


def test_class_masks__every_pair__is_in_one_class() -> None:
    masks = class_masks(["BTC", "WBTC", "USDC", "PEPE"])

    assert {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()} == {
        "majors": [0],
        "staked": [1],
        "stablecoins": [2],
        "long_tail": [3],
    }


@pytest.mark.parametrize(
    ("reserve", "pair"),
    [("WETH", "ETH"), ("WETH.e", "ETH"), ("LINK.e", "LINK"), ("m.USDC", "USDC"), ("xSUSHI", "SUSHI"), ("BTC.b", "BTC")],
)
def test_pair_of__bridged_or_wrapped__is_the_base(reserve: str, pair: str) -> None:
    assert pair_of(reserve) == pair


def test_drop_tasks__one_fall_of_a_fifth__one_positive_of_fifteen_percent(tmp_path: Path) -> None:
    prices = [1000.0] * FALL_HOUR + [800.0] * 200
    write_closes(tmp_path, {"ETH": prices, "PEPE": [1.0] * len(prices)})
    bundle = load_bundle("collateral-1", allow_sandbox=False)
    span = TimestampS(START_S), TimestampS(START_S + 100 * DAY_S)

    small = TASKS["drop_24h_15"](tmp_path, bundle, *span)
    large = TASKS["drop_24h_25"](tmp_path, bundle, *span)
    quantile = TASKS["drawdown_q99"](tmp_path, bundle, *span)

    assert isinstance(small, TaskRows)
    assert isinstance(large, TaskRows)
    assert isinstance(quantile, QuantileRows)
    assert small.is_positive.sum() == 1
    assert small.event_days[small.is_positive].tolist() == [START_S // DAY_S + 50]
    assert set(small.event_days[~small.is_positive].tolist()) == {NO_EVENT_DAY}
    assert large.is_positive.sum() == 0
    assert small.model.is_probability
    assert not large.model.is_probability
    assert quantile.losses.max() == 2_000
    assert len(quantile.losses) == len(small.is_positive) // 2


def test_drawdown_task__card_with_a_ratio__shortfall_is_the_forecast_times_it_at_most_everything(
    tmp_path: Path,
) -> None:
    write_closes(tmp_path, {"ETH": [1000.0 + i % 7 for i in range(80 * 24)]})
    bundle = load_bundle("collateral-1", allow_sandbox=False)
    span = TimestampS(START_S), TimestampS(START_S + 80 * DAY_S)

    def rows(card: str) -> QuantileRows:
        built = TASKS["drawdown_q99"](tmp_path, replace(bundle, card=card), *span)
        assert isinstance(built, QuantileRows)
        return built

    stated = rows("one\n`drawdownBps` times 1.250 is the expected shortfall beyond it.\ntwo")
    immense = rows("`drawdownBps` times 99999.000 is the expected shortfall beyond it.")

    assert stated.shortfalls is not None
    assert stated.shortfalls.tolist() == (1.25 * stated.model).tolist()
    assert immense.shortfalls is not None
    assert set(immense.shortfalls.tolist()) == {10_000.0}
    assert rows("a card of another day").shortfalls is None


def test_drop_task__folder_without_prices__says_which_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="prices_hourly_close_401"):
        TASKS["drop_24h_15"](tmp_path, load_bundle("collateral-1", allow_sandbox=False), TimestampS(0), TimestampS(1))


def test_drop_task__bundle_of_borrowers__is_refused(tmp_path: Path) -> None:
    write_closes(tmp_path, {"ETH": [1000.0 + i % 7 for i in range(1_000)]})

    with pytest.raises(TrainingError, match="scores borrowers"):
        TASKS["drop_24h_15"](
            tmp_path,
            load_bundle("borrower-1", allow_sandbox=False),
            TimestampS(START_S),
            TimestampS(START_S + 100 * DAY_S),
        )
