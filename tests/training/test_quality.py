"""The data-quality report: counts worked by hand, absent folders and refused tables named while the rest goes on."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.training.test_event_sources import ALICE, BOB, moment, write
from training.__main__ import main
from training.datasets import aave_v2, liquity
from training.datasets.folders import FOLDERS, BaseRate
from training.errors import DatasetError
from training.quality import measure_folders, write_report

BY_NAME = {str(folder.name): folder for folder in FOLDERS}


def write_aave(data: Path) -> None:
    """Alice: days 0, 0.5 and 40 are two episodes, 39.5 days apart; Bob: days 1 and 20 repeat; day 90 ends the record."""
    hits = [(ALICE, 0.0), (ALICE, 0.5), (ALICE, 40.0), (BOB, 1.0), (BOB, 20.0), (ALICE, 90.0)]
    rows = [{"user": who, "time": moment(day), "debt": "USDC", "debt_usd": 5.0} for who, day in hits]
    write(data, aave_v2.LIQUIDATIONS, [*rows, rows[0]])
    write(data, aave_v2.BALANCES, [{"amount": -1.0}])


def test_measure_folders__counts_and_base_rate__as_worked_by_hand(tmp_path: Path) -> None:
    """Before day 59 (90 - 30 - 1) four episodes end, of which Bob's first is followed within 30 days."""
    write_aave(tmp_path)

    (quality,) = measure_folders(tmp_path, [BY_NAME[str(aave_v2.FOLDER)]])

    liquidations, balances = quality.tables
    assert (liquidations.n_read, liquidations.n_duplicates, liquidations.n_owners) == (7, 1, 2)
    assert balances.defects == (("negative balance", "counted", 1),)
    assert quality.base_rates == (BaseRate(what="episodes followed by another within 30 days", positives=1, n=4),)


def test_write_report__absent_and_refused__are_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    write_aave(tmp_path)
    write(tmp_path, liquity.LIQUIDATIONS, [{"mode": "recovery", "collateral_ratio": 1.2}])

    report = write_report(measure_folders(tmp_path, FOLDERS))

    assert f"2 of {len(FOLDERS)} folders, 9 rows read, 1 duplicates dropped, 2 tables refused." in report
    assert "## sai_cdp_bites_2019\n\nAbsent." in report
    assert "- Refused: `borrow_fee_events.parquet`: liquity_v1/borrow_fee_events.parquet is not there" in report
    assert "| liquidations.parquet | 7 | 1 | 6 | 2 | 2022-01-01 to 2022-04-01 |" in report
    assert "- `liquidations.parquet`: liquidated in recovery mode, above the usual ratio: 1 counted" in report
    assert "- Base rate: 1 of 4 episodes followed by another within 30 days (25.0 %)" in report


def test_measure_folders__no_data_folder__is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no such folder"):
        measure_folders(tmp_path / "nowhere", FOLDERS)


def test_data_report__refused_table__writes_the_report_and_fails(tmp_path: Path) -> None:
    write_aave(tmp_path)
    out = tmp_path / "report.md"

    assert main(["data-report", "--data", str(tmp_path), "--out", str(out)]) == 0
    assert out.read_text().startswith("# Data quality\n")

    pl.DataFrame({"user": [1]}).write_parquet(tmp_path / aave_v2.LIQUIDATIONS.file)

    assert main(["data-report", "--data", str(tmp_path), "--out", str(out)]) == 1
    assert "has no column time" in out.read_text()


def test_folders__every_folder__says_what_it_can_and_cannot_show() -> None:
    assert len(BY_NAME) == len(FOLDERS)
    for folder in FOLDERS:
        assert folder.tables
        assert folder.use
        assert folder.limits
        assert all(table.file.parent == folder.name for table in folder.tables)
