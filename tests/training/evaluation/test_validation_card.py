"""A card carries the dates of every figure, its intervals, its plots, and the digests of what it was made of."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from tests.training.evaluation.test_validation import all_splits, owner_type, rows_of
from training.evaluation.validation import validate
from training.evaluation.validation_card import CALIBRATION, ValidationCard, build_validation_card

DAY = r"\d{4}-\d{2}-\d{2}"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> ValidationCard:
    rows = rows_of()
    data = tmp_path_factory.mktemp("data")
    (data / "a.csv").write_text("1")
    return build_validation_card(validate(owner_type(rows), "typed", rows, all_splits(rows), n_draws=50), data)


def table_rows(card: ValidationCard) -> list[str]:
    return [
        line for line in card.lines if line.startswith("| ") and "---" not in line and not line.startswith("| split")
    ]


def test_card__every_row_of_figures__carries_its_dates(card: ValidationCard) -> None:
    rows = table_rows(card)

    # Two pooled results and six splits in two tables; the pooled ones against two baselines in the third.
    assert len(rows) == 8 + 8 + 4
    for row in rows:
        first, last = (date.fromisoformat(d) for d in re.findall(DAY, row.split("|")[2]))
        assert first <= last


def test_card__every_dated_figure__lies_after_what_training_knew(card: ValidationCard) -> None:
    """R-02, on the card's own text: only a shock is judged by what came after too, and says so."""
    splits = [row.split("|") for row in table_rows(card)[:8]]

    for cells in splits:
        if cells[1].strip().startswith("shock"):
            assert "all but the shock" in cells[3]
        else:
            assert date.fromisoformat(cells[3].strip()) <= date.fromisoformat(re.findall(DAY, cells[2])[0])


def test_card__plots_and_digests__are_there(card: ValidationCard, tmp_path: Path) -> None:
    card.write_plots(tmp_path)

    assert (tmp_path / CALIBRATION).read_text().startswith("<svg")
    assert f"![calibration]({CALIBRATION})" in card.lines
    assert sum(bool(re.search(r"SHA-256 `[0-9a-f]{64}`", line)) for line in card.lines) == 2
