"""Rules of a market over time: what the configurator logged, and nobody else."""

from __future__ import annotations

from oracle.chain.abi import events
from oracle.chain.parameters import list_parameters
from oracle.domain.ids import Address
from oracle.domain.units import ChainId
from tests.chain.aave_logs import make_log, market_opened, threshold_set, to_rows
from tests.chain.fake_endpoint import CONFIGURATOR, POOL, WETH, FakeLog, address_of, make_params

PARAMS = make_params(ChainId(31337))
WHOLE_MARKET = Address(bytes(20))


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
