"""Quotes worked out in Python: against the frozen terms, and rule by rule against `MarketBase._evaluate`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.api.loans import (
    Standing,
    compute_menu,
    compute_quote,
    compute_standing,
)
from oracle.api.markets import BorrowerBooks, MarketState, PostedBorrower
from oracle.domain.ids import borrower_subject
from oracle.domain.loan import Basis, Refusal
from oracle.domain.score import BorrowerScore
from oracle.domain.units import Bps, Epoch, Margin, Ppm, TimestampS
from oracle.scoring.model import BorrowerTables
from tests.api.committee_world import LAST_EPOCH, RISKY, CommitteeWorld

BASIS_OF_PROOF = {"rated": Basis.RATED, "unrated": Basis.UNRATED, "none": Basis.NO_PROOF}
REFUSAL_OF_REASON = {
    "granted": Refusal.NONE,
    "collateral": Refusal.COLLATERAL_UNSCORED,
    "ceiling": Refusal.ABOVE_CEILING,
    "proof": Refusal.ABOVE_FLOOR,
    "budget": Refusal.OVER_BUDGET,
}


@pytest.fixture
def tables(world: CommitteeWorld) -> BorrowerTables:
    return world.borrower_bundle.model.borrower_tables


@pytest.fixture
def score(world: CommitteeWorld) -> BorrowerScore:
    found = next(s for s in world.scores[LAST_EPOCH] if s.subject == borrower_subject(RISKY))
    assert isinstance(found, BorrowerScore)
    return found


def state_of_case(state: MarketState, case: dict[str, Any]) -> MarketState:
    """A market whose collateral is worth 10,000, so that a debt is its own LTV in bps."""
    collateral = replace(
        state.collateral,
        ltv_ceiling_bps=Bps(case["ltvCeilingBps"]),
        ltv_floor_bps=Bps(case["ltvFloorBps"]),
        liquidation_threshold_bps=Bps(case["liquidationThresholdBps"]),
        volatility_ppm=Ppm(case["volatilityPpm"]),
        gap_ppm=Ppm(case["gapPpm"]),
        binding=1 if case["isCollateralRated"] else 3,
    )
    constants = replace(
        state.constants,
        severity_bps=Bps(case["severityBps"]),
        budget_ppm=Ppm(case["budgetPpm"]),
        floor_premium_bps=Bps(case["floorPremiumBps"]),
    )
    return replace(
        state, collateral=collateral, constants=constants, borrower=with_books(state, collateral_value_amount=10_000)
    )


def with_books(state: MarketState, **changes: Any) -> BorrowerBooks:
    return replace(state.borrower, **changes)


def test_compute_quote__frozen_terms__are_what_a_loan_gets(
    vectors_dir: Path, market_state: MarketState, tables: BorrowerTables
) -> None:
    cases = json.loads((vectors_dir / "terms.json").read_text())["cases"]

    for case in cases:
        standing = Standing(basis=BASIS_OF_PROOF[case["proof"]], behaviour_margin=Margin(int(case["behaviourMargin"])))
        quote = compute_quote(state_of_case(market_state, case), standing, case["askBps"], tables)

        assert quote.refusal is REFUSAL_OF_REASON[case["reason"]], case
        assert quote.ask_bps == case["askBps"]
        if case["reason"] != "collateral":
            assert (quote.ltv_bps, quote.premium_bps, quote.el_ppm) == (
                case["ltvBps"],
                case["premiumBps"],
                case["elPpm"],
            ), case


def test_compute_menu__frozen_terms__ends_at_max_ltv(
    vectors_dir: Path, market_state: MarketState, tables: BorrowerTables
) -> None:
    cases = json.loads((vectors_dir / "terms.json").read_text())["cases"]

    for case in cases:
        standing = Standing(basis=BASIS_OF_PROOF[case["proof"]], behaviour_margin=Margin(int(case["behaviourMargin"])))
        menu = compute_menu(state_of_case(market_state, case), standing, tables)

        # The floor's step is always allowed, at the floor's premium if need be.
        assert max((step.ltv_bps for step in menu if step.is_allowed), default=0) == case["maxLtvBps"], case


def refusal_of(state: MarketState, amount: int, tables: BorrowerTables, basis: Basis = Basis.NO_PROOF) -> Any:
    quote = compute_quote(state, Standing(basis=basis), amount, tables)
    return quote.refusal, quote.given_amount, quote.limit_amount


def test_compute_quote__more_than_cash__is_refused_before_anything_else(
    market_state: MarketState, tables: BorrowerTables
) -> None:
    state = replace(market_state, cash_amount=99, borrower=with_books(market_state, collateral_value_amount=None))

    assert refusal_of(state, 100, tables) == (Refusal.NOT_ENOUGH_CASH, 100, 99)


def test_compute_quote__refused_price__is_an_error_not_a_quote(
    market_state: MarketState, tables: BorrowerTables
) -> None:
    books = with_books(market_state, collateral_value_amount=None, price_refusal="stale")

    with pytest.raises(ValueError, match="stale"):
        compute_quote(replace(market_state, borrower=books), Standing(basis=Basis.NO_PROOF), 1, tables)


def test_compute_quote__no_collateral__names_the_debt(market_state: MarketState, tables: BorrowerTables) -> None:
    state = replace(market_state, borrower=with_books(market_state, collateral_value_amount=0, debt_amount=5))

    assert refusal_of(state, 10, tables) == (Refusal.NO_COLLATERAL, 15, 0)


def test_compute_quote__expired_pair__names_both_epochs(market_state: MarketState, tables: BorrowerTables) -> None:
    late_s = LAST_EPOCH * 3_600 + 10_801
    state = replace(market_state, block_time_s=TimestampS(late_s), is_open=False)

    assert refusal_of(state, 10, tables) == (Refusal.COLLATERAL_UNSCORED, LAST_EPOCH, late_s // 3_600)
    assert compute_menu(state, Standing(basis=Basis.RATED), tables) == ()


# Floor of the pair of 10,000: debt above it is exposure. Floor 4,000: a debt of 4,500 exposes 500.
@pytest.mark.parametrize(
    ("limit", "cap", "others", "refusal"),
    [
        (500, 10_000, 9_500, (Refusal.NONE, 0, 0)),
        (499, 10_000, 0, (Refusal.OVER_BORROWER_LIMIT, 500, 499)),
        (500, 10_000, 9_501, (Refusal.OVER_EXPOSURE_CAP, 10_001, 10_000)),
    ],
)
def test_compute_quote__exposure_above_the_floor__is_limited(
    market_state: MarketState, tables: BorrowerTables, limit: int, cap: int, others: int, refusal: object
) -> None:
    constants = replace(market_state.constants, borrower_limit_amount=limit, budget_ppm=Ppm(1_000_000))
    collateral = replace(market_state.collateral, ltv_floor_bps=Bps(4_000), ltv_ceiling_bps=Bps(6_000))
    state = replace(
        market_state,
        constants=constants,
        collateral=collateral,
        exposure_cap_amount=cap,
        # His own exposure of 300 is part of the total and is replaced, not added.
        total_exposure_amount=others + 300,
        borrower=with_books(market_state, collateral_value_amount=10_000, debt_amount=4_000, exposure_amount=300),
    )

    assert refusal_of(state, 500, tables, Basis.RATED) == refusal


def test_compute_standing__score_by_state_of_the_chain__counts_as_the_contract_says(
    market_state: MarketState, score: BorrowerScore
) -> None:
    state, margin = market_state, score.behaviour_margin
    late = replace(state, block_time_s=TimestampS(LAST_EPOCH * 3_600 + 10_801))
    unrated = replace(score, grade=0)

    assert compute_standing(state, LAST_EPOCH, None).basis is Basis.NO_PROOF
    assert compute_standing(replace(state, counts_scores=False), LAST_EPOCH, score).basis is Basis.NO_PROOF
    assert compute_standing(state, LAST_EPOCH, score) == Standing(basis=Basis.RATED, behaviour_margin=margin)
    assert compute_standing(state, LAST_EPOCH, unrated).basis is Basis.UNRATED
    assert compute_standing(late, LAST_EPOCH, score).basis is Basis.EXPIRED
    # The predecessor is usable for 600 s after its successor landed.
    assert compute_standing(state, Epoch(LAST_EPOCH - 1), score).basis is Basis.RATED
    assert compute_standing(state, Epoch(LAST_EPOCH - 2), score).basis is Basis.EXPIRED


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (PostedBorrower(epoch=LAST_EPOCH, behaviour_margin=Margin(10**6), grade=9), (Basis.RATED, 10**6)),
        (PostedBorrower(epoch=LAST_EPOCH, behaviour_margin=Margin(-(10**6)), grade=1), (Basis.RATED, None)),
        (PostedBorrower(epoch=LAST_EPOCH, behaviour_margin=Margin(0), grade=0), (Basis.UNRATED, 0)),
        (PostedBorrower(epoch=Epoch(LAST_EPOCH + 1), behaviour_margin=Margin(0), grade=5), (Basis.SUPERSEDED, 0)),
        (PostedBorrower(epoch=Epoch(LAST_EPOCH - 4), behaviour_margin=Margin(10**6), grade=0), (Basis.RATED, None)),
    ],
)
def test_compute_standing__stored_score__cannot_be_hidden_by_a_better_one(
    market_state: MarketState,
    score: BorrowerScore,
    stored: PostedBorrower,
    expected: tuple[Basis, int | None],
) -> None:
    as_account = replace(market_state, borrower=with_books(market_state, as_account=stored))
    as_contract = replace(market_state, borrower=with_books(market_state, as_contract=stored, has_code=True))
    without_code = replace(market_state, borrower=with_books(market_state, as_contract=stored))
    basis, margin = expected
    weighed = Standing(basis=basis, behaviour_margin=Margin(score.behaviour_margin if margin is None else margin))

    assert compute_standing(as_account, LAST_EPOCH, score) == weighed
    assert compute_standing(as_contract, LAST_EPOCH, score) == weighed
    assert compute_standing(without_code, LAST_EPOCH, score).behaviour_margin == score.behaviour_margin


@given(amount=st.integers(1, 6 * 10**9), margin=st.integers(-40_000, 40_000))
def test_compute_quote__rated_proof__never_gives_less_than_none(
    world: CommitteeWorld, amount: int, margin: int
) -> None:
    from tests.api.conftest import make_state

    state, tables = make_state(world), world.borrower_bundle.model.borrower_tables
    rated = compute_quote(state, Standing(basis=Basis.RATED, behaviour_margin=Margin(margin)), amount, tables)
    without = compute_quote(state, Standing(basis=Basis.NO_PROOF), amount, tables)

    assert rated.is_allowed or not without.is_allowed
    if without.is_allowed:
        assert rated.premium_bps <= without.premium_bps
