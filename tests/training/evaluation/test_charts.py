"""Plots are small, well-formed, deterministic, and put a value where its scale says."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from training.evaluation.charts import HEIGHT, WIDTH, draw_bars, draw_calibration
from training.statistics.probabilities import CalibrationBin

BINS = (
    CalibrationBin(n=100, predicted=0.01, realised=0.0, low=0.0, high=0.036),
    CalibrationBin(n=100, predicted=0.1, realised=0.1, low=0.05, high=0.18),
)


def test_draw_calibration__two_bins__same_bytes_and_points_inside() -> None:
    chart = draw_calibration(BINS, "model <1>")

    root = ET.fromstring(chart)  # noqa: S314
    circles = [e for e in root.iter() if e.tag.endswith("circle")]
    assert chart == draw_calibration(BINS, "model <1>")
    assert len(chart) < 10_000
    assert len(circles) == 2
    assert all(0 < float(c.attrib["cx"]) < WIDTH and 0 < float(c.attrib["cy"]) < HEIGHT for c in circles)


def test_draw_calibration__realised_as_predicted__lies_on_the_diagonal() -> None:
    chart = draw_calibration(BINS, "")

    x1, y1, x2, y2 = (float(v) for v in re.findall(r'<line x1="(.+?)" y1="(.+?)" x2="(.+?)" y2="(.+?)"', chart)[0])
    cx, cy = (float(v) for v in re.findall(r'cx="(.+?)" cy="(.+?)"', chart)[1])
    assert (cx - x1) / (x2 - x1) == pytest.approx((cy - y1) / (y2 - y1), abs=0.01)


def test_draw_bars__two_values__width_is_in_proportion() -> None:
    chart = draw_bars({"a": 0.1, "b": 0.3}, (0.25,), "PSI")

    widths = [float(w) for w in re.findall(r'<rect x="\d+" y="\d+" width="(.+?)"', chart)]
    assert widths[1] / widths[0] == pytest.approx(3, abs=0.01)
