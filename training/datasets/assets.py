"""Names of assets in the data sets: classes to report apart, and which exchange pair prices a reserve. A model never sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAJORS = frozenset({"BTC", "ETH", "BNB", "SOL", "XRP"})
STABLECOINS = frozenset({"USDC", "TUSD", "USDP", "FDUSD", "AEUR", "EUR", "EURI"})
"""Coins pegged to a currency, the euro's rate itself among them."""
DOLLARS = frozenset({"USDC", "TUSD", "USDP", "FDUSD"})
"""Those of them that are pegged to the dollar."""
STAKED = frozenset({"WBETH", "BNSOL", "WBTC"})
"""Tokens that stand for a base: staked and wrapped."""
LENDING = (
    MAJORS
    | STAKED
    | STABLECOINS - {"EUR"}
    | frozenset(
        "AAVE AVAX ARB BAL BAT CELO COMP CRV CVX ENJ ENS FXS GHST GNO KNC LDO LINK LQTY MANA METIS MKR OP PENDLE POL RPL SNX STG SUSHI UNI YFI ZRX 1INCH CAKE".split()
    )
)
"""Pairs whose token is, or was, collateral on Aave, Compound or Maker."""
_BASES = {
    "WETH": "ETH",
    "WBTC": "BTC",
    "BTCB": "BTC",
    "BTC.B": "BTC",
    "WBNB": "BNB",
    "WAVAX": "AVAX",
    "WPOL": "POL",
    "XSUSHI": "SUSHI",
}


def pair_of(reserve_symbol: str) -> str:
    """Return the exchange symbol that prices a reserve: the bridge suffix goes, a wrapped coin is its base."""
    symbol = reserve_symbol.upper()
    if symbol in _BASES:
        return _BASES[symbol]
    symbol = symbol.removesuffix(".E").removeprefix("M.")
    return _BASES.get(symbol, symbol)


def class_masks(symbols: Sequence[str]) -> dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return one mask per asset class; whatever is in no list is long tail."""
    names = np.array(symbols)
    masks = {
        "majors": np.isin(names, sorted(MAJORS)),
        "staked": np.isin(names, sorted(STAKED)),
        "stablecoins": np.isin(names, sorted(STABLECOINS)),
    }
    return {**masks, "long_tail": ~np.logical_or.reduce(list(masks.values()))}
