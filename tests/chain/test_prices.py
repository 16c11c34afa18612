"""The one price rule: the last on-chain answer at each full UTC hour."""

from __future__ import annotations

from dataclasses import replace

from oracle.chain.prices import PriceBook
from oracle.domain.ids import BTC, ETH, USD, Address
from oracle.domain.market import Pair
from oracle.domain.units import HOUR_S
from tests.chain.aave_logs import answer, to_rows
from tests.chain.fake_endpoint import CHAIN_ID, USDC, WBTC, WETH, WSTETH, feed_of, make_asset, make_params

START_S = 100 * HOUR_S


def say(book: PriceBook, time_s: int, token: Address, price_usd_e8: int) -> None:
    """Let a feed answer in a block at `time_s`, as the ledger does it."""
    book.settle(time_s - 1)
    for row in to_rows([answer(token, price_usd_e8)], time_s=time_s):
        book.apply(row)


def pair_of(token: Address, numeraire: Address) -> Pair:
    return Pair(chain_id=CHAIN_ID, token=token, numeraire=numeraire)


def test_series__answers_between_hours__hold_the_last_at_each_full_hour() -> None:
    book = PriceBook(make_params())
    say(book, START_S + 10, WETH, 1_000)
    say(book, START_S + 20, WETH, 1_001)
    say(book, START_S + 3 * HOUR_S, WETH, 1_002)  # exactly at a full hour: belongs to it
    say(book, START_S + 3 * HOUR_S + 1, WETH, 1_003)
    book.settle(START_S + 5 * HOUR_S)

    series = book.get_series(WETH)

    assert series is not None
    assert series.first_hour_s == START_S + HOUR_S
    assert series.prices_e8 == (1_001, 1_001, 1_002, 1_003, 1_003)
    assert series.last_hour_s == START_S + 5 * HOUR_S


def test_series__not_a_full_hour_yet__ends_at_the_hour_before() -> None:
    book = PriceBook(make_params())
    say(book, START_S, WETH, 1_000)
    book.settle(START_S + 2 * HOUR_S - 1)

    series = book.get_series(WETH)

    assert series is not None
    assert (series.first_hour_s, series.prices_e8) == (START_S, (1_000, 1_000))


def test_series__no_answer_yet__is_none() -> None:
    book = PriceBook(make_params())
    say(book, START_S, WETH, 1_000)

    assert book.get_series(WETH) is None
    assert book.get_series(USDC) is None


def test_series__settled_in_any_steps__are_the_same() -> None:
    at_once, in_steps = PriceBook(make_params()), PriceBook(make_params())
    for book in (at_once, in_steps):
        say(book, START_S + 5, WETH, 1_000)
    for second in range(START_S, START_S + 4 * HOUR_S + 1, 599):
        in_steps.settle(second)
    for book in (at_once, in_steps):
        book.settle(START_S + 4 * HOUR_S)

    assert in_steps.get_series(WETH) == at_once.get_series(WETH)


def test_series__nothing_new__is_the_same_object() -> None:
    book = PriceBook(make_params())
    say(book, START_S, WETH, 1_000)
    book.settle(START_S + HOUR_S)
    first = book.get_series(WETH)
    book.settle(START_S + HOUR_S + 100)

    assert book.get_series(WETH) is first


def test_apply__zero_or_negative_answer__is_ignored() -> None:
    book = PriceBook(make_params())
    say(book, START_S, WETH, 1_000)
    say(book, START_S + 10, WETH, 0)
    say(book, START_S + 20, WETH, -5)

    assert book.latest == {WETH: 1_000}


def test_pair_series__two_feeds__is_their_ratio_rounded_down_from_the_first_common_hour() -> None:
    book = PriceBook(make_params())
    say(book, START_S, WETH, 3 * 10**8)
    say(book, START_S + HOUR_S, WSTETH, 4 * 10**8)
    say(book, START_S + 2 * HOUR_S, WETH, 4 * 10**8)
    book.settle(START_S + 2 * HOUR_S)

    series = book.get_pair_series(pair_of(WSTETH, ETH))

    assert series is not None
    assert series.first_hour_s == START_S + HOUR_S
    assert series.prices_e8 == (133_333_333, 100_000_000)
    assert book.get_pair_series(pair_of(WSTETH, ETH)) is series

    book.settle(START_S + 3 * HOUR_S)
    longer = book.get_pair_series(pair_of(WSTETH, ETH))
    assert longer is not None
    assert longer.prices_e8 == (133_333_333, 100_000_000, 100_000_000)


def test_pair_series__staked_token_before_wrapped_one_by_address__divides_by_the_wrapped_one() -> None:
    params = make_params()
    staked = Address(bytes.fromhex("01" * 20))
    riskier = replace(make_asset(WSTETH, ETH, 18), token=staked, price_feed=feed_of(staked), issuer_risk=1)
    book = PriceBook(replace(params, assets=(riskier, *params.assets)))
    say(book, START_S, WETH, 2 * 10**8)
    say(book, START_S, staked, 3 * 10**8)
    book.settle(START_S)

    series = book.get_pair_series(pair_of(staked, ETH))

    assert series is not None
    assert series.prices_e8 == (150_000_000,)


def test_pair_series__usd_numeraire__is_the_feed_itself() -> None:
    book = PriceBook(make_params())
    say(book, START_S, USDC, 99_999_999)
    book.settle(START_S)

    assert book.get_pair_series(pair_of(USDC, USD)) == book.get_series(USDC)


def test_pair_series__numeraire_without_price__is_none() -> None:
    book = PriceBook(make_params())
    say(book, START_S, WETH, 1_000)
    book.settle(START_S)

    assert book.get_pair_series(pair_of(WETH, BTC)) is None
    assert book.get_pair_series(pair_of(WBTC, ETH)) is None
