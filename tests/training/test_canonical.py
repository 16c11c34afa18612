"""The canonical dataset: what is written comes back, and a history holds the past only."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from oracle.domain.ids import BTC, USD
from oracle.domain.market import HourlySeries
from oracle.domain.units import DAY_S, TimestampS
from tests.training.generated import small_dataset
from training.datasets.canonical import read_dataset, write_dataset
from training.datasets.synthetic import CHAINS, WBTC, WETH
from training.errors import DatasetError

MIDDLE_S = TimestampS(small_dataset().start_s + 70 * DAY_S)


def test_write_dataset__read_again__is_the_same(tmp_path: Path) -> None:
    dataset = small_dataset()

    write_dataset(dataset, tmp_path)
    again = read_dataset(tmp_path)

    assert again.borrowers == dataset.borrowers
    assert dict(again.prices) == dict(dataset.prices)
    assert dict(again.assets) == dict(dataset.assets)
    assert (again.name, again.start_s, again.end_s) == (dataset.name, dataset.start_s, dataset.end_s)


def test_read_dataset__file_missing__is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"samples\.parquet"):
        read_dataset(tmp_path)


def test_read_dataset__other_format__says_export_again(tmp_path: Path) -> None:
    write_dataset(small_dataset(), tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text()) | {"format": 2}
    (tmp_path / "meta.json").write_text(json.dumps(meta))

    with pytest.raises(DatasetError, match="export it again"):
        read_dataset(tmp_path)


def test_history__at_a_midnight__holds_nothing_later() -> None:
    dataset = small_dataset()
    prices = dataset.prices_at(MIDDLE_S)

    for borrower in dataset.borrowers:
        history = dataset.history(borrower, MIDDLE_S, prices)
        assert all(e.time_s <= MIDDLE_S for e in history.events)
        assert all(s.time_s <= MIDDLE_S for s in history.samples)
        assert all(series.last_hour_s == MIDDLE_S for _, series in history.token_prices)
        assert len(history.events) == sum(e.time_s <= MIDDLE_S for e in borrower.events)


def test_history__positions__are_the_samples_of_the_moment() -> None:
    dataset = small_dataset()
    prices = dataset.prices_at(MIDDLE_S)
    now = [(b, s) for b in dataset.borrowers for s in b.samples if s.time_s == MIDDLE_S]

    for borrower, sample in now:
        position = dataset.history(borrower, MIDDLE_S, prices).positions[0]
        assert position.health_factor_wad == sample.health_factor_wad
        assert position.debt_usd_e8 == sample.debt_usd_e8
        assert 300_000 < position.volatility_ppm < 2_000_000
    assert len(now) > 20


def test_volatility__price_above_88_thousand_dollars__does_not_overflow() -> None:
    """A price times 10^6 must fit 64 bits: what the node scales down, the dataset has to as well."""
    dataset = small_dataset()
    scaled = replace(
        dataset,
        prices={
            token: HourlySeries(first_hour_s=s.first_hour_s, prices_e8=tuple(p * 1_024 for p in s.prices_e8))
            for token, s in dataset.prices.items()
        },
        _volatility={},
    )

    token = (CHAINS[0], WBTC)

    assert scaled.volatility_ppm(token, USD, MIDDLE_S) == dataset.volatility_ppm(token, USD, MIDDLE_S)


def test_volatility__of_a_pair__is_zero_only_for_a_numeraires_own_token() -> None:
    dataset = small_dataset()

    against_dollar = dataset.volatility_ppm((CHAINS[0], WETH), USD, MIDDLE_S)
    against_bitcoin = dataset.volatility_ppm((CHAINS[0], WETH), BTC, MIDDLE_S)

    assert min(against_dollar, against_bitcoin) > 300_000
    assert dataset.volatility_ppm((CHAINS[0], WBTC), BTC, MIDDLE_S) == 0
