"""What becomes of a vault's rows; figures by hand, with WETH at $200 unless a test says otherwise.

The pool's terms: threshold and LTV 76.92 %, bonus 13 %, half of the debt above a health factor of 0.95, all of it at or below.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oracle.sandbox.replay.dataset import RowKind, VaultRow
from oracle.sandbox.replay.planner import Outcome, PlannedAction, Reason, VaultPlan, plan_vault, split_rows
from tests.sandbox.replay.vault_rows import E8, START_S, WAD, make_row, opened


def plan(rows: list[VaultRow], *, price_usd_e8: int = 200 * E8) -> VaultPlan:
    return plan_vault(7, rows, lambda time_s: price_usd_e8)


def remarks_of(given: VaultPlan) -> list[tuple[int, Outcome, Reason]]:
    return [(remark.row_number, remark.outcome, remark.reason) for remark in given.remarks]


def amounts_of(given: VaultPlan) -> list[tuple[RowKind, int]]:
    return [(action.kind, action.amount_wad) for action in given.actions]


def test_plan_vault__rows_that_aave_takes__are_replayed_as_they_are() -> None:
    rows = [
        *opened(eth=10, dai=1_000),
        make_row(RowKind.REPAY, number=2, dai_wad=400 * WAD),
        make_row(RowKind.WITHDRAW, number=3, eth_wad=5 * WAD),
    ]

    planned = plan(rows)

    assert [(a.row_number, a.time_s) for a in planned.actions] == [(i, START_S + 3_600 * i) for i in range(4)]
    assert (planned.collateral_wad, planned.debt_wad) == (5 * WAD, 600 * WAD)
    assert planned.remarks == ()
    assert planned.is_exact


def test_plan_vault__rows_of_one_block__supply_and_repay_first() -> None:
    rows = [
        make_row(RowKind.WITHDRAW, number=2, block_number=9, eth_wad=10 * WAD),
        make_row(RowKind.REPAY, number=3, block_number=9, dai_wad=1_000 * WAD),
        *opened(),
    ]

    planned = plan(rows)

    assert [a.kind for a in planned.actions] == ["deposit", "borrow", "repay", "withdraw"]
    assert (planned.collateral_wad, planned.debt_wad, planned.is_exact) == (0, 0, True)


def test_plan_vault__repayment_with_fees__is_capped_at_what_was_drawn() -> None:
    planned = plan([*opened(dai=1_000), make_row(RowKind.REPAY, number=2, dai_wad=1_003 * WAD)])

    assert amounts_of(planned)[-1] == (RowKind.REPAY, 1_000 * WAD)
    assert remarks_of(planned) == [(2, Outcome.CAPPED, Reason.OVERPAID)]
    assert planned.is_exact


def test_plan_vault__repayment_without_debt__is_skipped() -> None:
    planned = plan([make_row(RowKind.REPAY, number=0, dai_wad=WAD)])

    assert planned.actions == ()
    assert remarks_of(planned) == [(0, Outcome.SKIPPED, Reason.NO_DEBT)]
    assert not planned.is_exact


def test_plan_vault__borrowing_at_the_edge__of_7692_bps_passes_and_a_dollar_more_is_skipped() -> None:
    # 10 WETH at $200 are $2,000, of which 76.92 % are $1,538.40; one cent more needs $2,000.01 of collateral.
    edge = [make_row(RowKind.DEPOSIT, number=0, eth_wad=10 * WAD)]

    passed = plan([*edge, make_row(RowKind.BORROW, number=1, dai_wad=1_538_400_000_000_000_000_000)])
    refused = plan([*edge, make_row(RowKind.BORROW, number=1, dai_wad=1_538_410_000_000_000_000_000)])

    assert amounts_of(passed)[-1] == (RowKind.BORROW, 1_538_400_000_000_000_000_000)
    assert remarks_of(refused) == [(1, Outcome.SKIPPED, Reason.UNCOVERED)]
    assert refused.debt_wad == 0


def test_plan_vault__withdrawal_below_health_one__is_skipped_and_the_rest_goes_on() -> None:
    # $1,000 of debt need $1,300.06 of collateral: 6.5003 WETH. Taking 3.49 leaves 6.51, taking 3.5 leaves 6.5.
    rows = [
        *opened(eth=10, dai=1_000),
        make_row(RowKind.WITHDRAW, number=2, eth_wad=35 * WAD // 10),
        make_row(RowKind.WITHDRAW, number=3, eth_wad=349 * WAD // 100),
    ]

    planned = plan(rows)

    assert remarks_of(planned) == [(2, Outcome.SKIPPED, Reason.UNHEALTHY)]
    assert amounts_of(planned)[-1] == (RowKind.WITHDRAW, 349 * WAD // 100)


def test_plan_vault__withdrawal_above_the_collateral__takes_what_is_there() -> None:
    rows = [
        make_row(RowKind.DEPOSIT, number=0, eth_wad=WAD),
        make_row(RowKind.WITHDRAW, number=1, eth_wad=WAD + 1),
        make_row(RowKind.WITHDRAW, number=2, eth_wad=1),
    ]

    planned = plan(rows)

    assert amounts_of(planned)[-1] == (RowKind.WITHDRAW, WAD)
    assert remarks_of(planned) == [
        (1, Outcome.ADJUSTED, Reason.OVERDRAWN),
        (2, Outcome.SKIPPED, Reason.NO_COLLATERAL),
    ]


def test_plan_vault__whole_debt_auctioned__posts_the_price_of_health_095_and_ends() -> None:
    # All of $1,000 may be repaid at 0.95: 10 * price * 0.7692 = 950, so price = 123.50494...; rounded half up it is 0.95 up to 123.50494019.
    # $1,000 at 123.50494019 with 13 % on top are 9.14943...  WETH.
    rows = [
        *opened(eth=10, dai=1_000),
        make_row(RowKind.LIQUIDATION, number=2, eth_wad=10 * WAD, dai_wad=1_010 * WAD),
        make_row(RowKind.DEPOSIT, number=3, eth_wad=WAD),
    ]

    planned = plan(rows)
    liquidation = planned.actions[-1]

    assert (liquidation.amount_wad, planned.debt_wad, planned.is_liquidated) == (1_000 * WAD, 0, True)
    assert liquidation.posted_usd_e8 is not None
    assert 123_50494000 <= liquidation.posted_usd_e8 <= 123_50494100
    assert abs(10 * WAD - planned.collateral_wad - 9_149_431_900_000_000_000) < 10**12
    assert remarks_of(planned) == [(3, Outcome.DROPPED, Reason.LIQUIDATED)]
    assert planned.is_exact


def test_plan_vault__part_of_the_debt_auctioned__needs_health_below_one_only() -> None:
    # 400 of 1,000 DAI are below half: the price falls just below 1000 / 7.692 = 130.00520...
    rows = [*opened(eth=10, dai=1_000), make_row(RowKind.LIQUIDATION, number=2, dai_wad=400 * WAD)]

    planned = plan(rows)
    liquidation = planned.actions[-1]

    assert (liquidation.amount_wad, planned.debt_wad) == (400 * WAD, 600 * WAD)
    assert liquidation.posted_usd_e8 is not None
    assert 130_00520000 <= liquidation.posted_usd_e8 <= 130_00520100


def test_plan_vault__feed_low_enough_already__posts_nothing() -> None:
    rows = [*opened(eth=10, dai=1_000), make_row(RowKind.LIQUIDATION, number=2, dai_wad=1_000 * WAD)]

    def fall(time_s: int) -> int:
        return (200 if time_s < START_S + 7_200 else 120) * E8

    planned = plan_vault(7, rows, fall)

    assert planned.actions[-1] == PlannedAction(
        kind=RowKind.LIQUIDATION, vault_id=7, row_number=2, time_s=START_S + 7_200, amount_wad=1_000 * WAD
    )
    # 1,000 / 120 * 1.13 = 9.41666...
    assert planned.collateral_wad == 583_333_333_333_333_334


def test_plan_vault__collateral_worth_less_than_debt_and_bonus__all_of_it_is_seized() -> None:
    rows = [*opened(eth=10, dai=1_000), make_row(RowKind.LIQUIDATION, number=2, dai_wad=1_000 * WAD)]

    planned = plan_vault(7, rows, lambda time_s: (200 if time_s < START_S + 7_200 else 100) * E8)

    # 10 WETH at $100 pay for 1,000 / 1.13 = 884.955752... DAI.
    assert planned.collateral_wad == 0
    assert planned.debt_wad == 1_000 * WAD - 884_955_752_212_389_380_531


def test_plan_vault__liquidation_without_debt__is_skipped_and_ends_the_vault() -> None:
    planned = plan([make_row(RowKind.LIQUIDATION, number=0, dai_wad=WAD), *opened()[1:]])

    assert planned.actions == ()
    assert remarks_of(planned) == [
        (0, Outcome.SKIPPED, Reason.NOTHING_OWED),
        (1, Outcome.DROPPED, Reason.LIQUIDATED),
    ]


amounts = st.integers(0, 50 * WAD)
kinds = st.sampled_from(list(RowKind))


@given(st.lists(st.tuples(kinds, amounts, amounts), max_size=12), st.integers(1, 400 * E8))
def test_plan_vault__any_rows__every_row_is_an_action_or_has_a_reason(
    given_rows: list[tuple[RowKind, int, int]], price_usd_e8: int
) -> None:
    rows = [make_row(kind, number=i, eth_wad=eth, dai_wad=100 * dai) for i, (kind, eth, dai) in enumerate(given_rows)]

    planned = plan(rows, price_usd_e8=price_usd_e8)

    left_out = {r.row_number for r in planned.remarks if r.outcome in (Outcome.SKIPPED, Outcome.DROPPED)}
    acted = {a.row_number for a in planned.actions}
    assert left_out.isdisjoint(acted)
    assert left_out | acted == set(range(len(rows)))
    assert min(planned.collateral_wad, planned.debt_wad) >= 0


@given(amounts, amounts)
def test_split_rows__any_amounts__halves_add_up(eth: int, dai: int) -> None:
    (row,) = [make_row(RowKind.DEPOSIT, number=0, eth_wad=eth, dai_wad=dai)]

    (first,), (second,) = split_rows([row])

    assert (first.eth_wad + second.eth_wad, first.dai_wad + second.dai_wad) == (eth, dai)
    assert 0 <= second.eth_wad - first.eth_wad <= 1
    assert first.time_s == second.time_s == row.time_s
