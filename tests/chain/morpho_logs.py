"""Logs of a Morpho Blue singleton as it emits them."""

from __future__ import annotations

from collections.abc import Iterable

from oracle.chain.abi import morpho_events as events
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.ids import Address, Hash32, keccak256
from oracle.domain.units import BlockNumber
from tests.chain.aave_logs import Word, encode, make_log
from tests.chain.fake_endpoint import CHAIN_ID, USDC, WBTC, WETH, FakeChain, FakeLog, address_of, make_params

MORPHO = address_of("morpho singleton")
MODEL = address_of("interest rate model")
ORACLE = address_of("price contract")
LLTV_WAD = 86 * 10**16
SHARES = 10**6
"""Shares of the first smallest unit in an empty market."""


def market_id_of(loan: Address, collateral: Address, *, model: Address = MODEL, lltv_wad: int = LLTV_WAD) -> Hash32:
    return keccak256(encode(loan, collateral, ORACLE, model, lltv_wad))


ETHER_MARKET = market_id_of(USDC, WETH)
BITCOIN_MARKET = market_id_of(USDC, WBTC)
"""Ids of two markets that lend USDC."""


def label_of(market_id: bytes) -> Address:
    return Address(market_id[:20])


def params_listing(market_ids: Iterable[bytes] = (ETHER_MARKET, BITCOIN_MARKET)) -> tuple[MarketParams, ...]:
    """Return what a committee configures to read these markets of the singleton."""
    places = [("morpho_blue", MORPHO), *(("morpho_blue_market", label_of(one)) for one in market_ids)]
    found = (MarketParams(protocol=name, market=where, start_block=BlockNumber(0)) for name, where in places)
    return tuple(sorted(found, key=lambda m: m.market))


def log(topic: bytes, market_id: bytes, indexed: tuple[Word, ...], *data: Word) -> FakeLog:
    made = make_log(MORPHO, topic, indexed, *data)
    return FakeLog(address=MORPHO, topics=topic + market_id + made.topics[32:], data=made.data)


def model_enabled(model: Address = MODEL) -> FakeLog:
    return make_log(MORPHO, events.ENABLE_IRM, (model,))


def market_created(loan: Address, collateral: Address, *, model: Address = MODEL, lltv_wad: int = LLTV_WAD) -> FakeLog:
    market_id = market_id_of(loan, collateral, model=model, lltv_wad=lltv_wad)
    return log(events.CREATE_MARKET, market_id, (), loan, collateral, ORACLE, model, lltv_wad)


def rate_announced(market_id: bytes, rate_wad: int, *, model: Address = MODEL) -> FakeLog:
    return FakeLog(address=model, topics=events.SET_BORROW_RATE + market_id, data=encode(rate_wad))


def rate_adapted(market_id: bytes, average_wad: int, at_target_wad: int, *, model: Address = MODEL) -> FakeLog:
    topics = events.BORROW_RATE_UPDATE + market_id
    return FakeLog(address=model, topics=topics, data=encode(average_wad, at_target_wad))


def fee_set(market_id: bytes, fee_wad: int) -> FakeLog:
    return log(events.SET_FEE, market_id, (), fee_wad)


def accrued(market_id: bytes, rate_wad: int, interest: int, fee_shares: int = 0) -> FakeLog:
    return log(events.ACCRUE_INTEREST, market_id, (), rate_wad, interest, fee_shares)


def supplied(market_id: bytes, account: Address, amount: int, shares: int) -> FakeLog:
    return log(events.SUPPLY, market_id, (account, account), amount, shares)


def withdrawn(market_id: bytes, account: Address, amount: int, shares: int) -> FakeLog:
    return log(events.WITHDRAW, market_id, (account, account), account, amount, shares)


def collateral_supplied(market_id: bytes, account: Address, amount: int, *, caller: Address | None = None) -> FakeLog:
    return log(events.SUPPLY_COLLATERAL, market_id, (caller or account, account), amount)


def collateral_withdrawn(market_id: bytes, account: Address, amount: int, *, caller: Address | None = None) -> FakeLog:
    return log(events.WITHDRAW_COLLATERAL, market_id, (account, account), caller or account, amount)


def borrowed(market_id: bytes, account: Address, amount: int, shares: int, *, caller: Address | None = None) -> FakeLog:
    return log(events.BORROW, market_id, (account, address_of("receiver")), caller or account, amount, shares)


def repaid(market_id: bytes, account: Address, amount: int, shares: int, *, caller: Address | None = None) -> FakeLog:
    return log(events.REPAY, market_id, (caller or account, account), amount, shares)


def liquidated(market_id: bytes, account: Address, caller: Address, *amounts: int) -> FakeLog:
    """`amounts` are repaid, its shares, seized, bad debt, its shares."""
    return log(events.LIQUIDATE, market_id, (caller, account), *amounts)


def singleton_opened() -> list[FakeLog]:
    """Return the logs of a singleton with a market for ether and one for bitcoin, 2,000 USDC lent to the first."""
    opening = [model_enabled(), market_created(USDC, WETH), market_created(USDC, WBTC)]
    return [*opening, supplied(ETHER_MARKET, address_of("lender"), 2_000 * 10**6, 2_000 * 10**6 * SHARES)]


def opened_loan(account: Address, *, collateral: int, debt: int) -> list[FakeLog]:
    """Return the logs of collateral and of a loan in the ether market while a share is worth 10^-6 units."""
    return [
        collateral_supplied(ETHER_MARKET, account, collateral),
        borrowed(ETHER_MARKET, account, debt, debt * SHARES),
    ]


def make_params_of_morpho() -> ChainParams:
    return ChainParams(chain_id=CHAIN_ID, markets=params_listing(), assets=make_params().assets)


def make_chain_with_early_logs() -> FakeChain:
    """Return a chain whose model logs in blocks 2 and 19, is enabled in block 20 between two logs of its own, and logs in block 31."""
    chain = FakeChain()
    for number in range(1, 31):
        early = [rate_announced(ETHER_MARKET, number)] if number in {2, 19} else []
        enabling = [rate_announced(ETHER_MARKET, 1), model_enabled(), rate_announced(ETHER_MARKET, 2)]
        chain.mine(12 * number, enabling if number == 20 else early)
    chain.mine(12 * 31, [rate_announced(ETHER_MARKET, 3)])
    return chain
