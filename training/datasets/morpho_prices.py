"""What a Morpho market's price feed answered: hourly closes where a folder has them, from there on the price that each liquidation implies.

A liquidation seizes repaid * incentive / price, so price = repaid * incentive / seized, with incentive = min(1.15, 1 / (1 - 0.3 * (1 - LLTV))). That is the market's own oracle
answer up to rounding of token units, which small liquidations lose: those below a dollar, or of few units, imply nothing.
Between liquidations the last answer holds, for days in calm times, and rises are seen late. Source: Morpho Blue, `liquidate` and `ConstantsLib`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from oracle.domain.market import HourlySeries
from oracle.domain.units import HOUR_S, TimestampS
from training.datasets.prices import read_closes, sample_oracle, to_series
from training.errors import DatasetError

_CURSOR, _MOST_INCENTIVE = 0.3, 1.15
_LEAST_LOAN_UNITS, _LEAST_COLLATERAL_UNITS = 10**6, 10**3
_E8 = 10**8

type IntArray = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Times and prices (USD, 1e8) of a feed's answers, ascending; the dollar of a USDC debt is one dollar."""

    times_s: IntArray
    prices_e8: IntArray

    def price_e8(self, time_s: int) -> int:
        """Return the last answer at or before a time; the first one, before it."""
        return int(self.prices_e8[max(0, int(np.searchsorted(self.times_s, time_s, side="right")) - 1)])

    def series(self, end_s: int) -> HourlySeries:
        """Return the last answer at each full hour up to `end_s`."""
        first = -(-int(self.times_s[0]) // HOUR_S) * HOUR_S
        hours = np.arange(first, end_s // HOUR_S * HOUR_S + 1, HOUR_S)
        return to_series(TimestampS(first), self.prices_e8[np.searchsorted(self.times_s, hours, side="right") - 1])


def liquidation_incentive(lltv: float) -> float:
    """Return how much collateral a liquidator gets for a dollar repaid."""
    return min(_MOST_INCENTIVE, 1 / (1 - _CURSOR * (1 - lltv)))


def implied_answers(
    times_s: IntArray, repaid: IntArray, seized: IntArray, *, lltv: float, decimals: tuple[int, int]
) -> Answers:
    """Return the prices that liquidations imply; `repaid` and `seized` in raw units of `decimals` (loan, collateral)."""
    is_large = (repaid >= _LEAST_LOAN_UNITS) & (seized >= _LEAST_COLLATERAL_UNITS)
    times_s, repaid, seized = times_s[is_large], repaid[is_large], seized[is_large]
    scale = _E8 * 10.0 ** (decimals[1] - decimals[0]) * liquidation_incentive(lltv)
    prices = np.rint(repaid / seized.astype(np.float64) * scale).astype(np.int64)
    return Answers(times_s=times_s, prices_e8=prices)


def read_answers(data: Path, symbol: str, implied: Answers) -> Answers:
    """Return closes of an exchange pair as a feed answers them, followed by the implied prices later than the last close.

    Raises:
        DatasetError: if there is no price of either kind.
    """
    closes = read_closes(data, [symbol]).get(symbol)
    times, prices = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if closes is not None:
        times, prices = sample_oracle(closes[0], np.rint(closes[1] * _E8).astype(np.int64))
    is_later = implied.times_s > (times[-1] if len(times) else 0)
    answers = Answers(
        times_s=np.concatenate((times, implied.times_s[is_later])),
        prices_e8=np.concatenate((prices, implied.prices_e8[is_later])),
    )
    if len(answers.times_s) == 0:
        raise DatasetError(str(data), f"no close of {symbol} and no liquidation large enough to imply its price")
    return answers


def liquidation_columns(liquidations: pl.DataFrame) -> tuple[IntArray, IntArray, IntArray]:
    """Return (times, repaid, seized) of a market's liquidations."""
    repaid, seized = (
        liquidations[name].cast(pl.Float64).to_numpy() for name in ("repaid_assets_raw", "seized_assets_raw")
    )
    # A float64 holds 53 bits: an amount of 18 decimals keeps sixteen digits, more than a price needs.
    return liquidations["time_s"].to_numpy(), repaid.astype(np.int64), seized
