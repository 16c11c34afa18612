"""Rules that lend: each by hand where it has a formula, and none of them knows a later price."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from oracle.domain.units import BPS, DAY_S, Bps, TimestampS
from oracle.scoring.bundle import load_bundle
from tests.integration.data_folder import find_data_folder
from training.collateral import COST_BPS, SLIPPAGE_BPS
from training.datasets.prices import PriceRun
from training.economics.liquidators import QUOTES, read_haircuts, recovered_share
from training.economics.offers import (
    LEAST_FIRST_YEAR_HOURS,
    LEAST_HISTORY_HOURS,
    PRICES_BEGIN_S,
    ModelUntil,
    Offer,
    buffered,
    list_days,
    our_offers,
    smart_ltv_offer,
    zero_bad_debt_offer,
)
from training.economics.study import MARKET
from training.errors import DatasetError


def walk(n_hours: int, seed: int = 3) -> PriceRun:
    returns = np.random.default_rng(seed).normal(0, 0.006, n_hours)
    prices = (1e9 * np.exp(np.cumsum(returns))).astype(np.int64)
    return PriceRun(symbol="XYZ", first_hour_s=TimestampS(0), prices=prices)


def test_zero_bad_debt_offer__worst_day_of_the_year__sets_the_threshold() -> None:
    prices = np.full(LEAST_HISTORY_HOURS + 48, 1_000, dtype=np.int64)
    prices[4_000:4_005] = 800
    run = PriceRun(symbol="XYZ", first_hour_s=TimestampS(0), prices=prices)
    days = list_days(run, LEAST_HISTORY_HOURS * 3_600, 1)

    offer = zero_bad_debt_offer(run, days, delay_hours=24, haircut_bps=Bps(10))

    # 0.8 / 1.05 = 0.7619, and 5 % less to lend.
    assert offer.threshold_bps.tolist() == [7_619]
    assert offer.ltv_bps.tolist() == [7_238]


def test_list_days__first_year_of_the_prices__has_the_days_after_90() -> None:
    prices = np.full(LEAST_FIRST_YEAR_HOURS + 49, 1_000, dtype=np.int64)
    at_start = PriceRun(symbol="XYZ", first_hour_s=TimestampS(PRICES_BEGIN_S - DAY_S), prices=prices)
    listed_later = PriceRun(symbol="XYZ", first_hour_s=TimestampS(PRICES_BEGIN_S), prices=prices)

    first, second = (list_days(run, run.first_hour_s, 120) for run in (at_start, listed_later))

    assert first.numbers.tolist() == [90, 91, 92]
    assert second.numbers.tolist() == []


def test_zero_bad_debt_offer__less_than_a_year__looks_back_as_far_as_there_is() -> None:
    prices = np.full(LEAST_FIRST_YEAR_HOURS + 1, 1_000, dtype=np.int64)
    prices[30:35] = 700
    run = PriceRun(symbol="XYZ", first_hour_s=TimestampS(PRICES_BEGIN_S - DAY_S), prices=prices)

    offer = zero_bad_debt_offer(run, list_days(run, run.first_hour_s, 91), delay_hours=24, haircut_bps=Bps(10))

    # 0.7 / 1.05 = 0.6667.
    assert offer.threshold_bps.tolist() == [6_666]


def test_smart_ltv_offer__price_that_never_moves__is_one_less_the_bonus() -> None:
    run = PriceRun(symbol="XYZ", first_hour_s=TimestampS(0), prices=np.full(LEAST_HISTORY_HOURS + 48, 1_000))

    offer = smart_ltv_offer(run, list_days(run, LEAST_HISTORY_HOURS * 3_600, 1))

    assert offer.threshold_bps.tolist() == [9_500]


def test_offers__prices_after_a_day__change_nothing_on_it() -> None:
    run = walk(LEAST_HISTORY_HOURS + 10 * 24)
    day = LEAST_HISTORY_HOURS + 24
    changed = run.prices.copy()
    changed[day + 1 :] //= 3
    other = PriceRun(symbol="XYZ", first_hour_s=run.first_hour_s, prices=changed)
    models = (ModelUntil(known_until_s=0, model=load_bundle("collateral-1", allow_sandbox=False).model),)
    tables = load_bundle("borrower-1", allow_sandbox=False).model.borrower_tables

    for rule in (
        lambda r, d: zero_bad_debt_offer(r, d, 24, Bps(50)),
        smart_ltv_offer,
        lambda r, d: our_offers(d, 0, models, tables, MARKET)[0],
    ):
        first, second = (rule(r, list_days(r, day * 3_600, 1)) for r in (run, other))
        assert first.ltv_bps.tolist() == second.ltv_bps.tolist()
        assert first.threshold_bps.tolist() == second.threshold_bps.tolist()


def test_our_offers__before_any_model_knew_anything__lend_nothing() -> None:
    run = walk(LEAST_HISTORY_HOURS + 48)
    first_s = LEAST_HISTORY_HOURS * 3_600
    late = ModelUntil(known_until_s=first_s + 1, model=load_bundle("collateral-1", allow_sandbox=False).model)
    tables = load_bundle("borrower-1", allow_sandbox=False).model.borrower_tables

    rated, unrated = our_offers(list_days(run, first_s, 1), first_s, (late,), tables, MARKET)

    assert (rated.ltv_bps.tolist(), unrated.ltv_bps.tolist()) == ([0], [0])


def test_buffered__rule_that_lends_nothing__still_does_not() -> None:
    offer = buffered(Offer(ltv_bps=np.array([0, 5_000]), threshold_bps=np.array([8_000, 8_000])))

    assert offer.ltv_bps.tolist() == [0, 7_600]


def test_recovered_share__haircut_beyond_the_bonus__is_what_the_sale_leaves() -> None:
    assert recovered_share(Bps(10)) == pytest.approx(BPS / 10_500)
    assert recovered_share(Bps(1_000)) == pytest.approx(0.9)


def test_read_haircuts__quotes_of_the_size__take_the_median_rounded_up_and_gas(tmp_path: Path) -> None:
    rows = {
        "src_sym": ["WETH", "WETH", "WETH", "WBTC", "WETH"],
        "dst_sym": ["USDC"] * 4 + ["USDT"],
        "out_amount": [900_000e6, 1_000_000e6, 1_100_000e6, 1_000_000e6, 1_000_000e6],
        "price_impact": [0.001, 0.00125, 0.5, 0.004, 0.9],
    }
    (tmp_path / QUOTES).parent.mkdir(parents=True)
    pl.DataFrame(rows).write_parquet(tmp_path / QUOTES)

    by_asset, others = read_haircuts(tmp_path)

    # 12.5 bps up to 13, and 100 dollars of a million are one more.
    assert by_asset == {"ETH": 14, "BTC": 41}
    assert others == 41


def test_read_haircuts__no_file__is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="quotes"):
        read_haircuts(tmp_path)


def test_cost__bonus_of_a_twentieth_after_slippage__is_by_hand() -> None:
    """1.05 / (1 - 0.0058) = 1.05613, rounded up: who sells at once still keeps the bonus."""
    assert COST_BPS == 562


def test_slippage__recorded_quotes__is_that_of_the_thinnest_token() -> None:
    assert read_haircuts(find_data_folder())[1] == SLIPPAGE_BPS
