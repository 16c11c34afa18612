"""Markets read over JSON-RPC through two fake endpoints: what agrees, what does not, and what a contract refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from eth_abi.abi import encode

from oracle.api.markets import MarketListing
from oracle.api.rpc_markets import RpcMarkets
from oracle.chain.rpc import Call
from oracle.domain.ids import Address, keccak256, to_hex
from oracle.domain.units import ChainId
from oracle.errors import (
    ConfigurationError,
    EndpointDisagreementError,
    EndpointRefusalError,
    EndpointUnreachableError,
    MarketReadError,
    TooFewEndpointsError,
)

pytestmark = pytest.mark.anyio

CHAIN = ChainId(31_337)
MARKET, ORACLE, LOAN, TABLES, GATE = (Address(bytes([n]) * 20) for n in (0xC1, 0xC0, 0xA2, 0xA3, 0xC2))
BORROWER = Address(b"\x11" * 20)
LISTING = MarketListing(chain_id=CHAIN, market=MARKET)
SUBJECT = b"\x4f" * 32
ANSWERS: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "oracle()": (("address",), (to_hex(ORACLE),)),
    "asset()": (("address",), (to_hex(LOAN),)),
    "collateralToken()": (("address",), ("0x" + "a1" * 20,)),
    "collateralSubject()": (("bytes32",), (SUBJECT,)),
    "severityBps()": (("uint32",), (1_000,)),
    "budgetPpm()": (("uint32",), (400,)),
    "floorPremiumBps()": (("uint32",), (300,)),
    "borrowerLimit()": (("uint256",), (5 * 10**11,)),
    "gate()": (("address",), (to_hex(GATE),)),
    "maxExposure()": (("uint256",), (5 * 10**12,)),
    "exposureCap()": (("uint256",), (3 * 10**12,)),
    # mode, isOpen, policyVersion, epoch, threshold, ceiling, floor, volatility, gap
    "guarded()": (
        ("uint8", "bool", "uint32", "uint64") + ("uint16",) * 3 + ("uint32",) * 2,
        (3, True, 1, 494_402, 8_200, 7_600, 4_500, 640_000, 190_000),
    ),
    "borrowerTables()": (("address",), (to_hex(TABLES),)),
    "symbol()": (("string",), ("USDC",)),
    "decimals()": (("uint8",), (6,)),
    "debtOf(address)": (("uint256",), (123,)),
    # collateral, debtScaled, premiumDebt, exposure, premiumCheckpoint, premiumBps
    "position(address)": (("uint128",) * 4 + ("uint224", "uint32"), (2, 3, 4, 55, 6, 7)),
    "cash()": (("uint256",), (10**12,)),
    "totalExposure()": (("uint256",), (77,)),
    "baseRateWad()": (("uint256",), (10**16,)),
    # epoch, observedAt, validUntil, landedAt, previousEpoch, scoresRoot
    "head()": (("uint64",) * 5 + ("bytes32",), (494_402, 1, 2, 1_779_000_000, 494_401, b"\x77" * 32)),
    "epochSeconds()": (("uint64",), (3_600,)),
    "validitySeconds()": (("uint64",), (10_800,)),
    "graceSeconds()": (("uint64",), (600,)),
    # epoch, margin, volatility, drawdown, gap, ceiling, floor, threshold, binding
    "collateralScore(bytes32)": (
        ("uint64", "int32") + ("uint32",) * 3 + ("uint16",) * 3 + ("uint8",),
        (494_402, -9_000, 620_000, 1_500, 180_000, 7_700, 4_600, 8_300, 1),
    ),
    # epoch, stateOffset, behaviourMargin, pd, pdUpper, points, grade, reasons
    "borrowerScore(bytes32)": (
        ("uint64", "int32", "int32", "uint32", "uint32", "uint16", "uint8", "bytes4"),
        (494_401, -5_790, -475, 138_241, 172_811, 486, 7, b"\x01\x02\x00\x00"),
    ),
    "collateralValueOf(address)": (("uint256",), (6_000,)),
}
BY_SELECTOR = {keccak256(name.encode())[:4]: name for name in ANSWERS}


class FakeEndpoint:
    """A chain of one block; a test bends single answers."""

    def __init__(self, name: str, *, number: int = 100, block_hash: str = "0x" + "aa" * 32) -> None:
        self.name = name
        self.number = number
        self.block_hash = block_hash
        self.bent: dict[str, Callable[[], str]] = {}
        self.calls_count = 0

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        self.calls_count += len(calls)
        return [self._answer(method, parameters) for method, parameters in calls]

    def _answer(self, method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_blockNumber":
            return hex(self.number)
        if method == "eth_getBlockByNumber":
            return {"hash": self.block_hash, "timestamp": hex(1_779_000_300), "extra": self.name}
        if method == "eth_getCode":
            return "0x00aabb" if parameters[0] == to_hex(TABLES) else "0x"
        name = BY_SELECTOR[bytes.fromhex(parameters[0]["data"][2:10])]
        if name in self.bent:
            return self.bent[name]()
        types, values = ANSWERS[name]
        return to_hex(encode(types, values))


def refusing(name: str, data: bytes) -> Callable[[], str]:
    def refuse() -> str:
        raise EndpointRefusalError(name, f"eth_call: {{'code': 3, 'message': 'reverted', 'data': '{to_hex(data)}'}}")

    return refuse


@pytest.fixture
def endpoints() -> tuple[FakeEndpoint, FakeEndpoint]:
    return FakeEndpoint("a"), FakeEndpoint("b", number=103)


@pytest.fixture
def markets(endpoints: tuple[FakeEndpoint, FakeEndpoint]) -> RpcMarkets:
    return RpcMarkets({CHAIN: endpoints})


async def test_fetch_state__two_endpoints_agree__every_field_is_read(markets: RpcMarkets) -> None:
    state = await markets.fetch_state(LISTING, BORROWER)

    constants, books = state.constants, state.borrower
    assert (state.block_number, state.block_time_s) == (100, 1_779_000_300)
    assert (constants.oracle, constants.loan_symbol, constants.loan_decimals) == (ORACLE, "USDC", 6)
    assert (constants.collateral_subject, constants.tables_hash) == (SUBJECT, keccak256(b"\xaa\xbb"))
    assert (constants.severity_bps, constants.budget_ppm, constants.floor_premium_bps) == (1_000, 400, 300)
    assert (constants.borrower_limit_amount, constants.exposure_cap_amount) == (5 * 10**11, 5 * 10**12)
    assert (state.head.epoch, state.head.previous_epoch, state.head.landed_at_s) == (494_402, 494_401, 1_779_000_000)
    assert (state.head.epoch_s, state.head.validity_s, state.head.grace_s) == (3_600, 10_800, 600)
    # What the gate lets through, not what was posted.
    assert (state.collateral.margin, state.collateral.ltv_floor_bps, state.collateral.binding) == (-9_000, 4_500, 1)
    assert (state.collateral.ltv_ceiling_bps, state.collateral.liquidation_threshold_bps) == (7_600, 8_200)
    assert (state.collateral.volatility_ppm, state.collateral.gap_ppm) == (640_000, 190_000)
    assert (state.is_open, state.counts_scores, state.exposure_cap_amount) == (True, True, 3 * 10**12)
    assert (books.debt_amount, books.exposure_amount, books.collateral_value_amount) == (123, 55, 6_000)
    assert (books.as_account.behaviour_margin, books.as_account.grade, books.has_code) == (-475, 7, False)
    assert (state.cash_amount, state.total_exposure_amount, state.base_rate_wad) == (10**12, 77, 10**16)


async def test_fetch_state__second_time__does_not_read_constants_again(
    markets: RpcMarkets, endpoints: tuple[FakeEndpoint, FakeEndpoint]
) -> None:
    await markets.fetch_state(LISTING, BORROWER)
    first = endpoints[0].calls_count
    await markets.fetch_state(LISTING, BORROWER)

    # Without the block, ten constants, three facts of the tokens and one of the gate.
    assert endpoints[0].calls_count - first == first - 16


@pytest.mark.parametrize("name", ["debtOf(address)", "collateralScore(bytes32)", "collateralValueOf(address)"])
async def test_fetch_state__one_endpoint_lies__is_a_disagreement(
    markets: RpcMarkets, endpoints: tuple[FakeEndpoint, FakeEndpoint], name: str
) -> None:
    types, values = ANSWERS[name]
    endpoints[1].bent[name] = lambda: to_hex(encode(types, (values[0] + 1, *values[1:])))

    with pytest.raises(EndpointDisagreementError):
        await markets.fetch_state(LISTING, BORROWER)


async def test_fetch_state__three_endpoints__two_suffice(endpoints: tuple[FakeEndpoint, FakeEndpoint]) -> None:
    liar = FakeEndpoint("liar", block_hash="0x" + "bb" * 32)

    state = await RpcMarkets({CHAIN: (liar, *endpoints)}).fetch_state(LISTING, BORROWER)

    assert state.block_hash == b"\xaa" * 32


async def test_fetch_state__one_endpoint_down__is_too_few(
    markets: RpcMarkets, endpoints: tuple[FakeEndpoint, FakeEndpoint]
) -> None:
    def down() -> str:
        raise EndpointUnreachableError("b", "connection refused")

    endpoints[1].bent["cash()"] = down

    with pytest.raises(TooFewEndpointsError):
        await markets.fetch_state(LISTING, BORROWER)


async def test_fetch_state__stale_price__is_kept_as_the_reason(
    markets: RpcMarkets, endpoints: tuple[FakeEndpoint, FakeEndpoint]
) -> None:
    stale = keccak256(b"StalePrice(address,uint256,uint256)")[:4] + bytes(96)
    for endpoint in endpoints:
        endpoint.bent["collateralValueOf(address)"] = refusing(endpoint.name, stale)

    books = (await markets.fetch_state(LISTING, BORROWER)).borrower

    assert books.collateral_value_amount is None
    assert "older than the market accepts" in books.price_refusal


async def test_fetch_constants__address_that_is_no_market__is_unreadable(
    markets: RpcMarkets, endpoints: tuple[FakeEndpoint, FakeEndpoint]
) -> None:
    for endpoint in endpoints:
        endpoint.bent["oracle()"] = lambda: "0x"

    with pytest.raises(MarketReadError):
        await markets.fetch_constants(LISTING)


async def test_fetch_constants__market_without_scores__is_unreadable(
    markets: RpcMarkets, endpoints: tuple[FakeEndpoint, FakeEndpoint]
) -> None:
    for endpoint in endpoints:
        endpoint.bent["oracle()"] = refusing(endpoint.name, b"")

    with pytest.raises(MarketReadError):
        await markets.fetch_constants(LISTING)


async def test_fetch_state__chain_without_endpoints__is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError):
        await RpcMarkets({}).fetch_state(LISTING, BORROWER)


async def test_fetch_state__closed_gate__shows_what_was_posted_last(
    markets: RpcMarkets, endpoints: tuple[FakeEndpoint, FakeEndpoint]
) -> None:
    types, _ = ANSWERS["guarded()"]
    closed = to_hex(encode(types, (3, False, 1, 494_402, 0, 0, 0, 0, 0)))
    for endpoint in endpoints:
        endpoint.bent["guarded()"] = lambda: closed

    state = await markets.fetch_state(LISTING, BORROWER)

    assert (state.is_open, state.counts_scores) == (False, True)
    assert (state.collateral.ltv_floor_bps, state.collateral.liquidation_threshold_bps) == (4_600, 8_300)


async def test_fetch_state__mode_without_scores__lends_on_the_fallback(
    markets: RpcMarkets, endpoints: tuple[FakeEndpoint, FakeEndpoint]
) -> None:
    types, _ = ANSWERS["guarded()"]
    shadow = to_hex(encode(types, (1, True, 2, 0, 7_000, 5_000, 5_000, 0, 0)))
    for endpoint in endpoints:
        endpoint.bent["guarded()"] = lambda: shadow

    state = await markets.fetch_state(LISTING, BORROWER)

    assert (state.is_open, state.counts_scores, state.collateral.epoch) == (True, False, 0)
    assert (state.collateral.ltv_ceiling_bps, state.collateral.ltv_floor_bps) == (5_000, 5_000)
    assert state.collateral.volatility_ppm == 1
