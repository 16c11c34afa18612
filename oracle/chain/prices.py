"""Prices of one chain under the one price rule: the last on-chain answer at each full UTC hour.

`settle` closes hours; an answer in a block at exactly a full hour belongs to that hour. A feed's address is the contract that emits
`AnswerUpdated` (for Chainlink the aggregator). Answers that are not positive are ignored, as Aave's oracle does.
"""

from __future__ import annotations

from oracle.chain.abi.events import ANSWER_UPDATED
from oracle.chain.rows import LogRow
from oracle.domain.committee import ChainParams
from oracle.domain.ids import USD, Address
from oracle.domain.market import HourlySeries, Pair, cross_prices
from oracle.domain.units import HOUR_S, TimestampS, UsdE8


class PriceBook:
    """Last answers and hourly series of the configured tokens."""

    topics = frozenset({ANSWER_UPDATED})

    def __init__(self, params: ChainParams) -> None:
        self._params = params
        self._tokens_of_feed: dict[Address, list[Address]] = {}
        for asset in params.assets:
            self._tokens_of_feed.setdefault(asset.price_feed, []).append(asset.token)
        self.latest: dict[Address, UsdE8] = {}
        """The last answer of each token that has one."""
        self._hours: dict[Address, list[int]] = {}
        self._first_hour_s: dict[Address, int] = {}
        self._settled_s = -1
        self._series: dict[Address, HourlySeries] = {}
        self._pair_prices: dict[Pair, list[int]] = {}
        self._pair_series: dict[Pair, HourlySeries] = {}

    @property
    def feeds(self) -> frozenset[Address]:
        """Return the addresses whose answers count."""
        return frozenset(self._tokens_of_feed)

    def apply(self, row: LogRow) -> None:
        """Take an answer in; one of another contract counts nothing. Hours before the row's time have to be settled first."""
        answer = int.from_bytes(row.topics[32:64], "big", signed=True)
        if answer <= 0:
            return
        for token in self._tokens_of_feed.get(row.address, ()):
            self.latest[token] = UsdE8(answer)

    def settle(self, until_s: int) -> None:
        """Close every full hour up to `until_s` with the answers known now."""
        first_hour_s = (self._settled_s // HOUR_S + 1) * HOUR_S
        if until_s <= self._settled_s:
            return
        self._settled_s = until_s
        count = until_s // HOUR_S - first_hour_s // HOUR_S + 1
        if count <= 0:
            return
        for token, answer in self.latest.items():
            self._first_hour_s.setdefault(token, first_hour_s)
            self._hours.setdefault(token, []).extend([answer] * count)

    def get_series(self, token: Address) -> HourlySeries | None:
        """Return the USD series of a token, None before its first full hour; the same object until an hour is added."""
        hours = self._hours.get(token)
        if hours is None:
            return None
        known = self._series.get(token)
        if known is None or len(known.prices_e8) != len(hours):
            known = HourlySeries(first_hour_s=TimestampS(self._first_hour_s[token]), prices_e8=tuple(hours))
            self._series[token] = known
        return known

    def get_pair_series(self, pair: Pair) -> HourlySeries | None:
        """Return token / numeraire, rounded down, from the first hour at which both have a price; None if there is none.

        The same object until an hour is added, so that callers may remember what they computed from it.

        A numeraire other than USD has the price of its own wrapped token (`ChainParams.wrapped_token`).
        """
        series = self.get_series(pair.token)
        if series is None or pair.numeraire == USD:
            return series
        wrapped = self._params.wrapped_token(pair.numeraire)
        base = None if wrapped is None else self.get_series(wrapped)
        if base is None:
            return None
        return self._divide(pair, series, base)

    def _divide(self, pair: Pair, series: HourlySeries, base: HourlySeries) -> HourlySeries:
        first_hour_s = TimestampS(max(series.first_hour_s, base.first_hour_s))
        skip = (first_hour_s - series.first_hour_s) // HOUR_S
        base_skip = (first_hour_s - base.first_hour_s) // HOUR_S
        prices = self._pair_prices.setdefault(pair, [])
        done = len(prices)
        prices.extend(cross_prices(series.prices_e8[skip + done :], base.prices_e8[base_skip + done :]))
        known = self._pair_series.get(pair)
        if known is None or len(known.prices_e8) != len(prices):
            known = HourlySeries(first_hour_s=first_hour_s, prices_e8=tuple(prices))
            self._pair_series[pair] = known
        return known
