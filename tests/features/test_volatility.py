"""The one volatility rule, by hand: who counts, which pairs, and what an unknown pair does."""

from __future__ import annotations

import pytest

from oracle.domain.committee import ChainParams
from oracle.domain.ids import ETH, USD, Address
from oracle.domain.market import AssetFacts, Pair
from oracle.domain.position import Collateral, Holding, Position
from oracle.domain.units import WAD, Bps, ChainId, Ppm, UsdE8, Wad
from oracle.features.volatility import (
    Sigmas,
    compute_position_risk,
    compute_position_volatility,
    list_counted,
    list_pairs,
)

CHAIN = ChainId(1)
ACCOUNT, MARKET = Address(b"\xa1" * 20), Address(b"\x3a" * 20)
WETH, WSTETH, USDC, STRANGE = (Address(bytes([n]) * 20) for n in (0x01, 0x02, 0x03, 0x09))


def facts(token: Address, numeraire: Address, issuer_risk: int = 0) -> AssetFacts:
    return AssetFacts(
        token=token, price_feed=token, numeraire=numeraire, decimals=18, issuer_risk=issuer_risk, bridge_risk=0
    )


PARAMS = ChainParams(chain_id=CHAIN, markets=(), assets=(facts(WETH, ETH), facts(WSTETH, ETH, 1), facts(USDC, USD)))


def position(held: dict[Address, int], *owed: Address) -> Position:
    return Position(
        chain_id=CHAIN,
        protocol="test",
        market=MARKET,
        account=ACCOUNT,
        collaterals=tuple(
            Collateral(token=token, amount=value, value_usd_e8=UsdE8(value), liquidation_threshold_bps=Bps(8_000))
            for token, value in held.items()
        ),
        debts=tuple(Holding(token=token, amount=500, value_usd_e8=UsdE8(500)) for token in owed),
    )


def pair(token: Address, numeraire: Address) -> Pair:
    return Pair(chain_id=CHAIN, token=token, numeraire=numeraire)


def volatility(held: dict[Address, int], owed: tuple[Address, ...], sigmas: Sigmas) -> int:
    return compute_position_volatility(PARAMS, position(held, *owed), sigmas)


@pytest.mark.parametrize(("value", "counts"), [(100, True), (99, False)])
def test_list_counted__at_and_below_one_percent__counts_from_one_percent_on(value: int, counts: bool) -> None:
    """Together 10,000: 1 % is 100."""
    counted = list_counted(position({WETH: 10_000 - value, USDC: value}, USDC))

    assert [c.token for c in counted] == ([WETH, USDC] if counts else [WETH])


def test_list_counted__share_that_is_no_whole_unit__is_rounded_up() -> None:
    """Together 10,001: 1 % is 100.01, which 100 does not reach."""
    assert [c.token for c in list_counted(position({WETH: 9_901, USDC: 100}, USDC))] == [WETH]


def test_list_counted__worthless_collateral__does_not_count() -> None:
    assert list_counted(position({WETH: 0}, USDC)) == []


def test_list_pairs__two_collaterals_two_debts__are_all_but_a_token_in_itself() -> None:
    """WETH is what a debt in ETH is measured in, so WETH against WETH is no pair."""
    pairs = set(list_pairs(PARAMS, position({WETH: 60, WSTETH: 40}, WETH, USDC)))

    assert pairs == {pair(WETH, USD), pair(WSTETH, ETH), pair(WSTETH, USD)}


def test_volatility__several_pairs__is_the_largest() -> None:
    sigmas = {pair(WETH, USD): Ppm(700_000), pair(WSTETH, USD): Ppm(710_000)}

    assert volatility({WETH: 50, WSTETH: 50}, (USDC,), sigmas) == 710_000


def test_volatility__dust_of_a_wild_token__does_not_count() -> None:
    sigmas = {pair(WETH, USD): Ppm(700_000), pair(WSTETH, USD): Ppm(2_000_000)}

    assert volatility({WETH: 1_000, WSTETH: 10}, (USDC,), sigmas) == 700_000


@pytest.mark.parametrize(
    "sigmas", [{pair(WETH, USD): Ppm(700_000), pair(WSTETH, USD): None}, {pair(WETH, USD): Ppm(1)}]
)
def test_volatility__one_pair_unknown_or_absent__is_unknown(sigmas: Sigmas) -> None:
    assert volatility({WETH: 50, WSTETH: 50}, (USDC,), sigmas) == 0


def test_volatility__price_that_never_moved__is_known() -> None:
    sigmas = {pair(WETH, USD): Ppm(700_000), pair(USDC, USD): Ppm(0)}

    assert volatility({WETH: 50, USDC: 50}, (USDC,), sigmas) == 700_000


def test_volatility__debt_in_a_token_without_facts__names_no_pair() -> None:
    assert volatility({WETH: 50}, (STRANGE,), {pair(WETH, USD): Ppm(700_000)}) == 0


def test_compute_position_risk__any_position__keeps_the_protocols_health_factor() -> None:
    sigmas = {pair(WETH, USD): Ppm(700_000)}

    risk = compute_position_risk(PARAMS, position({WETH: 1_000}, USDC), Wad(WAD + 1), sigmas)

    assert (risk.health_factor_wad, risk.debt_usd_e8, risk.volatility_ppm) == (WAD + 1, 500, 700_000)
    assert (risk.chain_id, risk.market) == (CHAIN, MARKET)
