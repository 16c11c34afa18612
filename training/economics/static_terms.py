"""Aave's historical LTV and liquidation threshold per asset and day: at each moment the pool that lends most on the asset.

The record holds changes, with the value before each. On record are the days after a pool's first record of both: elsewhere its terms are not known. Carried back,
the value before the first record holds for all days before it, which is a guess: it grows worse with every month, and takes in pools that did not exist yet.
A pool that lends nothing on the asset (LTV 0) offers no terms. Dates are those of proposals. Earlier there is one thing on record: the liquidation threshold of ETH
in Aave v2 on Ethereum, in the weekly state of one account, 2021-01 to 2022-06, without its LTV.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from oracle.domain.units import BPS, DAY_S
from training.datasets.assets import pair_of
from training.datasets.files import data_file
from training.errors import DatasetError

type Array = np.ndarray[Any, Any]

CHANGES = Path("aave_reserve_params") / "param_changes.parquet"
ETH_WEEKS = Path("aave_health_factor_fixtures") / "cred_one_account_weekly.parquet"
LTV, THRESHOLD = "ltv", "liquidationThreshold"
_COLUMNS = ("date", "chain", "market", "symbol", "param", "before_num", "after_num")
# A payload's name says the chain where the column does not.
_CHAIN_WORDS = {"ARB": "arbitrum", "OP": "optimism", "POL": "polygon", "ETH": "ethereum", "RISKPARAMS": "ethereum"}
_SEPARATE = ("LIDO", "ETHERFI")


@dataclass(frozen=True, kw_only=True)
class StaticTerms:
    """Terms of one asset by day, day 0 at the start asked for; an LTV of 0 is no offer, or none that is known."""

    ltv_bps: Array
    threshold_bps: Array


def read_static_terms(
    data: Path, first_s: int, n_days: int, *, is_carried_back: bool = False
) -> dict[str, StaticTerms]:
    """Return per asset its terms on each of `n_days` midnights from `first_s`: those on record, or carried back to the start.

    Raises:
        DatasetError: if the file is absent, or has other columns.
    """
    path = data_file(data, CHANGES)
    if absent := set(_COLUMNS) - set(pl.scan_parquet(path).collect_schema().names()):
        raise DatasetError(str(data), f"{CHANGES} has no column {', '.join(sorted(absent))}")
    table = pl.read_parquet(path, columns=list(_COLUMNS)).with_columns(
        pl.col("chain", "market", "symbol", "param").cast(pl.String), pl.col("date").dt.epoch("s")
    )
    table = table.filter(
        pl.col("param").is_in([LTV, THRESHOLD]) & pl.col("after_num").is_not_null() & pl.col("symbol").is_not_null()
    )
    changes: dict[tuple[str, str], dict[str, list[tuple[int, float | None, float]]]] = defaultdict(dict)
    for row in table.sort("date", maintain_order=True).iter_rows(named=True):
        key = (pair_of(row["symbol"]), pool_of(row["chain"], row["market"]))
        change = (int(row["date"]), row["before_num"], row["after_num"])
        changes[key].setdefault(row["param"], []).append(change)
    midnights = first_s + np.arange(n_days) * DAY_S
    pools: dict[str, list[StaticTerms]] = defaultdict(list)
    for (asset, _), by_parameter in sorted(changes.items()):
        if by_parameter.keys() == {LTV, THRESHOLD}:
            pools[asset].append(_pool_terms(by_parameter, midnights, is_carried_back=is_carried_back))
    return {asset: _largest(offers) for asset, offers in pools.items()}


def read_eth_thresholds(data: Path, first_s: int, n_days: int) -> StaticTerms | None:
    """Return the threshold of ETH in Aave v2 from the first week on record to the last, as its LTV as well, which is not on record; None without the file.

    Raises:
        DatasetError: if the file has other columns.
    """
    path = data / ETH_WEEKS
    if not path.is_file():
        return None
    columns = ("block_timestamp", "weth_LiqThreshold")
    if absent := set(columns) - set(pl.scan_parquet(path).collect_schema().names()):
        raise DatasetError(str(data), f"{ETH_WEEKS} has no column {', '.join(sorted(absent))}")
    weeks = pl.read_parquet(path, columns=list(columns)).sort("block_timestamp")
    times = weeks["block_timestamp"].str.to_datetime("%Y-%m-%d %H:%M:%S").dt.epoch("s").to_numpy()
    values = np.rint(weeks["weth_LiqThreshold"].to_numpy() * BPS).astype(np.int64)
    midnights = first_s + np.arange(n_days) * DAY_S
    newest = np.searchsorted(times, midnights, side="right") - 1
    is_known = (newest >= 0) & (midnights <= times[-1])
    thresholds = np.where(is_known, values[np.maximum(newest, 0)], 0)
    return StaticTerms(ltv_bps=thresholds, threshold_bps=thresholds)


def pool_of(chain: str | None, market: str) -> str:
    """Return which pool a payload is about: chain and version, the isolated markets of one chain apart."""
    name = market.upper()
    version = "V2" if "V2" in name or name.startswith("PRETEST") else "V3"
    apart = next((word for word in _SEPARATE if word in name), "")
    if chain is None:
        chain = next((c for word, c in _CHAIN_WORDS.items() if word in name), "unknown")
    return f"{chain} {version} {apart}".strip()


def _pool_terms(
    by_parameter: dict[str, list[tuple[int, float | None, float]]], midnights: Array, *, is_carried_back: bool
) -> StaticTerms:
    values = {}
    recorded_s = 0
    for name, changes in by_parameter.items():
        values[name] = np.fromiter(_values(changes, midnights), dtype=np.int64, count=len(midnights))
        recorded_s = max(recorded_s, changes[0][0])
    is_known = is_carried_back | (midnights >= recorded_s)
    is_offer = is_known & (values[LTV] > 0) & (values[THRESHOLD] > values[LTV])
    return StaticTerms(
        ltv_bps=np.where(is_offer, values[LTV], 0),
        threshold_bps=np.where(is_offer, values[THRESHOLD], 0),
    )


def _values(changes: list[tuple[int, float | None, float]], midnights: Array) -> Iterator[int]:
    before = changes[0][1]
    value, following = (0.0 if before is None else before), 0
    for midnight in midnights.tolist():
        while following < len(changes) and changes[following][0] <= midnight:
            value, following = changes[following][2], following + 1
        yield round(value * 100)


def _largest(offers: list[StaticTerms]) -> StaticTerms:
    """Return day by day the offer with the largest LTV: where a borrower would go."""
    ltvs = np.stack([o.ltv_bps for o in offers])
    best = ltvs.argmax(axis=0)
    days = np.arange(ltvs.shape[1])
    return StaticTerms(
        ltv_bps=ltvs[best, days],
        threshold_bps=np.stack([o.threshold_bps for o in offers])[best, days],
    )
