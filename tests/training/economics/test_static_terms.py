"""Aave's parameters by day: on record or carried back, the pool that lends most, nothing from a change before its date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from oracle.domain.units import DAY_S
from training.economics.static_terms import CHANGES, ETH_WEEKS, pool_of, read_eth_thresholds, read_static_terms
from training.errors import DatasetError

START = datetime(2023, 1, 1, tzinfo=UTC)
START_S = int(START.timestamp())

type Change = tuple[int, str | None, str, str, str, float | None, float]


def write_changes(folder: Path, changes: list[Change]) -> None:
    columns = ("chain", "market", "symbol", "param", "before_num", "after_num")
    rows = [
        {
            **dict(zip(columns, change[1:], strict=True)),
            "date": (START + timedelta(days=change[0])).replace(tzinfo=None),
        }
        for change in changes
    ]
    (folder / CHANGES).parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / CHANGES)


def pair(day: int, market: str, ltv: tuple[float | None, float], threshold: tuple[float | None, float]) -> list[Change]:
    return [
        (day, "ethereum", market, "WETH", "ltv", *ltv),
        (day, "ethereum", market, "WETH", "liquidationThreshold", *threshold),
    ]


def test_read_static_terms__days_before_the_first_record__have_no_terms(tmp_path: Path) -> None:
    write_changes(tmp_path, pair(2, "AaveV3Ethereum", (80.0, 75.0), (82.5, 78.0)))

    terms = read_static_terms(tmp_path, START_S, 4)["ETH"]

    assert terms.ltv_bps.tolist() == [0, 0, 7_500, 7_500]
    assert terms.threshold_bps.tolist() == [0, 0, 7_800, 7_800]


def test_read_static_terms__carried_back__has_the_value_before_the_first_record(tmp_path: Path) -> None:
    write_changes(tmp_path, pair(2, "AaveV3Ethereum", (80.0, 75.0), (82.5, 78.0)))

    terms = read_static_terms(tmp_path, START_S, 4, is_carried_back=True)["ETH"]

    assert terms.ltv_bps.tolist() == [8_000, 8_000, 7_500, 7_500]
    assert terms.threshold_bps.tolist() == [8_250, 8_250, 7_800, 7_800]


def test_read_static_terms__one_parameter_recorded_later__begins_with_both(tmp_path: Path) -> None:
    changes = pair(1, "AaveV3Ethereum", (80.0, 75.0), (82.5, 78.0))
    later = [(3, *change[1:]) for change in changes if change[4] == "ltv"]
    write_changes(tmp_path, [*(change for change in changes if change[4] != "ltv"), *later])

    assert read_static_terms(tmp_path, START_S, 5)["ETH"].ltv_bps.tolist() == [0, 0, 0, 7_500, 7_500]


def test_read_static_terms__pool_without_a_record_lends_more__is_left_out_until_its_record(tmp_path: Path) -> None:
    known = pair(1, "AaveV3Ethereum", (None, 70.0), (None, 75.0))
    write_changes(tmp_path, [*known, *pair(3, "AaveV2Ethereum", (85.0, 84.0), (90.0, 88.0))])

    recorded, guessed = (
        read_static_terms(tmp_path, START_S, 4, is_carried_back=is_carried)["ETH"] for is_carried in (False, True)
    )

    assert recorded.ltv_bps.tolist() == [0, 7_000, 7_000, 8_400]
    assert guessed.ltv_bps.tolist() == [8_500, 8_500, 8_500, 8_400]


def test_read_static_terms__new_listing__offers_nothing_before(tmp_path: Path) -> None:
    write_changes(tmp_path, pair(1, "AaveV3Ethereum", (None, 70.0), (None, 75.0)))

    assert read_static_terms(tmp_path, START_S, 3)["ETH"].ltv_bps.tolist() == [0, 7_000, 7_000]


def test_read_static_terms__two_pools__takes_the_one_that_lends_most_each_day(tmp_path: Path) -> None:
    retired = pair(2, "AaveV2Ethereum", (80.0, 0.0), (85.0, 85.0))
    write_changes(tmp_path, [*pair(1, "AaveV3Ethereum", (None, 70.0), (None, 75.0)), *retired])

    terms = read_static_terms(tmp_path, START_S, 4, is_carried_back=True)["ETH"]

    assert terms.ltv_bps.tolist() == [8_000, 8_000, 7_000, 7_000]
    assert terms.threshold_bps.tolist() == [8_500, 8_500, 7_500, 7_500]


def test_read_static_terms__later_change__leaves_earlier_days_alone(tmp_path: Path) -> None:
    first = pair(1, "AaveV3Ethereum", (80.0, 75.0), (82.5, 78.0))
    write_changes(tmp_path, first)
    before = read_static_terms(tmp_path, START_S, 5)["ETH"]
    write_changes(tmp_path, [*first, *pair(3, "AaveV3Ethereum", (75.0, 40.0), (78.0, 50.0))])

    after = read_static_terms(tmp_path, START_S, 5)["ETH"]

    assert after.ltv_bps[:3].tolist() == before.ltv_bps[:3].tolist()
    assert after.ltv_bps[3:].tolist() == [4_000, 4_000]


def test_read_static_terms__no_folder__names_the_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="param_changes"):
        read_static_terms(tmp_path, START_S, 1)


def test_read_static_terms__other_columns__names_them(tmp_path: Path) -> None:
    (tmp_path / CHANGES).parent.mkdir(parents=True)
    pl.DataFrame({"date": [1]}).write_parquet(tmp_path / CHANGES)

    with pytest.raises(DatasetError, match="after_num"):
        read_static_terms(tmp_path, START_S, DAY_S)


def test_pool_of__payloads_of_one_pool__have_one_name() -> None:
    assert pool_of("ethereum", "AaveV2") == pool_of("ethereum", "preTestEthereumUpdate20231009") == "ethereum V2"
    assert pool_of(None, "AaveV3OPRiskParams") == "optimism V3"
    assert pool_of("ethereum", "AaveV3EthereumLido") == "ethereum V3 LIDO"


def write_weeks(folder: Path, columns: dict[str, list[object]]) -> None:
    (folder / ETH_WEEKS).parent.mkdir(parents=True)
    pl.DataFrame(columns).write_parquet(folder / ETH_WEEKS)


def test_read_eth_thresholds__weeks__hold_until_the_next_and_end_with_the_last(tmp_path: Path) -> None:
    times = ["2023-01-02 11:25:03", "2023-01-04 03:00:00", "2023-01-06 00:00:00"]
    write_weeks(tmp_path, {"block_timestamp": [*times], "weth_LiqThreshold": [0.825, 0.85, 0.86]})

    terms = read_eth_thresholds(tmp_path, START_S, 7)

    assert terms is not None
    assert terms.threshold_bps.tolist() == [0, 0, 8_250, 8_250, 8_500, 8_600, 0]


def test_read_eth_thresholds__no_file__is_none(tmp_path: Path) -> None:
    assert read_eth_thresholds(tmp_path, START_S, 7) is None


def test_read_eth_thresholds__other_columns__names_them(tmp_path: Path) -> None:
    write_weeks(tmp_path, {"block_timestamp": ["2023-01-02 11:25:03"]})

    with pytest.raises(DatasetError, match="weth_LiqThreshold"):
        read_eth_thresholds(tmp_path, START_S, 7)
