"""T-06 at the API's level: over random markets and borrowers, what recourse names is what `quote` grants, and one unit less is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oracle.api.loans import Standing, compute_quote
from oracle.api.markets import MarketState
from oracle.api.recourse import compute_what_if
from oracle.domain.loan import Basis
from oracle.domain.units import Bps, Margin, Ppm
from oracle.node.what_if_command import describe
from oracle.scoring.model import BorrowerTables
from oracle.terms.recourse import Goal
from tests.api.committee_world import CommitteeWorld
from tests.api.conftest import make_state

amounts = st.integers(0, 10**12) | st.integers(0, 10**24)


@st.composite
def settings_of(draw: st.DrawFn) -> dict[str, int]:
    """Draw one market's pair and constants, its books and one borrower's."""
    floor = 50 * draw(st.integers(1, 120))
    own = draw(st.integers(0, 10**12))
    return {
        "floor": floor,
        "ceiling": floor + 50 * draw(st.integers(0, 60)),
        "gap": draw(st.integers(0, 200_000)),
        "volatility": draw(st.integers(1, 3 * 10**6)),
        "severity": draw(st.integers(0, 10_000)),
        "budget": draw(st.integers(0, 10_000)),
        "floor_premium": draw(st.integers(0, 2_000)),
        "limit": draw(amounts),
        "cap": draw(amounts),
        "own_exposure": own,
        "others_exposure": draw(st.integers(0, 10**12)),
        "debt": draw(st.integers(1, 10**12) | st.integers(1, 10**24)),
        "value": draw(st.integers(1, 10**12) | st.integers(1, 10**24)),
    }


def state_of(base: MarketState, drawn: dict[str, int], *, debt: int, value: int) -> MarketState:
    """Return the market with the borrower owing so much on so much; there is cash for anything."""
    constants = replace(
        base.constants,
        severity_bps=Bps(drawn["severity"]),
        budget_ppm=Ppm(drawn["budget"]),
        floor_premium_bps=Bps(drawn["floor_premium"]),
        borrower_limit_amount=drawn["limit"],
    )
    collateral = replace(
        base.collateral,
        gap_ppm=Ppm(drawn["gap"]),
        volatility_ppm=Ppm(drawn["volatility"]),
        ltv_floor_bps=Bps(drawn["floor"]),
        ltv_ceiling_bps=Bps(drawn["ceiling"]),
        liquidation_threshold_bps=Bps(min(9_900, drawn["ceiling"] + 400)),
    )
    books = replace(
        base.borrower, debt_amount=debt, exposure_amount=drawn["own_exposure"], collateral_value_amount=value
    )
    return replace(
        base,
        constants=constants,
        collateral=collateral,
        borrower=books,
        exposure_cap_amount=drawn["cap"],
        total_exposure_amount=drawn["own_exposure"] + drawn["others_exposure"],
        cash_amount=10**40,
    )


def suffices(state: MarketState, standing: Standing, goal: Goal, tables: BorrowerTables) -> bool:
    """Ask the quote whether the position as it stands would be granted on the terms of the goal."""
    if state.borrower.debt_amount == 0:
        return True
    quote = compute_quote(state, standing, 0, tables)
    is_cheap = goal.premium_bps is None or quote.premium_bps <= goal.premium_bps
    return quote.is_allowed and is_cheap and (goal.ltv_bps is None or quote.ltv_bps <= goal.ltv_bps)


@pytest.fixture(scope="module")
def base(world: CommitteeWorld) -> MarketState:
    return make_state(world)


@pytest.fixture(scope="module")
def tables(world: CommitteeWorld) -> BorrowerTables:
    return world.borrower_bundle.model.borrower_tables


@given(
    drawn=settings_of(),
    margin=st.none() | st.integers(-40_000, 40_000),
    premium=st.none() | st.integers(0, 2_500),
    ltv=st.none() | st.integers(0, 10_000),
)
def test_compute_what_if__random_market_and_borrower__is_exact_by_the_quote(
    base: MarketState,
    tables: BorrowerTables,
    drawn: dict[str, int],
    margin: int | None,
    premium: int | None,
    ltv: int | None,
) -> None:
    goal = Goal(premium_bps=None if premium is None else Bps(premium), ltv_bps=None if ltv is None else Bps(ltv))
    standing = Standing(basis=Basis.NO_PROOF)
    if margin is not None:
        standing = Standing(basis=Basis.RATED, behaviour_margin=Margin(margin))
    debt, value = drawn["debt"], drawn["value"]

    found = compute_what_if(state_of(base, drawn, debt=debt, value=value), standing, 0, goal, tables)

    def is_enough(*, repaid: int = 0, added: int = 0) -> bool:
        return suffices(state_of(base, drawn, debt=debt - repaid, value=value + added), standing, goal, tables)

    if found is None:
        assert not is_enough(repaid=debt - 1)
        return
    assert is_enough(repaid=found.repay_amount)
    assert found.repay_amount == 0 or not is_enough(repaid=found.repay_amount - 1)
    if found.top_up_value_amount is not None:
        assert is_enough(added=found.top_up_value_amount)
        assert found.top_up_value_amount == 0 or not is_enough(added=found.top_up_value_amount - 1)


@given(units=st.integers(0, 10**30), decimals=st.integers(0, 18))
def test_describe__any_amount__prints_every_unit_of_it(units: int, decimals: int) -> None:
    """The command prints what the API answers: an amount in tokens reads back as the same units."""
    assume(units > 0)
    body = {
        "debt": str(units),
        "collateral_value": "1",
        "loan_symbol": "TKN",
        "loan_decimals": decimals,
        "block": {"block_number": 1},
        "basis_text": "",
        "reached": False,
        "repay": str(units),
        "top_up_value": str(units),
        "notes": [],
    }

    repay, top_up = (line for line in describe(body) if "units" in line)

    for line in (repay, top_up):
        number = next(word for word in line.split() if word[0].isdigit())
        whole, _, part = number.replace(",", "").partition(".")
        assert int(whole + part) == units
        assert len(part) == decimals
        assert f"({units} units)" in line
