"""Feed updates of a replay: WETH as recorded, hour by hour; the tokens that no vault uses from day to day.

WBTC follows recorded BTC where it is known and stands still before; wstETH is a fixed multiple of WETH, USDC and DAI are a dollar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from oracle.domain.units import DAY_S, HOUR_S
from oracle.sandbox.deploy import update_feed
from oracle.sandbox.replay.dataset import FeedAnswers, read_btc_answers, read_eth_answers
from oracle.sandbox.replay.steps import LabelledTransaction, ReplayStep

FEED = "feed"
WSTETH_BPS = 12_000
DOLLAR_E8 = 10**8


@dataclass(frozen=True, kw_only=True)
class ReplayPrices:
    """Recorded answers."""

    eth: FeedAnswers
    btc: FeedAnswers

    @classmethod
    def read(cls, dataset: Path) -> ReplayPrices:
        """Read them from a data folder."""
        return cls(eth=read_eth_answers(dataset), btc=read_btc_answers(dataset))

    def weth_at(self, time_s: int) -> int:
        """Return the answer that stands on the chain at a time: that of the last full hour."""
        return self.eth.price_at(time_s - time_s % HOUR_S)

    def at(self, time_s: int) -> dict[str, int]:
        """Return the standing answer of every feed at a time."""
        eth = self.weth_at(time_s)
        return {
            "WETH": eth,
            "WBTC": self.btc.price_at(time_s),
            "wstETH": eth * WSTETH_BPS // 10_000,
            "USDC": DOLLAR_E8,
            "DAI": DOLLAR_E8,
        }

    def list_steps(self, owner: str, feeds: Mapping[str, str], *, first_s: int, last_s: int) -> Iterator[ReplayStep]:
        """Yield the updates after `first_s` (which the feeds hold already) at full hours up to `last_s`."""
        standing = self.at(first_s)
        for time_s in range(first_s + HOUR_S, last_s + 1, HOUR_S):
            answers = self.at(time_s) if time_s % DAY_S == 0 else {"WETH": self.weth_at(time_s)}
            moved = {symbol: price for symbol, price in answers.items() if standing[symbol] != price}
            if moved:
                standing |= moved
                updates = (update_feed(owner, feeds[symbol], price) for symbol, price in moved.items())
                yield ReplayStep(
                    time_s=time_s,
                    transactions=tuple(LabelledTransaction(label=FEED, transaction=update) for update in updates),
                )
