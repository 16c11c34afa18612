"""Logs of an Aave v3 market as its contracts emit them, and rows made of them."""

from __future__ import annotations

from oracle.chain.abi import events
from oracle.chain.rows import LogRow
from oracle.domain.ids import Address, Hash32, address_word, int_word, keccak256, uint_word
from oracle.domain.units import RAY, BlockNumber, TimestampS
from tests.chain.fake_endpoint import CONFIGURATOR, POOL, USDC, WBTC, WETH, WSTETH, FakeLog, address_of, feed_of

type Word = bytes | int


def a_token_of(token: Address) -> Address:
    return Address(keccak256(b"aToken" + token)[12:])


def debt_token_of(token: Address) -> Address:
    return Address(keccak256(b"debt" + token)[12:])


def encode(*words: Word) -> bytes:
    return b"".join(uint_word(w) if isinstance(w, int) else address_word(w) for w in words)


def make_log(address: Address, topic: bytes, indexed: tuple[Word, ...], *data: Word) -> FakeLog:
    return FakeLog(address=address, topics=topic + encode(*indexed), data=encode(*data))


def reserve_initialised(token: Address) -> FakeLog:
    words = (address_of("stable debt"), debt_token_of(token), address_of("strategy"))
    return make_log(CONFIGURATOR, events.RESERVE_INITIALIZED, (token, a_token_of(token)), *words)


def threshold_set(token: Address, threshold_bps: int) -> FakeLog:
    return make_log(
        CONFIGURATOR, events.COLLATERAL_CONFIGURATION_CHANGED, (token,), threshold_bps - 300, threshold_bps, 10_500
    )


def answer(token: Address, price_usd_e8: int) -> FakeLog:
    topics = events.ANSWER_UPDATED + int_word(price_usd_e8) + uint_word(1)
    return FakeLog(address=feed_of(token), topics=topics, data=uint_word(0))


def reserve_data(
    token: Address, *, supply_rate: int = 0, debt_rate: int = 0, supply_index: int = RAY, debt_index: int = RAY
) -> FakeLog:
    return make_log(POOL, events.RESERVE_DATA_UPDATED, (token,), supply_rate, 0, debt_rate, supply_index, debt_index)


def mint(
    token: Address, account: Address, value: int, *, interest: int = 0, index: int = RAY, debt: bool = False
) -> FakeLog:
    contract = debt_token_of(token) if debt else a_token_of(token)
    return make_log(contract, events.MINT, (account, account), value, interest, index)


def burn(
    token: Address, account: Address, value: int, *, interest: int = 0, index: int = RAY, debt: bool = False
) -> FakeLog:
    contract = debt_token_of(token) if debt else a_token_of(token)
    return make_log(contract, events.BURN, (account, account), value, interest, index)


def balance_transfer(token: Address, sender: Address, recipient: Address, scaled: int, *, index: int = RAY) -> FakeLog:
    return make_log(a_token_of(token), events.BALANCE_TRANSFER, (sender, recipient), scaled, index)


def collateral_enabled(token: Address, account: Address) -> FakeLog:
    return make_log(POOL, events.COLLATERAL_ENABLED, (token, account))


def collateral_disabled(token: Address, account: Address) -> FakeLog:
    return make_log(POOL, events.COLLATERAL_DISABLED, (token, account))


def supply(token: Address, account: Address, amount: int, *, caller: Address | None = None) -> FakeLog:
    return make_log(POOL, events.SUPPLY, (token, account, 0), caller or account, amount)


def borrow(token: Address, account: Address, amount: int, *, rate_mode: int = 2) -> FakeLog:
    return make_log(POOL, events.BORROW, (token, account, 0), account, amount, rate_mode, 0)


def rate_mode_swapped(token: Address, account: Address, *, left_mode: int) -> FakeLog:
    return make_log(POOL, events.SWAP_BORROW_RATE_MODE, (token, account), left_mode)


def repay(token: Address, account: Address, amount: int, *, caller: Address) -> FakeLog:
    return make_log(POOL, events.REPAY, (token, account, caller), amount, 0)


def liquidation(
    collateral: Address, debt: Address, account: Address, repaid: int, seized: int, *, caller: Address
) -> FakeLog:
    return make_log(POOL, events.LIQUIDATION_CALL, (collateral, debt, account), repaid, seized, caller, 0)


def market_opened() -> list[FakeLog]:
    """Return the logs of a market of four reserves, all prices known: WETH 2,000, wstETH 2,400, USDC 1, WBTC 60,000 dollars."""
    thresholds = {WETH: 8_300, WSTETH: 8_100, USDC: 7_800, WBTC: 7_800}
    prices = {WETH: 2_000, WSTETH: 2_400, USDC: 1, WBTC: 60_000}
    logs = [reserve_initialised(t) for t in thresholds]
    logs += [threshold_set(t, bps) for t, bps in thresholds.items()]
    return logs + [answer(t, price * 10**8) for t, price in prices.items()]


def opened_loan(account: Address, *, collateral: int, debt: int) -> list[FakeLog]:
    """Return the logs of a WETH supply and a USDC borrow at index one, in the pool's order."""
    return [
        mint(WETH, account, collateral),
        collateral_enabled(WETH, account),
        supply(WETH, account, collateral),
        mint(USDC, account, debt, debt=True),
        borrow(USDC, account, debt),
    ]


def to_rows(logs: list[FakeLog], *, block_number: int = 1, time_s: int = 0) -> list[LogRow]:
    """Return logs as rows of one block."""
    block_hash = Hash32(keccak256(b"block %d" % block_number))
    return [
        LogRow(BlockNumber(block_number), block_hash, TimestampS(time_s), i, log.address, log.topics, log.data)
        for i, log in enumerate(logs)
    ]
