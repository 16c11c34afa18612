"""What the demo may show of recorded vaults: epochs after everything that the bundle's training has seen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from oracle.sandbox.demo.replayed_stages import find_out_of_time, spread
from oracle.sandbox.manifest import ReplayEntry
from oracle.scoring.bundle import BUNDLES_DIR, load_bundle

DAY_S = 86_400
FOLDER = BUNDLES_DIR / "borrower-1"
SHIFT_S = 1_200 * DAY_S
REPLAY = ReplayEntry(
    dataset="test", is_synthetic=False, shift_s=SHIFT_S, data_start_s=0, data_end_s=1, vaults=1, exact_vaults=1,
    liquidated_vaults=0, rows=1, replayed_rows=1, report="replay.json",
)  # fmt: skip


def trained_until_s() -> int:
    span = load_bundle(FOLDER, allow_sandbox=False).training_span_of("maker_ethb_vaults")
    assert span is not None
    return int(datetime(span[1].year, span[1].month, span[1].day, tzinfo=UTC).timestamp())


def test_find_out_of_time__present_epoch_of_the_replay__is_after_what_training_knew_of_vaults() -> None:
    """The recorded vaults end in January 2023; rows of another source are later and do not count."""
    assert trained_until_s() <= int(datetime(2023, 2, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(("after_s", "is_after"), [(-1, False), (0, True), (DAY_S, True)])
def test_find_out_of_time__epoch_around_the_shifted_end__is_after_from_the_end_on(after_s: int, is_after: bool) -> None:
    until_s = trained_until_s() + SHIFT_S

    found = find_out_of_time(FOLDER, REPLAY, until_s + after_s)

    assert (found.until_s, found.is_after) == (until_s, is_after)


@pytest.mark.parametrize(
    ("values", "count", "expected"),
    [([], 3, []), ([1, 2], 3, [1, 2]), ([1, 2, 3, 4, 5], 3, [1, 3, 5]), (list(range(10)), 4, [0, 3, 6, 9])],
)
def test_spread__more_than_wanted__keeps_both_ends(values: list[int], count: int, expected: list[int]) -> None:
    assert spread(values, count) == expected
