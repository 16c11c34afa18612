"""The plan of a Morpho replay: what the rows allow, at the prices that liquidations imply, against numbers worked by hand."""

from __future__ import annotations

import pytest

from oracle.sandbox.replay.morpho_planner import MorphoPlan, MorphoReason, plan_morpho
from oracle.sandbox.replay.morpho_rows import (
    INCENTIVE_WAD,
    MorphoKind,
    MorphoRow,
    choose_borrowers,
    find_window_start_s,
)
from tests.sandbox.replay.morpho_history import (
    ALICE,
    BITCOIN,
    BOB,
    CAROL,
    DOLLAR,
    START_S,
    collateral,
    liquidation,
    loan,
    opening,
    row,
)

HOUR_S = 3_600


def plan(*rows: MorphoRow) -> MorphoPlan:
    return plan_morpho(sorted(rows, key=lambda r: r.time_s), {ALICE, BOB})


def outcomes(planned: MorphoPlan, kind: MorphoKind) -> list[MorphoReason]:
    return [reason for (k, reason), count in planned.outcomes.items() for _ in range(count) if k is kind]


def test_implied_usd_e8__liquidation_in_full_dollars__is_repaid_times_the_incentive_over_seized() -> None:
    # 1 / (1 - 0.3 * (1 - 0.86)) = 1.0438413361..., so 95,800 dollars for a whole bitcoin say that it is worth 100,000.
    taken = row(MorphoKind.LIQUIDATION, ALICE, 95_800 * DOLLAR, seized=BITCOIN)

    assert INCENTIVE_WAD == 1_043_841_336_116_910_229
    assert taken.implied_usd_e8 == 99_999_99999999
    assert row(MorphoKind.BORROW, ALICE, DOLLAR).implied_usd_e8 == 0


def test_plan_morpho__loan_up_to_86_percent__is_taken_and_one_above_is_not() -> None:
    rows = (opening(), collateral(ALICE, BITCOIN), collateral(BOB, BITCOIN))

    within = plan(*rows, loan(ALICE, 85_999))
    above = plan(*rows, loan(ALICE, 86_001))

    assert outcomes(within, MorphoKind.BORROW) == [MorphoReason.REPLAYED]
    assert within.positions[(ALICE, "cbBTC")].debt_amount == 85_999 * DOLLAR
    assert outcomes(above, MorphoKind.BORROW) == [MorphoReason.UNCOVERED]
    assert above.positions[(ALICE, "cbBTC")].debt_amount == 0


def test_plan_morpho__what_began_before_the_data__is_left_out_by_reason() -> None:
    planned = plan(
        opening(), collateral(ALICE, BITCOIN), loan(BOB, 1_000), liquidation(BOB, 500, at_dollars=99_000, after_s=60)
    )

    assert outcomes(planned, MorphoKind.BORROW) == [MorphoReason.NO_COLLATERAL]
    assert outcomes(planned, MorphoKind.LIQUIDATION) == [MorphoReason.NO_DEBT]
    assert [a.kind for a in planned.actions] == [MorphoKind.COLLATERAL]


def test_plan_morpho__liquidation_that_the_rows_allow__takes_what_the_data_say_at_the_implied_price() -> None:
    planned = plan(
        opening(),
        collateral(ALICE, BITCOIN),
        loan(ALICE, 80_000),
        liquidation(ALICE, 20_000, at_dollars=90_000, after_s=2 * HOUR_S),
    )

    action = planned.actions[-1]
    assert outcomes(planned, MorphoKind.LIQUIDATION) == [MorphoReason.REPLAYED]
    # 20,000 * 1.04384 / 90,000 of a bitcoin.
    assert action.amount == 23_196_474
    assert action.price_usd_e8 == pytest.approx(90_000 * 10**8, rel=1e-7)
    assert action.repaid_amount == pytest.approx(20_000 * DOLLAR, rel=1e-7)
    position = planned.positions[(ALICE, "cbBTC")]
    assert position.collateral_amount == BITCOIN - 23_196_474
    assert position.debt_amount == 80_000 * DOLLAR - action.repaid_amount


def test_plan_morpho__healthy_at_the_implied_price__is_not_liquidated_but_the_price_counts() -> None:
    planned = plan(
        opening(),
        collateral(ALICE, BITCOIN),
        loan(ALICE, 40_000),
        liquidation(ALICE, 20_000, at_dollars=70_000, after_s=HOUR_S),
        collateral(BOB, BITCOIN, after_s=2 * HOUR_S),
        loan(BOB, 65_000, after_s=2 * HOUR_S),
    )

    assert outcomes(planned, MorphoKind.LIQUIDATION) == [MorphoReason.HEALTHY]
    # 86 % of 70,000 are 60,200 dollars.
    assert MorphoReason.UNCOVERED in outcomes(planned, MorphoKind.BORROW)


def test_plan_morpho__all_collateral_taken__writes_the_rest_of_the_debt_off() -> None:
    planned = plan(
        opening(),
        collateral(ALICE, BITCOIN),
        loan(ALICE, 80_000),
        liquidation(ALICE, 100_000, at_dollars=60_000, after_s=HOUR_S),
    )

    position = planned.positions[(ALICE, "cbBTC")]
    assert outcomes(planned, MorphoKind.LIQUIDATION) == [MorphoReason.CAPPED]
    assert (position.collateral_amount, position.debt_amount, planned.bad_debt_count) == (0, 0, 1)


def test_plan_morpho__liquidation_above_the_debt__repays_the_debt() -> None:
    planned = plan(
        opening(),
        collateral(ALICE, BITCOIN),
        loan(ALICE, 80_000),
        liquidation(ALICE, 85_000, at_dollars=92_000, after_s=HOUR_S),
    )

    position, action = planned.positions[(ALICE, "cbBTC")], planned.actions[-1]
    assert action.is_whole
    assert position.debt_amount == 0
    # 80,000 * 1.04384 / 92,000 of a bitcoin, rounded down.
    assert action.amount == pytest.approx(90_768_811, abs=100)
    assert position.collateral_amount == BITCOIN - action.amount


def test_plan_morpho__rows_of_an_hour__share_the_block_at_its_end_and_the_last_answer_stands() -> None:
    planned = plan(
        opening(),
        collateral(ALICE, BITCOIN),
        liquidation(CAROL, 5_000, at_dollars=95_000, after_s=10),
        liquidation(CAROL, 5_000, at_dollars=96_000, after_s=20),
        liquidation(CAROL, 5, at_dollars=50_000, after_s=30),
    )

    end_s = -(-START_S // HOUR_S) * HOUR_S
    assert planned.actions[0].time_s == end_s
    # Five dollars are too few to tell a price.
    assert planned.answer_at("cbBTC", end_s) == pytest.approx(96_000 * 10**8, rel=1e-5)
    assert planned.answer_at("cbBTC", end_s - 1) == pytest.approx(100_000 * 10**8, rel=1e-5)
    assert planned.answer_at("cbBTC", 0) == planned.answer_at("cbBTC", end_s - 1)


def test_choose_borrowers__a_few__are_first_those_with_a_liquidation_and_lie_in_every_longer_list() -> None:
    rows = [
        opening(),
        collateral(ALICE, BITCOIN),
        loan(ALICE, 1_000),
        loan(BOB, 1_000),
        liquidation(BOB, 500, at_dollars=90_000, after_s=60),
    ]

    assert find_window_start_s(rows) == START_S
    assert choose_borrowers(rows, 1) == (BOB,)
    assert choose_borrowers(rows, 9) == (BOB, ALICE)
