"""Terms against the shared vectors, and the laws that hold for any score."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.ids import Hash32, SubjectId
from oracle.domain.score import Binding, CollateralScore
from oracle.domain.units import Bps, Margin, Ppm
from oracle.terms.expected_loss import MarketPolicy
from oracle.terms.policy import Decision, Terms, compute_max_ltv, compute_terms


@dataclass(frozen=True)
class PlainTables:
    """Borrower tables straight from the vectors' fields: FORMATS.md, section 7."""

    fields: dict[str, Any]

    def state_offset(self, z: int) -> Margin:
        t, i = self.fields["stateOffset"], z // 256
        return Margin(t[i] + (t[i + 1] - t[i]) * (z % 256) // 256)

    def pd_upper_ppm_at(self, margin: Margin) -> Ppm:
        index = (margin - self.fields["lo"]) // 2 ** self.fields["shift"]
        return Ppm(self.fields["pdUpperPpm"][max(0, min(255, index))])


@pytest.fixture(scope="module")
def tables(vectors_dir: Path) -> PlainTables:
    fields = json.loads((vectors_dir / "model.json").read_text())["models"][0]["tables"]
    knots = [int(knot) for knot in fields["stateOffset"]]
    return PlainTables(fields | {"stateOffset": knots, "lo": int(fields["lo"])})


def collateral_of(case: dict[str, Any]) -> CollateralScore:
    is_rated = case.get("isCollateralRated", True)
    return CollateralScore(
        subject=SubjectId(bytes(32)),
        margin=Margin(0),
        volatility_ppm=Ppm(case["volatilityPpm"]),
        drawdown_bps=Bps(0),
        gap_ppm=Ppm(case["gapPpm"]),
        ltv_ceiling_bps=Bps(case["ltvCeilingBps"]),
        ltv_floor_bps=Bps(case["ltvFloorBps"]),
        liquidation_threshold_bps=Bps(case["liquidationThresholdBps"]),
        binding=Binding.DRAWDOWN if is_rated else Binding.UNRATED,
        features_hash=Hash32(bytes(32)),
    )


def market_of(case: dict[str, Any]) -> MarketPolicy:
    return MarketPolicy(
        severity_bps=Bps(case["severityBps"]),
        budget_ppm=Ppm(case["budgetPpm"]),
        floor_premium_bps=Bps(case["floorPremiumBps"]),
    )


def answer(terms: Terms) -> dict[str, Any]:
    risk = terms.risk
    return {
        "refused": not terms.is_granted,
        "reason": terms.decision.value,
        "ltvBps": terms.ltv_bps,
        "premiumBps": terms.premium_bps,
        "maxLtvBps": terms.max_ltv_bps,
        "healthFactorWad": str(risk.health_factor_wad if risk else 0),
        "z": risk.z if risk else 0,
        "pdUpperPpm": risk.pd_upper_ppm if risk else 0,
        "elPpm": risk.el_ppm if risk else 0,
    }


def test_compute_terms__shared_vectors__same(vectors_dir: Path, tables: PlainTables) -> None:
    cases = json.loads((vectors_dir / "terms.json").read_text())["cases"]

    for case in cases:
        behaviour = Margin(int(case["behaviourMargin"])) if case["proof"] == "rated" else None
        terms = compute_terms(collateral_of(case), tables, behaviour, Bps(case["askBps"]), market_of(case))

        expected = {key: case[key] for key in answer(terms)}
        assert answer(terms) == expected | {"healthFactorWad": str(case["healthFactorWad"])}, case


pairs = st.builds(
    lambda floor, more, gap, volatility: {
        "ltvFloorBps": 50 * floor,
        "ltvCeilingBps": 50 * (floor + more),
        "liquidationThresholdBps": min(9_900, 50 * (floor + more) + 400),
        "gapPpm": gap,
        "volatilityPpm": volatility,
    },
    st.integers(1, 120),
    st.integers(0, 60),
    st.integers(0, 10**6),
    st.integers(1, 3 * 10**6),
)
markets = st.builds(
    lambda severity, budget, premium: {"severityBps": severity, "budgetPpm": budget, "floorPremiumBps": premium},
    st.integers(0, 10**4),
    st.integers(0, 10**5),
    st.integers(0, 2_000),
)
margins = st.integers(-40_000, 40_000)


def is_no_better(worse: Terms, better: Terms) -> bool:
    """Return whether `worse` grants no more, at no lower premium where both grant."""
    if worse.is_granted and not better.is_granted:
        return False
    return worse.max_ltv_bps <= better.max_ltv_bps and (not worse.is_granted or worse.premium_bps >= better.premium_bps)


@given(pair=pairs, market=markets, margin=margins, ask=st.integers(1, 10_000))
def test_compute_terms__hiding_the_proof__never_improves(
    tables: PlainTables, pair: dict[str, int], market: dict[str, int], margin: int, ask: int
) -> None:
    """T-02: hiding, a fresh address, an unrated and an expired score are one case: no margin."""
    collateral, policy = collateral_of(pair), market_of(market)

    shown = compute_terms(collateral, tables, Margin(margin), Bps(ask), policy)
    hidden = compute_terms(collateral, tables, None, Bps(ask), policy)

    assert is_no_better(hidden, shown)


@given(pair=pairs, market=markets, margin=margins, more=st.integers(0, 40_000), ask=st.integers(1, 10_000))
def test_compute_terms__riskier_behaviour__never_improves(
    tables: PlainTables, pair: dict[str, int], market: dict[str, int], margin: int, more: int, ask: int
) -> None:
    """T-03."""
    collateral, policy = collateral_of(pair), market_of(market)

    safer = compute_terms(collateral, tables, Margin(margin), Bps(ask), policy)
    riskier = compute_terms(collateral, tables, Margin(margin + more), Bps(ask), policy)

    assert is_no_better(riskier, safer)
    assert riskier.liquidation_threshold_bps == safer.liquidation_threshold_bps == pair["liquidationThresholdBps"]


@given(pair=pairs, market=markets, margin=margins)
def test_compute_max_ltv__any_score__is_the_largest_granted_step(
    tables: PlainTables, pair: dict[str, int], market: dict[str, int], margin: int
) -> None:
    collateral, policy = collateral_of(pair), market_of(market)
    menu = range(pair["ltvFloorBps"], pair["ltvCeilingBps"] + 1, 50)

    granted = [L for L in menu if compute_terms(collateral, tables, Margin(margin), Bps(L), policy).is_granted]

    assert compute_max_ltv(collateral, tables, Margin(margin), policy) == max(granted)


@given(pair=pairs, market=markets, margin=margins, ask=st.integers(0, 10_000))
def test_compute_terms__volatility_zero__lends_nothing(
    tables: PlainTables, pair: dict[str, int], market: dict[str, int], margin: int, ask: int
) -> None:
    """T-05: a price that never moved must not pass for a calm one."""
    still = collateral_of(pair | {"volatilityPpm": 0})

    terms = compute_terms(still, tables, Margin(margin), Bps(ask), market_of(market))

    assert (terms.decision, terms.ltv_bps, terms.max_ltv_bps) == (Decision.NO_COLLATERAL_SCORE, 0, 0)


@given(market=markets, margin=margins, ask=st.integers(0, 10_000))
def test_compute_terms__no_collateral_score__lends_nothing(
    tables: PlainTables, market: dict[str, int], margin: int, ask: int
) -> None:
    """T-05."""
    terms = compute_terms(None, tables, Margin(margin), Bps(ask), market_of(market))

    assert (terms.is_granted, terms.ltv_bps, terms.max_ltv_bps) == (False, 0, 0)
