"""The arithmetic vectors in a second way: exact fractions, powers and logarithms instead of the integer algorithms."""

import json
import math
from decimal import ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
WAD = 10**18
Z_FACTOR = 2_417_749
HORIZON_YEARS = Fraction(30, 365)


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return data


def test_ilog2__power_of_1024__floor_of_the_logarithm_or_one_less() -> None:
    cases = load("ilog2")["cases"]

    for case in cases:
        x = int(case["x"])
        floor_log = (x**1024).bit_length() - 1
        assert case["exact"] == floor_log
        # Truncation only ever lowers the result, and by one at most; powers of two lose nothing.
        assert case["ilog2"] in ({floor_log} if x.bit_count() == 1 else {floor_log, floor_log - 1})

    assert len(cases) >= 200
    assert {1, WAD, 2**256 - 1} <= {int(case["x"]) for case in cases}


def test_quantize__slots__follow_logarithm_and_clamps() -> None:
    columns = load("quantize")["columns"]

    for value, slot in zip(map(int, columns["wide"]["value"]), columns["wide"]["slot"], strict=True):
        assert slot == 1 if value == 0 else abs(slot - min(65_534, 2 + 1024 * math.log2(value))) <= 1
    for value, slot in zip(map(int, columns["ratio"]["value"]), columns["ratio"]["slot"], strict=True):
        assert slot == sorted((1, value + 1, 65_534))[1]
    for value, slot in zip(map(int, columns["signed"]["value"]), columns["signed"]["slot"], strict=True):
        assert slot == sorted((1, value + 32_768, 65_534))[1]


def test_z_factor__closed_form__rounds_to_the_constant() -> None:
    with localcontext(prec=50):
        factor = Decimal(10**6) * Decimal(2).ln() / (Decimal(30) / Decimal(365)).sqrt()

    assert round(factor) == Z_FACTOR


def test_z__fractions_and_logarithm__floor_of_the_quotient_near_the_real_distance() -> None:
    for case in load("z")["cases"]:
        if not case["hasDebt"]:
            assert case["z"] == 65_534
            continue
        health_factor, volatility, h = (
            max(1, int(case["healthFactorWad"])),
            max(1, case["volatilityPpm"]),
            int(case["h"]),
        )

        floor_z = 32_768 + math.floor(Fraction(h * Z_FACTOR, volatility))
        log_health = math.log(health_factor) - math.log(WAD)
        real_z = 32_768 + 1024 * log_health * 1e6 / (volatility * math.sqrt(HORIZON_YEARS))

        assert case["z"] == sorted((1, floor_z, 65_534))[1]
        # Two rounded logarithms are within two units of 1/1024; floor takes one more, the rounded factor a millionth.
        tolerance = 2 * Z_FACTOR / volatility + 1 + abs(real_z - 32_768) * 1e-6
        assert abs(floor_z - real_z) <= tolerance


def test_points_thresholds__closed_form__equal() -> None:
    thresholds = load("points")["thresholds"]

    for points, threshold in enumerate(thresholds, start=301):
        with localcontext(prec=60):
            odds = 30 * Decimal(2) ** (Decimal(points - 600) / 50)
            largest = (Decimal(10**6) / (1 + odds) + Decimal("1e-40")).to_integral_value(ROUND_FLOOR)
        assert threshold == int(largest), points

    assert len(thresholds) == 700
    assert thresholds[550 - 301] == 62_500


def test_points__logarithm_of_the_odds__rounded_down_and_clipped() -> None:
    for case in load("points")["cases"]:
        pd = case["pdPpm"]
        with localcontext(prec=60):
            odds = Decimal(10**6 - pd) / Decimal(pd)
            score = 600 + 50 * (odds / 30).ln() / Decimal(2).ln()
            rounded = int((score + Decimal("1e-40")).to_integral_value(ROUND_FLOOR))
        assert case["points"] == sorted((300, rounded, 1000))[1], pd


def test_grades__fractions__one_plus_thresholds_below_the_loss() -> None:
    data = load("grades")

    for case in data["cases"]:
        loss_30_days = math.floor(Fraction(case["pdPpm"] * case["lgdBps"], 10_000))
        loss_year = math.floor(loss_30_days / HORIZON_YEARS)
        assert case["annualLossPpm"] == loss_year
        below = sum(1 for threshold in data["gradeThresholds"] if threshold < loss_year)
        assert case["grade"] == (1 + below if case["isRated"] else 0)

    assert {case["grade"] for case in data["cases"]} == set(range(11))


def test_state_offset__fractions__line_between_knots_rounded_to_minus_infinity() -> None:
    data = load("state_offset")

    for case in data["cases"]:
        knots = [int(knot) for knot in data["tables"][case["table"]]]
        left, right = knots[case["z"] // 256 :][:2]
        offset = left + math.floor(Fraction((right - left) * (case["z"] % 256), 256))
        assert int(case["offset"]) == offset


def test_table_index__fractions__floor_and_clamp() -> None:
    for case in load("state_offset")["indexCases"]:
        position = math.floor(Fraction(int(case["margin"]) - int(case["lo"]), 2 ** case["shift"]))
        assert case["index"] == sorted((0, position, 255))[1]


def test_terms__fractions__loss_and_premium_round_up() -> None:
    cases = [case for case in load("terms")["cases"] if case["pdUpperPpm"]]

    for case in cases:
        ltv_bps = case["ltvBps"] or case["ltvFloorBps"] + 50 * math.ceil((case["askBps"] - case["ltvFloorBps"]) / 50)
        loss = math.ceil(Fraction(case["pdUpperPpm"] * case["gapPpm"], 10**6))
        loss = math.ceil(Fraction(loss * case["severityBps"], 10**4))
        premium = math.ceil(Fraction(loss * 365, 3000))
        assert case["elPpm"] == loss
        if ltv_bps:
            assert int(case["healthFactorWad"]) == math.floor(Fraction(case["liquidationThresholdBps"] * WAD, ltv_bps))
        if case["reason"] == "granted" and case["askBps"] > case["ltvFloorBps"]:
            assert case["premiumBps"] == premium
            assert loss <= case["budgetPpm"]
        elif case["reason"] == "granted":
            assert case["premiumBps"] == min(
                [case["floorPremiumBps"], *([premium] if loss <= case["budgetPpm"] else [])]
            )
        else:
            assert case["reason"] == "budget"
            assert loss > case["budgetPpm"]

    assert len(cases) >= 200
