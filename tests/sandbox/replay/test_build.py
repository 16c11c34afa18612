"""Where a replay ends that was killed and started again."""

from __future__ import annotations

from pathlib import Path

from oracle.domain.units import DAY_S, HOUR_S
from oracle.sandbox.history import END_LAG_S
from oracle.sandbox.replay.build import choose_limit_s

NOW_S = 1_750_000_000


def test_choose_limit__killed_and_started_again__is_that_of_the_first_start(tmp_path: Path) -> None:
    first = choose_limit_s(tmp_path, now_s=NOW_S)
    (tmp_path / "checkpoint-1").touch()

    again = [choose_limit_s(tmp_path, now_s=NOW_S + hours * HOUR_S) for hours in (1, 12, 23)]

    assert first == NOW_S - END_LAG_S
    assert again == [first] * 3
    assert (tmp_path / "checkpoint-1").exists()


def test_choose_limit__begun_a_day_ago__starts_over_though_it_was_started_again_since(tmp_path: Path) -> None:
    choose_limit_s(tmp_path, now_s=NOW_S)
    (tmp_path / "checkpoint-1").touch()
    choose_limit_s(tmp_path, now_s=NOW_S + 20 * HOUR_S)

    late = choose_limit_s(tmp_path, now_s=NOW_S + DAY_S)

    assert late == NOW_S + DAY_S - END_LAG_S
    assert not (tmp_path / "checkpoint-1").exists()
