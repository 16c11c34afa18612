"""Reads what a replay needs from a data folder: rows of Maker ETH-B vaults, and the answers of a price feed.

Amounts are the decimal text of the file's numbers in units of 10^-18, cut off. Prices are those of training: a bar's close is known when it
ends, daily closes stand for the time before hourly ones, and a feed answers when the price has moved 0.5 % or an hour has passed.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from oracle.domain.units import HOUR_S, WAD
from oracle.errors import ConfigurationError

VAULTS = Path("maker_ethb_vaults") / "events.parquet"
DAILY_ETH = Path("maker_ethb_vaults") / "eth_usd_daily_coingecko.parquet"
HOURLY = Path("prices_hourly_close_401") / "binance_usdt_hourly_close_2021_2025.parquet"
FILES = (VAULTS, DAILY_ETH, HOURLY)
MORPHO_EVENTS = Path("morpho_base_2025") / "events.parquet"
DEVIATION_BPS = 50


class RowKind(StrEnum):
    """What a row says; in the order in which rows of one block are replayed, as their own order is not recorded."""

    DEPOSIT = "deposit"
    REPAY = "repay"
    BORROW = "borrow"
    WITHDRAW = "withdraw"
    LIQUIDATION = "liquidation"


RANK = {kind: rank for rank, kind in enumerate(RowKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRow:
    """One row of a vault; `number` is its place in the file."""

    number: int
    vault_id: int
    block_number: int
    time_s: int
    kind: RowKind
    eth_wad: int
    dai_wad: int

    @property
    def order(self) -> tuple[int, int, int]:
        """Return the sort key within a vault."""
        return (self.block_number, RANK[self.kind], self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAnswers:
    """Answers of one feed, ascending by time."""

    times_s: tuple[int, ...]
    prices_usd_e8: tuple[int, ...]

    def price_at(self, time_s: int) -> int:
        """Return the last answer at or before a time, the first one before all."""
        return self.prices_usd_e8[max(0, bisect_right(self.times_s, time_s) - 1)]


def find_dataset(folder: Path) -> Path:
    """Return the folder of folders that `folder` names: itself, or the parent if it is the vaults' own.

    Raises:
        ConfigurationError: if a file is not there.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder: pass the data folder, as for `make train DATA=DIR`")
    root = folder.parent if folder.name == VAULTS.parent.name else folder
    missing = [str(path) for path in FILES if not (root / path).is_file()]
    if missing:
        raise ConfigurationError(
            f"{root} lacks {', '.join(missing)}: pass the data folder that holds them, as for `make train DATA=DIR`"
        )
    return root


def digest_dataset(folder: Path) -> str:
    """Return a digest of every file that a replay reads; Morpho's need not be there."""
    root = find_dataset(folder)
    digest = hashlib.sha256()
    for path in (*FILES, *(path for path in (MORPHO_EVENTS,) if (root / path).is_file())):
        with (root / path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def read_vault_rows(folder: Path) -> tuple[VaultRow, ...]:
    """Return every row but creations, in file order."""
    pl = import_polars()
    frame = pl.read_parquet(find_dataset(folder) / VAULTS).with_row_index("number")
    kinds = [str(kind) for kind in RowKind]
    frame = frame.with_columns(pl.col("event").cast(pl.String), pl.col("time").dt.epoch("s").alias("time_s"))
    return tuple(
        VaultRow(
            number=row["number"], vault_id=row["vault"], block_number=row["block"], time_s=row["time_s"],
            kind=RowKind(row["event"]), eth_wad=to_wad(row["eth"]), dai_wad=to_wad(row["dai"]),
        )
        for row in frame.filter(pl.col("event").is_in(kinds)).to_dicts()
    )  # fmt: skip


def read_eth_answers(folder: Path) -> FeedAnswers:
    """Return what an ETH / USD feed would have answered: daily closes up to the first hourly one, hourly ones since."""
    pl = import_polars()
    hourly = _read_closes(folder, "ETH")
    daily = pl.read_parquet(find_dataset(folder) / DAILY_ETH).sort("date").drop_nulls()
    days = zip(daily["date"].dt.epoch("s").to_list(), daily["price"].to_list(), strict=True)
    first_s = hourly[0][0]
    return sample_answers([(t, to_e8(p)) for t, p in days if t < first_s] + hourly)


def read_btc_answers(folder: Path) -> FeedAnswers:
    """Return what a BTC / USD feed would have answered since hourly closes exist."""
    return sample_answers(_read_closes(folder, "BTC"))


def sample_answers(prices: Sequence[tuple[int, int]]) -> FeedAnswers:
    """Return the answers that a feed gives to (time, price), ascending: after 0.5 % of change or an hour."""
    kept: list[tuple[int, int]] = []
    for time_s, price in prices:
        if kept:
            last_s, last = kept[-1]
            if time_s - last_s < HOUR_S and abs(price - last) * 10_000 < DEVIATION_BPS * last:
                continue
        kept.append((time_s, price))
    return FeedAnswers(times_s=tuple(t for t, _ in kept), prices_usd_e8=tuple(p for _, p in kept))


def to_wad(value: float | None) -> int:
    """Return the size of a number in units of 10^-18, from its shortest decimal text, cut off; 0 for none."""
    return 0 if value is None else int(abs(Decimal(repr(value))) * WAD)


def to_e8(price: float) -> int:
    """Return a price in 10^-8, rounded to even as training does."""
    return round(price * 1e8)


def _read_closes(folder: Path, symbol: str) -> list[tuple[int, int]]:
    pl = import_polars()
    scan = pl.scan_parquet(find_dataset(folder) / HOURLY).with_columns(pl.col("symbol").cast(pl.String))
    table = scan.filter(pl.col("symbol") == symbol).sort("time").collect()
    times, closes = table["time"].dt.epoch("s").to_list(), table["close"].cast(pl.Float64).to_list()
    return [(t + HOUR_S, to_e8(p)) for t, p in zip(times, closes, strict=True)]


def import_polars() -> Any:
    """Return the library that reads Parquet; a node installs without it.

    Raises:
        ConfigurationError: if it is missing.
    """
    if find_spec("polars") is None:
        raise ConfigurationError("a replay reads Parquet with the train extra: pip install 'assay-oracle[train]'")
    import polars as pl

    return pl
