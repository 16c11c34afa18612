"""`python -m training evaluate`: what it writes, and what it says about bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.test_collateral_days import write_closes
from training.__main__ import main


def arguments(folder: Path, **changes: str) -> list[str]:
    options = {
        "bundle": "collateral-1",
        "data": str(folder),
        "task": "drop_24h_15",
        "from": "2022-01-01",
        "to": "2022-06-01",
        **changes,
    }
    return ["evaluate", *(part for name, value in options.items() for part in (f"--{name}", value))]


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """Return a folder of two coins over 60 days; one falls by a fifth on day 50."""
    falling = [1000.0 + i % 7 for i in range(50 * 24)] + [800.0] * 240
    write_closes(tmp_path, {"ETH": falling, "PEPE": [1.0 + 0.001 * (i % 5) for i in range(60 * 24)]})
    return tmp_path


def test_evaluate__a_task__writes_the_document(prices: Path, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"

    assert main([*arguments(prices), "--json", str(path)]) == 0

    document = json.loads(path.read_text())
    assert document["task"] == "drop_24h_15"
    assert document["positives"] == 1
    assert document["span"]["from"] == "2022-01-01"
    assert {"random", "base_rate", "volatility_7d", "ewma"} <= set(document["baselines"])
    assert set(document["paired"]) == set(document["baselines"])
    # One event on one day: a value, but no interval.
    assert document["auc"]["value"] is not None
    assert document["auc"]["low"] is None
    assert document["auc"]["reason"]


def test_evaluate__no_file_named__prints(prices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(prices, task="drawdown_q99")) == 0

    assert json.loads(capsys.readouterr().out)["kind"] == "quantile"


def test_evaluate__all_tasks__writes_what_can_be_and_names_what_cannot(
    prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [o for o in arguments(prices) if o not in ("--task", "drop_24h_15")]

    code = main([*options, "--all-tasks", "--json", str(tmp_path / "out")])

    assert code == 1
    assert {p.stem for p in (tmp_path / "out").iterdir()} == {"drop_24h_15", "drop_24h_25", "drawdown_q99"}
    assert "reserve_cut" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "nonsense"}, "drop_24h_15"),
        ({"from": "2022-13-01"}, "YYYY-MM-DD"),
        ({"from": "2022-06-01", "to": "2022-01-01"}, "empty"),
        ({"from": "2030-01-01", "to": "2030-02-01"}, "no pair has a row"),
        ({"data": "/nowhere"}, "no such folder"),
        ({"bundle": "/nowhere"}, "no such bundle"),
        ({"bundle": "borrower-1"}, "needs a collateral bundle"),
    ],
)
def test_evaluate__bad_input__one_line_and_exit_code_1(
    changes: dict[str, str], said: str, prices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(prices, **changes)) == 1

    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_evaluate__folder_absent__is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path)) == 1

    assert "prices_hourly_close_401" in capsys.readouterr().err
