"""Bought records: their price by hand, and what the committed bundle gives for them."""

from __future__ import annotations

import pytest

from oracle.scoring.bundle import load_bundle
from training.__main__ import main
from training.economics.cost_to_game import Bought, find_cheapest, list_records, measure, render, worst_loss_ppm
from training.economics.pairs import make_pairs

BORROWER = load_bundle("borrower-1", allow_sandbox=False).model
COLLATERAL = load_bundle("collateral-1", allow_sandbox=False).model
RECORDS = {record.name: record for record in list_records()}


@pytest.fixture(scope="module")
def bought() -> dict[str, Bought]:
    return {b.record.name: b for b in measure(BORROWER, COLLATERAL, RECORDS.values())}


def test_cost__seven_days_of_100_dollars__is_interest_and_four_transactions() -> None:
    # 100 * 5 % * 7 / 365 = 0.0959.
    assert RECORDS["$100 held 7 days, repaid"].cost_usd(5.0) == pytest.approx(20.0959, abs=1e-4)


def test_cost__midnights_only__is_gas_and_minutes() -> None:
    # Supply, withdraw, and two transactions at each of seven midnights; 14 minutes of interest are 0.01 cents.
    assert RECORDS["$100 at 7 midnights only"].cost_usd(1.0) == pytest.approx(16.0001, abs=1e-4)


def test_measure__flash_loans_and_less_than_a_week__gain_nothing(bought: dict[str, Bought]) -> None:
    for name in ("a flash loan of $1 bn on 30 days", "$100 held 1 days, repaid", "$100 held 6 days, repaid"):
        assert (bought[name].is_rated, max(bought[name].signed_bps), max(bought[name].counted_bps)) == (False, 0, 0)


def test_measure__more_days__never_cost_ltv(bought: dict[str, Bought]) -> None:
    held = [bought[f"$100 held {days} days, repaid"] for days in (1, 6, 7, 8, 14, 30, 90, 180, 364)]

    for pair in range(len(held[0].counted_bps)):
        gains = [b.counted_bps[pair] for b in held]
        assert gains == sorted(gains)


def test_find_cheapest__by_hand__divides_dollars_by_bps(bought: dict[str, Bought]) -> None:
    found = find_cheapest(bought.values(), 0, 0.0)

    assert found is not None
    assert found[0] == pytest.approx(found[1].record.cost_usd(0.0) / found[1].signed_bps[0])
    assert all(b.record.cost_usd(0.0) / b.signed_bps[0] >= found[0] for b in bought.values() if b.signed_bps[0])


def test_find_cheapest__nothing_gained__is_none(bought: dict[str, Bought]) -> None:
    assert find_cheapest([bought["$100 held 1 days, repaid"]], 0, 1.0) is None


def test_render__lines__hold_the_table_and_the_laws() -> None:
    lines = render(BORROWER, COLLATERAL, attackers=110)

    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(RECORDS)
    assert len({line.count("|") for line in table}) == 1
    assert any("110 simulated attackers" in line and "none broken" in line for line in lines)


def test_main__no_attackers__is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gaming", "--attackers", "0"]) == 1
    assert "at least one" in capsys.readouterr().err


def test_worst_loss__certain_liquidation__is_gap_times_severity() -> None:
    (pair, *_) = make_pairs(COLLATERAL).values()

    # A severity of 10 %.
    assert worst_loss_ppm(pair) == pytest.approx(pair.gap_ppm / 10)


def test_render__worst_case__stands_beside_the_budget() -> None:
    lines = render(BORROWER, COLLATERAL, attackers=13)

    assert any("every loan on a bought rating were liquidated" in line for line in lines)
    assert any("budget is 300 ppm" in line for line in lines)
