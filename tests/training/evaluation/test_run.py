"""An evaluation's document: figures by hand, the schema, the same bytes, and what is said where rows show nothing."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracle.domain.units import TimestampS
from oracle.scoring.bundle import Bundle, load_bundle
from tests.training.evaluation.synthetic_tasks import build_event_rows, build_quantile_rows, build_quiet_rows
from training.errors import DatasetError, TrainingError
from training.evaluation.baselines import Calibration, Frozen
from training.evaluation.document import encode
from training.evaluation.run import evaluate
from training.evaluation.task import Score, Task, TaskRows

SPAN = date(2024, 1, 1), date(2024, 9, 7)
GOLDEN = Path(__file__).parent / "event_report.json"
SCHEMA = Path(__file__).parents[3] / "training" / "evaluation" / "report.schema.json"
FROZEN = Frozen(
    first=date(2022, 1, 1),
    until=date(2023, 1, 1),
    n=100,
    positives=20,
    base_rate=math.log(1 / 4),
    calibrations={"signal": Calibration(is_log=False, intercept=-2.0, slope=1.0)},
    scorecard=None,
)
DRAWS = 200


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle("borrower-1", allow_sandbox=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("one")
    return tmp_path


def run(task: Task, bundle: Bundle, data: Path, frozen: Frozen | None = FROZEN) -> dict[str, Any]:
    return evaluate("synthetic", task, bundle, data, SPAN, frozen, n_draws=DRAWS)


def test_evaluate__event_task__counts_and_figures_by_hand(bundle: Bundle, data: Path) -> None:
    document = run(build_event_rows, bundle, data)

    # 12 owners, 8 weeks; weeks 0, 3 and 6 of owners 1, 5 and 9.
    assert (document["n"], document["positives"], document["event_days"], document["owners"]) == (96, 9, 3, 12)
    # Owner 9 scores 3 when it defaults (three rows), as owner 5 does in five quiet weeks: 15 ties of 9 * 87 pairs, all others in order.
    assert document["auc"]["value"] == pytest.approx(1 - 7.5 / 783, abs=1e-6)
    assert document["baselines"]["random"]["log_loss"]["reason"]
    rate = 9 / 96
    assert document["baselines"]["base_rate"]["log_loss"]["value"] == pytest.approx(
        -(rate * math.log(0.2) + (1 - rate) * math.log(0.8)), rel=1e-5
    )
    # At a constant of 20 % the error is |.2 - rate|.
    assert document["baselines"]["base_rate"]["ece"]["value"] == pytest.approx(0.2 - rate, rel=1e-5)
    assert document["baselines"]["base_rate"]["auc"]["value"] == 0.5
    assert document["calibration"]["upper_bound_coverage"] is not None
    assert list(document["groups"]) == ["even", "odd"]
    assert document["groups"]["odd"]["positives"] == 9


@pytest.mark.parametrize("name", ["shadow", "with_shadow_trees"])
def test_evaluate__score_of_the_bundle_itself__is_never_the_best_baseline(
    bundle: Bundle, data: Path, name: str
) -> None:
    def build(data: Path, bundle: Bundle, first_s: TimestampS, end_s: TimestampS) -> TaskRows:
        rows = build_event_rows(data, bundle, first_s, end_s)
        foreseen = Score(values=np.where(rows.is_positive, 9.0, -9.0), is_probability=True)
        return replace(rows, baselines={**rows.baselines, name: foreseen})

    document = run(build, bundle, data)

    assert document["baselines"][name]["auc"]["value"] == 1
    assert document["best_baseline"]["auc"] == "signal"
    assert document["best_baseline"]["log_loss"] in ("signal", "base_rate")


def test_evaluate__paired_difference__is_model_minus_baseline(bundle: Bundle, data: Path) -> None:
    document = run(build_event_rows, bundle, data)

    for name, baseline in document["baselines"].items():
        difference, low, high = document["paired"][name]["auc"]
        assert difference == pytest.approx(document["auc"]["value"] - baseline["auc"]["value"], abs=1e-5)
        assert low <= difference <= high
        assert document["minimum_detectable"][name]["auc"] > 0
    gain = document["paired"]["signal"]["log_loss"][0]
    assert gain == pytest.approx(
        document["log_loss"]["value"] - document["baselines"]["signal"]["log_loss"]["value"], abs=1e-5
    )


def test_evaluate__twice_and_against_the_golden_file__same_bytes(bundle: Bundle, data: Path) -> None:
    """Digests and the bundle change with every commit; all other bytes are a frozen format."""
    documents = [run(build_event_rows, bundle, data) for _ in range(2)]

    assert encode(documents[0]) == encode(documents[1])
    kept = {k: v for k, v in documents[0].items() if k not in ("digests", "bundle", "overlaps_training")}
    assert encode(kept) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("task", [build_event_rows, build_quiet_rows, build_quantile_rows])
def test_evaluate__every_kind__fits_the_schema(task: Task, bundle: Bundle, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(encode(run(task, bundle, data)))

    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_evaluate__no_positive__ranks_are_null_with_a_reason(bundle: Bundle, data: Path) -> None:
    document = run(build_quiet_rows, bundle, data, None)

    assert (document["positives"], document["event_days"]) == (0, 0)
    assert document["auc"]["value"] is None
    assert "one outcome" in document["auc"]["reason"]
    assert document["log_loss"]["value"] > 0
    assert document["log_loss"]["low"] is None
    assert document["paired"]["signal"]["auc"] == [None, None, None]
    assert document["calibration"]["slope"]["value"] is None
    json.loads(encode(document))


def test_evaluate__quantile_task__coverage_and_tests_by_hand(bundle: Bundle, data: Path) -> None:
    document = run(build_quantile_rows, bundle, data)

    # Five exceedances in 500 rows at 99 %: exactly as many as foretold.
    assert document["coverage"]["value"] == 0.99
    assert document["kupiec_p"] == 1
    assert (document["positives"], document["event_days"]) == (5, 5)
    # Pinball: 5 rows of .99 * 200, 495 of .01 * 50.
    assert document["pinball"]["value"] == pytest.approx((5 * 198 + 495 * 0.5) / 500)
    # Owner 0 has 5 in 250, which Kupiec's test at 95 % still passes (2 to 6 pass in 255 days); owner 1 none, which it refuses.
    assert document["owners_tested"] == 2
    assert document["owners_pass_kupiec"] == 0.5
    assert document["groups"]["first"]["traffic_light"] == "yellow"
    # Five losses of 300 where 150 is expected, among five expected exceedances: 1 - 5 * 2 / 5.
    assert document["shortfall_z"] == pytest.approx(-1)
    assert document["shortfall_p"] is None  # one owner holds all exceedances: no interval
    assert document["baselines"]["wide"]["shortfall_z"] is None
    assert document["paired"]["wide"]["coverage"][0] == pytest.approx(-0.01)
    assert list(document["quarters"]) == ["2024-Q1", "2024-Q2", "2024-Q3"]


def test_evaluate__span_inside_training__is_said(bundle: Bundle, data: Path) -> None:
    # The bundle's rows are of 2020-10 to 2023-01 and of 2025-10 to 2025-12.
    inside, outside = (date(2021, 1, 1), date(2021, 12, 1)), (date(2026, 1, 1), date(2026, 6, 1))

    documents = [
        evaluate("synthetic", build_event_rows, bundle, data, span, None, n_draws=20) for span in (inside, outside)
    ]

    assert [document["overlaps_training"] for document in documents] == [True, False]
    assert [any("bundle was trained" in note for note in document["notes"]) for document in documents] == [True, False]


def test_evaluate__span_inside_that_of_the_frozen_baselines__is_said(bundle: Bundle, data: Path) -> None:
    spans = (date(2022, 12, 1), date(2023, 6, 1)), (date(2023, 1, 1), date(2023, 6, 1))

    notes = [evaluate("synthetic", build_event_rows, bundle, data, s, FROZEN, n_draws=20)["notes"] for s in spans]

    assert [any("2022-01-01 to 2023-01-01" in note for note in found) for found in notes] == [True, False]


@pytest.mark.parametrize(
    ("task", "year", "overlaps"),
    [
        ("maker_weekly_30d", 2021, True),
        ("maker_weekly_30d", 2025, False),
        ("morpho_borrow_7d", 2021, False),
        ("morpho_borrow_7d", 2025, True),
        ("liquity_30d", 2021, True),
        ("liquity_30d", 2024, False),
        ("liquity_30d", 2025, True),
    ],
)
def test_evaluate__sources_of_different_years__overlap_by_the_task_s_own(
    task: str, year: int, *, overlaps: bool, bundle: Bundle, data: Path
) -> None:
    span = date(year, 2, 1), date(year, 12, 1)

    document = evaluate(task, build_event_rows, bundle, data, span, None, n_draws=20)

    assert document["overlaps_training"] is overlaps


def test_evaluate__other_data_or_rows__other_digests(bundle: Bundle, data: Path) -> None:
    before = run(build_event_rows, bundle, data)["digests"]
    (data / "a.txt").write_text("two")
    after = run(build_event_rows, bundle, data)["digests"]

    assert before["data"] != after["data"]
    assert (before["rows"], before["code"]) == (after["rows"], after["code"])


def test_evaluate__empty_span_or_no_folder__clear_errors(bundle: Bundle, data: Path) -> None:
    with pytest.raises(TrainingError, match="empty"):
        evaluate("synthetic", build_event_rows, bundle, data, (SPAN[1], SPAN[0]), None)
    with pytest.raises(DatasetError, match="no such folder"):
        evaluate("synthetic", build_event_rows, bundle, data / "nothing", SPAN, None)
