"""Amounts, prices and files of a replay: what is read is what stands there, and what is missing is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from oracle.errors import ConfigurationError
from oracle.sandbox.replay.dataset import (
    DAILY_ETH,
    HOURLY,
    VAULTS,
    digest_dataset,
    find_dataset,
    read_eth_answers,
    read_vault_rows,
    sample_answers,
    to_wad,
)

NEW_YEAR = datetime(2021, 1, 1, tzinfo=UTC)
NEW_YEAR_S = int(NEW_YEAR.timestamp())


def write_dataset(folder: Path) -> Path:
    """Write three rows of one vault, two daily and two hourly prices, as the real files hold them."""
    for path in (VAULTS, DAILY_ETH, HOURLY):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    times = [datetime(2020, 12, 31, hour, 5) for hour in (1, 2, 3)]  # noqa: DTZ001 - the file has no zone
    rows = {"vault": [7] * 3, "block": [1, 2, 3], "time": times, "event": ["create", "deposit", "borrow"]}
    amounts = {"eth": [None, 0.35, None], "dai": [None, None, 102.54], "urn": ["0x01"] * 3}
    pl.DataFrame(rows | amounts).with_columns(pl.col("event").cast(pl.Categorical)).write_parquet(folder / VAULTS)
    days = [datetime(2020, 12, day) for day in (30, 31)]  # noqa: DTZ001
    pl.DataFrame({"date": days, "price": [730.5, 750.25]}).write_parquet(folder / DAILY_ETH)
    hours = [datetime(2021, 1, 1, hour) for hour in (0, 1)]  # noqa: DTZ001
    closes = pl.DataFrame({"symbol": ["ETH"] * 2, "time": hours, "close": [740.5, 741.5]})
    closes.with_columns(pl.col("symbol").cast(pl.Categorical)).write_parquet(folder / HOURLY)
    return folder


def test_read_vault_rows__of_a_file__are_whole_units_without_creations(tmp_path: Path) -> None:
    deposit, borrow = read_vault_rows(write_dataset(tmp_path))

    assert (deposit.number, deposit.kind, deposit.eth_wad) == (1, "deposit", 350_000_000_000_000_000)
    assert (borrow.number, borrow.kind, borrow.dai_wad) == (2, "borrow", 102_540_000_000_000_000_000)
    assert borrow.time_s == NEW_YEAR_S - 86_400 + 3 * 3_600 + 300


def test_read_eth_answers__bars_close_an_hour_after_they_open__daily_closes_before(tmp_path: Path) -> None:
    answers = read_eth_answers(write_dataset(tmp_path))

    assert answers.times_s == (NEW_YEAR_S - 2 * 86_400, NEW_YEAR_S - 86_400, NEW_YEAR_S + 3_600, NEW_YEAR_S + 7_200)
    assert answers.price_at(NEW_YEAR_S) == 750_25000000
    assert answers.price_at(NEW_YEAR_S + 7_199) == 740_50000000
    assert answers.price_at(0) == 730_50000000


def test_find_dataset__the_vaults_own_folder__finds_prices_beside_it(tmp_path: Path) -> None:
    write_dataset(tmp_path)

    assert find_dataset(tmp_path / VAULTS.parent) == find_dataset(tmp_path) == tmp_path


def test_find_dataset__prices_missing__names_the_file(tmp_path: Path) -> None:
    (write_dataset(tmp_path) / HOURLY).unlink()

    with pytest.raises(ConfigurationError, match=HOURLY.name):
        find_dataset(tmp_path)


def test_digest_dataset__one_price_changed__changes(tmp_path: Path) -> None:
    before = digest_dataset(write_dataset(tmp_path))

    days = [datetime(2020, 12, day) for day in (30, 31)]  # noqa: DTZ001
    pl.DataFrame({"date": days, "price": [730.5, 750.26]}).write_parquet(tmp_path / DAILY_ETH)

    assert digest_dataset(tmp_path) != before


def test_sample_answers__small_moves_inside_an_hour__are_left_out() -> None:
    # 0.5 % of 1,000 is 5: 1,004 stands still, 1,005 answers, and after an hour anything does.
    answers = sample_answers([(0, 1_000), (600, 1_004), (1_200, 1_005), (4_799, 1_006), (4_800, 1_006)])

    assert answers.times_s == (0, 1_200, 4_800)
    assert answers.prices_usd_e8 == (1_000, 1_005, 1_006)


@pytest.mark.parametrize(
    ("value", "wad"),
    [
        (0.1, 10**17),
        (-1.5, 15 * 10**17),
        (1e-18, 1),
        (1e-19, 0),
        (9497407.79189456, 9497407791894560000000000),
        (None, 0),
    ],
)
def test_to_wad__shortest_decimal_text__counts(value: float | None, wad: int) -> None:
    assert to_wad(value) == wad
