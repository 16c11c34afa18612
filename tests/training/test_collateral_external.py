"""The external checks of a card: a missing folder is named, and the recorded ones judge rows of the held-out time only."""

from __future__ import annotations

from pathlib import Path

from tests.training.test_collateral_days import write_closes
from tests.training.test_collateral_holdout import RECIPE, rows_around
from training.collateral_external import describe_external


def test_describe_external__no_record_of_parameters__says_what_is_missing(tmp_path: Path) -> None:
    write_closes(tmp_path, {"ETH": [1000.0] * 100})

    lines = describe_external(tmp_path, rows_around(60), RECIPE)

    assert lines[0] == "## External checks"
    assert lines[-1].startswith("Not checked: aave_reserve_params")
