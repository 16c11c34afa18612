"""Rules of a market over time: what the configurator logged, and nobody else."""

from __future__ import annotations

from dataclasses import replace

from oracle.chain.abi import events
from oracle.chain.parameters import list_parameters
from oracle.chain.protocols.aave_v3.adapter import AaveV3Adapter
from oracle.chain.protocols.aave_v3.parameters import PARAMETER_READERS as AAVE_V3_READERS
from oracle.chain.protocols.morpho_blue.adapter import MorphoBlueAdapter
from oracle.chain.protocols.morpho_blue.parameters import PARAMETER_READERS as MORPHO_BLUE_READERS
from oracle.chain.protocols.venus.adapter import VenusAdapter
from oracle.chain.protocols.venus.parameters import PARAMETER_READERS as VENUS_READERS
from oracle.domain.committee import MarketParams
from oracle.domain.ids import Address
from oracle.domain.units import BlockNumber, ChainId
from tests.chain import venus_logs
from tests.chain.aave_logs import make_log, market_opened, threshold_set, to_rows
from tests.chain.fake_endpoint import CONFIGURATOR, POOL, USDC, WETH, FakeLog, address_of, make_params
from tests.chain.morpho_logs import (
    ETHER_MARKET,
    LLTV_WAD,
    MORPHO,
    fee_set,
    label_of,
    market_created,
    market_id_of,
    params_listing,
)

PARAMS = make_params(ChainId(31337))
WHOLE_MARKET = NOBODY = Address(bytes(20))


def read(logs: list[FakeLog]) -> list[tuple[Address, str, int]]:
    rows = to_rows(logs, block_number=9, time_s=1_000)
    return [(c.token, c.name, c.amount) for c in list_parameters(PARAMS, {POOL: (CONFIGURATOR,)}, rows)]


def test_list_parameters__collateral_configured__are_ltv_threshold_and_bonus() -> None:
    assert read([threshold_set(WETH, 8_300)]) == [
        (WETH, "ltv_bps", 8_000),
        (WETH, "liquidation_threshold_bps", 8_300),
        (WETH, "liquidation_bonus_bps", 10_500),
    ]


def test_list_parameters__emode__names_category_and_member() -> None:
    category = make_log(CONFIGURATOR, events.EMODE_CATEGORY_ADDED, (1,), 9_000, 9_300, 10_100, 0, 160, 0)
    member = make_log(CONFIGURATOR, events.EMODE_ASSET_CATEGORY_CHANGED, (WETH,), 0, 1)

    assert read([category, member]) == [
        (WHOLE_MARKET, "emode_1_ltv_bps", 9_000),
        (WHOLE_MARKET, "emode_1_liquidation_threshold_bps", 9_300),
        (WHOLE_MARKET, "emode_1_liquidation_bonus_bps", 10_100),
        (WETH, "emode_category", 1),
    ]


def test_list_parameters__caps__are_the_new_ones() -> None:
    supply = make_log(CONFIGURATOR, events.SUPPLY_CAP_CHANGED, (WETH,), 100, 250)
    borrow = make_log(CONFIGURATOR, events.BORROW_CAP_CHANGED, (WETH,), 250, 0)

    assert read([supply, borrow]) == [(WETH, "supply_cap_tokens", 250), (WETH, "borrow_cap_tokens", 0)]


def test_adapter__every_rule_that_is_read__is_indexed() -> None:
    assert set(AAVE_V3_READERS) <= AaveV3Adapter.topics
    assert set(MORPHO_BLUE_READERS) <= MorphoBlueAdapter.topics
    assert set(VENUS_READERS) <= VenusAdapter.topics


def test_list_parameters__same_log_of_a_stranger__is_left_out() -> None:
    honest = threshold_set(WETH, 8_300)
    forged = FakeLog(address=address_of("stranger"), topics=honest.topics, data=honest.data)

    assert read([forged]) == []


def test_list_parameters__whole_market__is_in_the_order_of_its_logs_with_time_and_place() -> None:
    changes = list(
        list_parameters(PARAMS, {POOL: (CONFIGURATOR,)}, to_rows(market_opened(), block_number=9, time_s=77))
    )

    assert len(changes) == 3 * 4
    assert {(c.chain_id, c.block_number, c.time_s, c.protocol, c.market) for c in changes} == {
        (31337, 9, 77, "aave_v3", POOL)
    }
    assert [c.log_index for c in changes] == sorted(c.log_index for c in changes)


def test_list_parameters__morpho_market__is_under_its_label_about_its_collateral_if_it_is_listed() -> None:
    params = replace(PARAMS, markets=params_listing([ETHER_MARKET]))
    own = market_id_of(USDC, WETH, model=NOBODY)
    logs = [
        market_created(USDC, WETH),
        market_created(USDC, WETH, model=NOBODY),
        fee_set(own, 10**16),
        fee_set(ETHER_MARKET, 10**17),
    ]

    changes = list(list_parameters(params, {MORPHO: ()}, to_rows(logs)))

    assert [(c.protocol, c.market, c.token, c.name, c.amount) for c in changes] == [
        ("morpho_blue", label_of(ETHER_MARKET), WETH, "lltv_wad", LLTV_WAD),
        ("morpho_blue", label_of(ETHER_MARKET), WHOLE_MARKET, "fee_wad", 10**17),
    ]


def test_list_parameters__venus_threshold__is_named_with_a_pool_that_is_not_the_core() -> None:
    market = MarketParams(protocol="venus", market=venus_logs.COMPTROLLER, start_block=BlockNumber(0))
    logs = [venus_logs.threshold(venus_logs.V_WETH, 8 * 10**17), venus_logs.threshold(venus_logs.V_WETH, 9, pool=2)]

    changes = list_parameters(
        replace(PARAMS, markets=(market,)), {venus_logs.COMPTROLLER: venus_logs.ANCHORS}, to_rows(logs)
    )

    assert [(c.token, c.name, c.amount) for c in changes] == [
        (venus_logs.V_WETH, "liquidation_threshold_wad", 8 * 10**17),
        (venus_logs.V_WETH, "pool_2_liquidation_threshold_wad", 9),
    ]
