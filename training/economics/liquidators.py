"""What a liquidation brings: a documented haircut for slippage and gas, from quotes of an aggregator on one day of 2023.

Liquidators sell what they seize. The haircut is the median price impact of quotes into USDC of about one million dollars, plus gas as a share of it. Tokens without
quotes take the largest haircut of those quoted that are not pegged to the dollar: a floor for the long tail, whose pools are thinner than any in the file.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from oracle.domain.units import BPS, Bps
from training.datasets.files import data_file
from training.errors import DatasetError

QUOTES = Path("dex_quotes_1inch_2023") / "quotes.parquet"
BONUS_BPS = Bps(500)
SIZE_USD, GAS_USD = 1_000_000, 100
_QUOTED = {"WETH": "ETH", "WBTC": "BTC", "wstETH": "wstETH", "sfrxETH": "sfrxETH"}
_USDC_UNIT = 10**6
_SPREAD = 2
"""Quotes of half to twice the size count."""


def read_haircuts(data: Path) -> tuple[dict[str, Bps], Bps]:
    """Return (haircut by asset, haircut of every other asset), in bps of the value sold, rounded up.

    Raises:
        DatasetError: if the file is absent or holds no quote of that size.
    """
    path = data_file(data, QUOTES)
    table = pl.read_parquet(path, columns=["src_sym", "dst_sym", "out_amount", "price_impact"]).with_columns(
        pl.col("src_sym", "dst_sym").cast(pl.String), (pl.col("out_amount") / _USDC_UNIT).alias("usd")
    )
    table = table.filter(
        (pl.col("dst_sym") == "USDC")
        & pl.col("src_sym").is_in(list(_QUOTED))
        & pl.col("usd").is_between(SIZE_USD / _SPREAD, SIZE_USD * _SPREAD)
    )
    if table.is_empty():
        raise DatasetError(str(data), f"{QUOTES} has no quote into USDC of about {SIZE_USD} dollars")
    gas_bps = -(-GAS_USD * BPS // SIZE_USD)
    found = {
        _QUOTED[str(symbol)]: Bps(-int(-float(impact) * BPS // 1) + gas_bps)
        for symbol, impact in table.group_by("src_sym").agg(pl.col("price_impact").median()).iter_rows()
    }
    return found, max(found.values())


def recovered_share(haircut_bps: Bps) -> float:
    """Return how much debt one dollar of seized collateral repays: the bonus is paid, or the sale's loss where that is larger."""
    return min(BPS / (BPS + BONUS_BPS), (BPS - haircut_bps) / BPS)
