"""The laws on gaming at the level of terms; thousands here, a hundred thousand in the slow test."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.domain.event import EventKind
from oracle.domain.units import DAY_S
from oracle.features.borrower import compute_borrower_vector
from oracle.features.health import DUST_USD_E8
from oracle.scoring.bundle import load_bundle
from training.economics.attackers import ATTACKS, STRANGER, draw_life, make_paths
from training.economics.laws import DUST, LawResult, Pricing, as_if_active, check_laws
from training.economics.pairs import make_pairs
from training.economics.study import MARKET

SHADOW = load_bundle("borrower-1", allow_sandbox=False).model
MODELS = {
    "borrower-1": SHADOW,
    "its trees counted": as_if_active(SHADOW),
    "borrower-sandbox-1": load_bundle("borrower-sandbox-1", allow_sandbox=True).model,
}
PAIRS = tuple(make_pairs(load_bundle("collateral-1", allow_sandbox=False).model).values())
PATHS = make_paths(1)


def broken(results: tuple[LawResult, ...]) -> list[LawResult]:
    return [r for r in results if r.breaches]


@settings(max_examples=5)
@given(seed=st.integers(0, 10**9))
def test_check_laws__some_attackers_of_any_seed__gain_nothing(seed: int) -> None:
    results = check_laws(MODELS, PAIRS, MARKET, attackers=300, seed=seed)

    assert {name: broken(found) for name, found in results.items()} == {name: [] for name in MODELS}
    assert {sum(r.attackers for r in found) for found in results.values()} == {300}


@pytest.mark.slow
def test_check_laws__a_hundred_thousand_attackers__gain_nothing() -> None:
    results = check_laws(MODELS, PAIRS, MARKET, attackers=100_000, seed=2026)

    assert {name: broken(found) for name, found in results.items()} == {name: [] for name in MODELS}


def test_check_laws__same_seed__gives_the_same_figures() -> None:
    first, second = (check_laws({"m": SHADOW}, PAIRS, MARKET, attackers=60, seed=4) for _ in range(2))

    assert first == second


def test_pricing__lives_differ_in_terms__so_that_a_law_could_fail() -> None:
    pricing = Pricing(MODELS["borrower-sandbox-1"], PAIRS, MARKET)

    assert pricing.is_better(-10_000, 10_000)
    assert pricing.is_better(0, None)
    assert not pricing.is_better(10_000, -10_000)
    assert not pricing.is_better(None, 10_000)
    assert pricing.gain_bps(-10_000, None) > 0


@pytest.mark.parametrize("pair", PAIRS)
def test_make_pairs__released_collateral_model__rates_them(pair: object) -> None:
    assert getattr(pair, "ltv_floor_bps", 0) > 0


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks__each__changes_a_life_and_leaves_its_time(name: str) -> None:
    random = Random(9)
    lives = [draw_life(random, PATHS) for _ in range(40)]

    changed = [ATTACKS[name](life, random) for life in lives]

    assert any(after != before for before, after in zip(lives, changed, strict=True))
    assert {life.as_of_s for life in changed} == {lives[0].as_of_s}


def test_split_wallets__pieces__stay_above_dust() -> None:
    random = Random(5)
    for _ in range(100):
        before = draw_life(random, PATHS)
        after = ATTACKS["splitting over wallets"](before, random)
        pairs = zip(before.events, after.events, strict=True)
        hits = [(old.value_usd_e8, new.value_usd_e8) for old, new in pairs if old.kind is EventKind.LIQUIDATION]
        assert all(new >= DUST_USD_E8 for old, new in hits if old >= DUST_USD_E8)


def test_draw_life__many__have_liquidations_low_health_and_strangers() -> None:
    random = Random(2)
    lives = [draw_life(random, PATHS) for _ in range(200)]

    vectors = [compute_borrower_vector(life) for life in lives]

    assert sum(v[5] > 1 for v in vectors) > 100
    assert sum(v[10] > 1 for v in vectors) > 50
    assert any(e.caller == STRANGER and e.kind is EventKind.SUPPLY for life in lives for e in life.events)
    assert all(life.samples[-1].time_s - life.samples[0].time_s >= 8 * DAY_S for life in lives)
    assert DUST not in ATTACKS
